"""Rendering settings: whose are used, who may keep them, and giving them to many images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Opened
from sqlalchemy import delete, select

from adapters.credentials import Credentials
from adapters.history import History
from adapters.hub import Hub
from adapters.imports import ImportOptions
from adapters.pixels import Box
from adapters.render.encode import Format
from adapters.render.settings import Method, Model, Projection, RenderSettings
from adapters.renderings import Applied, Reset
from adapters.screens import NewField
from store.errors import Forbidden, Invalid, NotFound, Unauthenticated
from store.sealing import Sealing
from store.statement import table
from store.tables.containers import Dataset, DatasetImage
from store.tables.history import Command, Event
from store.tables.images import Channel, Image, Pixels, Rendering
from store.tables.screens import Acquisition, Plate, Well
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld
from tests.fixtures.people import QUICK


@dataclass
class Scene:
    """Images of the owner's in a dataset: two with two channels, one with one."""

    world: HubWorld
    dataset: Dataset
    two: list[Image]
    one: Image

    async def hub(self, who: str) -> Hub:
        return await self.world.hub(who)

    async def shown(self, who: str, image: Image) -> RenderSettings:
        return (await (await self.hub(who)).pixels.view(image.id)).settings

    async def save(self, who: str, image: Image, **channel: Any) -> RenderSettings:
        settings = changed(await self.shown(who, image), **channel)
        await (await self.hub(who)).renderings.save(image.id, settings)
        return settings

    async def count(self, noun: Any) -> int:
        async with self.world.database.reading() as connection:
            return len((await connection.execute(select(table(noun)))).all())


def changed(settings: RenderSettings, index: int = 0, **channel: Any) -> RenderSettings:
    channels = list(settings.channels)
    channels[index] = replace(channels[index], **channel)
    return replace(settings, channels=tuple(channels))


def windows(settings: RenderSettings) -> list[tuple[float, float]]:
    return [(one.start, one.end) for one in settings.channels]


async def imported(world: HubWorld, who: str, samples: Any, **options: Any) -> Image:
    """Import samples ``(t, c, z, y, x)``."""
    path = world.infrastructure.settings.data / f"in-{samples.max()}-{samples.shape[1]}.ome.tif"
    tifffile.imwrite(path, samples, ome=True, metadata={"axes": "TCZYX"})
    (image,) = await (await world.hub(who)).imports.files([path], ImportOptions(**options))
    return image


def ramp(channels: int, first: int) -> np.ndarray[Any, Any]:
    """Return samples of 3 planes, channel c from `first` + 100 c to 191 more."""
    plane = np.arange(3 * 64, dtype=np.uint16).reshape(1, 1, 3, 8, 8) + first
    return np.concatenate([plane + 100 * c for c in range(channels)], axis=1).astype(np.uint16)


@pytest.fixture
async def scene(hub_world: HubWorld) -> Scene:
    dataset = await hub_world.dataset(hub_world.people["owner"], "look")
    two = [
        await imported(hub_world, "owner", ramp(2, first), dataset_id=dataset.id)
        for first in (10, 2000)
    ]
    one = await imported(hub_world, "owner", ramp(1, 5), dataset_id=dataset.id)
    return Scene(hub_world, dataset, two, one)


async def test_ones_own_settings_come_before_the_owners_and_those_before_the_files(
    scene: Scene,
) -> None:
    image = scene.two[0]
    assert windows(await scene.shown("annotator", image)) == [(10, 201), (110, 301)]
    await scene.save("owner", image, start=20.0)
    assert windows(await scene.shown("annotator", image))[0] == (20, 201)
    await scene.save("annotator", image, start=30.0)
    assert windows(await scene.shown("annotator", image))[0] == (30, 201)
    assert windows(await scene.shown("owner", image))[0] == (20, 201)
    assert windows(await scene.shown("root", image))[0] == (20, 201)


