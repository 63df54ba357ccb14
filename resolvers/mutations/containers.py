"""Changing projects, datasets and screens, and where things lie."""

from typing import Any

import strawberry

from resolvers.mutations.base import given, mutation
from schema.containers import (
    CreateContainerInput,
    CreateDatasetInput,
    Dataset,
    DatasetPayload,
    DeleteInput,
    LinkInput,
    LinkPayload,
    MoveInput,
    MoveToGroupInput,
    MoveToGroupPayload,
    Project,
    ProjectPayload,
    RestoreInput,
    RestorePayload,
    Screen,
    ScreenPayload,
    UpdateDatasetInput,
    UpdateProjectInput,
    UpdateScreenInput,
)
from schema.context import Info
from schema.nodes import DeletePayload, Impact
from schema.scalars import BigInt, decode_id, decode_ids, encode_id, split_id
from store.errors import Invalid
from store.tables import containers, images, ontologies, rois, screens
from store.tables.annotations import Annotation

LABELLED: dict[str, Any] = {
    "Project": containers.Project,
    "Dataset": containers.Dataset,
    "Image": images.Image,
    "Screen": screens.Screen,
    "Plate": screens.Plate,
}
TRASHABLE: dict[str, Any] = {
    **LABELLED,
    "Acquisition": screens.Acquisition,
    "Well": screens.Well,
    "WellSample": screens.WellSample,
    "ROI": rois.Roi,
    "Annotation": Annotation,
    "Ontology": ontologies.Ontology,
    "Term": ontologies.Term,
}


def kind_of(ids: list[strawberry.ID], kinds: dict[str, Any], field: str) -> tuple[Any, list[int]]:
    """Return the noun all ids are of, and their numbers. Raises Invalid for a mixture."""
    if not ids:
        raise Invalid(field, "name at least one object.")
    names = {split_id(id, field)[0] for id in ids}
    if len(names) > 1:
        raise Invalid(field, f"must be of one kind; these are {', '.join(sorted(names))}.")
    (name,) = names
    if name not in kinds:
        raise Invalid(field, f"{name} is not one of {', '.join(kinds)}.")
    return kinds[name], decode_ids(ids, name, field=field)


def group_of(id: strawberry.ID | None) -> int | None:
    """Return the number of an optional group id."""
    return None if id is None else decode_id(id, "Group", field="group")


def changes(input: Any) -> dict[str, Any]:
    """Return what an update input asks to change, enum members as their words."""
    sent = given(input, id="", version="")
    return {name: getattr(value, "value", value) for name, value in sent.items()}


