"""Raw samples, figures of stacks, and sets of thumbnails over GraphQL."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Picture

from adapters.imports import ImportOptions
from schema.scalars import encode_id
from tests.fixtures.app import AppClients
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of

SHAPE = (2, 3, 2, 30, 40)  # t z c y x
PARTS = "data shape type byteOrder url"


def values() -> NDArray[np.int16]:
    """Return samples ``(t, c, z, y, x)``."""
    made = np.random.default_rng(3).integers(-30_000, 30_000, SHAPE, dtype=np.int16)
    return made.transpose(0, 2, 1, 3, 4)


async def stored(world: HubWorld) -> str:
    """Import the samples and return the image's id."""
    path = world.infrastructure.settings.data / "values.ome.tif"
    tifffile.imwrite(path, values().transpose(0, 2, 1, 3, 4), metadata={"axes": "TZCYX"})
    (image,) = await (await world.hub("owner")).imports.files([path], ImportOptions())
    return encode_id("Image", image.id)


@pytest.fixture
async def image(hub_world: HubWorld) -> str:
    return await stored(hub_world)


def samples_of(answer: dict[str, Any]) -> NDArray[Any]:
    assert answer["byteOrder"] == "little"
    raw = np.frombuffer(base64.b64decode(answer["data"]), np.dtype(answer["type"]))
    return raw.astype(raw.dtype.newbyteorder("=")).reshape(answer["shape"])


async def read(world: HubWorld, image: str, field: str, who: str = "annotator") -> NDArray[Any]:
    query = f"query($id: ID!) {{ image(id: $id) {{ raw {{ it: {field} {{ {PARTS} }} }} }} }}"
    found = await world.graphql(who, query, {"id": image})
    return samples_of(found["image"]["raw"]["it"])


async def test_planes_rows_columns_stacks_and_boxes_are_what_was_imported(
    hub_world: HubWorld, image: str
) -> None:
    all_ = values()
    for field, expected in {
        "plane(c: 1, z: 2, t: 1)": all_[1:2, 1:2, 2:3],
        "row(y: 7, c: 1)": all_[0:1, 1:2, 0:1, 7:8],
        "column(x: 39, z: 1)": all_[0:1, 0:1, 1:2, :, 39:40],
        "stack(c: 1, t: 1)": all_[1:2, 1:2],
        "timepoint(t: 1)": all_[1:2],
        "hypercube(box: {})": all_,
        "hypercube(box: {c: [1, 0], z: {step: 2}, y: {start: 3, stop: 29, step: 5}, "
        "x: {start: 1, step: 7}})": all_[:, [1, 0], ::2, 3:29:5, 1::7],
    }.items():
        found = await read(hub_world, image, field)
        assert found.dtype == np.int16
        np.testing.assert_array_equal(found, expected, err_msg=field)


async def test_what_lies_outside_the_image_is_refused_by_name(
    hub_world: HubWorld, image: str
) -> None:
    for field in (
        "plane(z: 3)", "plane(c: 2)", "plane(t: -1)", "row(y: 30)",
        "hypercube(box: {x: {start: 5, stop: 5}})", "hypercube(box: {x: {step: 0}})",
        "hypercube(box: {c: []})",
    ):  # fmt: skip
        query = f"query($id: ID!) {{ image(id: $id) {{ raw {{ {field} {{ data }} }} }} }}"
        assert code_of(await hub_world.execute("owner", query, {"id": image})) == "invalid", field
    query = "query($id: ID!) { image(id: $id) { raw(level: 9) { plane { data } } } }"
    assert code_of(await hub_world.execute("owner", query, {"id": image})) == "invalid"


