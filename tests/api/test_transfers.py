"""Downloads as OME-TIFF and as a zip of OME-Zarr."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import httpx
import numpy as np
import ome_types
import pytest
import tifffile
import zarr

from store.tables.people import GroupLevel
from tests.fixtures.app import AppClients, LiveHub
from web.transfers import file_stem

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANNELS = ["DAPI", "Tubulin µ", "赤"]


def samples(shape: tuple[int, ...] = (2, 3, 2, 70, 90), dtype: str = "uint16") -> Any:
    return np.random.default_rng(3).integers(0, 60000, shape).astype(dtype)


def file_name(answer: httpx.Response) -> str:
    """Return the name a browser gives the file (RFC 6266)."""
    match = re.fullmatch(
        r"attachment; filename=\"([ -~]*)\"; filename\*=UTF-8''([A-Za-z0-9%._~-]+)",
        answer.headers["content-disposition"],
    )
    assert match, answer.headers["content-disposition"]
    return unquote(match[2])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
async def test_an_ome_tiff_holds_the_samples_and_the_names(
    shared_app: AppClients, dtype: str
) -> None:
    given = samples(dtype=dtype)
    if dtype == "float32":
        given[0, 0, 0, 0, :2] = np.nan, np.inf
    image = await shared_app.world.image("owner", given, name="cells.tif", channels=CHANNELS)
    answer = await shared_app["owner"].get(f"/transfers/images/{image.id}?format=ome-tiff")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/tiff"
    assert answer.headers["cache-control"] == "private, no-store"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert file_name(answer) == "cells.ome.tif"
    with tifffile.TiffFile(BytesIO(answer.content)) as tiff:
        assert tiff.is_ome
        series = tiff.series[0]
        found = tifffile.transpose_axes(series.asarray(), series.axes, "TCZYX")
        xml = tiff.ome_metadata
    assert found.dtype == given.dtype
    assert np.array_equal(found, given, equal_nan=dtype == "float32")
    described = ome_types.from_xml(xml).images[0]
    assert described.name == "cells.tif"
    assert [channel.name for channel in described.pixels.channels] == CHANNELS


async def test_without_a_format_it_is_an_ome_tiff(shared_app: AppClients) -> None:
    image = await shared_app.world.image("owner", samples((1, 1, 1, 20, 30)))
    answer = await shared_app["annotator"].get(f"/transfers/images/{image.id}")
    assert answer.headers["content-type"] == "image/tiff"


async def test_a_zip_holds_the_whole_ome_zarr(shared_app: AppClients, tmp_path: Path) -> None:
    given = samples((1, 2, 1, 300, 520))
    image = await shared_app.world.image("owner", given, name="cells.tif", channels=["a", "b"])
    answer = await shared_app["owner"].get(f"/transfers/images/{image.id}?format=ome-zarr")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert file_name(answer) == "cells.ome.zarr.zip"
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {name.partition("/")[0] for name in archive.namelist()} == {"cells.ome.zarr"}
        archive.extractall(tmp_path)
    group = zarr.open_group(tmp_path / "cells.ome.zarr", mode="r")
    assert np.array_equal(group["0"][...], given)
    assert group["1"].shape == (1, 2, 1, 150, 260)
    assert [one["label"] for one in group.attrs["ome"]["omero"]["channels"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("cells.tif", "cells"),
        ("cells.ome.tiff", "cells"),
        ("Zelle µ 赤 🔬.ome.zarr", "Zelle µ 赤 🔬"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("../../../etc/passwd", "etc_passwd"),
        ("..", "image-9"),
        ("...", "image-9"),
        (".tif", "image-9"),
        ("a\r\nSet-Cookie: x=1", "a_Set-Cookie_ x=1"),
        ("x" * 255, "x" * 120),
        ("series 1 [2]", "series 1 [2]"),
    ],
)
async def test_a_file_is_named_so_that_every_system_takes_it(name: str, stem: str) -> None:
    assert file_stem(SimpleNamespace(image=SimpleNamespace(name=name, id=9))) == stem


@pytest.mark.parametrize("format", ["ome-tiff", "ome-zarr"])
async def test_a_name_in_any_script_comes_through(shared_app: AppClients, format: str) -> None:
    name = 'Zelle "µ" 赤 / 🔬; x=1.tif'
    image = await shared_app.world.image("owner", samples((1, 1, 1, 20, 30)), name=name)
    answer = await shared_app["owner"].get(f"/transfers/images/{image.id}?format={format}")
    assert answer.status_code == 200
    ending = "ome.tif" if format == "ome-tiff" else "ome.zarr.zip"
    assert file_name(answer) == f"Zelle _µ_ 赤 _ 🔬; x=1.{ending}"
    if format == "ome-zarr":
        with zipfile.ZipFile(BytesIO(answer.content)) as archive:
            assert archive.namelist()[0] == "Zelle _µ_ 赤 _ 🔬; x=1.ome.zarr/zarr.json"


async def test_an_unknown_format_is_told(shared_app: AppClients) -> None:
    image = await shared_app.world.image("owner", samples((1, 1, 1, 20, 30)))
    answer = await shared_app["owner"].get(f"/transfers/images/{image.id}?format=avi")
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "format"
    assert "ome-tiff, ome-zarr" in answer.json()["error"]["message"]


async def test_head_makes_no_file(shared_app: AppClients, monkeypatch: pytest.MonkeyPatch) -> None:
    image = await shared_app.world.image("owner", samples((1, 1, 1, 20, 30)), name="cells.tif")
    monkeypatch.setattr("adapters.exports.write_ome_tiff", lambda *_, **__: pytest.fail("written"))
    path = f"/transfers/images/{image.id}"
    tiff = await shared_app["owner"].head(path)
    assert (tiff.status_code, tiff.content) == (200, b"")
    assert tiff.headers["content-type"] == "image/tiff"
    assert file_name(tiff) == "cells.ome.tif"
    assert "content-length" not in tiff.headers
    packed = await shared_app["owner"].head(f"{path}?format=ome-zarr")
    whole = await shared_app["owner"].get(f"{path}?format=ome-zarr")
    assert packed.headers["content-length"] == str(len(whole.content))
    assert (await shared_app["stranger"].head(path)).status_code == 404


@pytest.mark.parametrize("format", ["ome-tiff", "ome-zarr"])
async def test_only_who_sees_the_image_gets_it(shared_app: AppClients, format: str) -> None:
    image = await shared_app.world.image("owner", samples((1, 1, 1, 20, 30)), name="cells.tif")
    for who, status in (("annotator", 200), ("stranger", 404), ("reader", 404), (None, 404)):
        answer = await shared_app[who].get(f"/transfers/images/{image.id}?format={format}")
        assert answer.status_code == status, who
        if status == 404:
            assert answer.json()["error"]["code"] == "not_found"
            assert "cells" not in answer.text


async def test_an_image_of_a_private_group_is_its_owners_alone(shared_app: AppClients) -> None:
    world = shared_app.world
    closed = await world.group("closed", GroupLevel.private)
    for name in ("first", "second"):
        world.people[name] = await world.person(name, closed)
        world.tokens[name] = await world.token(name, "read", "write")
    image = await world.image("first", samples((1, 1, 1, 20, 30)))
    for who, status in (("first", 200), ("second", 404), ("root", 200)):
        async with shared_app.client(headers=world.bearer(who)) as client:
            assert (await client.get(f"/transfers/images/{image.id}")).status_code == status


async def test_nothing_is_left_in_the_data_folder(shared_app: AppClients) -> None:
    image = await shared_app.world.image("owner", samples((1, 1, 1, 20, 30)))
    before = sorted(path.name for path in shared_app.settings.data.iterdir())
    for format in ("ome-tiff", "ome-zarr"):
        await shared_app["owner"].get(f"/transfers/images/{image.id}?format={format}")
    assert sorted(path.name for path in shared_app.settings.data.iterdir()) == before


async def test_a_failing_export_is_told_and_leaves_nothing(
    shared_app: AppClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.errors import Unavailable

    def broken(*_: Any, **__: Any) -> None:
        raise Unavailable("the pixel store", "a chunk is damaged")

    image = await shared_app.world.image("owner", samples((1, 1, 1, 20, 30)))
    before = sorted(path.name for path in shared_app.settings.data.iterdir())
    monkeypatch.setattr("adapters.exports.write_ome_tiff", broken)
    answer = await shared_app["owner"].get(f"/transfers/images/{image.id}")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"
    assert "content-disposition" not in answer.headers
    assert sorted(path.name for path in shared_app.settings.data.iterdir()) == before


async def test_tiles_are_drawn_while_every_export_thread_is_busy(
    shared_app: AppClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = await shared_app.world.image("owner", samples((1, 1, 1, 20, 30)))
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slow(*_: Any, **__: Any) -> None:
        begun.release()
        assert go_on.wait(30)

    monkeypatch.setattr("adapters.exports.write_ome_tiff", slow)
    client = shared_app["owner"]
    exports = [
        asyncio.ensure_future(client.get(f"/transfers/images/{image.id}")) for _ in range(12)
    ]
    try:
        await asyncio.to_thread(begun.acquire)
        tile = await asyncio.wait_for(client.get(f"/tiles/{image.id}/0/0/0"), 10)
        assert tile.status_code == 200
        assert not any(export.done() for export in exports)
    finally:
        go_on.set()
        await asyncio.gather(*exports)


async def test_an_export_ends_when_its_client_leaves(
    shared_live: LiveHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = await shared_live.world.image("owner", samples((1, 1, 1, 20, 30)))
    begun, ended = threading.Event(), threading.Event()
    closed: list[bool] = []

    def endless(target: Any, *_: Any, progress: Any, **__: Any) -> None:
        begun.set()
        try:
            while True:
                threading.Event().wait(0.01)
                target.write(b"x" * 1000)
                progress(None)
        finally:
            closed.append(target.closed)
            ended.set()

    monkeypatch.setattr("adapters.exports.write_ome_tiff", endless)
    token = shared_live.world.bearer("owner")["Authorization"]
    line = socket.create_connection(("127.0.0.1", shared_live.port), 10)
    line.sendall(
        f"GET /transfers/images/{image.id} HTTP/1.1\r\nHost: hub\r\nAuthorization: {token}\r\n\r\n"
        "".encode()
    )
    assert await asyncio.to_thread(begun.wait, 20)
    line.close()
    assert await asyncio.to_thread(ended.wait, 20), "the export goes on for nobody"
    assert closed == [False]
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{shared_live.url}/healthz")).text == "ok"


async def test_a_large_image_comes_over_a_socket(shared_live: LiveHub, tmp_path: Path) -> None:
    given = samples((1, 1, 1, 2300, 2100))
    image = await shared_live.world.image("owner", given)
    headers = shared_live.world.bearer("owner")
    async with httpx.AsyncClient(headers=headers, timeout=60) as client:
        tiff = await client.get(f"{shared_live.url}/transfers/images/{image.id}")
        packed = await client.get(f"{shared_live.url}/transfers/images/{image.id}?format=ome-zarr")
    with tifffile.TiffFile(BytesIO(tiff.content)) as opened:
        assert np.array_equal(opened.series[0].asarray(), given[0, 0, 0])
        assert len(opened.series[0].levels) > 1
    with zipfile.ZipFile(BytesIO(packed.content)) as archive:
        assert archive.testzip() is None
