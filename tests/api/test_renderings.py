"""How images are shown, over GraphQL: everybody's settings, copying, pasting, resetting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from adapters.imports import ImportOptions
from resolvers.root import graphql_schema
from schema.scalars import encode_id
from store.tables.containers import Dataset
from tests.fixtures.app import application, settings_for
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld
from tests.fixtures.omero_session import omero_session

KEPT = "private, max-age=31536000, immutable"
APPLIED = "done refused"


@dataclass
class Scene:
    """A dataset of the owner's with two pictures, and one of two channels; global ids."""

    world: HubWorld
    dataset: str
    first: str
    second: str
    coloured: str

    async def window(self, who: str, id: str) -> list[float]:
        query = "query($id: ID!) { image(id: $id) { rendering { channels { start end } } } }"
        found = await self.world.graphql(who, query, {"id": id})
        channel = found["image"]["rendering"]["channels"][0]
        return [channel["start"], channel["end"]]

    async def keep(self, who: str, id: str, **channel: Any) -> None:
        input = {"id": id, "channels": [{"position": 0, **channel}]}
        answer = await self.world.mutate(who, "saveRendering", input, "image { name }")
        assert "code" not in answer, answer


@pytest.fixture
async def scene(hub_world: HubWorld) -> Scene:
    dataset = await hub_world.dataset(hub_world.people["owner"], "in")
    pictures = [await hub_world.picture("owner", dataset_id=dataset.id) for _ in range(2)]
    path = hub_world.infrastructure.settings.data / "two.ome.tif"
    samples = np.arange(2 * 256, dtype="uint16").reshape(1, 2, 1, 16, 16)
    tifffile.imwrite(path, samples, ome=True, metadata={"axes": "TCZYX"})
    hub = await hub_world.hub("owner")
    (coloured,) = await hub.imports.files([path], ImportOptions(dataset_id=dataset.id))
    ids = [encode_id("Image", one.id) for one in (*pictures, coloured)]
    return Scene(hub_world, encode_id(Dataset.__name__, dataset.id), *ids)


async def test_everybodys_settings_are_listed(scene: Scene) -> None:
    await scene.keep("annotator", scene.first, start=9.0)
    query = """query($id: ID!) { image(id: $id) { renderings {
      imported user { username } rendering { channels { start } } } } }"""
    found = await scene.world.graphql("owner", query, {"id": scene.first})
    assert found["image"]["renderings"] == [
        {"imported": True, "user": None, "rendering": {"channels": [{"start": 1.0}]}},
        {
            "imported": False,
            "user": {"username": "annotator"},
            "rendering": {"channels": [{"start": 9.0}]},
        },
    ]


async def test_a_look_is_pasted_from_an_image_and_undone(scene: Scene) -> None:
    await scene.keep("annotator", scene.first, start=9.0, end=99.0)
    input = {"targets": [scene.dataset], "source": scene.first}
    answer = await scene.world.mutate("annotator", "pasteRendering", input, APPLIED)
    assert answer == {"done": [scene.first, scene.second], "refused": [scene.coloured]}
    assert await scene.window("annotator", scene.second) == [9.0, 99.0]
    assert await scene.window("owner", scene.second) == [2.0, 257.0]
    undone = await scene.world.mutate("annotator", "undo", {}, "__typename")
    assert "code" not in undone
    assert await scene.window("annotator", scene.second) == [2.0, 257.0]


async def test_a_look_goes_back_to_the_file_the_extremes_and_the_owner(scene: Scene) -> None:
    await scene.keep("owner", scene.first, start=50.0, end=60.0)
    await scene.keep("annotator", scene.first, start=9.0, end=99.0)
    for to, expected in (("OWNER", [50.0, 60.0]), ("MIN_MAX", [1.0, 256.0]), (None, [1.0, 256.0])):
        await scene.keep("annotator", scene.first, start=9.0, end=99.0)
        input = {"targets": [scene.first]} | ({} if to is None else {"to": to})
        answer = await scene.world.mutate("annotator", "resetRendering", input, APPLIED)
        assert answer == {"done": [scene.first], "refused": []}
        assert await scene.window("annotator", scene.first) == expected


