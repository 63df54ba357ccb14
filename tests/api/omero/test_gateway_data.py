"""imgData, histograms, lookup tables and files of webgateway."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
import tifffile
from PIL import Image as Picture
from sqlalchemy import delete, update

from adapters.imports import ImportOptions
from adapters.render import compact, luts
from adapters.screens import NewField
from store.statement import cols, table
from store.tables.containers import Dataset, Project
from store.tables.files import ImageFile
from store.tables.images import Image, Pixels
from store.tables.screens import Plate
from tests.fixtures.app import AppClients
from tests.fixtures.drawing import waves
from tests.fixtures.omero_session import cost

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHAPE = (1, 2, 3, 40, 60)


@dataclass
class Served:
    """An image of the owner's in one dataset of one project; `large` in none."""

    clients: AppClients
    id: int
    samples: np.ndarray[Any, Any]
    project: int
    dataset: int
    large: int

    async def get(self, path: str, who: str | None = "owner", **headers: str) -> httpx.Response:
        """Ask an address below ``/webgateway/``; ids are filled in."""
        filled = path.format(
            id=self.id, large=self.large, dataset=self.dataset, project=self.project
        )
        return await self.clients[who].get(f"/webgateway/{filled}", headers=headers)

    async def data(self, path: str = "imgData/{id}/", who: str = "owner") -> Any:
        answer = await self.get(path, who)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(shared_app: AppClients) -> AsyncIterator[Served]:
    world = shared_app.world
    hub = await world.hub("owner")
    project = await hub.containers.create(Project, name="Mitosis", description="dividing")
    dataset = await hub.containers.create(Dataset, name="Day 3", into=project.id)
    samples = waves(SHAPE)
    image = await world.image(
        "owner", samples, name="hela.tif", channels=["DAPI", "GFP"], dataset=dataset.id
    )
    large = await world.image("owner", (waves((1, 1, 1, 3300, 3200)) // 16).astype("uint8"))

    async def describe(unit: Any) -> None:
        await unit.execute(
            update(table(Image))
            .where(cols(Image).id == image.id)
            .values(acquired_at=1_710_763_200_000, magnification=40.0, description="cells")
        )
        await unit.execute(
            update(table(Pixels))
            .where(cols(Pixels).image_id == image.id)
            .values(physical_size_x=0.108, physical_size_y=0.108)
        )

    await world.system().write("describe", describe)
    yield Served(shared_app, image.id, samples, project.id, dataset.id, large.id)


async def test_image_data_of_a_small_image_has_exactly_these_fields(served: Served) -> None:
    found = await served.data()
    people = served.clients.world.people
    author = (await (await served.clients.world.hub("root")).people.by_ids([people["owner"]]))[0]
    planes = served.samples.astype(float)
    channels = found.pop("channels")
    assert found == {
        "id": served.id,
        "meta": {
            "imageName": "hela.tif", "imageDescription": "cells",
            "imageAuthor": f"{author.first_name} {author.last_name}".strip() or "owner",
            "imageArchived": False, "projectName": "Mitosis", "projectId": served.project,
            "projectDescription": "dividing", "datasetName": "Day 3",
            "datasetId": served.dataset, "datasetDescription": "", "wellSampleId": "",
            "wellId": "", "imageTimestamp": 1710763200.0, "imageId": served.id,
            "pixelsType": "uint16",
        },
        "perms": {"canAnnotate": True, "canEdit": True, "canDelete": True, "canLink": True},
        "tiles": False,
        "interpolate": True,
        "size": {"width": 60, "height": 40, "z": 3, "t": 1, "c": 2},
        "pixel_size": {"x": 0.108, "y": 0.108, "z": None},
        "init_zoom": 0,
        "nominalMagnification": 40.0,
        "pixel_range": [0, 65535],
        "split_channel": {
            "g": {"width": 126, "height": 44, "border": 2, "gridx": 2, "gridy": 1},
            "c": {"width": 126, "height": 86, "border": 2, "gridx": 2, "gridy": 2},
        },
        "rdefs": {
            "model": "color", "projection": "normal", "defaultZ": 1, "defaultT": 0,
            "invertAxis": False,
        },
    }  # fmt: skip
    expected = []
    for index, (name, color) in enumerate((("DAPI", "FF0000"), ("GFP", "00FF00"))):
        low, high = planes[:, index].min(), planes[:, index].max()
        expected.append(
            {
                "label": name, "emissionWave": None, "color": color, "inverted": False,
                "reverseIntensity": False, "family": "linear", "coefficient": 1.0,
                "window": {"min": low, "max": high, "start": low, "end": high}, "active": True,
            }
        )  # fmt: skip
    assert channels == expected


async def test_a_large_image_tells_its_resolutions(served: Served) -> None:
    found = await served.data("imgData/{large}/")
    assert found["tiles"] is True
    assert found["tile_size"] == {"width": 512, "height": 512}
    assert found["levels"] == 5 == len(found["resolutions"]) == len(found["zoomLevelScaling"])
    assert found["resolutions"]["0"] == {"sizeX": 3200, "sizeY": 3300}
    assert found["resolutions"]["1"] == {"sizeX": 1600, "sizeY": 1650}
    assert found["zoomLevelScaling"]["0"] == 1.0
    assert found["zoomLevelScaling"]["1"] == 0.5
    assert found["rdefs"]["model"] == "greyscale"
    assert found["pixel_range"] == [0, 255]
    assert "nominalMagnification" not in found
    assert found["meta"]["datasetName"] == found["meta"]["projectName"] == "Multiple"
    assert found["meta"]["datasetId"] is found["meta"]["projectId"] is None
    # What is told can be drawn.
    for level, size in found["resolutions"].items():
        asked = f"render_image_region/{{large}}/0/0/?format=png&tile={level},0,0,1024,1024"
        picture = Picture.open(BytesIO((await served.get(asked)).content))
        assert picture.size == (min(1024, size["sizeX"]), min(1024, size["sizeY"]))


async def test_a_key_names_a_part(served: Served) -> None:
    assert await served.data("imgData/{id}/size/") == {
        "width": 60, "height": 40, "z": 3, "t": 1, "c": 2,
    }  # fmt: skip
    assert await served.data("imgData/{id}/meta.imageName/") == "hela.tif"
    assert await served.data("imgData/{id}/channels.1.label/") == "GFP"
    for nothing in ("nosuch", "meta.nosuch.deeper", "channels.7", "channels.x", "id.x", "..", "."):
        answer = await served.get(f"imgData/{{id}}/{nothing}/")
        assert answer.status_code in (200, 404)


async def test_the_callback_wraps_the_data(served: Served) -> None:
    answer = await served.get("imgData/{id}/?callback=viewer.load")
    assert answer.headers["content-type"].startswith("application/javascript")
    assert answer.text.startswith('viewer.load({"id":')
    assert answer.text.endswith(")")
    assert (await served.get("imgData/{id}/?callback=1;alert()")).status_code == 400


async def test_a_person_sees_own_settings_and_rights_and_the_defaults_on_request(
    served: Served,
) -> None:
    hub = await served.clients.world.hub("annotator")
    view = await hub.pixels.view(served.id)

    await hub.renderings.save(
        served.id,
        compact.read(view.settings, c="-1|5:99$fire.lut,2|0:7$0102FFr", m="g")
        if False
        else compact.read(view.settings, c="-1|5:99$fire.lut,2|0:7$0102FF", m="g"),
    )
    mine = await served.data(who="annotator")
    assert mine["perms"] == {
        "canAnnotate": True, "canEdit": False, "canDelete": False, "canLink": False,
    }  # fmt: skip
    first, second = mine["channels"]
    assert (first["active"], first["lut"], first["window"]["end"]) == (False, "fire.lut", 99.0)
    assert (second["color"], second["window"]["end"]) == ("0102FF", 7.0)
    assert "lut" not in second
    assert mine["rdefs"]["model"] == "greyscale"
    defaults = await served.data("imgData/{id}/?getDefaults=true", "annotator")
    assert defaults["channels"] == (await served.data())["channels"]
    assert defaults["rdefs"]["model"] == "color"


async def test_a_field_of_a_plate_tells_its_well(served: Served) -> None:
    world = served.clients.world
    hub = await world.hub("owner")
    plate = await hub.containers.create(Plate, name="plate")
    image = await world.image("owner", waves((1, 1, 1, 20, 20)))
    (sample,) = await hub.screens.add_fields(plate.id, [NewField(0, 0, image.id)])
    (field,) = await hub.screens.fields([sample])
    meta = await served.data(f"imgData/{image.id}/meta/")
    assert (meta["wellSampleId"], meta["wellId"]) == (sample, field.well_id)
    assert (meta["datasetName"], meta["datasetId"]) == ("Multiple", None)


async def test_image_data_cost_the_same_for_many_channels(served: Served) -> None:
    world = served.clients.world
    counts = []
    for channels in (1, 6):
        image = await world.image("owner", waves((1, channels, 1, 16, 16)))
        path = f"/webgateway/imgData/{image.id}/"
        counts.append(await cost(served.clients, path, path))
    assert counts[0] == counts[1] <= 4


@pytest.mark.parametrize(
    "path",
    ["webgateway/imgData/{id}", "webclient/imgData/{id}", "webgateway/imgData/{id}/size",
     "webgateway/histogram_json/{id}/channel/0", "webgateway/original_file_paths/{id}",
     "webgateway/render_ome_tiff/i/{id}", "webgateway/archived_files/download/{id}",
     "webgateway/render_ome_tiff/d/{dataset}", "webgateway/render_ome_tiff/p/{project}",
     "webgateway/luts", "webgateway/luts_png", "webgateway/open_with"],
)  # fmt: skip
async def test_both_forms_answer_alike_and_only_to_who_may_see(served: Served, path: str) -> None:
    address = "/" + path.format(id=served.id, dataset=served.dataset, project=served.project)
    bare = await served.clients["owner"].get(address)
    slashed = await served.clients["owner"].get(f"{address}/")
    assert bare.status_code == slashed.status_code == 200
    assert bare.headers["content-type"] == slashed.headers["content-type"]
    stranger = await served.clients["stranger"].get(f"{address}/")
    shared = any(word in path for word in ("luts", "open_with"))
    assert stranger.status_code == (200 if shared else 404)
    assert stranger.headers["content-type"].startswith("text/plain") or shared
    nobody = await served.clients[None].get(f"{address}/")
    assert nobody.status_code == 302
    assert nobody.headers["location"].startswith("/webclient/login/?url=")
    script = {"X-Requested-With": "XMLHttpRequest"}
    assert (await served.clients[None].get(address, headers=script)).status_code == 403
    assert (await served.clients["owner"].post(f"{address}/")).status_code == 405


# histograms


async def test_a_histogram_counts_between_the_channels_extremes(served: Served) -> None:
    found = await served.data("histogram_json/{id}/channel/1/?theZ=2&theT=0&bins=256")
    channel = served.samples[0, 1]
    expected, _ = np.histogram(channel[2], 256, (channel.min(), channel.max()))
    assert found == {"data": expected.tolist()}
    few = await served.data("histogram_json/{id}/channel/0/?bins=10")
    first = served.samples[0, 0]
    assert few["data"] == np.histogram(first[0], 10, (first.min(), first.max()))[0].tolist()


async def test_a_large_plane_is_counted_at_a_smaller_level(served: Served) -> None:
    found = await served.data("histogram_json/{large}/channel/0/?bins=16")
    assert sum(found["data"]) == 1650 * 1600


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        ("channel/2/", 404), ("channel/0/?theZ=3", 404), ("channel/0/?theT=1", 404),
        ("channel/0/?theZ=-1", 404), ("channel/x/", 404), ("channel/0/?theZ=x", 400),
        ("channel/0/?bins=0", 400), ("channel/0/?bins=99999999", 400),
    ],
)  # fmt: skip
async def test_a_histogram_of_what_is_not_there_is_refused(
    served: Served, rest: str, status: int
) -> None:
    assert (await served.get(f"histogram_json/{{id}}/{rest}")).status_code == status


