"""Pictures of webgateway, against plain numpy; thumbnails; and who gets none."""

from __future__ import annotations

from base64 import b64decode
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

from store.tables.images import Image, Pixels
from tests.fixtures.app import AppClients
from tests.fixtures.drawing import LOOK, C, decoded, drawn, halved, shade, waves
from tests.fixtures.omero_session import cost, omero_session

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHAPE = (2, 3, 3, 400, 600)
LARGE = (1, 1, 1, 3300, 3200)  # just above the area of a pyramid
PNG = f"format=png&m=c&c={quote(C)}"


@dataclass
class Served:
    """Images of the owner's: `id` with `samples`, and a large grey one."""

    clients: AppClients
    id: int
    samples: np.ndarray[Any, Any]
    large: int
    plane: np.ndarray[Any, Any]

    async def get(self, path: str, who: str | None = "owner", **headers: str) -> httpx.Response:
        """Ask an address below ``/webgateway/``; ``{id}`` and ``{large}`` are filled in."""
        filled = path.format(id=self.id, large=self.large)
        return await self.clients[who].get(f"/webgateway/{filled}", headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(shared_app: AppClients) -> AsyncIterator[Served]:
    """Images that the tests only look at."""
    samples, large = waves(SHAPE), (waves(LARGE) // 16).astype("uint8")
    image = await shared_app.world.image("owner", samples)
    big = await shared_app.world.image("owner", large)
    yield Served(shared_app, image.id, samples, big.id, large[0, 0, 0])


async def test_a_plane_is_what_numpy_draws(served: Served) -> None:
    for z, t in ((0, 0), (2, 1)):
        found = decoded(await served.get(f"render_image/{{id}}/{z}/{t}/?{PNG}"))
        assert np.abs(found - drawn(served.samples[t, :, z])).max() <= 1


async def test_a_jpeg_of_the_best_quality_is_near_to_it(served: Served) -> None:
    answer = await served.get(f"render_image/{{id}}/1/0/?q=1.000000&m=c&c={quote(C)}")
    assert answer.headers["content-type"] == "image/jpeg"
    found = decoded(answer)
    assert np.abs(found - drawn(served.samples[0, :, 1])).mean() < 1.5
    worse = await served.get(f"render_image/{{id}}/1/0/?q=0.2&m=c&c={quote(C)}")
    assert len(worse.content) < len(answer.content) / 2


async def test_without_a_plane_the_one_shown_first_is_drawn(served: Served) -> None:
    first = await served.get(f"render_image/{{id}}/?{PNG}")
    assert np.abs(decoded(first) - drawn(served.samples[0, :, 1])).max() <= 1
    at_z = await served.get(f"render_image/{{id}}/2/?{PNG}")
    assert np.abs(decoded(at_z) - drawn(served.samples[0, :, 2])).max() <= 1


async def test_without_channels_the_kept_settings_apply(served: Served) -> None:
    look = [
        (index, plane.min(), plane.max(), color)
        for index, (plane, color) in enumerate(
            zip(np.moveaxis(served.samples, 1, 0), ("FF0000", "00FF00", "0000FF"), strict=True)
        )
    ]
    found = decoded(await served.get("render_image/{id}/0/1/?format=png"))
    assert np.abs(found - drawn(served.samples[1, :, 0], look)).max() <= 1


@pytest.mark.parametrize(
    ("asked", "planes"),
    [
        ("p=intmax", lambda stack: stack.max(axis=1)),
        ("p=intmax|1:2", lambda stack: stack[:, 1:3].max(axis=1)),
        ("p=intmean", lambda stack: np.floor(stack.astype(float).mean(axis=1) + 0.5)),
        ("p=intsum|0:1", lambda stack: stack[:, :2].astype(float).sum(axis=1)),
        ("p=normal", lambda stack: stack[:, 1]),
    ],
)
async def test_projections_go_through_the_planes(served: Served, asked: str, planes: Any) -> None:
    found = decoded(await served.get(f"render_image/{{id}}/1/1/?{PNG}&{asked}"))
    assert np.abs(found - drawn(planes(served.samples[1]))).max() <= 1


async def test_grey_shows_the_first_active_channel(served: Served) -> None:
    asked = "render_image/{id}/0/0/?format=png&m=g&c=-1,2|0:4000$FF0000,3"
    grey = shade(served.samples[0, 1, 0], 0, 4000)
    found = decoded(await served.get(asked))
    assert np.abs(found - grey[..., None]).max() <= 1


async def test_a_channel_is_turned_round_by_maps_or_by_the_window(served: Served) -> None:
    maps = quote('[{"inverted": {"enabled": true}}]')
    old = quote('[{"reverse": {"enabled": true}}]')
    upside_down = 255 - shade(served.samples[0, 0, 0], 0, 4000)
    for rest in (f"1|0:4000$FFFFFF&maps={maps}", f"1|0:4000$FFFFFF&maps={old}", "1|0:4000r$FFFFFF"):
        found = decoded(await served.get(f"render_image/{{id}}/0/0/?format=png&m=c&c={rest}"))
        assert np.abs(found - upside_down[..., None]).max() <= 1
    curve = quote('[{"quantization": {"family": "polynomial", "coefficient": 2.0}}]')
    asked = f"render_image/{{id}}/0/0/?format=png&m=c&c=1|0:4000$FFFFFF&maps={curve}"
    n = 255 * np.clip(served.samples[0, 0, 0] / 4000, 0, 1)
    expected = np.floor(255 * n**2 / 255**2 + 0.5)
    assert np.abs(decoded(await served.get(asked)) - expected[..., None]).max() <= 1


async def test_a_lookup_table_is_found_by_its_file_name(served: Served) -> None:
    asked = "render_image/{id}/0/0/?format=png&m=c&c=1|0:4000$red_hot.lut"
    values = shade(served.samples[0, 0, 0], 0, 4000)
    found = decoded(await served.get(asked))
    assert np.abs(found[..., 0] - np.clip(values * 2, 0, 255)).max() <= 2
    assert np.abs(found[..., 1] - np.clip(values * 2 - 255, 0, 255)).max() <= 2


async def test_axes_change_places_with_ia(served: Served) -> None:
    found = decoded(await served.get(f"render_image/{{id}}/1/2/?{PNG}&ia=1"))
    assert np.abs(found - drawn(served.samples[1, :, 2])).max() <= 1
    assert (await served.get(f"render_image/{{id}}/2/1/?{PNG}&ia=1")).status_code == 404


# regions and tiles


async def test_a_region_is_cut_to_the_image(served: Served) -> None:
    path = f"render_image_region/{{id}}/1/0/?{PNG}&region="
    plane = served.samples[0, :, 1]
    inside = decoded(await served.get(path + "100,37,200,150"))
    assert np.abs(inside - drawn(plane[:, 37:187, 100:300])).max() <= 1
    corner = decoded(await served.get(path + "590,390,100,100"))
    assert np.abs(corner - drawn(plane[:, 390:, 590:])).max() <= 1
    before = decoded(await served.get(path + "-10,-20,30,40"))
    assert np.abs(before - drawn(plane[:, :20, :20])).max() <= 1


@pytest.mark.parametrize(
    ("tile", "rows", "columns"),
    [
        ("0,0,0", slice(0, 400), slice(0, 512)),
        ("0,1,0", slice(0, 400), slice(512, 600)),
        ("0,1,2,100,90", slice(180, 270), slice(100, 200)),
        ("0,2,1,256,256", slice(256, 400), slice(512, 600)),
        ("0,0,0,0,-1", slice(0, 400), slice(0, 512)),
        ("0,0,0,4096,4096", slice(0, 400), slice(0, 600)),
    ],
)
async def test_a_tile_of_a_small_image_is_of_its_only_level(
    served: Served, tile: str, rows: slice, columns: slice
) -> None:
    found = decoded(await served.get(f"render_image_region/{{id}}/0/0/?{PNG}&tile={tile}"))
    expected = drawn(served.samples[0, :, 0, rows, columns])
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1


async def test_tiles_of_a_large_image_count_levels_from_the_full_one(served: Served) -> None:
    path = "render_image_region/{large}/0/0/?format=png&m=g&c=1|0:255$FFFFFF&tile="
    plane = served.plane
    full = decoded(await served.get(path + "0,2,1,300,200"))
    assert np.array_equal(full[..., 0], plane[200:400, 600:900])
    half = decoded(await served.get(path + "1,1,0,256,256"))
    assert np.abs(half[..., 0] - halved(plane)[:256, 256:512]).max() <= 1
    clipped = decoded(await served.get(path + "0,0,0,2000,3000"))
    assert clipped.shape == (1024, 1024, 3)
    edge = decoded(await served.get(path + "0,3,3,1024,1024"))
    assert edge.shape == (3300 - 3072, 3200 - 3072, 3)
    last = decoded(await served.get(path + "4,0,0"))
    assert last.shape in ((206, 200, 3), (207, 200, 3))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("{id}/0/0/", "tile or region argument required"),
        ("{id}/0/0/?tile=", "tile or region argument required"),
        ("{id}/0/0/?tile=malformed", "malformed tile argument, tile=malformed"),
        ("{id}/0/0/?tile=0,0", "malformed tile argument, tile=0,0"),
        ("{id}/0/0/?tile=0,0,0,256", "malformed tile argument, tile=0,0,0,256"),
        ("{id}/0/0/?tile=0,0,1e3", "malformed tile argument, tile=0,0,1e3"),
        ("{id}/0/0/?region=malformed", "malformed region argument, region=malformed"),
        ("{id}/0/0/?region=0,0,512", "malformed region argument, region=0,0,512"),
        ("{id}/0/0/?tile=-1,0,0", "Invalid resolution level -1 < 0"),
        ("{id}/0/0/?tile=3,0,0", "Invalid resolution level 3, non pyramid file"),
        ("{large}/0/0/?tile=-1,0,0,9,9", "Invalid resolution level -1 < 0"),
        (
            "{large}/0/0/?tile=9,0,0",
            "Invalid resolution level, 9 > number of available levels 4 ",
        ),
    ],
)
async def test_a_wrong_box_is_refused_in_omeros_words(served: Served, path: str, text: str) -> None:
    answer = await served.get(f"render_image_region/{path}")
    assert (answer.status_code, answer.text) == (400, text)
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("render_image/{id}/3/0/", 404),
        ("render_image/{id}/0/2/", 404),
        ("render_image/{id}/-1/0/", 404),
        ("render_image/{id}/x/0/", 404),
        ("render_image/{id}/999999999999999999/0/", 404),
        ("render_image_region/{id}/0/0/?tile=0,99,0", 404),
        ("render_image_region/{id}/0/0/?tile=0,999999999999999999,0", 404),
        ("render_image_region/{id}/0/0/?region=600,0,10,10", 404),
        ("render_image_region/{id}/0/0/?region=0,0,0,10", 404),
        ("render_image/{id}/0/0/?c=4|0:1$FF0000", 400),
        ("render_image/{id}/0/0/?c=1|9:1$FF0000", 400),
        ("render_image/{id}/0/0/?c=1|a:b$FF0000", 400),
        ("render_image/{id}/0/0/?c=1|0:1$no.lut", 400),
        ("render_image/{id}/0/0/?m=x", 400),
        ("render_image/{id}/0/0/?p=intlast", 400),
        ("render_image/{id}/0/0/?p=intmax|5:2", 400),
        ("render_image/{id}/0/0/?p=intmax|9:9", 400),
        ("render_image/{id}/0/0/?q=2", 400),
        ("render_image/{id}/0/0/?q=nan", 400),
        ("render_image/{id}/0/0/?maps=[", 400),
        ("render_image/{id}/0/0/?maps=7", 400),
        ("render_image/{id}/0/0/?format=bmp", 400),
        ("render_thumbnail/{id}/0/", 400),
        ("render_thumbnail/{id}/16385/", 400),
        ("render_thumbnail/{large}/16384/", 200),
        ("render_thumbnail/{id}/96/0/", 400),
        ("render_thumbnail/{id}/?z=3", 404),
        ("render_thumbnail/{id}/?z=x", 400),
        ("render_thumbnail/{id}/?rdefId=1", 404),
        ("render_thumbnail/{id}/?rdefId=999999999999999999999999", 404),
        ("get_thumbnails/?id=x", 400),
    ],
)
async def test_what_cannot_be_drawn_is_refused_in_plain_words(
    served: Served, path: str, status: int
) -> None:
    answer = await served.get(path)
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["cache-control"] == "no-store"
        assert len(answer.text) < 400


