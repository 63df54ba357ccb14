"""Changing annotations and what they are attached to."""

import dataclasses
from typing import Any

import strawberry

from resolvers.mutations.base import given, mutation
from resolvers.mutations.containers import group_of
from resolvers.queries.annotations import targets_of
from schema.annotations import (
    Annotation,
    AnnotationPayload,
    AnnotationValueInput,
    AttachInput,
    AttachPayload,
    CreateAnnotationInput,
    UpdateAnnotationInput,
)
from schema.context import Info
from schema.nodes import AnnotationKind
from schema.scalars import decode_id, decode_ids
from store.errors import Invalid
from store.tables.annotations import AnnotationKind as StoredKind


def value_of(value: AnnotationValueInput) -> tuple[AnnotationKind, Any]:
    """Return the kind and the value of an input that gives exactly one. Raises Invalid."""
    sent = [
        (one.name, getattr(value, one.name))
        for one in dataclasses.fields(value)
        if getattr(value, one.name) is not None
    ]
    if len(sent) != 1:
        raise Invalid("value", f"give exactly one value; {len(sent)} were sent.")
    ((name, content),) = sent
    if name == "map":
        content = [(pair.key, pair.value) for pair in content]
    return AnnotationKind(name), content


@strawberry.type
class AnnotationMutations:
    @mutation
    async def create_annotation(
        self, info: Info, input: CreateAnnotationInput
    ) -> AnnotationPayload:
        """Make an annotation, attached to objects if any are named."""
        kind, content = value_of(input.value)
        row = await info.context.hub.annotations.create(
            StoredKind[kind.name],
            content,
            ns=input.namespace,
            name=input.name,
            description=input.description,
            extra=_extra(input.extra),
            group_id=group_of(input.group),
            targets=targets_of(input.targets),
        )
        return _payload(info, row)

    @mutation
    async def update_annotation(
        self, info: Info, input: UpdateAnnotationInput
    ) -> AnnotationPayload:
        """Change an annotation wherever it is attached; fields left out stay."""
        hub, id = info.context.hub, decode_id(input.id, "Annotation")
        content = None
        if input.value is not None:
            kind, content = value_of(input.value)
            has = (await hub.annotations.get(id)).kind
            if has != kind.value:
                raise Invalid(
                    "value", f"the annotation is a {has}; it cannot become a {kind.value}."
                )
        row = await hub.annotations.update(
            id, expected=input.version, value=content,
            **given(input, id="", version="", value="", namespace="ns"),
        )  # fmt: skip
        return _payload(info, row)

    @mutation
    async def attach_annotations(self, info: Info, input: AttachInput) -> AttachPayload:
        """Attach annotations to objects, in your name; they may be on others already."""
        ids = decode_ids(input.annotations, "Annotation", field="annotations")
        changed = await info.context.hub.annotations.attach(ids, targets_of(input.targets))
        return AttachPayload(changed=changed)

    @mutation
    async def detach_annotations(self, info: Info, input: AttachInput) -> AttachPayload:
        """Take annotations off objects; the annotations stay."""
        ids = decode_ids(input.annotations, "Annotation", field="annotations")
        changed = await info.context.hub.annotations.detach(ids, targets_of(input.targets))
        return AttachPayload(changed=changed)


def _extra(value: object) -> Any:
    if value is not None and not isinstance(value, dict):
        raise Invalid("extra", "must be an object.")
    return value


def _payload(info: Info, row: Any) -> AnnotationPayload:
    can = info.context.hub.annotations.can(row)
    return AnnotationPayload(annotation=Annotation.of(row, can))