async def test_what_cannot_be_pasted_is_told(scene: Scene) -> None:
    mutate = scene.world.mutate
    nothing = await mutate("owner", "pasteRendering", {"targets": [scene.first]}, APPLIED)
    assert (nothing["code"], nothing["field"]) == ("invalid", "source")
    input = {"targets": [encode_id("Project", 7)], "source": scene.first}
    odd = await mutate("owner", "pasteRendering", input, APPLIED)
    assert (odd["code"], odd["field"]) == ("invalid", "targets")
    copied = await mutate("owner", "copyRendering", {"id": scene.first}, "rendering { model }")
    assert copied["code"] == "invalid"  # there is no session here


async def test_a_look_is_copied_in_a_session_and_pasted_in_the_same(
    database_url: str, tmp_path: Path
) -> None:
    async with application(settings_for(database_url, tmp_path)) as served:
        samples = np.arange(256, dtype="uint16").reshape(1, 1, 1, 16, 16)
        ids = [
            encode_id("Image", (await served.world.image("owner", samples + n)).id)
            for n in range(2)
        ]
        browsers = [await omero_session(served, "annotator") for _ in range(2)]

        async def ask(browser: Any, field: str, input: Any, selection: str) -> Any:
            payload = "CopyRenderingPayload" if field == "copyRendering" else "RenderingsPayload"
            kind = f"{field[0].upper()}{field[1:]}Input!"
            text = f"""mutation($in: {kind}) {{ {field}(input: $in) {{
              ... on {payload} {{ {selection} }} ... on Error {{ code }} }} }}"""
            body = {"query": text, "variables": {"in": input}}
            return (await browser.post("/graphql", json=body)).json()["data"][field]

        copied = await ask(browsers[0], "copyRendering", {"id": ids[0]}, "rendering { z }")
        assert copied == {"rendering": {"z": 0}}
        pasted = await ask(browsers[0], "pasteRendering", {"targets": ids}, APPLIED)
        assert pasted == {"done": ids, "refused": []}
        other = await ask(browsers[1], "pasteRendering", {"targets": ids}, APPLIED)
        assert other == {"code": "invalid"}


async def test_addresses_of_pictures_may_be_kept_for_ever_and_change_with_the_look(
    database_url: str, tmp_path: Path
) -> None:
    async with application(settings_for(database_url, tmp_path)) as served:
        samples = np.arange(3 * 512, dtype="uint16").reshape(1, 2, 3, 16, 16)
        image = await served.world.image("owner", samples)
        query = """query($id: ID!) { image(id: $id) { thumbnailUrl tileUrl
          other: tileUrl(z: 2, t: 0) } }"""
        input = {"id": encode_id("Image", image.id)}

        async def addresses() -> dict[str, str]:
            body = {"query": query, "variables": input}
            answer = (await served["owner"].post("/graphql", json=body)).json()
            return dict(answer["data"]["image"])

        first = await addresses()
        for url in first.values():
            answer = await served["owner"].get(url)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == KEPT
        hub = await served.world.hub("owner")
        settings = (await hub.pixels.view(image.id)).settings
        channels = (replace(settings.channels[0], start=5.0), *settings.channels[1:])
        await hub.renderings.save(image.id, replace(settings, channels=channels))
        second = await addresses()
        assert all(second[name] != url for name, url in first.items())
        for name, url in first.items():
            old = await served["owner"].get(url)
            assert old.headers["cache-control"] != KEPT
            assert (await served["owner"].get(second[name])).headers["cache-control"] == KEPT


async def test_settings_of_many_images_cost_as_many_statements_as_of_one(scene: Scene) -> None:
    query = """query($n: Int) { images(first: $n) { nodes { thumbnailUrl rendering { model }
      renderings { imported user { username } } } } }"""
    await scene.keep("annotator", scene.first, start=9.0)
    counts = []
    for n in (2, 3):
        context = await scene.world.context("owner")
        with statements(scene.world.database) as sent:
            result = await graphql_schema.execute(
                query, variable_values={"n": n}, context_value=context
            )
        assert result.errors is None
        counts.append(len(sent))
    assert counts[0] == counts[1]