async def test_complete_settings_are_asked_of_the_rdef_forms(served: Served) -> None:
    path = "render_image_rdef/{id}/1/0/?format=png"
    assert (await served.get(path)).status_code == 400
    assert (await served.get(f"{path}&m=c")).status_code == 400
    assert (await served.get(f"{path}&c={quote(C)}")).status_code == 400
    assert (await served.get(f"{path}&m=c&c=1|0:9")).status_code == 400
    assert (await served.get(f"{path}&m=c&c=1$FF0000")).status_code == 400
    full = decoded(await served.get(f"{path}&m=c&c={quote(C)}"))
    assert np.abs(full - drawn(served.samples[0, :, 1])).max() <= 1
    box = f"render_image_region_rdef/{{id}}/1/0/?{PNG}&region=0,0,50,40"
    assert (
        np.abs(decoded(await served.get(box)) - drawn(served.samples[0, :, 1, :40, :50])).max() <= 1
    )
    assert (
        await served.get("render_image_region_rdef/{id}/1/0/?region=0,0,50,40")
    ).status_code == 400


async def test_channels_stand_side_by_side_and_together(served: Served) -> None:
    found = decoded(await served.get(f"render_split_channel/{{id}}/0/1/?{PNG}"))
    # Four pictures in a square of 2 × 2, with 2 white pixels around each.
    assert found.shape == (2 * 400 + 6, 2 * 600 + 6, 3)
    planes = served.samples[1, :, 0]
    for index, (row, column) in enumerate(((0, 0), (0, 1), (1, 0))):
        expected = drawn(planes[index : index + 1], LOOK[index : index + 1])
        part = found[2 + row * 402 :, 2 + column * 602 :][:400, :600]
        assert np.abs(part - expected).max() <= 1
    assert np.abs(found[404:804, 604:1204] - drawn(planes)).max() <= 1
    assert (found[:2] == 255).all()
    grey = decoded(
        await served.get("render_split_channel/{id}/0/1/?format=png&m=g&c=1|0:4000,-2,3|0:4000")
    )
    assert grey.shape == (2 * 400 + 6, 2 * 600 + 6, 3)
    assert (grey[2:402, 604:1204] == 255).all()  # the second is off, its place is left
    assert np.abs(grey[404:804, 2:602, 0] - shade(planes[2], 0, 4000)).max() <= 1


