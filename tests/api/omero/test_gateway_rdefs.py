"""Rendering settings as viewers keep, list, copy, paste and reset them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
import pytest_asyncio
import tifffile
from sqlalchemy import func, select

from adapters.imports import ImportOptions
from adapters.screens import NewField
from schema.scalars import encode_id
from store.statement import table
from store.tables.containers import Dataset
from store.tables.history import Command, Event
from store.tables.images import Rendering
from store.tables.screens import Plate
from tests.fixtures.app import AppClients
from tests.fixtures.drawing import decoded, waves
from tests.fixtures.omero_session import omero_session

pytestmark = pytest.mark.asyncio(loop_scope="module")
GATEWAY = "/webgateway/"


@dataclass
class Served:
    """The application with signed-in browsers of two people."""

    clients: AppClients
    browsers: dict[str, httpx.AsyncClient]

    async def image(self, channels: int = 2, **options: Any) -> int:
        """Make an image of the owner's."""
        samples = waves((2, channels, 3, 20, 30))
        return (await self.clients.world.image("owner", samples, **options)).id

    async def get(self, path: str, who: str = "annotator") -> Any:
        answer = await self.browsers[who].get(GATEWAY + path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, who: str = "annotator", **form: Any) -> Any:
        answer = await self.browsers[who].post(GATEWAY + path, data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def channels(self, id: int, who: str = "annotator") -> Any:
        found = await self.get(f"imgData/{id}/", who)
        return [
            (one["active"], one["window"]["start"], one["window"]["end"], one["color"])
            for one in found["channels"]
        ]

    async def count(self, noun: Any) -> int:
        async with self.clients.world.database.reading() as connection:
            return await connection.scalar(select(func.count()).select_from(table(noun))) or 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(shared_app: AppClients) -> AsyncIterator[Served]:
    browsers = {who: await omero_session(shared_app, who) for who in ("owner", "annotator")}
    yield Served(shared_app, browsers)


LOOK = quote("1|10:20$FF8000,-2|30:40$00FF80")
TAKEN = [(True, 10.0, 20.0, "FF8000"), (False, 30.0, 40.0, "00FF80")]


async def test_settings_saved_here_are_everywhere_at_once(served: Served) -> None:
    id = await served.image()
    commands, events = await served.count(Command), await served.count(Event)
    maps = quote('[{"inverted": {"enabled": true}}, null]')
    path = f"saveImgRDef/{id}/?c={LOOK}&m=g&z=3&t=2&maps={maps}"
    answer = await served.browsers["annotator"].post(GATEWAY + path)
    assert (answer.status_code, answer.text) == (200, "true")
    assert await served.count(Command) == commands + 1
    assert await served.count(Event) > events
    assert await served.channels(id) == TAKEN
    found = await served.get(f"imgData/{id}/rdefs/")
    assert (found["defaultZ"], found["defaultT"], found["model"]) == (2, 1, "greyscale")
    query = """query($id: ID!) { image(id: $id) { rendering { model z t
      channels { start end active inverted color } }
      renderings { imported user { username } rendering { z } } } }"""
    told = await served.clients.world.graphql("annotator", query, {"id": encode_id("Image", id)})
    rendering = told["image"]["rendering"]
    assert (rendering["model"], rendering["z"], rendering["t"]) == ("greyscale", 2, 1)
    assert rendering["channels"][0] == {
        "start": 10.0, "end": 20.0, "active": True, "inverted": True, "color": "FF8000",
    }  # fmt: skip
    assert told["image"]["renderings"] == [
        {"imported": True, "user": None, "rendering": {"z": 1}},
        {"imported": False, "user": {"username": "annotator"}, "rendering": {"z": 2}},
    ]
    assert await served.channels(id, "owner") != TAKEN
    picture = await served.browsers["annotator"].get(f"/tiles/{id}/picture?format=png")
    same = await served.browsers["annotator"].get(f"{GATEWAY}render_image/{id}/?format=png")
    assert np.array_equal(decoded(picture), decoded(same))


async def test_saving_the_same_again_writes_nothing(served: Served) -> None:
    id = await served.image()
    path = f"saveImgRDef/{id}/?c={LOOK}&m=c"
    assert await served.post(path) is True
    before = await served.count(Command), await served.count(Event)
    assert await served.post(path) is True
    assert await served.post(f"saveImgRDef/{id}/?z=2&t=1") is True  # as it is shown already
    assert (await served.count(Command), await served.count(Event)) == before


async def test_what_may_not_or_cannot_be_saved_is_answered_by_false(served: Served) -> None:
    id = await served.image()
    rows = await served.count(Rendering)
    for rest in ("c=9|0:1$FF0000", "c=1|0:x$FF0000", "z=0", "z=4", "t=3", "z=x", "m=q", "p=x",
                 "p=intmax|3:4", "maps=[", "c=1|0:1$no.lut"):  # fmt: skip
        assert await served.post(f"saveImgRDef/{id}/?{rest}") is False
    assert await served.post("saveImgRDef/999999/?c=1") is False
    stranger = await omero_session(served.clients, "stranger")
    answer = await stranger.post(f"{GATEWAY}saveImgRDef/{id}/?c={LOOK}")
    assert (answer.status_code, answer.text) == (200, "false")
    assert await served.count(Rendering) == rows


async def test_who_may_only_read_saves_nothing(served: Served) -> None:
    world = served.clients.world
    readers = world.groups["readers"]
    if "writer" not in world.people:
        world.people["writer"] = await world.person("writer", readers)
    image = await world.image("writer", waves((1, 2, 1, 20, 20)))
    reader = await omero_session(served.clients, "reader")
    before = (await reader.get(f"{GATEWAY}imgData/{image.id}/")).json()
    assert before["perms"]["canAnnotate"] is False
    answer = await reader.post(f"{GATEWAY}saveImgRDef/{image.id}/?c={LOOK}&m=c")
    assert (answer.status_code, answer.text) == (200, "false")
    assert (await reader.get(f"{GATEWAY}imgData/{image.id}/")).json() == before
    pasted = await reader.post(f"{GATEWAY}resetRDef/", data={"toids": image.id})
    assert pasted.json() == {"true": [], "false": [image.id]}


async def test_saving_takes_the_csrf_secret(served: Served) -> None:
    id = await served.image()
    browser = served.browsers["annotator"]
    for path in (f"saveImgRDef/{id}/?c={LOOK}", "copyImgRDef/", "resetRDef/", "resetOwnersRDef/"):
        answer = await browser.post(GATEWAY + path, headers={"X-CSRFToken": ""})
        assert answer.status_code == 403
        assert answer.json()["message"].startswith("CSRF Failed")
    assert (await browser.get(f"{GATEWAY}saveImgRDef/{id}/?c={LOOK}")).status_code == 405
    assert await served.channels(id) != TAKEN


async def test_all_settings_are_listed_with_their_owners(served: Served) -> None:
    id = await served.image()
    people = served.clients.world.people
    first = await served.get(f"get_image_rdefs_json/{id}/")
    (imported,) = first["rdefs"]
    assert imported["owner"]["id"] == people["owner"]
    await served.post(f"saveImgRDef/{id}/?c={LOOK}&m=g")
    both = (await served.get(f"get_image_rdefs_json/{id}"))["rdefs"]
    assert [one["owner"]["id"] for one in both] == [people["owner"], people["annotator"]]
    mine = both[1]
    assert mine["model"] == "greyscale"
    assert both[0]["model"] == "rgb"
    assert (mine["z"], mine["t"]) == (1, 0)
    assert mine["c"][0] == {
        "active": True, "start": 10.0, "end": 20.0, "color": "FF8000", "inverted": False,
        "reverseIntensity": False, "family": "linear", "coefficient": 1.0,
        "rgb": {"red": 255, "green": 128, "blue": 0},
    }  # fmt: skip
    assert set(mine["owner"]) == {"id", "firstName", "lastName"}
    # The owner's own settings take the place of those of the file.
    await served.post(f"saveImgRDef/{id}/?c=1|0:4000$fire.lut", "owner")
    owners, _ = (await served.get(f"get_image_rdefs_json/{id}/"))["rdefs"]
    assert owners["id"] != imported["id"]
    assert owners["c"][0]["lut"] == "fire.lut"
    missing = await served.get("get_image_rdefs_json/999999/")
    assert missing == {"error": "No image with id 999999"}
    stranger = await served.clients["stranger"].get(f"{GATEWAY}get_image_rdefs_json/{id}/")
    assert stranger.json() == {"error": f"No image with id {id}"}
    # Each of them can be asked for by its number.
    thumbnails = [
        await served.browsers["annotator"].get(
            f"{GATEWAY}render_thumbnail/{id}/?rdefId={one['id']}"
        )
        for one in (owners, mine)
    ]
    assert thumbnails[0].content != thumbnails[1].content


async def test_a_copied_look_is_read_back_and_pasted(served: Served) -> None:
    source, target, other = await served.image(), await served.image(), await served.image(1)
    browser = await omero_session(served.clients, "annotator")
    assert (await browser.get(f"{GATEWAY}getImgRDef/")).json() == {"rdef": None}
    empty = await browser.post(f"{GATEWAY}copyImgRDef/", data={"toids": target})
    assert empty.status_code == 400
    copied = await browser.get(f"{GATEWAY}copyImgRDef/?imageId={source}&c={LOOK}&m=g&z=1&t=2")
    assert (copied.status_code, copied.json()) == (200, True)
    rdef = (await browser.get(f"{GATEWAY}getImgRDef")).json()["rdef"]
    assert rdef["c"] == "1|10:20$FF8000,-2|30:40$00FF80"
    assert rdef["m"] == "g"
    assert rdef["imageId"] == source
    assert rdef["pixel_range"] == "0:65535"
    assert [one["inverted"] for one in rdef["maps"]] == [{"enabled": False}] * 2
    form = {"toids": [target, other, 999999], "to_type": "image"}
    pasted = (await browser.post(f"{GATEWAY}copyImgRDef/", data=form)).json()
    assert pasted == {"true": [target], "false": [other, 999999]}
    assert await served.channels(target) == TAKEN
    assert await served.channels(source) != TAKEN  # only copied, not saved
    assert (await browser.get(f"{GATEWAY}imgData/{target}/rdefs/")).json()["defaultZ"] == 1
    # What is read back draws the same picture.
    query = f"c={quote(rdef['c'])}&m={rdef['m']}&maps={quote(json.dumps(rdef['maps']))}"
    again = await browser.get(f"{GATEWAY}render_image/{target}/1/0/?format=png&{query}")
    kept = await browser.get(f"{GATEWAY}render_image/{target}/1/0/?format=png")
    assert again.content == kept.content


async def test_the_kept_look_of_an_image_is_copied_by_its_number(served: Served) -> None:
    source, target = await served.image(), await served.image()
    await served.post(f"saveImgRDef/{source}/?c={LOOK}&m=c")
    assert await served.get(f"copyImgRDef/?fromid={source}") is True
    assert (await served.get("getImgRDef/"))["rdef"]["imageId"] == source
    assert await served.post("copyImgRDef/", toids=target) == {"true": [target], "false": []}
    assert await served.channels(target) == TAKEN
    # Named with its targets, nothing need be copied before.
    third = await served.image()
    browser = await omero_session(served.clients, "annotator")
    direct = await browser.post(f"{GATEWAY}copyImgRDef/", data={"fromid": source, "toids": [third]})
    assert direct.json() == {"true": [third], "false": []}
    assert await served.channels(third) == TAKEN


async def test_a_look_is_pasted_to_datasets_plates_and_runs(served: Served) -> None:
    world = served.clients.world
    hub = await world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="many")
    plate = await hub.containers.create(Plate, name="plate")
    source = await served.image()
    inside = [await served.image(dataset=dataset.id) for _ in range(2)]
    fields = [await served.image() for _ in range(2)]
    run = await hub.screens.create_acquisition(plate.id)
    await hub.screens.add_fields(
        plate.id, [NewField(0, 0, fields[0], acquisition_id=run.id), NewField(0, 1, fields[1])]
    )
    await served.get(f"copyImgRDef/?imageId={source}&c={LOOK}&m=c")
    paste = "copyImgRDef/"
    assert (await served.post(paste, toids=dataset.id, to_type="dataset"))["true"] == inside
    assert (await served.post(paste, toids=run.id, to_type="acquisition"))["true"] == fields[:1]
    assert (await served.post(paste, toids=plate.id, to_type="plate"))["true"] == fields
    for id in (*inside, *fields):
        assert await served.channels(id) == TAKEN
    reset = await served.post("resetRDef/", totype="dataset", toids=dataset.id)
    assert reset == {"true": inside, "false": []}
    assert await served.channels(inside[0]) == await served.channels(source)