# lookup tables


async def test_the_picture_shows_the_tables_of_the_list(served: Served) -> None:
    found = await served.data("luts/?rgb=true")
    assert found["png_luts"] == []
    assert found["png_luts_new"][-1] == "gradient.png"
    names = [f"{one['path']}{one['name']}" for one in found["luts"]]
    assert found["png_luts_new"][:-1] == names
    assert "luts/fire.lut" in names
    answer = await served.get("luts_png/")
    assert answer.headers["content-type"] == "image/png"
    picture = np.asarray(Picture.open(BytesIO(answer.content)))
    assert picture.shape == (10 * (len(names) + 1), 256, 4)
    for one in found["luts"]:
        rows = picture[10 * one["png_index_new"] :][:10]
        assert (rows[..., :3] == np.array(one["rgb"])).all()
        assert (rows[..., 3] == 255).all()
        assert set(one) == {"id", "path", "name", "size", "png_index", "png_index_new", "rgb"}
    assert "rgb" not in (await served.data("luts/"))["luts"][0]
    assert len({one["id"] for one in found["luts"]}) == len(luts.names())
    again = await served.get("luts_png/", **{"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


# files


async def test_one_image_is_sent_as_ome_tiff(served: Served) -> None:
    answer = await served.get("render_ome_tiff/i/{id}/")
    assert answer.headers["content-type"] == "image/tiff"
    assert 'filename="hela.ome.tiff"' in answer.headers["content-disposition"]
    read = tifffile.imread(BytesIO(answer.content))
    assert np.array_equal(read.reshape(SHAPE), served.samples)
    assert (await served.get("render_ome_tiff/i/{id}/?dryrun=true")).json() == 1


async def test_several_images_are_sent_as_a_zip(served: Served) -> None:
    world = served.clients.world
    hub = await world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="pair")
    plate = await hub.containers.create(Plate, name="plate")
    arrays = [waves((1, 1, 1, 30, 20 + 10 * n)) for n in range(2)]
    images = [await world.image("owner", one, dataset=dataset.id, name="same") for one in arrays]
    await hub.containers.link(Dataset, dataset.id, Image, [served.large])
    await hub.screens.add_fields(plate.id, [NewField(0, 0, images[0].id, 0)])
    await hub.screens.add_fields(plate.id, [NewField(0, 0, images[1].id, 1)])
    (well,) = (await hub.screens.wells_at([(plate.id, 0, 0)])).values()
    for path in (f"render_ome_tiff/d/{dataset.id}/", f"render_ome_tiff/w/{well.id}/"):
        answer = await served.get(path)
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            names = archive.namelist()
            assert names == [f"same-{one.id}.ome.tiff" for one in images]
            for name, array in zip(names, arrays, strict=True):
                read = tifffile.imread(BytesIO(archive.read(name)))
                assert np.array_equal(read, array[0, 0, 0])
        assert (await served.get(f"{path}?dryrun=true")).json() == 2
        chosen = await served.get(f"{path}?selection={images[1].id}")
        assert chosen.headers["content-type"] == "image/tiff"
    wrapped = await served.get(f"render_ome_tiff/d/{dataset.id}/?dryrun=true&callback=f")
    assert wrapped.text == "f(2)"
    left = list((served.clients.settings.data).glob("export-*"))
    assert left == []


async def test_a_pyramid_is_not_exported(served: Served) -> None:
    assert (await served.get("render_ome_tiff/i/{large}/")).status_code == 404
    assert (await served.get("render_ome_tiff/i/{large}/?dryrun=true")).json() == 0
    for path in ("x/{id}", "d/999999", "p/{dataset}", "i/999999"):
        assert (await served.get(f"render_ome_tiff/{path}/")).status_code == 404


async def test_the_original_comes_back_byte_by_byte(served: Served) -> None:
    world = served.clients.world
    path = world.infrastructure.settings.data / "sent" / "original name.tif"
    tifffile.imwrite(path, waves((1, 1, 1, 30, 30))[0, 0, 0])
    (image,) = await (await world.hub("owner")).imports.files([path], ImportOptions())
    for who in ("owner", "annotator"):
        paths = (await served.get(f"original_file_paths/{image.id}/", who)).json()
        assert paths["client"] == ["original name.tif"]
        assert paths["fileset"]["id"] == image.file_id
        assert paths["repo"][0].endswith(f"/{image.file_id}/original name.tif")
        answer = await served.get(f"archived_files/download/{image.id}/", who)
        assert answer.content == path.read_bytes()
        assert 'filename="original name.tif"' in answer.headers["content-disposition"]
        assert hashlib.sha256(answer.content).hexdigest() in answer.headers["etag"]
    part = await served.get(f"archived_files/download/{image.id}/", Range="bytes=2-5")
    assert (part.status_code, part.content) == (206, path.read_bytes()[2:6])
    both = await served.get(f"archived_files/download/?image={image.id}&image={served.id}")
    assert both.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(BytesIO(both.content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 2
        assert f"{image.file_id}/original name.tif" in archive.namelist()
    assert int(both.headers["content-length"]) == len(both.content)
    hidden = await served.get(f"archived_files/download/?image={image.id}", "stranger")
    assert hidden.status_code == 404
    assert (await served.get("archived_files/download/")).status_code == 400


async def test_an_image_from_no_file_has_no_original(served: Served) -> None:
    world = served.clients.world
    image = await world.image("owner", waves((1, 1, 1, 20, 20)))

    async def forget(unit: Any) -> None:
        await unit.execute(delete(table(ImageFile)).where(cols(ImageFile).image_id == image.id))

    await world.system().write("forget", forget)
    assert (await served.data(f"original_file_paths/{image.id}/")) == {}
    assert (await served.get(f"archived_files/download/{image.id}/")).status_code == 404


async def test_programs_that_open_images_are_named(served: Served) -> None:
    (option,) = (await served.data("open_with/"))["open_with_options"]
    assert option["url"] == "http://hub.test/iviewer/"
    assert option["supported_objects"] == ["images"]