# thumbnails


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("render_thumbnail/{id}/", (96, 64)),
        ("render_thumbnail/{id}/60/", (60, 40)),
        ("render_thumbnail/{id}/30/200/", (30, 20)),
        ("render_thumbnail/{id}/300/20/", (30, 20)),
        ("render_birds_eye_view/{id}/", (96, 64)),
        ("render_birds_eye_view/{id}/600/", (600, 400)),
        ("render_birds_eye_view/{id}/1200/", (1200, 800)),
        ("render_birds_eye_view/{large}/3200/", (3103, 3200)),
    ],
)
async def test_a_thumbnail_keeps_the_shape_of_the_image(
    served: Served, path: str, size: tuple[int, int]
) -> None:
    answer = await served.get(path)
    assert answer.headers["content-type"] == "image/jpeg"
    assert Picture.open(BytesIO(answer.content)).size == size


async def test_a_thumbnail_shows_the_plane_and_the_settings_asked_for(served: Served) -> None:
    def small(z: int, t: int) -> np.ndarray[Any, Any]:
        plane = served.samples[t, :, z].reshape(3, 40, 10, 60, 10).astype(float)
        look = [
            (n, one.min(), one.max(), color)
            for n, (one, color) in enumerate(
                zip(np.moveaxis(served.samples, 1, 0), ("FF0000", "00FF00", "0000FF"), strict=True)
            )
        ]
        return drawn(plane.mean(axis=(2, 4)), look)

    for z, t in ((0, 0), (2, 1)):
        found = decoded(await served.get(f"render_thumbnail/{{id}}/60/?z={z}&t={t}"))
        assert np.abs(found - small(z, t)).mean() < 10
        assert np.abs(found - small(2 - z, 1 - t)).mean() > 30
    hub = await served.clients.world.hub("owner")
    rdefs = await hub.renderings.of_images([served.id, served.large])
    own, other = rdefs[served.id][0].id, rdefs[served.large][0].id
    same = await served.get(f"render_thumbnail/{{id}}/60/?rdefId={own}")
    assert same.content == (await served.get("render_thumbnail/{id}/60/")).content
    assert (await served.get(f"render_thumbnail/{{id}}/60/?rdefId={other}")).status_code == 404


