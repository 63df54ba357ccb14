"""Rendering settings: whose there are, saving them, and giving many images the same or the first.

Everybody has at most one set of settings per image; without any, one sees the owner's, then what
the file asked for, then what the samples suggest (`adapters.images.look_of`). To keep settings
takes the right to annotate: they hang on the image under one's name and are shown to all its
readers, as a tag is, so whoever may only read an image keeps none. What is shown already is not
stored again. A first set is stored as what was shown before and then changed, so that undo brings
that look back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlmodel import SQLModel

from adapters.hierarchy import visible_members
from adapters.images import (
    custom_tables,
    look_of,
    settings_of,
    stored_settings,
    suggested,
)
from adapters.render import luts
from adapters.render.project import plane_range
from adapters.render.settings import RenderSettings
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Invalid, TooLarge, Unauthenticated
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage
from store.tables.images import Channel, Image, Pixels, Rendering
from store.tables.screens import Acquisition, Plate, Well, WellSample
from store.unit import Unit

MOST_IMAGES = 10_000  # in one call
Targets: TypeAlias = Sequence[tuple[type[SQLModel], int]]
"""Images, or containers that stand for the images in them: (noun, id)."""

_rendering, _image, _link = cols(Rendering), cols(Image), cols(DatasetImage)
_field, _well = cols(WellSample), cols(Well)
_COLUMNS = ("image_id", "user_id", "model", "z", "t", "projection", "channels")


class Reset(StrEnum):
    """What to go back to: the file's settings, the extremes of the samples, the owner's."""

    IMPORTED = "imported"
    MIN_MAX = "min_max"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Saved:
    """Settings somebody keeps for an image; `user_id` None: as it was imported."""

    id: int
    image_id: int
    user_id: int | None
    settings: RenderSettings


@dataclass(frozen=True, slots=True)
class Applied:
    """Which images show the settings now, and which could not take them; both in order of ids."""

    done: tuple[int, ...]
    refused: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Target:
    """An image the actor may keep settings for, with all that is known of its look."""

    image: Image
    pixels: Pixels
    channels: Sequence[Channel]
    rows: Mapping[int | None, Any]
    me: int

    @property
    def imported(self) -> RenderSettings:
        """As the file asks for, else as the samples suggest."""
        row = self.rows.get(None)
        if row is None:
            return suggested(self.pixels, self.channels)
        return look_of(settings_of(row), self.pixels, self.channels)

    @property
    def owners(self) -> RenderSettings:
        """As the owner sees it."""
        row = self.rows.get(self.image.owner_id)
        return self.imported if row is None else settings_of(row, custom_tables(self.channels))

    @property
    def shown(self) -> RenderSettings:
        """As the actor sees it."""
        row = self.rows.get(self.me)
        return self.owners if row is None else settings_of(row, custom_tables(self.channels))


Wanted: TypeAlias = "Callable[[_Target], dict[str, Any] | None]"
"""The columns to store for an image; None refuses it."""


class Renderings:
    """Verbs on rendering settings, for one actor."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def of_images(self, image_ids: Sequence[int]) -> dict[int, list[Saved]]:
        """Return everybody's settings of each image, as imported first. One statement."""
        found = await self._catalog.grouped(
            Rendering, "image_id", image_ids, order=(_rendering.user_id, _rendering.id)
        )
        return {
            id: sorted((_saved(row) for row in rows), key=lambda one: (one.user_id or 0, one.id))
            for id, rows in zip(image_ids, found, strict=True)
        }

    async def one(self, id: int) -> Saved:
        """Return settings by their number. Raises NotFound."""
        return _saved(await self._catalog.one(Rendering, id))

    async def imported(self, image_id: int, pixels: Pixels, channels: Any) -> RenderSettings:
        """Return how an image was first shown. One statement."""
        rows = await self._catalog.all(
            Rendering,
            self._catalog.select(Rendering).where(
                _rendering.image_id == image_id, _rendering.user_id.is_(None)
            ),
        )
        return look_of(settings_of(rows[0]) if rows else None, pixels, channels)

    async def save(self, image_id: int, settings: RenderSettings) -> None:
        """Keep settings as the actor's own for an image.

        Raises NotFound, Forbidden without the right to annotate, Invalid for settings that do not
        fit the image.
        """
        me = self._me("keep")

        async def work(unit: Unit) -> None:
            await unit.one(Image, image_id, can=Can.ANNOTATE)
            unit.journal.summary = f"rendering of image {image_id}"

            def wanted(target: _Target) -> dict[str, Any]:
                _check(settings, target)
                return stored_settings(settings)

            done = await _store(unit, me, [image_id], wanted)
            if not done.done:
                raise Invalid("image", f"image {image_id} was declared without pixels.")

        await self._catalog.write("save_rendering", work)

    async def paste(self, settings: RenderSettings, targets: Targets) -> Applied:
        """Show images like another: its model and channels; planes stay as they are.

        Refused are images with another number of channels, and those the actor cannot see or may
        not annotate. Raises NotFound for a container, TooLarge beyond 10,000 images.
        """
        look = stored_settings(_bare(settings))
        values = {name: look[name] for name in ("model", "channels")}
        count = len(settings.channels)

        def wanted(target: _Target) -> dict[str, Any] | None:
            return values if target.pixels.size_c == count else None

        return await self._many("paste_rendering", targets, wanted)

    async def reset(self, how: Reset, targets: Targets) -> Applied:
        """Show images as they were imported, between their extremes, or as their owners do.

        Refuses and raises as `paste` does.
        """

        def wanted(target: _Target) -> dict[str, Any]:
            if how is Reset.OWNER:
                return stored_settings(target.owners)
            if how is Reset.IMPORTED:
                return stored_settings(target.imported)
            return stored_settings(_between_extremes(target))

        return await self._many("reset_rendering", targets, wanted)

    async def _many(self, verb: str, targets: Targets, wanted: Wanted) -> Applied:
        me = self._me("change")

        async def work(unit: Unit) -> Applied:
            ids = await _images_of(unit, targets)
            unit.journal.summary = f"rendering of {len(ids)} images"
            return await _store(unit, me, ids, wanted)

        return await self._catalog.write(verb, work)

    def _me(self, action: str) -> int:
        if self._catalog.actor.user_id is None:
            raise Unauthenticated(f"Sign in to {action} rendering settings.")
        return self._catalog.actor.user_id


