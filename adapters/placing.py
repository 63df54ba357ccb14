"""Images into projects and out of them, within a unit of work: one door for every dialect.

An image comes into a project through the project's inbox, a dataset made on first need and known by
its id, never by its name. It leaves the datasets that lie in this project alone; where another
project shares the dataset the image stays in it and is excluded here instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select, update

from adapters.hierarchy import move, put_into
from store.access.capabilities import Can
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Conflict, Forbidden
from store.statement import cols, table
from store.tables.containers import (
    Dataset,
    DatasetImage,
    Placement,
    PlacementState,
    Project,
    ProjectDataset,
)
from store.tables.images import Image, ImageSlice, ImageState
from store.tables.ontologies import Term
from store.tables.records import records
from store.tables.rois import Roi, RoiTerm, Track
from store.tables.screens import Well, WellSample
from store.unit import Unit

_project, _dataset, _image = cols(Project), cols(Dataset), cols(Image)
_above, _link, _placement = cols(ProjectDataset), cols(DatasetImage), cols(Placement)
_slice, _roi, _track = cols(ImageSlice), cols(Roi), cols(Track)
_field, _well, _term, _roi_term = cols(WellSample), cols(Well), cols(Term), cols(RoiTerm)


async def inbox_of(catalog: Catalog, project_id: int, image_id: int) -> int:
    """Return the dataset that takes what is put into a project, made if there is none.

    The hub makes it in the name of the project's owner, and only for an actor who may place this
    image there. Raises as `place`.
    """
    project = await catalog.one(Project, project_id)
    everything = Catalog(catalog.database, Actor.system())
    known = await everything.rows(_inbox(project_id))
    if known:
        return int(known[0].inbox_dataset_id)

    async def check(unit: Unit) -> None:
        await _require_placeable(unit, await unit.one(Project, project_id), image_id)

    await catalog.rehearse("place_image", check)

    async def work(unit: Unit) -> int:
        row = await unit.one(Project, project_id)
        present = await unit.rows(_inbox(project_id))
        if present:
            return int(present[0].inbox_dataset_id)
        made = await unit.add(
            Dataset(
                name=row.name, owner_id=row.owner_id, group_id=row.group_id,
                made_for_project_id=row.id,
            )
        )  # fmt: skip
        await unit.add(
            ProjectDataset(
                project_id=row.id, dataset_id=made.id, owner_id=row.owner_id, name_key=made.name_key
            )
        )
        await unit.execute(
            update(table(Project)).where(_project.id == row.id).values(inbox_dataset_id=made.id)
        )
        unit.journal.summary = f"make a dataset for images of project {project.name}"
        unit.journal.undoable = False
        return made.id

    return await everything.write("make_inbox", work)


def _inbox(project_id: int) -> Any:
    """Return the statement that finds an inbox which is live, linked and of the same group."""
    return (
        select(_project.inbox_dataset_id)
        .join(table(Dataset), _dataset.id == _project.inbox_dataset_id)
        .join(
            table(ProjectDataset),
            (_above.dataset_id == _dataset.id) & (_above.project_id == _project.id),
        )
        .where(
            _project.id == project_id,
            _dataset.trashed_by.is_(None),
            _above.trashed_by.is_(None),
            _dataset.group_id == _project.group_id,
        )
    )


async def place(
    unit: Unit,
    project_id: int,
    image_id: int,
    inbox_id: int,
    name: str | None = None,
    *,
    carried: Placement | None = None,
) -> int:
    """Put an image into a project by its inbox; return the placement's id.

    A placement of former times is live again; else one `carried` from another project becomes this
    one's, or a new one is made.

    Raises NotFound, Forbidden, Conflict where it is there already or is of another group and lies
    somewhere there.
    """
    project = await unit.one(Project, project_id)
    image, known = await _require_placeable(unit, project, image_id)
    if image.group_id != project.group_id:
        image = await move(unit, Image, image, project.group_id)
    if known is not None and known.state == PlacementState.EXCLUDED.value:
        known = await unit.put(Placement, known, {"state": PlacementState.LIVE.value}, tell=False)
    await put_into(unit, Dataset, inbox_id, Image, [image])
    if known is not None:
        if name is not None:
            await unit.put(Placement, known, {"name": name}, tell=False)
        placement_id = known.id
    elif carried is not None:
        await unit.put(Placement, carried, {"project_id": project_id})
        placement_id = carried.id
    else:
        placement_id = await _new(unit, project_id, image, name)
    if image.state == ImageState.DECLARED.value:
        await share_slices(unit, image_id, placement_id)
    return placement_id


async def _new(unit: Unit, project_id: int, image: Image, name: str | None) -> int:
    count = image.slice_count or 0
    base = await unit.take_ids(count, kind="plane") if count else None
    (id,) = await unit.add_many(
        Placement,
        ("project_id", "image_id", "state", "slice_base", "added_by", "name"),
        [(project_id, image.id, PlacementState.LIVE.value, base, unit.actor.author_id, name)],
    )
    return id


async def _require_placeable(
    unit: Unit, project: Project, image_id: int
) -> tuple[Image, Placement | None]:
    """Return an image that may come into a project, and its placement of former times."""
    image = await unit.one(Image, image_id)
    found = records(
        await unit.rows(
            select(table(Placement)).where(
                _placement.image_id == image_id, _placement.project_id == project.id
            )
        ),
        Placement,
    )
    if found and found[0].state == PlacementState.LIVE.value:
        raise Conflict(
            f"Image {image_id} is in project {project.name} already.", noun="image", id=image_id
        )
    if not await unit.judge.may_put_into(ProjectDataset, {"project_id": project.id}):
        raise Forbidden("add to", "project", project.id)
    await unit.require(Image, image, Can.PLACE)
    if image.group_id != project.group_id:
        await _require_movable(unit, project, image)
    return image, found[0] if found else None


async def _require_movable(unit: Unit, project: Project, image: Image) -> None:
    """Raise Conflict for an image that another group has in use; Forbidden without the right."""
    held = await unit.scalars(
        select(_link.id)
        .join(table(Dataset), _dataset.id == _link.dataset_id)
        .where(
            _link.image_id == image.id, _link.trashed_by.is_(None), _dataset.trashed_by.is_(None)
        )
        .limit(1)
    ) or await unit.scalars(
        select(_field.id)
        .join(table(Well), _well.id == _field.well_id)
        .where(_field.image_id == image.id, _field.trashed_by.is_(None), _well.trashed_by.is_(None))
        .limit(1)
    )
    (can,) = await unit.judge.capabilities(Image, [image])
    if held or not can & Can.SHARE:
        raise Conflict(
            f"Image {image.id} is in group {image.group_id} and project {project.name} in group "
            f"{project.group_id}; a project holds images of its own group. Copy the image there.",
            noun="image", id=image.id,
        )  # fmt: skip


async def share_slices(unit: Unit, image_id: int, placement_id: int) -> int:
    """Give a placement of a declared image those of its planes it has not; return how many.

    They follow from the image's and are no history of their own. What was deleted there stays so.
    """
    has = table(ImageSlice).alias()
    missing = await unit.rows(
        select(_slice.id, _slice.c, _slice.z, _slice.t, _slice.mime, _slice.file_id)
        .where(
            _slice.image_id == image_id,
            _slice.placement_id.is_(None),
            _slice.trashed_by.is_(None),
            ~exists(
                select(has.c.id).where(
                    has.c.placement_id == placement_id, has.c.base_id == _slice.id
                )
            ),
        )
        .order_by(_slice.id)
    )  # fmt: skip
    if not missing:
        return 0
    first = await unit.take_ids(len(missing))
    # By place: a row's own `t` is an attribute of every row of SQLAlchemy.
    await unit.add_rows(
        ImageSlice,
        ("id", "image_id", "placement_id", "base_id", "c", "z", "t", "mime", "file_id"),
        [(id, image_id, placement_id, *row) for id, row in enumerate(missing, first)],
    )
    return len(missing)


async def take_out(unit: Unit, placement: Placement) -> bool:
    """Take an image out of a project; return whether a dataset shared with another keeps it.

    Then the placement is excluded, until somebody links the image into this project anew.
    """
    links = await unit.rows(
        select(_link.id, _link.dataset_id)
        .join(table(ProjectDataset), _above.dataset_id == _link.dataset_id)
        .join(table(Dataset), _dataset.id == _link.dataset_id)
        .where(
            _above.project_id == placement.project_id,
            _link.image_id == placement.image_id,
            _link.trashed_by.is_(None),
            _above.trashed_by.is_(None),
            _dataset.trashed_by.is_(None),
        )
    )
    shared = set(
        await unit.scalars(
            select(_above.dataset_id)
            .join(table(Project), _project.id == _above.project_id)
            .where(
                unit.members(_above.dataset_id, {row.dataset_id for row in links}),
                _above.project_id != placement.project_id,
                _above.trashed_by.is_(None),
                _project.trashed_by.is_(None),
            )
        )
    )
    await unit.stamp(DatasetImage, [row.id for row in links if row.dataset_id not in shared])
    if shared:
        excluded = {"state": PlacementState.EXCLUDED.value}
        await unit.put(Placement, placement, excluded, tell=False)
    return bool(shared)


async def drawn_in(unit: Unit, placement: Placement) -> list[int]:
    """Return the live regions bound to an image in a project, whoever drew them."""
    return await unit.scalars(
        select(_roi.id).where(
            _roi.image_id == placement.image_id,
            _roi.project_id == placement.project_id,
            _roi.trashed_by.is_(None),
        )
    )


async def rebind(unit: Unit, placement: Placement, project: Project) -> None:
    """Bind to another project what was drawn on an image in this one.

    Raises Conflict for regions with terms of another ontology than that project's.
    """
    regions = await drawn_in(unit, placement)
    foreign = await unit.scalars(
        select(_roi_term.roi_id)
        .join(table(Term), _term.id == _roi_term.term_id)
        .where(
            unit.members(_roi_term.roi_id, regions),
            _roi_term.trashed_by.is_(None),
            _term.ontology_id.is_distinct_from(project.ontology_id),
        )
        .limit(1)
    )
    if foreign:
        raise Conflict(
            f"Region {foreign[0]} bears terms that are not of the ontology of project "
            f"{project.name}; take them off first.",
            noun="roi", id=foreign[0],
        )  # fmt: skip
    tracks = await unit.scalars(
        select(_track.id).where(
            _track.image_id == placement.image_id,
            _track.project_id == placement.project_id,
            _track.trashed_by.is_(None),
        )
    )
    moved: Sequence[tuple[type[Any], list[int]]] = ((Roi, regions), (Track, tracks))
    for noun, ids in moved:
        await unit.put_many(noun, await unit.stored(noun, ids), {"project_id": project.id})
