"""HubError → `extensions.code`, or an error object of a mutation; nothing else leaks.

Whatever is not a `HubError` or GraphQL's own complaint about a document is logged with the request
id and answered with "Internal error" and that id, so that a message never shows SQL or a path.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError

from schema.errors import (
    ConflictError,
    Error,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from schema.scalars import JSON
from store import errors

logger = logging.getLogger("imagehub.graphql")

_OBJECTS: Mapping[type[errors.HubError], Callable[[errors.HubError], Error]] = {
    errors.NotFound: lambda e: NotFoundError(message=e.message, code=e.code, noun=e.fields["noun"]),
    errors.Unauthenticated: lambda e: UnauthenticatedError(message=e.message, code=e.code),
    errors.Forbidden: lambda e: ForbiddenError(
        message=e.message, code=e.code, action=e.fields.get("action"), noun=e.fields.get("noun")
    ),
    errors.Invalid: lambda e: InvalidError(
        message=e.message, code=e.code, field=e.fields["field"], reason=e.fields["reason"]
    ),
    errors.Conflict: lambda e: ConflictError(
        message=e.message, code=e.code, details=JSON(_plain(e.fields))
    ),
    errors.Unsupported: lambda e: UnsupportedError(message=e.message, code=e.code),
    errors.Unavailable: lambda e: UnavailableError(
        message=e.message, code=e.code, source=e.fields.get("source")
    ),
    errors.TooLarge: lambda e: TooLargeError(
        message=e.message, code=e.code, limit=JSON(e.fields.get("limit"))
    ),
    errors.Throttled: lambda e: ThrottledError(
        message=e.message, code=e.code, retry_after=e.fields["retry_after"]
    ),
}


def error_object(error: errors.HubError) -> Error:
    """Return the schema's object for an error of the domain."""
    for kind in type(error).__mro__:
        if kind in _OBJECTS:
            return _OBJECTS[kind](error)
    raise error


def error_extensions(error: errors.HubError) -> dict[str, Any]:
    """Return code and fields as they stand under ``extensions``."""
    return {**_plain(error.fields), "code": error.code}


def present_errors(found: Iterable[GraphQLError], request_id: str) -> None:
    """Rewrite errors in place to what a client may read; safe to apply twice."""
    for error in found:
        if "code" not in (error.extensions or {}):
            _present(error, _cause(error), request_id)


def _present(error: GraphQLError, cause: Exception | None, request_id: str) -> None:
    if isinstance(cause, errors.HubError):
        error.message = cause.message
        error.extensions = error_extensions(cause)
    elif cause is None or (error.path is None and error.nodes):
        # Nothing was raised, or a scalar refused an input before anything ran.
        syntax = isinstance(error, GraphQLSyntaxError)
        error.extensions = {"code": "syntax" if syntax else "bad_request"}
    else:
        logger.error("request %s failed at %s", request_id, error.path, exc_info=cause)
        error.message = f"Internal error; the log has it as request {request_id}."
        error.extensions = {"code": "internal", "request_id": request_id}


def _cause(error: GraphQLError) -> Exception | None:
    """Return what was raised first below GraphQL's own wrappers."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _plain(value: Any) -> Any:
    """Return a value JSON can hold; what it cannot becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)
