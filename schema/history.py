"""What was done by whom, taking it back, and the trash."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.filters import MomentFilter, TextFilter
from schema.nodes import Node
from schema.scalars import JSON, BigInt, DateTime, encode_id

if TYPE_CHECKING:
    from schema.containers import Project
    from schema.images import Image
    from schema.people import User


@strawberry.enum(description="Whether a command holds or was taken back.")
class CommandState(Enum):
    DONE = strawberry.enum_value("undo", description="It holds; its author may undo it.")
    UNDONE = strawberry.enum_value("redo", description="It was undone; its author may redo it.")
    FINAL = strawberry.enum_value(
        "none", description="It cannot be undone, or it is itself an undo or a redo."
    )


@strawberry.enum(description="What was done to objects.")
class ChangeKind(Enum):
    ADDED = strawberry.enum_value("show", description="They came, or came back from the trash.")
    REMOVED = strawberry.enum_value("hide", description="They went into the trash.")
    CHANGED = strawberry.enum_value("set", description="Values of one object changed.")


@strawberry.enum(description="What has a trash of its own.")
class TrashNoun(Enum):
    PROJECT = strawberry.enum_value("project", description="Projects.")
    DATASET = strawberry.enum_value("dataset", description="Datasets.")
    SCREEN = strawberry.enum_value("screen", description="Screens.")
    PLATE = strawberry.enum_value("plate", description="Plates.")
    IMAGE = strawberry.enum_value("image", description="Images.")
    ROI = strawberry.enum_value("roi", description="Regions of images that are not in the trash.")
    ANNOTATION = strawberry.enum_value("annotation", description="Annotations.")
    ONTOLOGY = strawberry.enum_value("ontology", description="Ontologies.")
    TERM = strawberry.enum_value("term", description="Terms of ontologies not in the trash.")
    ACQUISITION = strawberry.enum_value(
        "acquisition", description="Runs of the instrument over plates not in the trash."
    )
    WELL = strawberry.enum_value("well", description="Wells of plates not in the trash.")
    WELL_SAMPLE = strawberry.enum_value(
        "well_sample", description="Fields of wells that are not in the trash."
    )


@strawberry.input(description="Which commands; all that is given must hold.")
class CommandWhere:
    mine: bool | None = strawberry.field(
        default=None, description="True: only yours; false: only those of others."
    )
    user: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    project: strawberry.ID | None = strawberry.field(
        default=None, description="About this project or what is bound to it."
    )
    image: strawberry.ID | None = strawberry.field(
        default=None, description="About this image or what is on it."
    )
    verb: TextFilter | None = strawberry.field(
        default=None, description="Tests on what was done, such as delete_dataset."
    )
    state: CommandState | None = strawberry.field(
        default=None, description="Whether they hold or were taken back."
    )
    at: MomentFilter | None = strawberry.field(default=None, description="When they were done.")
    and_: list["CommandWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["CommandWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "CommandWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.type(description="A value before and after.")
class FieldChange:
    field: str = strawberry.field(description="The name of the value.")
    before: JSON | None = strawberry.field(description="What it was.")
    after: JSON | None = strawberry.field(description="What it became.")


@strawberry.type(description="One step of a command: a run of new or gone objects, or new values.")
class Change:
    kind: ChangeKind = strawberry.field(description="What was done.")
    noun: str = strawberry.field(description="The kind of object, such as dataset_image.")
    count: BigInt = strawberry.field(description="How many objects.")
    id: strawberry.ID | None = strawberry.field(
        description="The object, if it is one and has an id here."
    )
    fields: list[FieldChange] | None = strawberry.field(
        description="Values before and after; null for other steps, and unless you did it, "
        "administer the hub, manage the project or may share the image."
    )


@strawberry.federation.type(keys=["id"], description="Something that was done, in one go.")
class Command(Node):
    verb: str = strawberry.field(description="What was done, such as delete_dataset.")
    summary: str = strawberry.field(description="The same in a few words.")
    at: DateTime = strawberry.field(description="When.")
    state: CommandState = strawberry.field(description="Whether it holds or was taken back.")
    can_undo: bool = strawberry.field(
        description="Whether you may ask to undo it; refused if things changed since."
    )
    can_redo: bool = strawberry.field(description="Whether you may ask to redo it.")
    user_key: strawberry.Private[int]
    project_key: strawberry.Private[int | None]
    image_key: strawberry.Private[int | None]
    undoes_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any, mine: bool) -> "Command":
        """Show a row; `mine` tells whether the asking one may take it back."""
        return cls(
            key=row.id,
            verb=row.verb,
            summary=row.summary,
            at=DateTime(row.at),
            state=CommandState(row.stack),
            can_undo=mine and row.stack == "undo",
            can_redo=mine and row.stack == "redo",
            user_key=row.user_id,
            project_key=row.project_id,
            image_key=row.image_id,
            undoes_key=row.undoes_id,
        )

    @strawberry.field(description="Who did it.")
    async def user(self, info: Info) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person

    @strawberry.field(description="The one project it is about, if you may see it.")
    async def project(
        self, info: Info
    ) -> Annotated["Project", strawberry.lazy("schema.containers")] | None:
        if self.project_key is None:
            return None
        project: Project | None = await info.context.loaders.project_by_id.load(self.project_key)
        return project

    @strawberry.field(description="The one image it is about, if you may see it.")
    async def image(
        self, info: Info
    ) -> Annotated["Image", strawberry.lazy("schema.images")] | None:
        if self.image_key is None:
            return None
        image: Image | None = await info.context.loaders.image_by_id.load(self.image_key)
        return image

    @strawberry.field(description="The command that this one took back.")
    async def undoes(self, info: Info) -> "Command | None":
        if self.undoes_key is None:
            return None
        undone: Command | None = await info.context.loaders.command_by_id.load(self.undoes_key)
        return undone

    @strawberry.field(description="Its steps in order, at most the first 500.")
    async def changes(self, info: Info) -> list[Change]:
        found: list[Change] = await info.context.loaders.changes_of_command.load(self.key)
        return found

    @strawberry.field(description="How many steps it has in all.")
    async def change_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.change_count_of_command.load(self.key))


@strawberry.type(description="Something in the trash that you may restore.")
class TrashedObject:
    id: strawberry.ID = strawberry.field(description="The id to restore it by.")
    noun: TrashNoun = strawberry.field(description="What it is.")
    name: str | None = strawberry.field(description="What it is called, if it has a name.")
    deleted_at: DateTime = strawberry.field(description="When it was deleted.")
    command_id: strawberry.ID = strawberry.field(
        description="The command that deleted it; undo takes back all of it."
    )
    deleter_key: strawberry.Private[int]

    @classmethod
    def of(cls, trashed: Any, noun: str) -> "TrashedObject":
        """Show an entry of the trash; `noun` is the one in its global id."""
        row = trashed.row
        return cls(
            id=strawberry.ID(encode_id(noun, row.id)),
            noun=TrashNoun(trashed.noun),
            name=getattr(row, "name", None) or getattr(row, "text", None),
            deleted_at=DateTime(trashed.at),
            command_id=strawberry.ID(encode_id("Command", trashed.command_id)),
            deleter_key=trashed.by,
        )

    @strawberry.field(description="Who deleted it.")
    async def deleted_by(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.deleter_key)
        return person


@strawberry.input(description="Which command to take back.")
class UndoInput:
    command_id: strawberry.ID | None = strawberry.field(
        default=None, description="The command; your last one if left out."
    )


@strawberry.input(description="Which command to do again.")
class RedoInput:
    command_id: strawberry.ID | None = strawberry.field(
        default=None, description="The undone command; the one undone last if left out."
    )


@strawberry.type(description="What was taken back or done again.")
class UndoPayload:
    command: Command = strawberry.field(description="The new command that did so.")
    affected: Command = strawberry.field(
        description="The command that was undone or redone, as it is now."
    )
