"""What a picture is asked of: an image, an image in a project, one of its planes, a region.

Whatever the id names, it ends as an image with the plane to show. An image as a whole is shown at
the middle plane of the first time point, its channels together; a plane shows its own channel in
grey. Answers are remembered as the image's own are, so that a tile asks the database nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.images import View
from adapters.pixels import PixelAccess
from adapters.planes import Planes
from adapters.render.settings import Model, Projection, RenderSettings
from adapters.rois import Rois
from store.access.cache import VerdictCache
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Invalid, NotFound
from store.tables.containers import Placement
from store.tables.rois import Roi, Shape


@dataclass(frozen=True, slots=True)
class Place:
    """An image and the plane of it that was named; None for what was not."""

    image_id: int
    project_id: int | None = None
    c: int | None = None
    z: int | None = None
    t: int | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """An image with pixels at a plane; without `c` all channels are shown together."""

    view: View
    z: int
    t: int
    c: int | None = None
    project_id: int | None = None

    @property
    def plane(self) -> dict[str, int | None]:
        """The plane by axis."""
        return {"c": self.c, "z": self.z, "t": self.t}

    @property
    def channels(self) -> list[int]:
        """The channels looked at, from 0: one of a plane, all of a colour picture."""
        if self.c is None or self.view.pixels.rgb:
            return list(range(self.view.pixels.size_c or 1))
        return [self.c]

    def settings(self, projection: Projection | None = None) -> RenderSettings:
        """Return how it is drawn: as its viewer shows it, at this plane."""
        base = replace(self.view.settings, z=self.z, t=self.t, projection=projection)
        if self.c is None or self.view.pixels.rgb or len(base.channels) == 1:
            return base
        channels = tuple(
            replace(channel, active=index == self.c) for index, channel in enumerate(base.channels)
        )
        return replace(base, channels=channels, model=Model.GREYSCALE)


@dataclass(frozen=True, slots=True)
class Region:
    """A region with the shapes of the plane that stands for it."""

    row: Roi
    subject: Subject
    shapes: Sequence[Shape]


class Subjects:
    """Look-ups of what is to be drawn. All raise NotFound, also for an image without pixels."""

    def __init__(
        self,
        catalog: Catalog,
        pixels: PixelAccess,
        planes: Planes,
        rois: Rois,
        kept: VerdictCache,
    ) -> None:
        self._catalog = catalog
        self._pixels = pixels
        self._planes = planes
        self._rois = rois
        self._kept = kept

    async def of_image(self, id: int) -> Subject:
        """Return an image."""
        return await self._at(Place(id))

    async def of_placement(self, id: int) -> Subject:
        """Return an image in a project."""

        async def load() -> Place:
            row = await self._catalog.one(Placement, id)
            return Place(row.image_id, row.project_id)

        return await self._at(await self._remembered("placement", id, load))

    async def of_plane(self, id: int, *, placed: bool) -> Subject:
        """Return a plane: of an image in a project, or an image's own."""

        async def load() -> Place:
            plane, stack = await self._planes.one(id, placed=placed)
            project = None
            if plane.placement_id is not None:
                project = (await self._catalog.one(Placement, plane.placement_id)).project_id
            # The channel of an image with one says nothing.
            channel = plane.c if stack.channels > 1 else None
            return Place(plane.image_id, project, channel, plane.z, plane.t)

        kind = "placed plane" if placed else "plane"
        return await self._at(await self._remembered(kind, id, load))

    async def of_region(self, id: int) -> Region:
        """Return a region with the shapes of the plane that its first shape lies on."""
        row = await self._rois.get(id)
        shapes = (await self._rois.shapes_of([id]))[id]
        if not shapes:
            raise NotFound("roi", id)
        first = shapes[0]
        subject = await self._at(
            Place(row.image_id, row.project_id, first.c, first.z, first.t)
        )  # fmt: skip
        return Region(row, subject, shapes_shown(shapes, subject.view))

    async def _at(self, place: Place) -> Subject:
        try:
            view = await self._pixels.view(place.image_id)
        except Invalid as error:
            raise NotFound("image", place.image_id) from error
        home = middle(view)
        return Subject(
            view,
            z=home["z"] if place.z is None else place.z,
            t=home["t"] if place.t is None else place.t,
            c=place.c,
            project_id=place.project_id,
        )

    async def _remembered(self, kind: str, id: int, load: Callable[[], Awaitable[Place]]) -> Place:
        actor = self._catalog.actor
        key = (kind, actor_key(actor), id)
        known: tuple[Actor, Place] | None = self._kept.get(key)
        if known is not None and known[0] is actor:
            return known[1]
        epoch = self._kept.epoch
        found = await load()
        self._kept.put(key, (actor, found), epoch=epoch)
        return found


def actor_key(actor: Actor) -> int:
    """Return what tells one credential from another for as long as its object lives."""
    return id(actor)


def middle(view: View) -> dict[str, int]:
    """Return the plane that stands for an image: the middle channel and depth, the first time."""
    pixels = view.pixels
    channels = 1 if pixels.rgb else pixels.size_c or 1
    return {"c": channels // 2, "z": (pixels.size_z or 1) // 2, "t": 0}


def shapes_shown(
    shapes: Sequence[Shape], view: View, plane: Mapping[str, int | None] | None = None
) -> list[Shape]:
    """Return the shapes of a region that lie on a plane; where none do, those of its home plane.

    The home plane is that of the first shape, where an axis it does not name is in the middle, and
    time the first. A shape that does not name an axis lies on all of it.
    """
    if plane is not None:
        here = [shape for shape in shapes if _lies_on(shape, plane)]
        if here:
            return here
    first, usual = shapes[0], middle(view)
    home = {
        axis: usual[axis] if getattr(first, axis) is None else getattr(first, axis)
        for axis in ("c", "z", "t")
    }
    return [shape for shape in shapes if _lies_on(shape, home)]


def _lies_on(shape: Shape, plane: Mapping[str, int | None]) -> bool:
    return all(at is None or getattr(shape, axis) in (None, at) for axis, at in plane.items())