async def test_without_any_settings_the_channels_extremes_are_shown(scene: Scene) -> None:
    image = scene.two[0]

    async def forget(unit: Any) -> None:
        await unit.execute(delete(table(Rendering)))

    await scene.world.system().write("forget", forget)
    found = await scene.shown("annotator", image)
    assert windows(found) == [(10, 201), (110, 301)]
    assert found.z == 1
    await scene.save("annotator", image, start=50.0)
    assert windows(await scene.shown("annotator", image)) == [(50, 201), (110, 301)]
    assert windows(await scene.shown("owner", image)) == [(10, 201), (110, 301)]


async def test_all_settings_are_listed_with_their_owners(scene: Scene) -> None:
    image, people = scene.two[0], scene.world.people
    await scene.save("owner", image, start=20.0)
    await scene.save("annotator", image, start=30.0)
    renderings = (await scene.hub("annotator")).renderings
    found = (await renderings.of_images([image.id, scene.one.id]))[image.id]
    assert [(one.user_id, one.settings.channels[0].start) for one in found] == [
        (None, 10.0),
        (people["owner"], 20.0),
        (people["annotator"], 30.0),
    ]
    assert (await renderings.one(found[2].id)).settings.channels[0].start == 30
    hidden = (await scene.hub("stranger")).renderings
    assert await hidden.of_images([image.id]) == {image.id: []}
    with pytest.raises(NotFound):
        await hidden.one(found[2].id)


async def test_who_may_only_read_keeps_no_settings(hub_world: HubWorld) -> None:
    hub_world.people["writer"] = await hub_world.person("writer", hub_world.groups["readers"])
    image = await hub_world.picture("writer")
    reader = await hub_world.hub("reader")
    view = await reader.pixels.view(image.id)
    with pytest.raises(Forbidden):
        await reader.renderings.save(image.id, changed(view.settings, start=3.0))
    refused = await reader.renderings.reset(Reset.MIN_MAX, [(Image, image.id)])
    assert refused == Applied((), (image.id,))
    stranger = await hub_world.hub("stranger")
    with pytest.raises(NotFound):
        await stranger.renderings.save(image.id, view.settings)
    with pytest.raises(Unauthenticated):
        await (await hub_world.hub(None)).renderings.save(image.id, view.settings)


async def test_what_is_shown_already_is_not_stored(scene: Scene) -> None:
    image = scene.two[0]
    rows, commands, events = [await scene.count(noun) for noun in (Rendering, Command, Event)]
    hub = await scene.hub("annotator")
    await hub.renderings.save(image.id, await scene.shown("annotator", image))
    assert await scene.count(Rendering) == rows
    kept = await scene.save("annotator", image, start=30.0)
    await hub.renderings.save(image.id, kept)
    assert await scene.count(Rendering) == rows + 1
    assert await scene.count(Command) == commands + 1
    assert await scene.count(Event) == events + 1


async def test_saving_is_undone_to_what_was_shown(scene: Scene) -> None:
    image = scene.two[0]
    before = await scene.shown("annotator", image)
    kept = await scene.save("annotator", image, start=30.0, inverted=True)
    history = History((await scene.hub("annotator")).catalog)
    await history.undo()
    assert await scene.shown("annotator", image) == before
    await history.redo()
    assert await scene.shown("annotator", image) == kept


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda s: replace(s, channels=s.channels[:1]), "channels"),
        (lambda s: replace(s, z=3), "z"),
        (lambda s: replace(s, t=1), "t"),
        (lambda s: replace(s, projection=Projection(Method.MAXIMUM, 3)), "projection"),
        (lambda s: changed(s, lut="no such table"), "lut"),
    ],
)
async def test_settings_that_cannot_be_drawn_are_not_kept(
    scene: Scene, wrong: Any, field: str
) -> None:
    image = scene.two[0]
    rows = await scene.count(Rendering)
    settings = wrong(await scene.shown("owner", image))
    with pytest.raises(Invalid) as told:
        await (await scene.hub("owner")).renderings.save(image.id, settings)
    assert told.value.field == field
    assert await scene.count(Rendering) == rows


