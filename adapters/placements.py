"""Images in projects: what each project says about an image, and the lists of them.

A placement is one row per image and project for ever, so its id outlives every coming and going.
What a project says of an image is read as a whole: `Placed` holds the placement with its image,
pixels and project, and a list of any length takes two statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from adapters.containers import checked_name
from adapters.placement_fields import Narrowing, fields, hides_names, live, order, predicate
from adapters.placing import drawn_in, inbox_of, place, rebind, share_slices, take_out
from adapters.planes import Planes, Stack
from store.access.capabilities import Can
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Conflict, Invalid, NotFound
from store.statement import cols, table
from store.tables.activity import Activity, ActivityKind
from store.tables.containers import Placement, Project
from store.tables.images import Image, ImageSlice, Pixels
from store.tables.records import records
from store.tables.rois import Roi
from store.unit import Unit

_placement, _image, _pixels = cols(Placement), cols(Image), cols(Pixels)
_project, _roi, _activity = cols(Project), cols(Roi), cols(Activity)
_IMAGE = ("id", "name", "owner_id", "group_id", "label_id", "created_at", "updated_at", "file_id",
          "state", "slice_base", "slice_count", "magnification", "fps", "format")  # fmt: skip
_PIXELS = ("size_t", "size_c", "size_z", "size_y", "size_x", "dtype", "rgb", "physical_size_x",
           "physical_size_y", "physical_size_z", "store_key")  # fmt: skip
_PROJECT = ("id", "name", "owner_id", "group_id", "blind", "downloadable", "closed", "mode")
SCALES = ("physical_size_x", "physical_size_y", "physical_size_z")
OWN = ("name", *SCALES, "fps", "magnification")  # what a project may say otherwise than the image
# The rules of image and project, in the same statement, are the rule of what joins them.
_SETTLED = ("placement", "pixels")
# Of the placement itself, so that sorting by them needs no pixels.
_LEAN = (None, "id", "created_at", "updated_at", "image_id", "project_id", "added_by",
         "reviewer_id", "review_started_at", "review_stopped_at", "name", "image_name")  # fmt: skip
BOUNDED = ("size_x", "size_y", "size_z", "size_t", "channels", "bits", "samples", *SCALES, "fps",
           "magnification", "drawn_by_people", "drawn_by_jobs", "drawn_reviewed")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Some columns of a row, by attribute."""

    values: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError as error:
            raise AttributeError(name) from error


@dataclass(frozen=True, slots=True)
class Placed:
    """An image in a project; `nameless` if the project keeps names from the actor."""

    row: Placement
    image: Any
    pixels: Any
    project: Any
    nameless: bool

    @property
    def name(self) -> str:
        """What the image is called in the project."""
        return self.row.name or str(self.image.name)

    def own(self, name: str) -> Any:
        """Return a scale, rate or magnification: the project's, else the image's."""
        said = getattr(self.row, name)
        if said is not None:
            return said
        return getattr(self.pixels if name in SCALES else self.image, name)


@dataclass(frozen=True, slots=True)
class Which:
    """What a list is narrowed to; None narrows nothing."""

    project_ids: Sequence[int] | None = None
    image_id: int | None = None
    image_ids: Sequence[int] | None = None
    tests: Sequence[Narrowing] = ()