async def test_settings_go_back_to_the_file_or_to_the_owner(served: Served) -> None:
    id = await served.image()
    first = await served.channels(id)
    await served.post(f"saveImgRDef/{id}/?c=1|5:6$0000FF,2|7:8$00FF00", "owner")
    await served.post(f"saveImgRDef/{id}/?c={LOOK}")
    assert await served.post("resetRDef", totype="image", toids=id) == {"true": [id], "false": []}
    assert await served.channels(id) == first
    await served.post(f"saveImgRDef/{id}/?c={LOOK}")
    assert (await served.post("resetOwnersRDef/", to_type="image", toids=id))["true"] == [id]
    assert await served.channels(id) == await served.channels(id, "owner")
    assert (await served.channels(id))[0] == (True, 5.0, 6.0, "0000FF")


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("resetRDef/", {}, 404),
        ("resetRDef/", {"toids": "x"}, 400),
        ("resetRDef/", {"toids": "1", "to_type": "galaxy"}, 400),
        ("resetRDef/", {"toids": "999999", "to_type": "dataset"}, 404),
        ("resetRDef/", {"toids": "-1"}, 404),
        ("copyImgRDef/", {}, 404),
        ("copyImgRDef/", {"fromid": "999999", "toids": "1"}, 404),
        ("copyImgRDef/", {"fromid": "x", "toids": "1"}, 400),
        ("copyImgRDef/", {"imageId": "1", "c": "1|x", "toids": "1"}, 404),
    ],
)
async def test_a_paste_that_makes_no_sense_is_refused(
    served: Served, path: str, form: dict[str, str], status: int
) -> None:
    before = await served.count(Rendering)
    answer = await served.browsers["annotator"].post(GATEWAY + path, data=form)
    assert answer.status_code == status
    assert await served.count(Rendering) == before