async def test_settings_are_pasted_to_images_and_what_lies_in_containers(scene: Scene) -> None:
    first, second = scene.two
    look = await scene.save("annotator", first, start=30.0, end=99.0, color=(1, 2, 3))
    look = replace(look, model=Model.GREYSCALE, z=2)
    renderings = (await scene.hub("annotator")).renderings
    applied = await renderings.paste(look, [(Dataset, scene.dataset.id), (Image, 999_999)])
    assert applied == Applied(
        tuple(sorted((first.id, second.id))), tuple(sorted((scene.one.id, 999_999)))
    )
    shown = await scene.shown("annotator", second)
    assert shown.channels == look.channels
    assert shown.model is Model.GREYSCALE
    assert shown.z == 1  # of the second image itself
    assert windows(await scene.shown("owner", second)) == [(2000, 2191), (2100, 2291)]
    await History((await scene.hub("annotator")).catalog).undo()
    assert windows(await scene.shown("annotator", second)) == [(2000, 2191), (2100, 2291)]
    with pytest.raises(NotFound):
        await (await scene.hub("stranger")).renderings.paste(look, [(Dataset, scene.dataset.id)])


async def test_settings_are_pasted_to_the_fields_of_plates_runs_and_wells(scene: Scene) -> None:
    hub = await scene.hub("owner")
    plate = await hub.containers.create(Plate, name="plate")
    first, second = scene.two
    run = await hub.screens.create_acquisition(plate.id)
    await hub.screens.add_fields(
        plate.id, [NewField(0, 0, first.id, acquisition_id=run.id), NewField(1, 1, second.id)]
    )
    look = changed(await scene.shown("owner", first), start=77.0)
    (well,) = (await hub.screens.wells_at([(plate.id, 1, 1)])).values()
    pasted = await hub.renderings.paste(look, [(Acquisition, run.id)])
    assert pasted == Applied((first.id,), ())
    assert await hub.renderings.paste(look, [(Well, well.id)]) == Applied((second.id,), ())
    everything = await hub.renderings.reset(Reset.IMPORTED, [(Plate, plate.id)])
    assert everything == Applied((first.id, second.id), ())
    assert windows(await scene.shown("owner", second)) == [(2000, 2191), (2100, 2291)]
    with pytest.raises(Invalid):
        await hub.renderings.paste(look, [(Channel, 1)])


async def test_settings_go_back_to_the_file_the_extremes_or_the_owner(scene: Scene) -> None:
    first, second = scene.two
    targets = [(Image, first.id), (Image, second.id)]
    await scene.save("owner", first, start=20.0, end=40.0, color=(9, 9, 9))
    await scene.save("annotator", first, start=30.0, end=31.0, color=(1, 2, 3))
    renderings = (await scene.hub("annotator")).renderings
    await renderings.reset(Reset.MIN_MAX, targets)
    shown = await scene.shown("annotator", first)
    assert windows(shown) == [(10, 201), (110, 301)]
    assert shown.channels[0].color == (1, 2, 3)
    await renderings.reset(Reset.OWNER, targets)
    shown = await scene.shown("annotator", first)
    assert windows(shown)[0] == (20, 40)
    assert shown.channels[0].color == (9, 9, 9)
    await renderings.reset(Reset.IMPORTED, targets)
    shown = await scene.shown("annotator", first)
    assert windows(shown)[0] == (10, 201)
    assert shown.channels[0].color == (255, 0, 0)
    # The second image was shown as imported all the time: nothing is stored for it.
    rows = await (await scene.hub("annotator")).renderings.of_images([second.id])
    assert [one.user_id for one in rows[second.id]] == [None]