async def _images_of(unit: Unit, targets: Targets) -> list[int]:
    """Return the ids of images named, and of those inside the containers named."""
    named: dict[type[SQLModel], list[int]] = {}
    for noun, id in targets:
        named.setdefault(noun, []).append(id)
    found = dict.fromkeys(named.pop(Image, []))
    for noun, ids in named.items():
        if noun not in _INSIDE:
            raise Invalid("targets", "settings go to images, datasets, plates, runs and wells.")
        await visible_members(unit, noun, ids)
        found |= dict.fromkeys(await unit.scalars(_INSIDE[noun](unit, ids)))
    if len(found) > MOST_IMAGES:
        raise TooLarge(f"A list of {len(found):,} images", MOST_IMAGES, "images")
    return sorted(found)


def _in_wells(unit: Unit, where: Any) -> Any:
    return (
        select(_field.image_id)
        .join(table(Well), _well.id == _field.well_id)
        .where(where, _field.trashed_by.is_(None), _well.trashed_by.is_(None))
    )


_INSIDE: dict[type[SQLModel], Callable[[Unit, Sequence[int]], Any]] = {
    Dataset: lambda unit, ids: select(_link.image_id).where(
        unit.members(_link.dataset_id, ids), _link.trashed_by.is_(None)
    ),
    Plate: lambda unit, ids: _in_wells(unit, unit.members(_well.plate_id, ids)),
    Acquisition: lambda unit, ids: _in_wells(unit, unit.members(_field.acquisition_id, ids)),
    Well: lambda unit, ids: _in_wells(unit, unit.members(_well.id, ids)),
}


async def _store(unit: Unit, me: int, ids: Iterable[int], wanted: Wanted) -> Applied:
    """Store what is wanted of each image; a constant number of reads, one write per new look."""
    wishes = list(dict.fromkeys(ids))
    found: dict[int, dict[str, Any]] = {}
    targets = await _targets(unit, me, wishes)
    for target in targets:
        values = wanted(target)
        if values is not None:
            found[target.image.id] = values
    changed = [
        target
        for target in targets
        if target.image.id in found and _differs(target.shown, found[target.image.id])
    ]
    own = {target.image.id: target.rows[me] for target in changed if me in target.rows}
    own |= await _first_sets(unit, me, [target for target in changed if me not in target.rows])
    alike: dict[str, tuple[dict[str, Any], list[Any]]] = {}
    for id, row in own.items():
        text = json.dumps(found[id], sort_keys=True)
        alike.setdefault(text, (found[id], []))[1].append(row)
    for values, rows in alike.values():
        await unit.put_many(Rendering, rows, values)
    return Applied(tuple(sorted(found)), tuple(sorted(id for id in wishes if id not in found)))