async def test_copying_needs_an_image_one_sees_and_a_session(served: Served) -> None:
    id = await served.image()
    browser = served.browsers["annotator"]
    assert (await browser.get(f"{GATEWAY}copyImgRDef/")).status_code == 400
    assert (await browser.get(f"{GATEWAY}copyImgRDef/?fromid=999999")).status_code == 404
    assert (await browser.get(f"{GATEWAY}copyImgRDef/?fromid=x")).status_code == 400
    assert (await browser.get(f"{GATEWAY}copyImgRDef/?imageId={id}&c=9")).status_code == 400
    by_token = served.clients["annotator"]
    assert (await by_token.get(f"{GATEWAY}copyImgRDef/?fromid={id}")).status_code == 400
    assert (await by_token.get(f"{GATEWAY}getImgRDef/")).json() == {"rdef": None}
    nobody = served.clients[None]
    for path in ("getImgRDef/", f"get_image_rdefs_json/{id}/", f"copyImgRDef/?fromid={id}"):
        assert (await nobody.get(GATEWAY + path)).status_code == 302


async def test_a_table_of_the_images_own_goes_out_by_a_name_and_comes_back(
    served: Served,
) -> None:
    world = served.clients.world
    palette = np.zeros((3, 256), np.uint16)
    palette[0], palette[1] = np.arange(256) * 257, 65535 - np.arange(256) * 257
    path = world.infrastructure.settings.data / "sent" / "palette.tif"
    samples = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tifffile.imwrite(path, samples, photometric="palette", colormap=palette)
    (image,) = await (await world.hub("owner")).imports.files([path], ImportOptions())
    (channel,) = await served.get(f"imgData/{image.id}/channels/")
    assert channel["lut"] == "palette.lut"
    plain = await served.browsers["owner"].get(f"{GATEWAY}render_image/{image.id}/?format=png")
    assert decoded(plain)[..., 0].ravel().tolist() == list(range(256))
    assert decoded(plain)[..., 1].ravel().tolist() == list(range(255, -1, -1))
    asked = f"1|0:255${channel['lut']}"
    same = await served.browsers["owner"].get(
        f"{GATEWAY}render_image/{image.id}/?format=png&m=c&c={quote(asked)}"
    )
    assert np.array_equal(decoded(same), decoded(plain))
    assert await served.post(f"saveImgRDef/{image.id}/?m=c&c=1|0:100$palette.lut") is True
    kept = await served.browsers["annotator"].get(f"{GATEWAY}render_image/{image.id}/?format=png")
    assert decoded(kept)[6, 4].tolist() == [255, 0, 0]