async def test_thumbnails_come_as_data_addresses(served: Served) -> None:
    one = (await served.get("get_thumbnail/{id}/60/")).json()
    picture = (await served.get("render_thumbnail/{id}/60/")).content
    assert one.startswith("data:image/jpeg;base64,")
    assert b64decode(one.partition(",")[2]) == picture
    wrapped = await served.get("get_thumbnail/{id}/?callback=show")
    assert wrapped.text.startswith('show("data:image/jpeg')
    asked = "get_thumbnails/60/?id={id}&id={large}&id=999999&id={id}&id=-4"
    many = (await served.get(asked)).json()
    assert many.keys() == {str(served.id), str(served.large), "999999", "-4"}
    assert many[str(served.id)] == one
    assert many["999999"] is many["-4"] is None
    assert (await served.get("get_thumbnails/")).json() == {}
    ids = "&".join(f"id={number}" for number in range(1, 52))
    assert (await served.get(f"get_thumbnails/?{ids}")).status_code == 400
    hidden = (await served.get(asked, "stranger")).json()
    assert set(hidden.values()) == {None}


async def test_many_thumbnails_cost_as_many_statements_as_two(served: Served) -> None:
    world = served.clients.world
    small = np.arange(256, dtype="uint8").reshape(1, 1, 1, 16, 16)
    ids = [(await world.image("owner", small)).id for _ in range(6)]
    counts = []
    for some in (ids[:2], ids):
        query = "&".join(f"id={id}" for id in some)
        counts.append(
            await cost(
                served.clients,
                f"/webgateway/get_thumbnails/?{query}",
                f"/webgateway/render_thumbnail/{served.id}/",
            )
        )
    assert counts == [5, 5]