class Placements:
    """Verbs on images in projects."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def get(self, id: int) -> Placed:
        """Return an image in a project. Raises NotFound."""
        found = await self.by_ids([id])
        if not found:
            raise NotFound("image in a project", id)
        return found[0]

    async def by_ids(self, ids: Sequence[int]) -> list[Placed]:
        """Return those of these that the actor sees, in their order. One statement."""
        statement = self._all().where(self._catalog.members(_placement.id, set(ids)))
        found = {one.row.id: one for one in await self._read(statement)}
        return [found[id] for id in dict.fromkeys(ids) if id in found]

    async def find(self, image_id: int, project_id: int) -> Placed | None:
        """Return an image in a project, if it is there."""
        found = await self.page(Which(project_ids=[project_id], image_id=image_id))
        return found[0] if found else None

    async def page(
        self,
        which: Which,
        *,
        sort: str | None = None,
        descending: bool = True,
        offset: int = 0,
        limit: int | None = None,
    ) -> list[Placed]:
        """Return images in projects, the newest first unless told. Two statements at most."""
        turn = order(self._catalog, sort, descending=descending)
        if limit is None and not offset:
            return await self._read(self._narrowed(self._all(), which).order_by(*turn))
        # Only ids are sorted: whole rows are ten times as wide.
        bare = self._bare(pixels=bool(which.tests) or sort not in _LEAN)
        statement = self._narrowed(bare, which).order_by(*turn)
        # SQLite knows no OFFSET alone.
        statement = statement.limit(2**53 if limit is None else limit).offset(offset)
        rows = await self._catalog.rows(statement, settled=_SETTLED)
        return await self.by_ids([row.id for row in rows])

    async def count(self, which: Which) -> int:
        """Count what `page` goes through. One statement."""
        statement = self._narrowed(self._bare(pixels=bool(which.tests)), which)
        return await self._catalog.count(statement, settled=_SETTLED)

    async def neighbour(self, id: int, *, forward: bool) -> Placed | None:
        """Return the image that comes next, or before, in the newest-first list of the project."""
        here = (await self.get(id)).row
        at, own = _placement.created_at, _placement.id
        beyond = (
            or_(at < here.created_at, and_(at == here.created_at, own < here.id))
            if forward
            else or_(at > here.created_at, and_(at == here.created_at, own > here.id))
        )
        turn = (at.desc(), own.desc()) if forward else (at.asc(), own.asc())
        statement = self._all().where(_placement.project_id == here.project_id, beyond)
        found = await self._read(statement.order_by(*turn).limit(1))
        return found[0] if found else None

    async def bounds(self, project_id: int) -> dict[str, list[Any]]:
        """Return the different values of every number in a project, in order.

        One statement for each of `BOUNDED`. Raises NotFound.
        """
        await self._catalog.one(Project, project_id)
        known, which = fields(self._catalog), Which(project_ids=[project_id])
        found = {}
        for name in BOUNDED:
            value = known[name]().plain.label("value")
            statement = self._narrowed(self._bare(), which).with_only_columns(
                value, maintain_column_froms=True
            )
            rows = await self._catalog.rows(statement.distinct(), settled=_SETTLED)
            found[name] = sorted(row.value for row in rows if row.value is not None)
        return found

    async def drawn(self, placed: Sequence[Placed]) -> dict[int, dict[str, int]]:
        """Count the regions of each by their kind, unbound ones included. One statement."""
        found: dict[int, dict[str, int]] = {one.row.id: {} for one in placed}
        statement = (
            select(_placement.id, _roi.kind, func.count())
            .select_from(
                table(Placement).join(
                    table(Roi),
                    and_(
                        _roi.image_id == _placement.image_id,
                        or_(_roi.project_id.is_(None), _roi.project_id == _placement.project_id),
                    ),
                )
            )
            .where(self._catalog.members(_placement.id, found))
            .group_by(_placement.id, _roi.kind)
        )
        for id, kind, count in await self._catalog.rows(statement) if placed else ():
            found[id][kind] = count
        return found

    async def opened(
        self, *, project_id: int | None = None, image_ids: Sequence[int] | None = None
    ) -> dict[tuple[int, int], int]:
        """Return when the actor last opened each image in each project: (image, project) → ms UTC.

        One statement.
        """
        statement = (
            select(_activity.image_id, _activity.project_id, func.max(_activity.at).label("at"))
            .where(
                _activity.kind == ActivityKind.VIEW.value,
                _activity.user_id == self._catalog.actor.author_id,
                _activity.image_id.is_not(None),
                _activity.project_id.is_not(None),
            )
            .group_by(_activity.image_id, _activity.project_id)
        )
        if project_id is not None:
            statement = statement.where(_activity.project_id == project_id)
        if image_ids is not None:
            statement = statement.where(self._catalog.members(_activity.image_id, image_ids))
        rows = await self._catalog.rows(statement)
        return {(row.image_id, row.project_id): row.at for row in rows}

    async def stack(self, id: int, *, fill: bool = False) -> tuple[Placed, Stack]:
        """Return an image in a project with its planes. Raises NotFound.

        A declared image whose planes came by another door, or has none at all while `fill` asks
        for one, gets them now, by the hub.
        """
        placed = await self.get(id)
        planes = Planes(self._catalog)
        stack = await planes.of_placement(placed.row)
        if stack.declared and not stack.rows:
            await self._give_planes(placed, default=fill)
            stack = await planes.of_placement(placed.row)
        return placed, stack

    async def _give_planes(self, placed: Placed, *, default: bool) -> None:
        async def work(unit: Unit) -> None:
            await unit.queue_for("planes of declared images")
            unit.journal.undoable = False
            own = await unit.scalars(
                select(cols(ImageSlice).id).where(
                    cols(ImageSlice).image_id == placed.image.id,
                    cols(ImageSlice).placement_id.is_(None),
                    cols(ImageSlice).trashed_by.is_(None),
                )
            )
            if not own and default:
                first = await unit.take_ids()
                row = (first, placed.image.id, 0, 0, 0, placed.image.file_id)
                await unit.add_rows(ImageSlice, ("id", "image_id", "c", "z", "t", "file_id"), [row])
            await share_slices(unit, placed.image.id, placed.row.id)

        await Catalog(self._catalog.database, Actor.system()).write("make_planes", work)

    # writing

    async def add(self, image_id: int, project_id: int, *, name: str | None = None) -> Placed:
        """Put an image into a project by its inbox.

        An image of another group that lies nowhere moves along, if the actor may move it. Raises
        Conflict if it is there already or may not leave its group, NotFound, Forbidden.
        """
        title = None if name is None else checked_name(name)
        inbox = await inbox_of(self._catalog, project_id, image_id)

        async def work(unit: Unit) -> int:
            unit.journal.summary = f"add image {image_id} to project {project_id}"
            return await place(unit, project_id, image_id, inbox, title)

        return await self.get(await self._catalog.write("place_image", work))

    async def change(self, id: int, *, project_id: int | None = None, **fields: Any) -> Placed:
        """Change what a project says of an image, or move it to another project.

        What equals the value shown is no change; None forgets what the project said. With another
        project go the regions and tracks bound to the image there. Raises Invalid, Forbidden,
        NotFound, Conflict for a project that has the image.
        """
        placed = await self.get(id)
        after = _differing(placed, fields)
        moving = project_id is not None and project_id != placed.row.project_id
        if moving and project_id is not None:
            inbox = await inbox_of(self._catalog, project_id, placed.image.id)

        async def work(unit: Unit) -> int:
            unit.journal.summary = f"change image {placed.image.id} in {placed.project.name}"
            if after:
                await unit.change(Placement, id, **after)
            if not moving or project_id is None:
                return id
            return await _move(unit, id, project_id, inbox)

        if not after and not moving:
            return placed
        return await self.get(await self._catalog.write("update_placement", work))

    async def remove(self, id: int) -> Placed:
        """Take an image out of a project, with what is drawn on it there; the image stays.

        Raises Conflict while it is in review or reviewed, Forbidden, NotFound.
        """
        placed = await self.get(id)

        async def work(unit: Unit) -> None:
            row = await unit.one(Placement, id, can=Can.DELETE)
            _require_unreviewed(row)
            unit.journal.summary = f"remove image {row.image_id} from {placed.project.name}"
            regions = await drawn_in(unit, row)
            if regions:
                await unit.stamp(Roi, regions)
            await take_out(unit, row)

        await self._catalog.write("remove_placement", work)
        return placed

    # inside

    def _all(self) -> Select[Any]:
        return self._joined(
            select(
                *table(Placement).c,
                *(_image[name].label(f"image_{name}") for name in _IMAGE),
                *(_pixels[name].label(f"pixels_{name}") for name in _PIXELS),
                *(_project[name].label(f"project_{name}") for name in _PROJECT),
            )
        )

    def _bare(self, *, pixels: bool = True) -> Select[Any]:
        return self._joined(select(_placement.id), pixels=pixels)

    @staticmethod
    def _joined(chosen: Select[Any], *, pixels: bool = True) -> Select[Any]:
        source = (
            table(Placement)
            .join(table(Image), _image.id == _placement.image_id)
            .join(table(Project), _project.id == _placement.project_id)
        )
        if pixels:
            source = source.outerjoin(table(Pixels), _pixels.image_id == _placement.image_id)
        return chosen.select_from(source).where(live())

    def _narrowed(self, statement: Select[Any], which: Which) -> Select[Any]:
        if which.project_ids is not None:
            wanted = list(which.project_ids)
            statement = statement.where(
                _placement.project_id == wanted[0]
                if len(wanted) == 1
                else self._catalog.members(_placement.project_id, wanted)
            )
        if which.image_id is not None:
            statement = statement.where(_placement.image_id == which.image_id)
        if which.image_ids is not None:
            statement = statement.where(self._catalog.members(_placement.image_id, which.image_ids))
        return statement.where(*(predicate(self._catalog, test) for test in which.tests))

    async def _read(self, statement: Select[Any]) -> list[Placed]:
        rows = await self._catalog.rows(statement, settled=_SETTLED)
        return [_placed(self._catalog.actor, row) for row in rows]


def _placed(actor: Actor, row: Any) -> Placed:
    width = len(table(Placement).c)
    (placement,) = records([row[:width]], Placement)
    rest = iter(row[width:])
    image, pixels, project = (
        Part({name: next(rest) for name in names}) for names in (_IMAGE, _PIXELS, _PROJECT)
    )
    return Placed(placement, image, pixels, project, hides_names(actor, project))


def _differing(placed: Placed, given: dict[str, Any]) -> dict[str, Any]:
    """Return what would change; a value that is shown already is none."""
    unknown = given.keys() - set(OWN)
    if unknown:
        raise Invalid(min(unknown), "a project says no such thing of an image.")
    after: dict[str, Any] = {}
    for name, value in given.items():
        shown = placed.name if name == "name" else placed.own(name)
        if value == shown or (value is None and getattr(placed.row, name) is None):
            continue
        if name == "name":
            after[name] = None if value is None else checked_name(value)
        elif value is not None and not value > 0:
            raise Invalid(name, "must be more than 0.")
        else:
            after[name] = None if value is None else float(value)
    return after


def _require_unreviewed(row: Placement) -> None:
    if row.review_started_at is not None:
        state = "in review" if row.review_stopped_at is None else "reviewed"
        raise Conflict(
            f"Image {row.image_id} is {state} in project {row.project_id}; cancel the review "
            "first.",
            noun="placement", id=row.id,
        )  # fmt: skip


async def _move(unit: Unit, id: int, project_id: int, inbox: int) -> int:
    """Bind a placement, and what is drawn there, to another project; return the placement's id.

    It keeps its id unless the image was in that project before, or stays in this one's datasets.
    """
    row = await unit.one(Placement, id, can=Can.DELETE)
    _require_unreviewed(row)
    await rebind(unit, row, await unit.one(Project, project_id))
    said = {name: getattr(row, name) for name in OWN}
    shared = await take_out(unit, row)
    new = await place(unit, project_id, row.image_id, inbox, carried=None if shared else row)
    if new != id:
        (there,) = await unit.stored(Placement, [new])
        await unit.put(Placement, there, said, tell=False)
    return new
