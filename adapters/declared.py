"""Images and planes that are only declared: sizes that somebody states, and rows for planes.

They never get pixels; an upload makes its own image. What is said here of an image with pixels
changes only what may be changed of it: names, scales, and the channel that a plane shows.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from adapters.containers import checked_name
from adapters.planes import Plane, Planes, Stack
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Forbidden, Invalid
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage, Placement, PlacementState, Project
from store.tables.files import StoredFile
from store.tables.images import Channel, Image, ImageSlice, ImageState, Pixels
from store.tables.screens import Well, WellSample
from store.unit import Unit

_slice, _placement, _channel = cols(ImageSlice), cols(Placement), cols(Channel)
_link, _dataset, _project = cols(DatasetImage), cols(Dataset), cols(Project)
_field, _well = cols(WellSample), cols(Well)
SIZES = ("size_t", "size_c", "size_z", "size_y", "size_x")
SCALES = ("physical_size_x", "physical_size_y", "physical_size_z")
OF_IMAGE = ("name", "magnification", "fps")
_FOLLOWED = ("c", "z", "t", "mime", "file_id")  # what planes in projects share with their own
MOST = 2**31 - 1  # pixels along an axis
DTYPES = {8: "uint8", 16: "uint16", 32: "uint32"}


class Declared:
    """Verbs on declared images, and on what may be said of others."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # images

    async def create_image(
        self,
        name: str,
        *,
        file_id: int | None = None,
        group_id: int | None = None,
        rgb: bool = False,
        bits: int | None = None,
        **stated: Any,
    ) -> Image:
        """Make an image without pixels, of whatever sizes and scales are stated.

        Raises Invalid, NotFound for a file, Forbidden.
        """
        title, sizes = checked_name(name), _checked(stated)
        actor = self._catalog.actor
        if actor.read_only or not actor.signed_in:
            raise Forbidden("create", "image", "here", "guests and readers make none.")

        async def work(unit: Unit) -> Image:
            unit.journal.summary = f"declare image {title}"
            file = None if file_id is None else await unit.one(StoredFile, file_id)
            group = group_id if group_id is not None else actor.default_group
            if group is None and file is not None:
                group = file.group_id
            if group is None:
                raise Invalid("group", "you have no default group; name one.")
            image = await unit.add(
                Image(
                    name=title, owner_id=actor.author_id, group_id=group, file_id=file_id,
                    state=ImageState.DECLARED.value,
                    magnification=sizes.get("magnification"), fps=sizes.get("fps"),
                )
            )  # fmt: skip
            await unit.add(
                Pixels(
                    image_id=image.id, rgb=rgb, dtype=_dtype(bits),
                    **{name: sizes[name] for name in (*SIZES, *SCALES) if name in sizes},
                ),
                tell=False,
            )  # fmt: skip
            return image

        return await self._catalog.write("declare_image", work)

    async def update_image(
        self,
        id: int,
        *,
        file_id: int | None = None,
        bits: int | None = None,
        rgb: bool | None = None,
        **stated: Any,
    ) -> Image:
        """Change what is stated of an image. Sizes, type and file of one with pixels stay.

        Values sent back as they are change nothing. Raises Invalid, Forbidden, NotFound.
        """
        given = _checked({k: v for k, v in stated.items() if k != "name"})
        if "name" in stated:
            given["name"] = checked_name(stated["name"])

        async def work(unit: Unit) -> Image:
            image = await unit.one(Image, id)
            unit.journal.summary = f"change image {image.name}"
            declared = image.state == ImageState.DECLARED.value
            own = {k: given[k] for k in OF_IMAGE if k in given and given[k] != getattr(image, k)}
            if declared and file_id is not None and file_id != image.file_id:
                own["file_id"] = (await unit.one(StoredFile, file_id)).id
            if own:
                image = await unit.change(Image, id, **own)
            found = await unit.all(Pixels, cols(Pixels).image_id == id)
            if not found:
                return image
            names = (*SIZES, *SCALES) if declared else SCALES
            after = {k: given[k] for k in names if k in given}
            if declared and rgb is not None:
                after["rgb"] = rgb
            if declared and bits is not None:
                after["dtype"] = _dtype(bits)
            if any(getattr(found[0], k) != v for k, v in after.items()):
                await unit.require(Image, image, Can.EDIT)
                await unit.put(Pixels, found[0], after)
            return image

        return await self._catalog.write("update_image", work)

    async def delete_image(self, id: int) -> Image:
        """Put an image into the trash that lies nowhere.

        Raises Conflict while a project, dataset or well holds it, seen by the actor or not;
        Forbidden, NotFound.
        """

        async def work(unit: Unit) -> Image:
            image = await unit.one(Image, id, can=Can.DELETE)
            await _require_unused(unit, id)
            unit.journal.summary = f"delete image {image.name}"
            await unit.trash(Image, [id])
            return image

        return await self._catalog.write("delete_image", work)

    # planes

    async def create_plane(
        self,
        image_id: int,
        c: int,
        z: int,
        t: int,
        *,
        file_id: int | None = None,
        mime: str | None = None,
        name: str | None = None,
        color: int | None = None,
    ) -> tuple[Plane, Stack]:
        """Make a plane of a declared image.

        Raises Conflict for one that is there, and for an image with pixels, whose planes are all
        there; Invalid, Forbidden, NotFound.
        """
        _require_places(c, z, t)

        async def work(unit: Unit) -> int:
            image = await _declared_image(unit, image_id)
            if file_id is not None:
                await unit.one(StoredFile, file_id)
            await _require_free(unit, image_id, None, (c, z, t))
            unit.journal.summary = f"declare a plane of image {image.name}"
            row = ImageSlice(
                image_id=image_id, c=c, z=z, t=t, mime=mime, file_id=file_id, name=name, color=color
            )
            return (await unit.add(row)).id

        return await self._plane(await self._catalog.write("declare_plane", work))

    async def create_placed_plane(self, placement_id: int, base_id: int) -> tuple[Plane, Stack]:
        """Make a plane of a declared image known in a project.

        Raises Conflict for one that is there, Invalid for a plane of another image, Forbidden,
        NotFound.
        """
        placement = await self._catalog.one(Placement, placement_id)
        base, _stack = await Planes(self._catalog).one(base_id)
        if base.image_id != placement.image_id:
            raise Invalid("plane", f"plane {base_id} is not of image {placement.image_id}.")

        async def work(unit: Unit) -> int:
            place = (base.c, base.z, base.t)
            await unit.one(Placement, placement_id)
            image = await _declared_image(unit, placement.image_id)
            await _require_free(unit, image.id, placement_id, place)
            unit.journal.summary = f"declare a plane of image {image.name} in a project"
            c, z, t = place
            row = ImageSlice(
                image_id=image.id, placement_id=placement_id, base_id=base.base_id, c=c, z=z, t=t,
                mime=None if base.row is None else base.row.mime,
                file_id=None if base.row is None else base.row.file_id,
            )  # fmt: skip
            return (await unit.add(row)).id

        return await self._plane(await self._catalog.write("declare_plane", work))

    async def update_plane(self, id: int, **given: Any) -> tuple[Plane, Stack]:
        """Change a declared plane; of an image with pixels, name and colour of its channel.

        `given` are c, z, t, mime, file_id, name and color. Places of planes with pixels stay.
        Raises Conflict for a place that is taken, Invalid, Forbidden, NotFound.
        """
        plane, stack = await Planes(self._catalog).one(id)

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"change plane {id} of image {plane.image_id}"
            if plane.row is None:
                await _name_channel(unit, plane, given)
                return
            row = await unit.one(ImageSlice, id)
            after = {k: v for k, v in given.items() if getattr(row, k) != v}
            place = tuple(after.get(axis, getattr(row, axis)) for axis in "czt")
            if place != (row.c, row.z, row.t):
                _require_places(*place)
                await _require_free(unit, row.image_id, row.placement_id, place)
            if after.get("file_id") is not None:
                await unit.one(StoredFile, after["file_id"])
            if after:
                await unit.change(ImageSlice, id, **after)
                await _follow(unit, id, {k: v for k, v in after.items() if k in _FOLLOWED})

        if given and not (plane.row is None and stack.declared):
            await self._catalog.write("update_plane", work)
        return await self._plane(id)

    async def delete_plane(self, id: int) -> Plane:
        """Put a declared plane into the trash; one of an image takes those of projects along.

        Raises Invalid for a plane of an image with pixels, Forbidden, NotFound.
        """
        plane, _stack = await Planes(self._catalog).one(id)
        if plane.row is None:
            raise Invalid("plane", f"plane {id} belongs to the pixels of image {plane.image_id}.")

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"delete plane {id} of image {plane.image_id}"
            await unit.one(ImageSlice, id, can=Can.DELETE)
            along = await unit.scalars(
                select(_slice.id).where(_slice.base_id == id, _slice.trashed_by.is_(None))
            )
            await unit.stamp(ImageSlice, along)
            await unit.trash(ImageSlice, [id])

        await self._catalog.write("delete_plane", work)
        return plane

    async def _plane(self, id: int) -> tuple[Plane, Stack]:
        return await Planes(self._catalog).one(id)