# the way there


@pytest.mark.parametrize(
    "path",
    [
        "webgateway/render_image/{id}", "webgateway/render_image/{id}/1/0",
        "webgateway/render_image_region/{id}/1/0?region=0,0,9,9",
        "webgateway/render_split_channel/{id}/1/0", "webgateway/render_thumbnail/{id}",
        "webgateway/render_thumbnail/{id}/60", "webgateway/render_thumbnail/{id}/60/60",
        "webgateway/render_birds_eye_view/{id}/60", "webgateway/get_thumbnail/{id}/60",
        "webgateway/get_thumbnails/60?id={id}", "webclient/render_thumbnail/{id}",
        "webclient/render_thumbnail/size/60/{id}", "webclient/render_image/{id}/1/0",
        "webclient/render_image_region/{id}/1/0?region=0,0,9,9", "webclient/get_thumbnails?id={id}",
        "webclient/render_birds_eye_view/{id}/60",
    ],
)  # fmt: skip
async def test_both_forms_answer_alike_and_only_to_who_may_see(served: Served, path: str) -> None:
    address, mark, query = path.format(id=served.id).partition("?")
    clients = served.clients
    bare = await clients["owner"].get(f"/{address}{mark}{query}")
    slashed = await clients["owner"].get(f"/{address}/{mark}{query}")
    assert bare.status_code == slashed.status_code == 200
    assert bare.content == slashed.content
    colleague = await clients["annotator"].get(f"/{address}/{mark}{query}")
    assert colleague.status_code == 200
    stranger = await clients["stranger"].get(f"/{address}/{mark}{query}")
    if "get_thumbnails" in address:
        assert stranger.json() == {str(served.id): None}
    else:
        assert stranger.status_code == 404
        assert stranger.text == f"Image {served.id} not found"
    nobody = await clients[None].get(f"/{address}/{mark}{query}")
    assert nobody.status_code == 302
    asked = quote(f"/{address}/{mark}{query}")
    assert nobody.headers["location"] == f"/webclient/login/?url={asked}"
    script = {"X-Requested-With": "XMLHttpRequest"}
    assert (await clients[None].get(f"/{address}/", headers=script)).status_code == 403
    wrong = await clients["owner"].put(f"/{address}/")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")


