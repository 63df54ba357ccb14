"""Values of annotations: which column holds each kind, and what each kind may hold."""

from __future__ import annotations

import math
from typing import Any
from xml.parsers import expat

from store.errors import Invalid
from store.tables.annotations import KEY_LIMIT, AnnotationKind

TEXT_LENGTH = 1_000_000
TAG_LENGTH = 255
NAMESPACE_LENGTH = 255

# kind → the column that holds its value; a map's pairs are rows of their own.
VALUE: dict[AnnotationKind, str | None] = {
    AnnotationKind.TAG: "text",
    AnnotationKind.COMMENT: "text",
    AnnotationKind.XML: "text",
    AnnotationKind.LONG: "whole",
    AnnotationKind.DOUBLE: "number",
    AnnotationKind.BOOLEAN: "flag",
    AnnotationKind.TIMESTAMP: "at",
    AnnotationKind.FILE: "file_id",
    AnnotationKind.MAP: None,
}


def checked_value(kind: AnnotationKind, value: Any) -> Any:
    """Return the value of an annotation as it is stored. Raises Invalid."""
    field = kind.value
    match kind:
        case AnnotationKind.MAP:
            return _checked_pairs(value)
        case AnnotationKind.TAG:
            text = _checked_text(field, value, TAG_LENGTH).strip()
            if not text:
                raise Invalid(field, "must not be empty.")
            return text
        case AnnotationKind.COMMENT:
            return _checked_text(field, value, TEXT_LENGTH)
        case AnnotationKind.XML:
            return _checked_xml(_checked_text(field, value, TEXT_LENGTH))
        case AnnotationKind.BOOLEAN:
            if not isinstance(value, bool):
                raise Invalid(field, "must be true or false.")
        case AnnotationKind.DOUBLE:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Invalid(field, "must be a number.")
            if not math.isfinite(value):
                raise Invalid(field, "must be a finite number.")
            return float(value)
        case _:
            if isinstance(value, bool) or not isinstance(value, int):
                raise Invalid(field, "must be a whole number.")
            if not -(2**63) <= value < 2**63:
                raise Invalid(field, "is beyond 64 bits.")
    return value


def _checked_text(field: str, value: Any, limit: int) -> str:
    if not isinstance(value, str) or not value:
        raise Invalid(field, "must be a text that is not empty.")
    if len(value) > limit:
        raise Invalid(field, f"has {len(value)} characters; at most {limit} are kept.")
    if "\0" in value:
        raise Invalid(field, "must not hold the character of code 0.")
    return value


def _checked_xml(text: str) -> str:
    """Return well-formed XML without a document type, whose entities could grow on reading."""
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> None:
        raise Invalid("xml", "must not declare a document type.")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise Invalid("xml", f"is not well-formed: {error}.") from error
    return text


def _checked_pairs(value: Any) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for place, (key, content) in enumerate(value):
        if not isinstance(key, str) or not key.strip():
            raise Invalid(f"map[{place}].key", "must not be empty.")
        if len(key) > KEY_LIMIT:
            raise Invalid(
                f"map[{place}].key", f"has {len(key)} characters; at most {KEY_LIMIT} are kept."
            )
        if not isinstance(content, str) or "\0" in key + content:
            raise Invalid(f"map[{place}].value", "must be a text without the character of code 0.")
        pairs.append((key, content))
    return pairs


def checked_namespace(ns: str | None) -> str | None:
    """Return a namespace without surrounding blanks; None for an empty one. Raises Invalid."""
    if ns is None or not ns.strip():
        return None
    if len(ns) > NAMESPACE_LENGTH:
        raise Invalid("namespace", f"at most {NAMESPACE_LENGTH} characters are kept.")
    return ns.strip()