async def test_more_than_an_answer_holds_is_refused_with_its_address(
    hub_world: HubWorld, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.raw_samples.MOST_BYTES", 1000)
    query = "query($id: ID!) { image(id: $id) { raw { plane { data } } } }"
    result = await hub_world.execute("owner", query, {"id": image})
    assert code_of(result) == "too_large"
    assert result.errors is not None
    assert "/tiles/" in result.errors[0].message
    assert ".zarr" in result.errors[0].message


async def test_the_address_beside_the_samples_gives_the_same_bytes(shared_app: AppClients) -> None:
    image = await stored(shared_app.world)
    field = "hypercube(box: {c: [1], z: {start: 1}, y: {stop: 9}, x: {start: 4}})"
    query = f"query($id: ID!) {{ image(id: $id) {{ raw {{ it: {field} {{ {PARTS} }} }} }} }}"
    found = (await shared_app.world.graphql("owner", query, {"id": image}))["image"]["raw"]["it"]
    answer = await shared_app["annotator"].get(found["url"])
    assert answer.status_code == 200
    assert answer.headers["x-shape"] == ",".join(map(str, found["shape"]))
    assert answer.content == base64.b64decode(found["data"])
    assert (await shared_app["stranger"].get(found["url"])).status_code == 404


async def test_figures_of_a_plane_of_a_stack_and_of_everything(
    hub_world: HubWorld, image: str
) -> None:
    query = """query($id: ID!, $z: Int, $t: Int) { image(id: $id) {
      statistics(channel: 1, z: $z, t: $t) { count minimum maximum mean std sum }
      histogram(channel: 1, z: $z, t: $t, bins: 10) { counts edges } } }"""
    channel = values()[:, 1]
    for z, t, inside in ((1, 1, channel[1, 1]), (None, 1, channel[1]), (None, None, channel)):
        found = await hub_world.graphql("annotator", query, {"id": image, "z": z, "t": t})
        figures, histogram = found["image"]["statistics"], found["image"]["histogram"]
        assert figures == {
            "count": inside.size,
            "minimum": inside.min(),
            "maximum": inside.max(),
            "mean": pytest.approx(inside.mean()),
            "std": pytest.approx(inside.std()),
            "sum": inside.sum(),
        }
        counts, edges = np.histogram(inside, 10)
        assert histogram["counts"] == counts.tolist()
        assert histogram["edges"] == pytest.approx(edges.tolist())


async def test_figures_of_too_many_samples_are_refused(
    hub_world: HubWorld, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.pixels.MAX_FIGURED", 2000)
    query = "query($id: ID!, $z: Int) { image(id: $id) { statistics(z: $z) { count } } }"
    all_planes = await hub_world.execute("owner", query, {"id": image, "z": None})
    assert code_of(all_planes) == "too_large"
    found = await hub_world.graphql("owner", query, {"id": image, "z": 0})
    assert found["image"]["statistics"]["count"] == 1200


SMALL = 20
THUMBNAILS = """query($ids: [ID!]!, $size: Int! = 20) { thumbnails(ids: $ids, size: $size) {
  url dataUrl image { id } } }"""


async def test_thumbnails_of_many_images_come_in_order_and_null_for_others(
    hub_world: HubWorld, image: str
) -> None:
    others = [encode_id("Image", (await hub_world.picture("owner")).id) for _ in range(2)]
    hidden = encode_id("Image", (await hub_world.picture("keeper")).id)
    ids = [others[1], hidden, image, others[0], encode_id("Image", 999_999)]
    found = (await hub_world.graphql("annotator", THUMBNAILS, {"ids": ids}))["thumbnails"]
    assert [None if one is None else one["image"]["id"] for one in found] == [
        others[1], None, image, others[0], None,
    ]  # fmt: skip
    head, _, data = found[2]["dataUrl"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert Picture.open(io.BytesIO(base64.b64decode(data))).size == (SMALL, 15)
    for wrong in (0, 513):
        result = await hub_world.execute("owner", THUMBNAILS, {"ids": ids, "size": wrong})
        assert code_of(result) == "invalid"


async def test_thumbnails_cost_five_statements_whatever_their_number(
    hub_world: HubWorld, image: str
) -> None:
    ids = [image] + [encode_id("Image", (await hub_world.picture("owner")).id) for _ in range(4)]
    query = "query($ids: [ID!]!) { thumbnails(ids: $ids) { url dataUrl } }"
    counts = []
    for asked in (ids[:1], ids):
        with statements(hub_world.database) as sent:
            await hub_world.graphql("owner", query, {"ids": asked})
        counts.append(len(sent))
    assert counts[0] == counts[1]


async def test_the_address_of_a_thumbnail_may_be_kept_for_ever(shared_app: AppClients) -> None:
    image = await stored(shared_app.world)
    query = "query($ids: [ID!]!) { thumbnails(ids: $ids, size: 40) { url } }"
    (found,) = (await shared_app.world.graphql("owner", query, {"ids": [image]}))["thumbnails"]
    answer = await shared_app["owner"].get(found["url"])
    assert Picture.open(io.BytesIO(answer.content)).size == (40, 30)
    assert "immutable" in answer.headers["cache-control"]
    assert (await shared_app["stranger"].get(found["url"])).status_code == 404
