"""Tiles, pictures, thumbnails and raw regions over HTTP, against plain numpy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
import pytest_asyncio
from PIL import Image as Picture

from adapters.render import compact
from adapters.tokens import Scope
from store.tables.images import Image, Pixels
from tests.fixtures.app import AppClients
from tests.fixtures.hub import statements

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHAPE = (2, 3, 2, 400, 600)
LOOK = (("1", 100, 3000, "FF8000"), ("2", 0, 4000, "00FF80"), ("3", 500, 3500, "4000FF"))
C = ",".join(f"{number}|{start}:{end}${color}" for number, start, end, color in LOOK)
PRIVATE = "private, max-age=0, must-revalidate"
KEPT = "private, max-age=31536000, immutable"


def waves(shape: tuple[int, ...] = SHAPE, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    """Return smooth samples that differ in every plane."""
    t, c, z, y, x = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    high = 2000 + 1900 * np.sin(x / 37 + 2 * c + t) * np.cos(y / 23 - z)
    return np.asarray(high.astype(dtype))


def halved(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the means of squares of 2 × 2, rounded half up, for even sizes."""
    *outer, y, x = samples.shape
    squares = samples.reshape(*outer, y // 2, 2, x // 2, 2).astype(float)
    return np.asarray(np.floor(squares.mean(axis=(-3, -1)) + 0.5))


def drawn(planes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Draw planes ``(c, y, x)`` with `LOOK` by the definition, in double precision."""
    total = np.zeros((*planes.shape[1:], 3))
    for plane, (_, start, end, color) in zip(planes.astype(float), LOOK, strict=True):
        step = np.floor(255 * np.clip((plane - start) / (end - start), 0, 1) + 0.5)
        total += step[..., None] * np.array(list(bytes.fromhex(color))) / 255
    return np.asarray(np.clip(np.round(total), 0, 255))


def decoded(answer: httpx.Response) -> np.ndarray[Any, Any]:
    assert answer.status_code == 200, answer.text
    return np.asarray(Picture.open(BytesIO(answer.content)).convert("RGB")).astype(float)


@dataclass
class Served:
    """An image of `waves` of the owner's, and its clients."""

    clients: AppClients
    id: int
    samples: np.ndarray[Any, Any]

    async def get(self, rest: str, who: str | None = "owner", **headers: str) -> httpx.Response:
        return await self.clients[who].get(f"/tiles/{self.id}{rest}", headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(shared_app: AppClients) -> AsyncIterator[Served]:
    """An image that the tests only look at."""
    samples = waves()
    image = await shared_app.world.image("owner", samples)
    yield Served(shared_app, image.id, samples)


async def another(clients: AppClients) -> Served:
    """Return a small image of a test's own, which it may share and change."""
    samples = waves((1, 1, 1, 300, 700))
    return Served(clients, (await clients.world.image("owner", samples)).id, samples)


@pytest.mark.parametrize(
    ("y", "x", "size"), [(0, 0, 256), (1, 2, 256), (0, 2, 256), (3, 4, 128), (0, 0, 2048)]
)
async def test_a_tile_is_what_numpy_draws(served: Served, y: int, x: int, size: int) -> None:
    asked = f"/0/{y}/{x}?format=png&c={C}&m=c&z=1&t=1&size={size}"
    rows, columns = slice(y * size, (y + 1) * size), slice(x * size, (x + 1) * size)
    expected = drawn(served.samples[1, :, 1, rows, columns])
    found = decoded(await served.get(asked))
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1


async def test_a_tile_of_a_smaller_level_draws_the_means(served: Served) -> None:
    found = decoded(await served.get(f"/1/0/1?format=png&c={C}&m=c&z=0&t=0"))
    expected = drawn(halved(served.samples[0, :, 0])[:, :256, 256:])
    assert found.shape == expected.shape == (200, 44, 3)
    assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize(
    ("format", "kind"),
    [("png", "image/png"), ("jpeg", "image/jpeg"), ("jpg", "image/jpeg"), ("webp", "image/webp")],
)
async def test_every_format_shows_the_same_picture(served: Served, format: str, kind: str) -> None:
    answer = await served.get(f"/0/0/0?format={format}&c={C}&m=c&z=0&t=0&q=95")
    assert answer.headers["content-type"] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"
    expected = drawn(served.samples[0, :, 0, :256, :256])
    assert np.abs(decoded(answer) - expected).mean() < (0.5 if format == "png" else 6)


async def test_without_a_format_it_is_a_jpeg(served: Served) -> None:
    assert (await served.get("/0/0/0")).headers["content-type"] == "image/jpeg"


async def test_a_picture_is_a_rectangle_of_a_level(served: Served) -> None:
    asked = f"/picture?x=100&y=37&width=270&height=200&format=png&c={C}&m=c&z=1&t=0"
    found = decoded(await served.get(asked))
    assert np.abs(found - drawn(served.samples[0, :, 1, 37:237, 100:370])).max() <= 1
    whole = decoded(await served.get(f"/picture?level=1&format=png&c={C}&m=c&z=1&t=0"))
    assert np.abs(whole - drawn(halved(served.samples[0, :, 1]))).max() <= 1


async def test_a_thumbnail_shows_the_whole_plane_small(served: Served) -> None:
    found = decoded(await served.get(f"/thumbnail?size=60&format=png&c={C}&m=c&z=0&t=0"))
    assert found.shape == (40, 60, 3)
    blocks = served.samples[0, :, 0].reshape(3, 40, 10, 60, 10).astype(float).mean(axis=(2, 4))
    assert np.abs(found - drawn(blocks)).mean() < 4


async def test_a_projection_and_a_grey_model_reach_the_picture(served: Served) -> None:
    found = decoded(await served.get("/picture?format=png&c=2|0:4000$FFFFFF&m=g&p=intmax&t=1&z=0"))
    plane = served.samples[1, 1].max(axis=0)
    grey = np.floor(255 * np.clip(plane / 4000, 0, 1) + 0.5)
    assert np.abs(found - grey[..., None]).max() <= 1


@pytest.mark.parametrize(
    ("rest", "field", "part"),
    [
        ("/3/0/0", "level", "no level 3"),
        ("/0/2/0", "tile", "3 × 2 tiles"),
        ("/0/0/3", "tile", "3 × 2 tiles"),
        (f"/0/0/{'9' * 18}", "tile", "3 × 2 tiles"),
        ("/0/0/0?z=2", "plane", "z 2"),
        ("/0/0/0?z=-1", "plane", "z -1"),
        ("/0/0/0?t=2", "plane", "t 2"),
        ("/0/0/0?t=soon", "t", "'soon' is not a whole number"),
        ("/0/0/0?z=1_0", "z", "'1_0' is not a whole number"),
        ("/0/0/0?z=%D9%A1", "z", "not a whole number"),
        ("/0/0/0?size=15", "size", "between 16 and 2048"),
        ("/0/0/0?size=4096", "size", "between 16 and 2048"),
        ("/0/0/0?q=0", "q", "between 1 and 100"),
        ("/0/0/0?q=101", "q", "between 1 and 100"),
        ("/0/0/0?c=4|0:1$FF0000", "c", "no channel 4"),
        ("/0/0/0?c=1|9:1$FF0000", "c", "starts at 9"),
        ("/0/0/0?c=1|0:1$nosuchtable.lut", "c", "neither a colour"),
        ("/0/0/0?m=purple", "m", "neither c"),
        ("/0/0/0?p=intlast", "p", "not one of"),
        ("/0/0/0?maps=[", "maps", "not JSON"),
        ("/picture?x=-1", "region", "outside level 0"),
        ("/picture?x=590&width=11", "region", "outside level 0"),
        ("/picture?width=0", "region", "outside level 0"),
        ("/picture?level=7", "level", "0 to 2"),
        ("/thumbnail?size=0", "size", "between 1 and 2048"),
        ("/region?level=7", "level", "0 to 2"),
        ("/region?z=0:3", "z", "0:2"),
        ("/region?z=1:1", "z", "0:2"),
        ("/region?t=-1", "t", "0:2"),
        ("/region?t=0:x", "t", "a range such as 2:5"),
        ("/region?c=0,3", "c", "0 to 2"),
        ("/region?c=0,,1", "c", "a list such as 0,2"),
        ("/region?y=399&height=2", "region", "outside level 0"),
    ],
)
async def test_what_cannot_be_drawn_is_told(
    served: Served, rest: str, field: str, part: str
) -> None:
    answer = await served.get(rest)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid"
    assert error["field"] == field
    assert part in error["message"]
    assert error["message"] == f"{field}: {error['reason']}"
    assert answer.headers["cache-control"] == "no-store"


async def test_an_unknown_format_is_told(served: Served) -> None:
    answer = await served.get("/0/0/0?format=bmp")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {"code": "unsupported", "message": "'bmp' is not one of jpg, png, webp."}
    }


@pytest.mark.parametrize("id", ["9" * 18, "9" * 19, "9" * 5000, "0"])
async def test_an_id_that_cannot_be_is_not_found(served: Served, id: str) -> None:
    answer = await served.clients["owner"].get(f"/tiles/{id}/thumbnail")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


async def test_an_image_without_pixels_says_so(shared_app: AppClients) -> None:
    catalog = (await shared_app.world.hub("owner")).catalog
    lab = shared_app.world.groups["lab"]

    async def work(unit: Any) -> int:
        image = await unit.add(
            Image(name="declared", owner_id=shared_app.world.people["owner"], group_id=lab)
        )
        await unit.add(Pixels(image_id=image.id), tell=False)
        return int(image.id)

    id = await catalog.write("declare", work)
    answer = await shared_app["owner"].get(f"/tiles/{id}/thumbnail")
    assert answer.status_code == 400
    assert "declared without pixels" in answer.json()["error"]["message"]
    assert (await shared_app["owner"].get(f"/zarr/{id}.zarr/zarr.json")).status_code == 404
    assert (await shared_app["stranger"].get(f"/tiles/{id}/thumbnail")).status_code == 404


async def test_head_tells_what_get_would_send(served: Served) -> None:
    for rest in ("/0/0/0?format=png", "/thumbnail", "/picture?format=webp", "/region"):
        got = await served.get(rest)
        head = await served.clients["owner"].head(f"/tiles/{served.id}{rest}")
        assert head.status_code == 200
        assert head.content == b""
        for name in ("content-length", "content-type", "etag", "cache-control"):
            assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("rest", ["/0/0/0", "/thumbnail?size=50", "/picture?level=1", "/region"])
async def test_what_the_client_has_is_not_sent_again(served: Served, rest: str) -> None:
    first = await served.get(rest)
    etag = first.headers["etag"]
    for sent in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await served.get(rest, **{"If-None-Match": sent})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == first.headers["cache-control"]
    assert (await served.get(rest, **{"If-None-Match": '"other"'})).status_code == 200


async def test_an_etag_names_all_that_the_picture_depends_on(served: Served) -> None:
    asked = [
        "/0/0/0?c=1|0:4000$FF0000", "/0/0/0?c=1|0:4001$FF0000", "/0/0/1?c=1|0:4000$FF0000",
        "/0/0/0?c=1|0:4000$FF0000&z=0", "/0/0/0?c=1|0:4000$FF0000&t=1",
        "/0/0/0?c=1|0:4000$FF0000&format=png", "/0/0/0?c=1|0:4000$FF0000&size=128",
        "/0/0/0?c=1|0:4000$FF0000&q=50", "/0/0/0?c=-1,2|0:4000$FF0000", "/1/0/0?c=1|0:4000$FF0000",
        "/region?z=1", "/region?z=0", "/region?z=0&t=1", "/region?z=0&c=1", "/region?level=1",
        "/region?width=10",
    ]  # fmt: skip
    answers = [await served.get(rest) for rest in asked]
    assert [answer.status_code for answer in answers] == [200] * len(asked)
    assert len({answer.headers["etag"] for answer in answers}) == len(asked)
    seen = {(answer.headers["content-type"], answer.content) for answer in answers}
    assert len(seen) == len(asked)


async def test_a_picture_is_kept_only_under_an_address_that_names_pixels_and_settings(
    served: Served,
) -> None:
    world = served.clients.world
    view = await (await world.hub("owner")).pixels.view(served.id)
    v, s = view.pixels.generation, view.settings.key()
    for rest in ("/0/0/0?", "/thumbnail?", "/picture?"):
        kept = await served.get(f"{rest}v={v}&s={s}")
        assert kept.headers["cache-control"] == KEPT
        for part in (f"v={v}", f"s={s}", f"v={v + 1}&s={s}", f"v={v}&s=0", f"v={v}&s={s}&t=1"):
            assert (await served.get(rest + part)).headers["cache-control"] == PRIVATE
    assert (await served.get(f"/region?v={v}")).headers["cache-control"] == KEPT
    assert (await served.get(f"/region?v={v + 1}")).headers["cache-control"] == PRIVATE


async def test_settings_saved_by_a_person_change_that_persons_picture_alone(
    shared_app: AppClients,
) -> None:
    served = await another(shared_app)
    world = served.clients.world
    before = {who: await served.get("/0/0/0?format=png", who) for who in ("owner", "annotator")}
    hub = await world.hub("annotator")
    view = await hub.pixels.view(served.id)
    await hub.renderings.save(served.id, compact.read(view.settings, c="1|0:900$FF0000"))
    after = {who: await served.get("/0/0/0?format=png", who) for who in ("owner", "annotator")}
    assert after["owner"].content == before["owner"].content
    assert after["annotator"].content != before["annotator"].content
    assert after["annotator"].headers["etag"] != before["annotator"].headers["etag"]


async def test_a_raw_region_is_the_slice(served: Served) -> None:
    asked = "/region?x=13&y=250&width=300&height=111&z=0:2&t=1&c=2,0"
    answer = await served.get(asked)
    expected = served.samples[1:2, [2, 0], 0:2, 250:361, 13:313]
    assert answer.headers["x-shape"] == "1,2,2,111,300"
    assert answer.headers["x-dtype"] == "uint16"
    assert answer.headers["x-byte-order"] == "little"
    assert answer.headers["content-type"] == "application/octet-stream"
    found = np.frombuffer(answer.content, "<u2").reshape(expected.shape)
    assert np.array_equal(found, expected)


async def test_a_raw_region_of_everything_is_the_image(served: Served) -> None:
    answer = await served.get("/region?z=:&t=:")
    assert answer.headers["x-shape"] == ",".join(map(str, SHAPE))
    assert int(answer.headers["content-length"]) == served.samples.nbytes == len(answer.content)
    assert answer.content == served.samples.astype("<u2").tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
async def test_a_raw_region_keeps_every_sample_type(shared_app: AppClients, dtype: str) -> None:
    samples = (waves((1, 1, 1, 30, 40), "int32") - 2000).astype(dtype)
    if np.dtype(dtype).kind == "f":
        samples[0, 0, 0, 3, :4] = [np.nan, np.inf, -np.inf, -0.0]
    image = await shared_app.world.image("owner", samples)
    answer = await shared_app["owner"].get(f"/tiles/{image.id}/region")
    assert answer.headers["x-dtype"] == dtype
    assert answer.content == samples.astype(np.dtype(dtype).newbyteorder("<")).tobytes()
    shown = await shared_app["owner"].get(f"/tiles/{image.id}/0/0/0?format=png")
    assert decoded(shown).shape == (30, 40, 3)


async def test_a_region_beyond_the_limit_is_refused_before_it_is_read(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.pixels.MAX_REGION_BYTES", 1_000_000)
    answer = await served.get("/region?z=0:2")
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
    assert answer.json()["error"]["limit"] == 1_000_000
    assert answer.headers["connection"] == "close"
    assert (await served.get("/region?c=0")).status_code == 200


async def test_a_picture_beyond_the_limit_is_refused(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.render.region.MAX_PIXELS", 1000)
    answer = await served.get("/picture")
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


async def test_every_kind_of_credential_opens_a_tile(served: Served) -> None:
    world, anonymous = served.clients.world, served.clients.client()
    link = await (await world.hub("owner")).people.grants.give_link("image", served.id)
    basic = httpx.BasicAuth("owner", world.tokens["owner"])
    path = f"/tiles/{served.id}/0/0/0"
    async with anonymous as client:
        assert (await client.get(path)).status_code == 404
        assert (await client.get(path, auth=basic)).status_code == 200
        assert (await client.get(path, params={"token": link.plain})).status_code == 200
        by_header = await client.get(path, headers={"X-Link-Token": link.plain})
        assert by_header.status_code == 200
        assert "X-Link-Token" in by_header.headers["vary"]
        assert (await client.get(path, params={"token": quote("ihl_wrong")})).status_code == 401
        wrong = await client.get(path, auth=("reader", world.tokens["owner"]))
        assert wrong.status_code == 401
        assert wrong.headers["www-authenticate"].startswith("Bearer")


async def test_a_grant_taken_back_closes_the_door_at_once(
    shared_app: AppClients,
) -> None:
    served = await another(shared_app)
    world = served.clients.world
    grants = (await world.hub("owner")).people.grants
    path = "/0/0/0"
    assert (await served.get(path, "stranger")).status_code == 404
    given = await grants.give("image", served.id, "read", user_id=world.people["stranger"])
    assert (await served.get(path, "stranger")).status_code == 200
    assert (await served.get(path, "stranger")).status_code == 200
    await grants.revoke(given.id)
    assert (await served.get(path, "stranger")).status_code == 404


async def test_a_tile_asked_again_costs_no_statement(
    shared_app: AppClients,
) -> None:
    served = await another(shared_app)
    world = served.clients.world
    grants = (await world.hub("owner")).people.grants
    await grants.give("image", served.id, "read", user_id=world.people["stranger"])
    for who in ("owner", "stranger"):
        await served.get("/0/0/0", who)
        # The token's use is noted in the background, and the watcher hears of the grant once more.
        await shared_app.app.state.services.credentials.settle()
        await asyncio.sleep(0.2)
        await served.get("/0/0/0", who)
        with statements(world.database) as sent:
            for x in range(3):
                assert (await served.get(f"/0/0/{x}", who)).status_code == 200
        assert [one for one in sent if "PRAGMA data_version" not in one] == []


async def test_a_token_for_reading_opens_a_tile_and_one_that_ended_does_not(
    served: Served,
) -> None:
    world = served.clients.world
    reading = await world.token("owner", Scope.READ)
    async with served.clients.client(headers={"Authorization": f"Bearer {reading}"}) as client:
        assert (await client.get(f"/tiles/{served.id}/0/0/0")).status_code == 200
    async with served.clients.client(headers={"Authorization": "Bearer ihb_no"}) as client:
        refused = await client.get(f"/tiles/{served.id}/0/0/0")
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "unauthenticated"