async def _declared_image(unit: Unit, image_id: int) -> Image:
    image = await unit.one(Image, image_id, can=Can.EDIT)
    if image.state != ImageState.DECLARED.value:
        raise Conflict(
            f"Image {image_id} has pixels; all its planes are there.", noun="image", id=image_id
        )
    return image


async def _require_free(
    unit: Unit, image_id: int, placement_id: int | None, place: tuple[int, ...]
) -> None:
    c, z, t = place
    taken = await unit.scalars(
        select(_slice.id).where(
            _slice.image_id == image_id,
            _slice.placement_id.is_not_distinct_from(placement_id),
            _slice.c == c,
            _slice.z == z,
            _slice.t == t,
            _slice.trashed_by.is_(None),
        )
    )
    if taken:
        raise Conflict(
            f"Plane {taken[0]} of image {image_id} is at channel {c}, z {z}, time {t} already.",
            noun="image_slice", id=taken[0],
        )  # fmt: skip


async def _follow(unit: Unit, base_id: int, after: dict[str, Any]) -> None:
    """Change the planes of projects as their own plane was changed."""
    placed = await unit.scalars(
        select(_slice.id).where(_slice.base_id == base_id, _slice.trashed_by.is_(None))
    )
    if placed and after:
        await unit.put_many(ImageSlice, await unit.stored(ImageSlice, placed), after)