@strawberry.type
class ContainerMutations:
    @mutation
    async def create_project(self, info: Info, input: CreateContainerInput) -> ProjectPayload:
        """Make a project."""
        hub = info.context.hub
        row = await hub.containers.create(
            containers.Project,
            name=input.name,
            description=input.description,
            group_id=group_of(input.group),
        )
        return ProjectPayload(project=Project.of(row, hub.actor.can(row)))

    @mutation
    async def create_dataset(self, info: Info, input: CreateDatasetInput) -> DatasetPayload:
        """Make a dataset, in a project if one is named."""
        hub = info.context.hub
        row = await hub.containers.create(
            containers.Dataset,
            name=input.name,
            description=input.description,
            group_id=group_of(input.group),
            into=None if input.project is None else decode_id(input.project, "Project"),
        )
        return DatasetPayload(dataset=Dataset.of(row, hub.actor.can(row)))

    @mutation
    async def create_screen(self, info: Info, input: CreateContainerInput) -> ScreenPayload:
        """Make a screen."""
        hub = info.context.hub
        row = await hub.containers.create(
            screens.Screen,
            name=input.name,
            description=input.description,
            group_id=group_of(input.group),
        )
        return ScreenPayload(screen=Screen.of(row, hub.actor.can(row)))

    @mutation
    async def update_project(self, info: Info, input: UpdateProjectInput) -> ProjectPayload:
        """Change a project; fields left out stay."""
        hub = info.context.hub
        row = await hub.containers.update(
            containers.Project, decode_id(input.id, "Project"), expected=input.version,
            **changes(input),
        )  # fmt: skip
        return ProjectPayload(project=Project.of(row, hub.actor.can(row)))

    @mutation
    async def update_dataset(self, info: Info, input: UpdateDatasetInput) -> DatasetPayload:
        """Change a dataset; fields left out stay."""
        hub = info.context.hub
        row = await hub.containers.update(
            containers.Dataset, decode_id(input.id, "Dataset"), expected=input.version,
            **changes(input),
        )  # fmt: skip
        return DatasetPayload(dataset=Dataset.of(row, hub.actor.can(row)))

    @mutation
    async def update_screen(self, info: Info, input: UpdateScreenInput) -> ScreenPayload:
        """Change a screen; fields left out stay."""
        hub = info.context.hub
        row = await hub.containers.update(
            screens.Screen, decode_id(input.id, "Screen"), expected=input.version,
            **changes(input),
        )  # fmt: skip
        return ScreenPayload(screen=Screen.of(row, hub.actor.can(row)))

    @mutation
    async def link(self, info: Info, input: LinkInput) -> LinkPayload:
        """Put objects into a container; they stay where else they are."""
        parent, (parent_id,) = kind_of([input.parent], LABELLED, "parent")
        child, ids = kind_of(input.children, LABELLED, "children")
        changed = await info.context.hub.containers.link(parent, parent_id, child, ids)
        return LinkPayload(changed=changed)

    @mutation
    async def unlink(self, info: Info, input: LinkInput) -> LinkPayload:
        """Take objects out of a container; the objects themselves stay."""
        parent, (parent_id,) = kind_of([input.parent], LABELLED, "parent")
        child, ids = kind_of(input.children, LABELLED, "children")
        changed = await info.context.hub.containers.unlink(parent, parent_id, child, ids)
        return LinkPayload(changed=changed)

    @mutation
    async def move(self, info: Info, input: MoveInput) -> LinkPayload:
        """Move objects from one container to another, in one step of history."""
        source, (source_id,) = kind_of([input.source], LABELLED, "source")
        target, (target_id,) = kind_of([input.target], LABELLED, "target")
        if source is not target:
            raise Invalid("target", "must be a container of the same kind as the source.")
        child, ids = kind_of(input.children, LABELLED, "children")
        changed = await info.context.hub.containers.relink(
            child, ids, parent=source, source_id=source_id, target_id=target_id
        )
        return LinkPayload(changed=changed)

    @mutation
    async def move_to_group(self, info: Info, input: MoveToGroupInput) -> MoveToGroupPayload:
        """Move an object to another group, with everything that lies only in it."""
        noun, (id,) = kind_of([input.id], LABELLED, "id")
        await info.context.hub.containers.move_to_group(
            noun, id, decode_id(input.group, "Group", field="group")
        )
        return MoveToGroupPayload(id=input.id)

    @mutation
    async def delete(self, info: Info, input: DeleteInput) -> DeletePayload:
        """Move objects to the trash, or with `dryRun` only count what would go."""
        noun, ids = kind_of(input.ids, TRASHABLE, "ids")
        impact, command = await info.context.hub.containers.delete(noun, ids, dry_run=input.dry_run)
        return DeletePayload(
            deleted_ids=input.ids,
            dry_run=input.dry_run,
            impact=[
                Impact(noun=name, count=BigInt(count), unreadable=BigInt(impact.unreadable))
                for name, count in impact.counts.items()
            ],
            command_id=None if command is None else strawberry.ID(encode_id("Command", command)),
        )

    @mutation
    async def restore(self, info: Info, input: RestoreInput) -> RestorePayload:
        """Take objects back out of the trash."""
        noun, ids = kind_of(input.ids, TRASHABLE, "ids")
        return RestorePayload(restored=await info.context.hub.containers.restore(noun, ids))
