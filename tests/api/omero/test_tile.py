"""``/tile``: raw samples of one channel, against plain numpy."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
import pytest_asyncio
import tifffile

from tests.fixtures.app import AppClients
from tests.fixtures.hub import statements

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHAPE = (2, 2, 3, 300, 520)
TYPES = ["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


def noise(dtype: str, shape: tuple[int, ...] = SHAPE) -> np.ndarray[Any, Any]:
    """Return samples ``(t, c, z, y, x)`` that fill their type."""
    random = np.random.default_rng(3)
    if np.dtype(dtype).kind == "f":
        return random.normal(0, 1e5, shape).astype(dtype)
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def image(shared_app: AppClients) -> int:
    """An image of several planes and channels."""
    return (await shared_app.world.image("owner", noise("uint16"))).id


async def tile(
    served: AppClients, path: str, who: str | None = "owner", **params: Any
) -> httpx.Response:
    return await served[who].get(f"/tile/{path}", params=params)


@pytest.mark.parametrize("dtype", TYPES)
async def test_every_type_comes_in_its_own_bytes(shared_app: AppClients, dtype: str) -> None:
    samples = noise(dtype, (1, 2, 2, 40, 50))
    id = (await shared_app.world.image("owner", samples)).id
    box = {"x": 5, "y": 7, "w": 30, "h": 20}
    expected = samples[0, 1, 1, 7:27, 5:35]
    raw = await tile(shared_app, f"{id}/1/1/0", **box)
    assert raw.status_code == 200
    big = np.frombuffer(raw.content, np.dtype(dtype).newbyteorder(">")).reshape(20, 30)
    assert np.array_equal(big, expected)
    tif = await tile(shared_app, f"{id}/1/1/0", **box, format="tif")
    assert tif.headers["content-type"] == "image/tiff"
    with tifffile.TiffFile(BytesIO(tif.content)) as file:
        (page,) = file.pages
        assert page.samplesperpixel == 1
        assert page.compression == 1
        found = page.asarray()
    assert found.dtype == np.dtype(dtype)
    assert np.array_equal(found, expected)
    png = await tile(shared_app, f"{id}/1/1/0", **box, format="png")
    if dtype in ("uint8", "uint16"):
        shown = cv2.imdecode(np.frombuffer(png.content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(shown, expected)
    else:
        assert png.status_code == 400


async def test_resolutions_count_from_the_smallest(shared_app: AppClients) -> None:
    samples = noise("uint8", (1, 1, 1, 3200, 3200))
    image = (await shared_app.world.image("owner", samples)).id
    told = (await shared_app["owner"].get(f"/webgateway/imgData/{image}/resolutions/")).json()
    plane, last = samples[0, 0, 0], len(told) - 1
    assert last > 1
    for level, size in told.items():
        height, width = size["sizeY"], size["sizeX"]
        box = {"x": 0, "y": 0, "w": width, "h": height, "resolution": last - int(level)}
        answer = await tile(shared_app, f"{image}/0/0/0", **box, format="tif")
        found = tifffile.imread(BytesIO(answer.content))
        assert found.shape == (height, width)
        if level == "1":
            squares = plane.reshape(height, 2, width, 2).astype(float).mean(axis=(1, 3))
            assert np.abs(found - squares).max() <= 0.5
    full = await tile(shared_app, f"{image}/0/0/0", resolution=last)
    assert np.array_equal(np.frombuffer(full.content, "u1").reshape(3200, 3200), plane)
    assert (await tile(shared_app, f"{image}/0/0/0")).content == full.content


async def test_a_small_image_has_the_one_resolution_that_clients_are_told_of(
    shared_app: AppClients, image: int
) -> None:
    told = (await shared_app["owner"].get(f"/webgateway/imgData/{image}/")).json()
    assert told["tiles"] is False
    plane = noise("uint16")[1, 0, 2]
    full = await tile(shared_app, f"{image}/2/0/1", resolution=0)
    assert np.array_equal(np.frombuffer(full.content, ">u2").reshape(300, 520), plane)
    assert (await tile(shared_app, f"{image}/2/0/1", resolution=1)).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": -1}, {"y": -1}, {"w": 0}, {"h": -5}, {"x": 500, "w": 21}, {"y": 300}, {"w": 10**12},
        {"x": 10**30}, {"x": "a"}, {"w": ""}, {"resolution": -1}, {"resolution": 9},
        {"resolution": "x"}, {"resolution": 0, "x": 500, "w": 100}, {"format": "jpeg"},
        {"format": "gif"},
    ],
)  # fmt: skip
async def test_what_is_not_there_is_refused_precisely(
    shared_app: AppClients, image: int, wrong: dict[str, Any]
) -> None:
    box = {"x": 0, "y": 0, "w": 10, "h": 10, **wrong}
    answer = await tile(shared_app, f"{image}/0/0/0", **box)
    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize("path", ["3/0/0", "0/2/0", "0/0/2"])
async def test_planes_and_channels_that_are_not_there_are_refused(
    shared_app: AppClients, image: int, path: str
) -> None:
    assert (await tile(shared_app, f"{image}/{path}", w=1, h=1)).status_code == 400


async def test_only_who_may_read_the_image_gets_samples(shared_app: AppClients, image: int) -> None:
    path, box = f"{image}/0/0/0", {"x": 0, "y": 0, "w": 4, "h": 4}
    assert (await tile(shared_app, path, "annotator", **box)).status_code == 200
    hidden = await tile(shared_app, path, "stranger", **box)
    assert (hidden.status_code, hidden.json()) == (404, {"message": f"Image {image} not found"})
    assert (await tile(shared_app, "99999999/0/0/0", **box)).status_code == 404
    nobody = await tile(shared_app, path, None, **box)
    assert (nobody.status_code, nobody.json()) == (403, {"message": "Not logged in"})
    for unknown in ("x/0/0/0", f"{image}/0/0", f"{image}/0/0/0/0"):
        assert (await tile(shared_app, unknown)).status_code == 404
    posted = await shared_app["owner"].post(f"/tile/{path}")
    assert posted.status_code == 405


async def test_a_cookie_or_a_session_in_the_address_opens_it(
    shared_app: AppClients, image: int
) -> None:
    services = shared_app.app.state.services
    opened = await services.credentials.login("owner", "a good password", address="127.0.0.1")
    path = f"/tile/{image}/0/0/0"
    async with shared_app.client(cookies={"sessionid": opened.key}) as client:
        assert (await client.get(path)).status_code == 200
    async with shared_app.client() as client:
        assert (await client.get(path, params={"bsession": opened.key})).status_code == 200
    async with shared_app.client() as client:
        assert (await client.get(path, params={"bsession": "x"})).status_code == 403


@pytest.mark.parametrize("path", ["/tile", "/tile/"])
async def test_anybody_may_ask_whether_the_service_is_there(
    shared_app: AppClients, path: str
) -> None:
    answer = await shared_app[None].options(path)
    assert answer.status_code == 200
    assert answer.json()["provider"] == "PixelBufferMicroservice"
    assert isinstance(answer.json()["version"], str)
    assert (await shared_app[None].get(path)).status_code == 405


async def test_a_tile_seen_before_costs_no_statement(shared_app: AppClients, image: int) -> None:
    box = {"x": 0, "y": 0, "w": 256, "h": 256, "format": "tif"}
    counts = []
    for _ in range(4):
        with statements(shared_app.app.state.services.infrastructure.database) as sent:
            assert (await tile(shared_app, f"{image}/1/1/1", **box)).status_code == 200
        listening = ("PRAGMA", "SELECT max(id) FROM event")
        counts.append(len([one for one in sent if not one.startswith(listening)]))
    assert min(counts) == 0