async def _name_channel(unit: Unit, plane: Plane, given: dict[str, Any]) -> None:
    after = {k: given[k] for k in ("name", "color") if given.get(k) is not None}
    found = await unit.all(
        Channel, _channel.image_id == plane.image_id, _channel.position == plane.c
    )
    if found and any(getattr(found[0], k) != v for k, v in after.items()):
        await unit.change(Channel, found[0].id, **after)


async def _require_unused(unit: Unit, id: int) -> None:
    """Raise Conflict if anything live holds an image, seen by the actor or not."""
    placed = await unit.scalars(
        select(_placement.project_id)
        .join(table(Project), _project.id == _placement.project_id)
        .where(
            _placement.image_id == id,
            _placement.state == PlacementState.LIVE.value,
            _project.trashed_by.is_(None),
        )
    )
    linked = await unit.scalars(
        select(_link.dataset_id)
        .join(table(Dataset), _dataset.id == _link.dataset_id)
        .where(_link.image_id == id, _link.trashed_by.is_(None), _dataset.trashed_by.is_(None))
    )
    fields = await unit.scalars(
        select(_field.well_id)
        .join(table(Well), _well.id == _field.well_id)
        .where(_field.image_id == id, _field.trashed_by.is_(None), _well.trashed_by.is_(None))
    )
    for count, where in ((placed, "project"), (linked, "dataset"), (fields, "well")):
        if count:
            raise Conflict(
                f"Image {id} lies in {len(count)} {where}(s); take it out first.",
                noun="image", id=id,
            )  # fmt: skip


def _require_places(*places: int) -> None:
    for axis, at in zip("czt", places, strict=True):
        if not 0 <= at <= MOST:
            raise Invalid(axis, f"must not be negative, found {at}.")


def _checked(stated: dict[str, Any]) -> dict[str, Any]:
    """Return stated numbers of an image. Raises Invalid for one that is none of a size."""
    unknown = stated.keys() - {*SIZES, *SCALES, "magnification", "fps"}
    if unknown:
        raise Invalid(min(unknown), "an image has no such property.")
    for name, value in stated.items():
        if value is not None and not 0 < value <= MOST:
            raise Invalid(name, f"must be more than 0, found {value}.")
    return dict(stated)


def _dtype(bits: int | None) -> str | None:
    if bits is None:
        return None
    if bits <= 0 or bits > 32:
        raise Invalid("bits", f"a sample has 1 to 32 bits, found {bits}.")
    return DTYPES[8 if bits <= 8 else 16 if bits <= 16 else 32]