async def test_an_image_without_pixels_is_not_found(served: Served) -> None:
    world = served.clients.world
    catalog = (await world.hub("owner")).catalog

    async def work(unit: Any) -> int:
        image = await unit.add(
            Image(name="declared", owner_id=world.people["owner"], group_id=world.groups["lab"])
        )
        await unit.add(Pixels(image_id=image.id), tell=False)
        return int(image.id)

    id = await catalog.write("declare", work)
    for path in (f"render_thumbnail/{id}/", f"render_image/{id}/0/0/", f"imgData/{id}/"):
        assert (await served.get(path)).status_code == 404
    assert (await served.get(f"get_thumbnails/?id={id}")).json() == {str(id): None}


async def test_what_the_client_has_is_not_sent_again(served: Served) -> None:
    paths = ["render_image/{id}/1/0/", "render_thumbnail/{id}/", "render_split_channel/{id}/1/0/",
             "render_image_region/{id}/1/0/?region=0,0,9,9"]  # fmt: skip
    for path in paths:
        first = await served.get(path)
        assert first.headers["cache-control"] == "private, max-age=0, must-revalidate"
        assert "Cookie" in first.headers["vary"]
        again = await served.get(path, **{"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert (await served.get(path, **{"If-None-Match": '"x"'})).status_code == 200
    etags = {
        (await served.get(path)).headers["etag"]
        for path in (
            *paths, "render_image/{id}/0/0/", "render_image/{id}/1/1/",
            "render_image/{id}/1/0/?q=0.5", "render_image/{id}/1/0/?c=1",
            "render_image/{id}/1/0/?m=g", "render_thumbnail/{id}/95/",
            "render_image_region/{id}/1/0/?region=0,0,9,8", "render_split_channel/{id}/1/0/?c=1",
            "render_image/{id}/1/0/?format=png", "render_image/{id}/1/0/?p=intmax",
        )
    }  # fmt: skip
    assert len(etags) == len(paths) + 10


async def test_a_warm_tile_asks_the_database_nothing(served: Served) -> None:
    look = quote("1|0:255$FFFFFF")
    path = f"/webgateway/render_image_region/{served.large}/0/0/?m=g&c={look}&tile=1,1,"
    assert await cost(served.clients, f"{path}1,256,256", f"{path}0,256,256") == 0


async def test_a_person_let_in_by_a_session_in_the_address_sees_the_picture(
    served: Served,
) -> None:
    session = await omero_session(served.clients, "annotator")
    key = session.cookies["sessionid"]
    client = served.clients.client()
    answer = await client.get(f"/webgateway/render_thumbnail/{served.id}/?bsession={key}&server=1")
    assert answer.status_code == 200
    assert client.cookies["sessionid"] == key
