"""What all objects of the hub share: a global id, an owner, permissions, and what deletion takes.

A class that implements `Node` is named like its noun, and that name is in its global id.
"""

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from schema.context import Info
from schema.scalars import BigInt, DateTime, decode_id, encode_id
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.annotations import Annotation, AnnotationLink
    from schema.people import Group, User


@strawberry.interface(description="An object with an id of its own.")
class Node:
    key: strawberry.Private[int]

    @classmethod
    def noun(cls) -> str:
        """Return the noun in its global ids; types that are one noun to others share it."""
        return cls.__name__

    @strawberry.field(description="The global id, opaque; `node` finds the object by it.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id(self.noun(), self.key))

    @strawberry.field(description="The number that OMERO and Cytomine clients know it by.")
    def legacy_id(self) -> BigInt:
        return BigInt(self.key)


@strawberry.type(description="What you may do to an object.")
class Permissions:
    can_annotate: bool = strawberry.field(description="Draw on it, tag it, comment on it.")
    can_edit: bool = strawberry.field(description="Change its own values.")
    can_delete: bool = strawberry.field(description="Move it to the trash.")
    can_link: bool = strawberry.field(description="Put it into containers.")
    can_share: bool = strawberry.field(description="Grant it to others or move its group.")

    @classmethod
    def of(cls, can: Can) -> "Permissions":
        """Spell out a set of capability flags."""
        return cls(
            can_annotate=bool(can & Can.ANNOTATE),
            can_edit=bool(can & Can.EDIT),
            can_delete=bool(can & Can.DELETE),
            can_link=bool(can & Can.PLACE),
            can_share=bool(can & Can.SHARE),
        )


@strawberry.interface(description="An object that belongs to a person and a group.")
class Owned(Node):
    owner_key: strawberry.Private[int]
    group_key: strawberry.Private[int]
    can: strawberry.Private[Can]
    created_at: DateTime = strawberry.field(description="When it came into being.")
    updated_at: DateTime | None = strawberry.field(
        description="When it was last changed; null until then."
    )
    version: int = strawberry.field(
        description="Grows with each change; send it back to change only what you have seen."
    )

    @strawberry.field(description="What you may do to it.")
    def permissions(self) -> Permissions:
        return Permissions.of(self.can)

    @strawberry.field(description="The person it belongs to; null if you may not see them.")
    async def owner(self, info: Info) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.owner_key)
        return person

    @strawberry.field(description="The group it belongs to; null if you may not see it.")
    async def group(
        self, info: Info
    ) -> Annotated["Group", strawberry.lazy("schema.people")] | None:
        group: Group | None = await info.context.loaders.group_by_id.load(self.group_key)
        return group


@strawberry.enum(description="What an annotation carries.")
class AnnotationKind(Enum):
    TAG = strawberry.enum_value("tag", description="A word, meant to be on many objects.")
    MAP = strawberry.enum_value("map", description="Pairs of key and value, in order.")
    COMMENT = strawberry.enum_value("comment", description="A text about one object.")
    FILE = strawberry.enum_value("file", description="A file.")
    LONG = strawberry.enum_value("long", description="A whole number.")
    DOUBLE = strawberry.enum_value("double", description="A number.")
    BOOLEAN = strawberry.enum_value("boolean", description="Yes or no.")
    TIMESTAMP = strawberry.enum_value("timestamp", description="A moment.")
    XML = strawberry.enum_value("xml", description="A piece of XML.")


@strawberry.interface(description="An object that annotations can be attached to.")
class Annotatable(Node):
    @strawberry.field(description="The annotations on it, oldest first.")
    async def annotations(
        self,
        info: Info,
        kinds: Annotated[
            list[AnnotationKind] | None,
            strawberry.argument(description="Only these kinds; all if left out."),
        ] = None,
        namespace: Annotated[
            str | None, strawberry.argument(description="Only those of this namespace.")
        ] = None,
        owner: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those of this person.")
        ] = None,
    ) -> list[Annotated["Annotation", strawberry.lazy("schema.annotations")]]:
        found: list[Annotation] = await info.context.loaders.annotations_on.load(self._target())
        return [one for one in found if _asked_for(one, kinds, namespace, owner)]

    @strawberry.field(
        description="The annotations on it with who attached them and when, oldest link first."
    )
    async def annotation_links(
        self,
        info: Info,
        kinds: Annotated[
            list[AnnotationKind] | None,
            strawberry.argument(description="Only these kinds; all if left out."),
        ] = None,
        namespace: Annotated[
            str | None, strawberry.argument(description="Only those of this namespace.")
        ] = None,
        owner: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only annotations of this person."),
        ] = None,
    ) -> list[Annotated["AnnotationLink", strawberry.lazy("schema.annotations")]]:
        found: list[AnnotationLink] = await info.context.loaders.annotation_links_on.load(
            self._target()
        )
        return [one for one in found if _asked_for(one.shown, kinds, namespace, owner)]

    def _target(self) -> tuple[str, int]:
        return self.noun().lower().removeprefix("plate") or "plate", self.key


def _asked_for(
    one: "Annotation",
    kinds: list[AnnotationKind] | None,
    namespace: str | None,
    owner: strawberry.ID | None,
) -> bool:
    return (
        (kinds is None or AnnotationKind(one.kind) in kinds)
        and (namespace is None or one.namespace == namespace)
        and (owner is None or one.owner_key == decode_id(owner, "User", field="owner"))
    )


@strawberry.type(description="How many objects of one kind a change touches.")
class Impact:
    noun: str = strawberry.field(description="The kind of object.")
    count: BigInt = strawberry.field(description="How many, including those you may not see.")
    unreadable: BigInt = strawberry.field(description="How many of them you may not see.")


@strawberry.type(description="What was, or would be, moved to the trash.")
class DeletePayload:
    deleted_ids: list[strawberry.ID] = strawberry.field(
        description="The objects asked for; with `dryRun` nothing was done to them."
    )
    dry_run: bool = strawberry.field(description="Whether this was only a count.")
    impact: list[Impact] = strawberry.field(
        description="What goes along or is left without its parent, by kind."
    )
    command_id: strawberry.ID | None = strawberry.field(
        description="The command to send to `undo`; null for a dry run."
    )