async def test_pasting_costs_the_same_for_2_and_for_22_images(scene: Scene) -> None:
    hub = await scene.hub("owner")
    look = changed(await scene.shown("owner", scene.two[0]), start=12.0)
    counts = []
    for more in range(2):
        if more:
            catalog = hub.catalog

            async def work(unit: Any) -> None:
                for number in range(20):
                    image = await unit.add(
                        Image(name=f"{number}", owner_id=hub.actor.user_id,
                              group_id=hub.actor.default_group)
                    )  # fmt: skip
                    await unit.add(
                        Pixels(image_id=image.id, size_t=1, size_c=2, size_z=1, size_y=8, size_x=8,
                               dtype="uint8", store_key=f"none/{number}")
                    )  # fmt: skip
                    await _link(unit, scene.dataset.id, image)

            await catalog.write("make", work)
        with statements(scene.world.database) as sent:
            done = await hub.renderings.paste(look, [(Dataset, scene.dataset.id)])
        counts.append(len(sent))
        assert len(done.done) == 2 + 20 * more
        look = changed(look, start=13.0)
    assert counts[1] - counts[0] <= 1, counts


async def _link(unit: Any, dataset_id: int, image: Any) -> None:
    await unit.add(
        DatasetImage(dataset_id=dataset_id, image_id=image.id, owner_id=image.owner_id,
                     name_key=image.name_key)
    )  # fmt: skip


async def test_a_copied_look_lies_in_the_session_and_nowhere_else(scene: Scene) -> None:
    world, image = scene.world, scene.two[0]
    credentials = Credentials(world.database, Sealing(bytes(range(32))), passwords=QUICK)
    sessions = [await credentials.login("annotator", "a good password") for _ in range(2)]
    hub = await scene.hub("annotator")
    look = await scene.shown("annotator", image)
    commands, events = await scene.count(Command), await scene.count(Event)
    await hub.clipboard(sessions[0].session.id).copy(image.id, look)
    copied = await hub.clipboard(sessions[0].session.id).copied()
    assert copied is not None
    assert (copied.image_id, copied.settings) == (image.id, look)
    assert await hub.clipboard(sessions[1].session.id).copied() is None
    assert await (await scene.hub("owner")).clipboard(sessions[0].session.id).copied() is None
    assert (await scene.count(Command), await scene.count(Event)) == (commands, events)
    with pytest.raises(Invalid, match="session"):
        await hub.clipboard(None).copy(image.id, look)
    assert await hub.clipboard(None).copied() is None
    await credentials.settle()


async def test_an_image_with_a_palette_is_drawn_in_its_colours(hub_world: HubWorld) -> None:
    palette = np.zeros((3, 256), np.uint16)
    palette[0] = np.arange(256) * 257
    palette[2] = 65535 - np.arange(256) * 257
    samples = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = hub_world.infrastructure.settings.data / "palette.tif"
    tifffile.imwrite(path, samples, photometric="palette", colormap=palette)
    hub = await hub_world.hub("owner")
    (image,) = await hub.imports.files([path], ImportOptions())
    view = await hub.pixels.view(image.id)
    drawn = await hub.pixels.picture(view, Box(0, 0, 16, 16), view.settings, Format.PNG)
    found = np.asarray(Opened.open(BytesIO(drawn.data)).convert("RGB"))
    assert found[..., 0].ravel().tolist() == list(range(256))
    assert found[..., 2].ravel().tolist() == list(range(255, -1, -1))
    await hub.renderings.save(image.id, changed(view.settings, end=100.0))
    kept = (await (await hub_world.hub("owner")).pixels.view(image.id)).settings
    assert kept.channels[0].lut == view.settings.channels[0].lut
    # Pasted elsewhere, the image's own table stays behind.
    other = await hub_world.picture("owner")
    await hub.renderings.paste(kept, [(Image, other.id)])
    pasted = (await (await hub_world.hub("owner")).pixels.view(other.id)).settings
    assert (pasted.channels[0].lut, pasted.channels[0].end) == (None, 100.0)