async def _first_sets(unit: Unit, me: int, targets: Sequence[_Target]) -> dict[int, Any]:
    """Store what is shown now as the actor's own; return the rows by image."""
    if not targets:
        return {}
    looks = [stored_settings(target.shown) for target in targets]
    await unit.add_many(
        Rendering,
        _COLUMNS,
        [
            (target.image.id, me, *(look[name] for name in _COLUMNS[2:]))
            for target, look in zip(targets, looks, strict=True)
        ],
    )
    ids = [target.image.id for target in targets]
    rows = await unit.all(
        Rendering, unit.members(_rendering.image_id, ids), _rendering.user_id == me
    )
    return {row.image_id: row for row in rows}


async def _targets(unit: Unit, me: int, ids: Sequence[int]) -> list[_Target]:
    """Return the images among these that the actor may keep settings for, in five statements."""
    images: Sequence[Any] = await unit.all(Image, unit.members(_image.id, ids))
    allowed = await unit.judge.capabilities(Image, images)
    kept = {
        image.id: image for image, can in zip(images, allowed, strict=True) if can & Can.ANNOTATE
    }
    if not kept:
        return []
    # Locked, so that two requests of one person do not both store a first set.
    await unit.stored(Image, kept)
    pixels = {
        one.image_id: one
        for one in await unit.all(Pixels, unit.members(cols(Pixels).image_id, kept))
        if one.store_key is not None
    }
    rows: dict[int, dict[int | None, Any]] = {id: {} for id in kept}
    for row in await unit.all(Rendering, unit.members(_rendering.image_id, kept)):
        rows[row.image_id][row.user_id] = row
    channels: dict[int, list[Channel]] = {id: [] for id in kept}
    for channel in await unit.all(
        Channel, unit.members(cols(Channel).image_id, kept), order=cols(Channel).position
    ):
        channels[channel.image_id].append(channel)
    return [
        _Target(image, pixels[id], channels[id], rows[id], me)
        for id, image in kept.items()
        if id in pixels
    ]


def _differs(shown: RenderSettings, values: Mapping[str, Any]) -> bool:
    now = stored_settings(shown)
    return any(now[name] != value for name, value in values.items())


def _between_extremes(target: _Target) -> RenderSettings:
    """Return the look with every window from the least to the greatest sample."""
    channels = list(target.shown.channels)
    for channel in target.channels:
        if channel.minimum is None or channel.maximum is None or channel.position >= len(channels):
            continue
        end = channel.maximum
        if end <= channel.minimum:  # one value only: black, as `settings.defaults` has it
            end = channel.minimum + max(1.0, abs(channel.minimum) * 1e-6)
        channels[channel.position] = replace(
            channels[channel.position], start=channel.minimum, end=end
        )
    return replace(target.shown, channels=tuple(channels))


def _check(settings: RenderSettings, target: _Target) -> None:
    """Raise Invalid for settings by which the image could not be drawn."""
    pixels = target.pixels
    if len(settings.channels) != pixels.size_c:
        raise Invalid("channels", f"the image has {pixels.size_c}, not {len(settings.channels)}.")
    for axis, index, size in (("z", settings.z, pixels.size_z), ("t", settings.t, pixels.size_t)):
        if index >= (size or 0):
            raise Invalid(axis, f"{index} is not between 0 and {(size or 0) - 1}.")
    if settings.projection is not None:
        plane_range(settings.projection, pixels.size_z or 0)
    own = custom_tables(target.channels)
    for channel in settings.channels:
        if channel.lut is not None:
            luts.table(channel.lut, own)


def _bare(settings: RenderSettings) -> RenderSettings:
    """Leave out lookup tables that belong to one image alone."""
    channels = tuple(
        channel if channel.lut is None or luts.known(channel.lut) else replace(channel, lut=None)
        for channel in settings.channels
    )
    return replace(settings, channels=channels, custom=None)


def _saved(row: Any) -> Saved:
    return Saved(row.id, row.image_id, row.user_id, settings_of(row))
