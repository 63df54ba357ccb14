"""Images over the JSON API: pixels in lists, channels in single reads, who sees which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import update

from adapters.screens import NewField
from store.statement import cols, table
from store.tables.containers import Dataset, Project
from store.tables.images import Channel, Image, Pixels
from store.tables.screens import Plate
from tests.fixtures.omero_lists import OME, Browser, details_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
BASE = "http://hub.test/api/v0/m"


async def store(browser: Browser, noun: Any, id: int, **values: Any) -> None:
    """Write columns that no service sets."""

    async def work(unit: Any) -> None:
        columns = cols(noun)
        key = columns.image_id if noun is Pixels else columns.id
        await unit.execute(update(table(noun)).where(key == id).values(values))

    await browser.world.system().write("set up", work)


def micrometres(value: float) -> dict[str, Any]:
    return {"@type": "TBD#LengthI", "Unit": "MICROMETER", "Symbol": "µm", "Value": value}


def nanometres(value: float) -> dict[str, Any]:
    return {"@type": "TBD#LengthI", "Unit": "NANOMETER", "Symbol": "nm", "Value": value}


async def test_an_image_is_written_exactly(browser: Browser) -> None:
    samples = np.arange(2 * 3 * 30 * 40, dtype="uint16").reshape(1, 2, 3, 30, 40)
    image = await browser.world.image("owner", samples, name="hela.tif", channels=["DAPI", "GFP"])
    await store(
        browser, Image, image.id, acquired_at=1710763200000, series=3, description="<p>fixed</p>",
        description_html=True,
    )  # fmt: skip
    await store(
        browser, Pixels, image.id, physical_size_x=0.108, physical_size_z=0.3, time_increment=1.5,
        significant_bits=12, sha256="ab" * 32,
    )  # fmt: skip
    hub = await browser.world.hub("owner")
    first, second = (await hub.images.channels([image.id]))[image.id]
    await store(
        browser, Channel, first.id, color=0x0000FFFF, emission_nm=461.0, excitation_nm=405.0,
        fluor="DAPI", nd_filter=0.5, pinhole_um=30.0, pockel_cell=2, lut="hot.lut",
        modes={"contrast_method": "Fluorescence", "illumination": "Epifluorescence",
               "acquisition_mode": "WideField"},
    )  # fmt: skip
    await store(browser, Channel, second.id, color=-16776961)
    found = (await browser.get("owner", f"images/{image.id}/"))["data"]
    details = found["omero:details"]
    assert details_of(found) == {
        "owner": browser.world.people["owner"],
        "group": browser.world.groups["lab"],
        "can": ["Annotate", "Delete", "Edit", "Link"],
    }
    nothing = found["Pixels"]["Type"].pop("omero:details")
    assert set(nothing) == {"@type", "permissions"}

    def word(kind: str, id: int, value: str) -> dict[str, Any]:
        return {"@id": id, "@type": f"TBD#{kind}", "value": value, "omero:details": nothing}

    pixels = {
        "@id": image.id,
        "@type": f"{OME}Pixels",
        "SizeX": 40,
        "SizeY": 30,
        "SizeZ": 3,
        "SizeC": 2,
        "SizeT": 1,
        "Type": {"@id": 6, "@type": "TBD#PixelsType", "value": "uint16"},
        "SignificantBits": 12,
        "PhysicalSizeX": micrometres(0.108),
        "PhysicalSizeZ": micrometres(0.3),
        "TimeIncrement": {
            "@type": "TBD#TimeI", "Unit": "SECOND", "Symbol": "s", "Value": 1.5,
        },
        "omero:sha1": "ab" * 32,
        "omero:details": details,
    }  # fmt: skip
    expected = {
        "@id": image.id,
        "@type": f"{OME}Image",
        "Name": "hela.tif",
        "Description": "fixed",
        "AcquisitionDate": 1710763200000,
        "omero:series": 3,
        "omero:details": details,
        "url:datasets": f"{BASE}/images/{image.id}/datasets/",
    }
    channels = [
        {
            "@id": first.id,
            "@type": f"{OME}Channel",
            "Name": "DAPI",
            "Color": 65535,
            "omero:lookupTable": "hot.lut",
            "omero:LogicalChannelId": first.id,
            "EmissionWavelength": nanometres(461.0),
            "ExcitationWavelength": nanometres(405.0),
            "Fluor": "DAPI",
            "NDFilter": 0.5,
            "PinholeSize": micrometres(30.0),
            "PockelCellSetting": 2,
            "SamplesPerPixel": 1,
            "ContrastMethod": word("ContrastMethod", 8, "Fluorescence"),
            "Illumination": word("Illumination", 2, "Epifluorescence"),
            "AcquisitionMode": word("AcquisitionMode", 1, "WideField"),
            "omero:photometricInterpretation": word("PhotometricInterpretation", 5, "Monochrome"),
            "omero:details": details,
        },
        {
            "@id": second.id,
            "@type": f"{OME}Channel",
            "Name": "GFP",
            "Color": -16776961,
            "omero:LogicalChannelId": second.id,
            "SamplesPerPixel": 1,
            "omero:photometricInterpretation": word("PhotometricInterpretation", 5, "Monochrome"),
            "omero:details": details,
        },
    ]
    assert found == {
        **expected,
        "url:rois": f"{BASE}/images/{image.id}/rois/",
        "Pixels": {**pixels, "Channels": channels},
    }
    (listed,) = (await browser.get("owner", "images/"))["data"]
    assert listed["Pixels"]["Type"].pop("omero:details") == nothing
    assert listed == {
        **expected,
        "url:image": f"{BASE}/images/{image.id}/",
        "Pixels": pixels,
    }


async def test_what_an_image_lacks_is_left_out(browser: Browser) -> None:
    image = await browser.bare_image("owner", "bare", size=(1, 1, 1, 8, 9))
    await store(browser, Pixels, image.id, dtype="float32", physical_size_x=float("inf"))
    (found,) = (await browser.get("owner", "images/"))["data"]
    assert set(found) == {
        "@id", "@type", "Name", "omero:series", "omero:details", "url:image", "url:datasets",
        "Pixels",
    }  # fmt: skip
    assert set(found["Pixels"]) == {
        "@id", "@type", "SizeX", "SizeY", "SizeZ", "SizeC", "SizeT", "Type", "omero:details",
    }  # fmt: skip
    assert found["Pixels"]["Type"]["value"] == "float"
    single = (await browser.get("owner", f"images/{image.id}/"))["data"]
    assert "Channels" not in single["Pixels"]
    await store(browser, Image, image.id, archived=True)
    assert (await browser.get("owner", f"images/{image.id}/"))["data"]["omero:archived"] is True


async def test_images_without_pixels_are_in_no_list(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="d")
    kept = await browser.bare_image("owner", "kept", into=dataset.id)
    for state in ("declared", "importing"):
        gone = await browser.bare_image("owner", state, into=dataset.id)
        await store(browser, Image, gone.id, state=state)
        refused = await browser.ask("owner", f"images/{gone.id}/")
        assert (refused.status_code, refused.json()) == (
            404, {"message": f"Image {gone.id} not found"},
        )  # fmt: skip
        assert await browser.names("owner", f"images/{gone.id}/datasets/") == []
    for path in ("images/", f"datasets/{dataset.id}/images/"):
        answer = await browser.get("owner", path)
        assert [one["@id"] for one in answer["data"]] == [kept.id]
        assert answer["meta"]["totalCount"] == 1
        assert (await browser.get("owner", path, limit=0))["meta"]["totalCount"] == 1


async def test_orphans_lie_in_no_dataset_and_no_well(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="d")
    plate = await hub.containers.create(Plate, name="p")
    await browser.bare_image("owner", "in dataset", into=dataset.id)
    field = await browser.bare_image("owner", "in well")
    await hub.screens.add_fields(plate.id, [NewField(0, 0, field.id)])
    await browser.bare_image("owner", "alone")
    assert await browser.names("owner", "images/") == ["alone", "in dataset", "in well"]
    assert await browser.names("owner", "images/", orphaned="true") == ["alone"]
    assert await browser.names("owner", "images/", dataset=dataset.id) == ["in dataset"]
    assert await browser.names("owner", f"datasets/{dataset.id}/images/") == ["in dataset"]
    assert await browser.names("owner", f"images/{field.id}/datasets/") == []


async def test_images_follow_the_rules_of_their_group(browser: Browser) -> None:
    private = await browser.bare_image("keeper", "private")
    hub = await browser.world.hub("keeper")
    dataset = await hub.containers.create(Dataset, name="d")
    await hub.containers.link(Dataset, dataset.id, Image, [private.id])
    for path in ("images/", f"datasets/{dataset.id}/images/"):
        answer = await browser.get("mate", path)
        assert (answer["data"], answer["meta"]["totalCount"]) == ([], 0)
    for who in ("owner", "reader", "stranger", "mate"):
        assert await browser.names(who, "images/") == []
        assert (await browser.ask(who, f"images/{private.id}/")).status_code == 404
    seen = (await browser.get("root", f"images/{private.id}/"))["data"]
    assert details_of(seen)["can"] == ["Delete", "Edit"]
    shared = await hub.containers.create(Project, name="shared")
    await hub.containers.link(Project, shared.id, Dataset, [dataset.id])
    await browser.world.grant("annotate", "project", shared.id, browser.world.people["stranger"])
    (found,) = (await browser.get("stranger", f"datasets/{dataset.id}/images/"))["data"]
    assert details_of(found)["can"] == ["Annotate"]
    assert details_of(found["Pixels"])["can"] == ["Annotate"]


async def test_an_image_is_not_deleted_here(browser: Browser) -> None:
    image = await browser.bare_image("owner", "kept")
    for id in (image.id, 999_999):
        refused = await browser.ask("owner", f"images/{id}/", "DELETE")
        assert refused.status_code == 405
        assert refused.json() == {"message": "Delete of Image not supported"}
        assert refused.headers["allow"] == "GET"
    assert await browser.names("owner", "images/") == ["kept"]


async def test_normalising_leaves_the_details_of_pixels_whole(browser: Browser) -> None:
    await browser.bare_image("owner", "a")
    await browser.bare_image("annotator", "b")
    answer = await browser.get("owner", "images/", normalize="true")
    people = browser.world.people
    assert [one["@id"] for one in answer["experimenters"]] == [people["owner"], people["annotator"]]
    assert len(answer["experimenterGroups"]) == 1
    for item, owner in zip(answer["data"], answer["experimenters"], strict=True):
        assert item["omero:details"]["owner"] == {"@id": owner["@id"]}
        assert item["Pixels"]["omero:details"]["owner"] == owner


async def test_a_window_of_a_longer_list_counts_the_whole(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="d")
    made = [await browser.bare_image("owner", f"i{n % 3}", into=dataset.id) for n in range(7)]
    expected = [one.id for one in sorted(made, key=lambda one: (one.name_key, one.id))]
    for path in ("images/", f"datasets/{dataset.id}/images/"):
        walked = []
        for offset in (0, 2, 4, 6):
            answer = await browser.get("owner", path, offset=offset, limit=2)
            assert answer["meta"]["totalCount"] == 7
            walked += [one["@id"] for one in answer["data"]]
        assert walked == expected
    await hub.containers.update(Image, expected[0], name="z")
    last = await browser.get("owner", f"datasets/{dataset.id}/images/", offset=6)
    assert [one["@id"] for one in last["data"]] == [expected[0]]


async def test_lists_take_the_same_statements_for_two_rows_and_thirty(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="d")
    paths = ("images/", f"datasets/{dataset.id}/images/")

    async def make(count: int) -> None:
        for n in range(count):
            await browser.bare_image("owner", f"i{n}", into=dataset.id)

    await make(2)
    few = [await browser.statements("owner", path, normalize="true") for path in paths]
    await make(28)
    assert [await browser.statements("owner", path, normalize="true") for path in paths] == few
    assert few == [4, 4]
    assert await browser.statements("owner", "images/", limit=10) == 5
