"""Projects, datasets and screens, and what is done to them."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.filters import MomentFilter, TextFilter
from schema.nodes import Annotatable, Owned
from schema.paging import (
    After,
    Before,
    Connection,
    First,
    Last,
    OrderDirection,
    PageArguments,
)
from schema.scalars import BigInt, DateTime
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.annotations import AnnotationWhere
    from schema.images import Image, ImageOrder, ImageWhere
    from schema.members import DefaultLayer, ProjectMember, Representative
    from schema.ontologies import Ontology
    from schema.screens import Plate


@strawberry.enum(description="What containers may be ordered by.")
class ContainerOrderField(Enum):
    NAME = strawberry.enum_value("NAME", description="Their name; upper and lower case are alike.")
    CREATED = strawberry.enum_value("CREATED", description="When they came into being.")
    ID = strawberry.enum_value("ID", description="Their number, which grows with time.")


@strawberry.input(description="How to order containers.")
class ContainerOrder:
    field: ContainerOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


@strawberry.input(description="Which containers; all that is given must hold.")
class ContainerWhere:
    name: TextFilter | None = strawberry.field(default=None, description="Tests on the name.")
    description: TextFilter | None = strawberry.field(
        default=None, description="Tests on the description."
    )
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they came into being."
    )
    owner: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="Of this group.")
    orphaned: bool | None = strawberry.field(
        default=None, description="True: in no container you may see; false: in at least one."
    )
    annotation: strawberry.ID | None = strawberry.field(
        default=None, description="Carrying this tag or other annotation."
    )
    updated_at: MomentFilter | None = strawberry.field(
        default=None, description="When they were last changed."
    )
    inside: strawberry.ID | None = strawberry.field(
        default=None, description="In this project (datasets) or this screen (plates)."
    )
    holds: strawberry.ID | None = strawberry.field(
        default=None,
        description="Holding this dataset (projects), image (datasets) or plate (screens).",
    )
    annotations: Annotated["AnnotationWhere", strawberry.lazy("schema.annotations")] | None = (
        strawberry.field(default=None, description="Carrying an annotation for which this holds.")
    )
    and_: list["ContainerWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["ContainerWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "ContainerWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.enum(description="How far members below manager may change what is in a project.")
class ProjectMode(Enum):
    CLASSIC = strawberry.enum_value("classic", description="Members edit what anybody drew.")
    RESTRICTED = strawberry.enum_value("restricted", description="Members edit only their own.")
    READ_ONLY = strawberry.enum_value("read_only", description="Members change nothing.")


def shared(row: Any, can: Can) -> dict[str, Any]:
    """Return what every owned type takes from its row."""
    return {
        "key": row.id,
        "owner_key": row.owner_id,
        "group_key": row.group_id,
        "can": can,
        "created_at": DateTime(row.created_at),
        "updated_at": None if row.updated_at is None else DateTime(row.updated_at),
        "version": row.version,
    }


@strawberry.federation.type(keys=["id"], description="A study: datasets, rules and an ontology.")
class Project(Owned, Annotatable):
    name: str = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What it is about.")
    mode: ProjectMode = strawberry.field(description="How far members may change its contents.")
    closed: bool = strawberry.field(description="Whether it is closed to changes of members.")
    blind: bool = strawberry.field(
        description="Whether members know its images by number only, not by name."
    )
    downloadable: bool = strawberry.field(description="Whether members may fetch original files.")
    hide_members: bool = strawberry.field(
        description="Whether members see no regions of other members."
    )
    hide_managers: bool = strawberry.field(
        description="Whether members see no regions of managers."
    )
    ontology_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any, can: Can) -> "Project":
        """Show a row."""
        return cls(
            **shared(row, can),
            name=row.name,
            description=row.description,
            mode=ProjectMode(row.mode),
            closed=row.closed,
            blind=row.blind,
            downloadable=row.downloadable,
            hide_members=row.hide_members,
            hide_managers=row.hide_managers,
            ontology_key=row.ontology_id,
        )

    @strawberry.field(
        description="The ontology its regions are labelled with; null without one you may see."
    )
    async def ontology(
        self, info: Info
    ) -> Annotated["Ontology", strawberry.lazy("schema.ontologies")] | None:
        if self.ontology_key is None:
            return None
        found: Ontology | None = await info.context.loaders.ontology_by_id.load(self.ontology_key)
        return found

    @strawberry.field(description="Its owner, and whom grants on it let in.")
    async def members(
        self, info: Info
    ) -> list[Annotated["ProjectMember", strawberry.lazy("schema.members")]]:
        there: list[ProjectMember] = await info.context.loaders.members_of_project.load(self.key)
        return there

    @strawberry.field(description="Whose regions viewers show first.")
    async def default_layers(
        self, info: Info
    ) -> list[Annotated["DefaultLayer", strawberry.lazy("schema.members")]]:
        layers: list[DefaultLayer] = await info.context.loaders.default_layers_of_project.load(
            self.key
        )
        return layers

    @strawberry.field(description="Whom to ask about it.")
    async def representatives(
        self, info: Info
    ) -> list[Annotated["Representative", strawberry.lazy("schema.members")]]:
        named: list[Representative] = await info.context.loaders.representatives_of_project.load(
            self.key
        )
        return named

    @strawberry.field(description="How many datasets it holds for you.")
    async def dataset_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.dataset_count_of_project.load(self.key))

    @strawberry.field(description="How many images lie in its datasets for you; each counts once.")
    async def image_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.image_count_of_project.load(self.key))

    @strawberry.field(description="Its datasets.")
    async def datasets(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ContainerWhere | None = None,
        order_by: list[ContainerOrder] | None = None,
    ) -> Connection["Dataset"]:
        page = PageArguments(first, after, last, before)
        found: Connection[Dataset] = await info.context.connect(
            "datasets_of_project", self.key, page, order_by, where
        )
        return found


@strawberry.federation.type(keys=["id"], description="A set of images.")
class Dataset(Owned, Annotatable):
    name: str = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What it holds.")

    @classmethod
    def of(cls, row: Any, can: Can) -> "Dataset":
        """Show a row."""
        return cls(**shared(row, can), name=row.name, description=row.description)

    @strawberry.field(description="The projects it lies in, those you may see.")
    async def projects(self, info: Info) -> list[Project]:
        found: list[Project] = await info.context.loaders.projects_of_dataset.load(self.key)
        return found

    @strawberry.field(description="How many images it holds for you.")
    async def image_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.image_count_of_dataset.load(self.key))

    @strawberry.field(description="Its images.")
    async def images(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated["ImageWhere", strawberry.lazy("schema.images")] | None = None,
        order_by: list[Annotated["ImageOrder", strawberry.lazy("schema.images")]] | None = None,
    ) -> Connection[Annotated["Image", strawberry.lazy("schema.images")]]:
        page = PageArguments(first, after, last, before)
        found: Connection[Image] = await info.context.connect(
            "images_of_dataset", self.key, page, order_by, where
        )
        return found


@strawberry.federation.type(keys=["id"], description="A screen: plates of one experiment.")
class Screen(Owned, Annotatable):
    name: str = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What it is about.")
    type: str | None = strawberry.field(description="The kind of screen, such as RNAi.")
    protocol_id: str | None = strawberry.field(description="The protocol's identifier.")
    protocol_description: str | None = strawberry.field(description="What the protocol is.")
    reagent_id: str | None = strawberry.field(description="The reagent set's identifier.")
    reagent_description: str | None = strawberry.field(description="What the reagents are.")

    @classmethod
    def of(cls, row: Any, can: Can) -> "Screen":
        """Show a row."""
        return cls(
            **shared(row, can),
            name=row.name,
            description=row.description,
            type=row.type,
            protocol_id=row.protocol_id,
            protocol_description=row.protocol_description,
            reagent_id=row.reagent_id,
            reagent_description=row.reagent_description,
        )

    @strawberry.field(description="How many plates it holds for you.")
    async def plate_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.plate_count_of_screen.load(self.key))

    @strawberry.field(description="How many images lie in its plates for you; each counts once.")
    async def image_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.image_count_of_screen.load(self.key))

    @strawberry.field(description="Its plates.")
    async def plates(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ContainerWhere | None = None,
        order_by: list[ContainerOrder] | None = None,
    ) -> Connection[Annotated["Plate", strawberry.lazy("schema.screens")]]:
        page = PageArguments(first, after, last, before)
        found: Connection[Plate] = await info.context.connect(
            "plates_of_screen", self.key, page, order_by, where
        )
        return found


@strawberry.input(description="A new project, dataset or screen.")
class CreateContainerInput:
    name: str = strawberry.field(description="What to call it, at most 255 characters.")
    description: str | None = strawberry.field(default=None, description="What it is about.")
    group: strawberry.ID | None = strawberry.field(
        default=None, description="The group it belongs to; your default group if left out."
    )


@strawberry.input(description="A new dataset.")
class CreateDatasetInput(CreateContainerInput):
    project: strawberry.ID | None = strawberry.field(
        default=None, description="The project to put it into."
    )


@strawberry.input(description="What to change of a project.")
class UpdateProjectInput:
    id: strawberry.ID = strawberry.field(description="The project.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new description; null removes it."
    )
    mode: ProjectMode | None = strawberry.field(
        default=strawberry.UNSET, description="How far members may change its contents."
    )
    closed: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether it is closed."
    )
    blind: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether members know its images by number only."
    )
    downloadable: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether members may fetch original files."
    )
    hide_members: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether members see no regions of other members."
    )
    hide_managers: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether members see no regions of managers."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="What to change of a dataset.")
class UpdateDatasetInput:
    id: strawberry.ID = strawberry.field(description="The dataset.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new description; null removes it."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="What to change of a screen.")
class UpdateScreenInput(UpdateDatasetInput):
    type: str | None = strawberry.field(default=strawberry.UNSET, description="Its kind.")
    protocol_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="The protocol's identifier."
    )
    protocol_description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What the protocol is."
    )
    reagent_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="The reagent set's identifier."
    )
    reagent_description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What the reagents are."
    )


@strawberry.input(description="Objects to put into, or take out of, one container.")
class LinkInput:
    parent: strawberry.ID = strawberry.field(
        description="A project (for datasets), a dataset (for images) or a screen (for plates)."
    )
    children: list[strawberry.ID] = strawberry.field(description="The objects, of one kind.")


@strawberry.input(description="Objects to move from one container to another.")
class MoveInput:
    children: list[strawberry.ID] = strawberry.field(description="The objects, of one kind.")
    source: strawberry.ID = strawberry.field(description="The container they leave.")
    target: strawberry.ID = strawberry.field(description="The container they go into.")


@strawberry.input(description="An object and the group it moves to.")
class MoveToGroupInput:
    id: strawberry.ID = strawberry.field(description="A project, dataset, image, screen or plate.")
    group: strawberry.ID = strawberry.field(description="The group.")


@strawberry.input(description="Objects for the trash.")
class DeleteInput:
    ids: list[strawberry.ID] = strawberry.field(description="The objects, of one kind.")
    dry_run: bool = strawberry.field(
        default=False, description="Only count what would go; change nothing."
    )


@strawberry.input(description="Objects to take back out of the trash.")
class RestoreInput:
    ids: list[strawberry.ID] = strawberry.field(description="The objects, of one kind.")


@strawberry.type(description="The new or changed project.")
class ProjectPayload:
    project: Project = strawberry.field(description="As it is now.")


@strawberry.type(description="The new or changed dataset.")
class DatasetPayload:
    dataset: Dataset = strawberry.field(description="As it is now.")


@strawberry.type(description="The new or changed screen.")
class ScreenPayload:
    screen: Screen = strawberry.field(description="As it is now.")


@strawberry.type(description="How many links were made, cut or moved.")
class LinkPayload:
    changed: int = strawberry.field(description="Links that are new, gone or moved.")


@strawberry.type(description="What came back out of the trash.")
class RestorePayload:
    restored: int = strawberry.field(description="How many objects are back.")


@strawberry.type(description="An object in its new group.")
class MoveToGroupPayload:
    id: strawberry.ID = strawberry.field(description="The object.")
