"""Plates, runs, wells and fields over the JSON API."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.screens import NewField
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Plate, Screen
from tests.fixtures.omero_lists import OME, Browser, details_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
BASE = "http://hub.test/api/v0/m"


def length(unit: str, symbol: str, value: float) -> dict[str, Any]:
    return {"@type": "TBD#LengthI", "Unit": unit, "Symbol": symbol, "Value": value}


class Scene:
    """A plate in a screen with wells A1 (fields 0, 1, 2), B1 (field 1) and A3 (field 0).

    The first run took fields 0 and 2 of A1, the second one the field of B1.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.images: dict[str, int] = {}
        self.wells: dict[str, int] = {}
        self.runs: list[int] = []

    async def set(self) -> Scene:
        hub = await self.browser.world.hub("owner")
        self.screen = (await hub.containers.create(Screen, name="S")).id
        plate = await hub.screens.create_plate(
            name="Plate 1", screen_id=self.screen, rows=8, columns=12, row_naming="letter",
            column_naming="number", field_index=1, external_id="003857", status="done",
            origin_x=1.5, origin_y=2.5, origin_unit="MILLIMETER", description="siRNA",
        )  # fmt: skip
        self.plate = plate.id
        for name, started in (("run 1", 1710763200000), (None, None)):
            run = await hub.screens.create_acquisition(
                plate.id, name=name, started_at=started, max_fields=3
            )
            self.runs.append(run.id)
        fields = [("A1", 0, 0, 0, 0), ("A1", 0, 0, 1, None), ("A1", 0, 0, 2, 0),
                  ("B1", 1, 0, 1, 1), ("A3", 0, 2, 0, None)]  # fmt: skip
        for well, row, column, position, run in fields:
            key = f"{well}.{position}"
            image = await self.browser.bare_image("owner", key)
            self.images[key] = image.id
            await hub.screens.add_fields(
                plate.id,
                [
                    NewField(
                        row, column, image.id, position, None if run is None else self.runs[run],
                        x=1200.0, y=-3.0, unit=None if position else "µm", timepoint=5,
                    )
                ],
            )  # fmt: skip
        found = (await self.browser.get("owner", f"plates/{plate.id}/wells/"))["data"]
        self.wells = {f"{'AB'[one['Row']]}{one['Column'] + 1}": one["@id"] for one in found}
        return self

    async def fields(
        self, path: str, who: str = "owner", **query: Any
    ) -> list[tuple[int, list[str]]]:
        """Return each well of a list with the names of its images, after checking the count."""
        answer = await self.browser.get(who, path, **query)
        assert answer["meta"]["totalCount"] == len(answer["data"])
        return [
            (one["@id"], [field["Image"]["Name"] for field in one.get("WellSamples", [])])
            for one in answer["data"]
        ]


async def test_a_plate_is_written_exactly(browser: Browser) -> None:
    scene = await Scene(browser).set()
    address = f"{BASE}/plates/{scene.plate}/"
    (listed,) = (await browser.get("owner", "plates/"))["data"]
    details = listed["omero:details"]
    assert details_of(listed)["can"] == ["Annotate", "Delete", "Edit", "Link"]
    around = {
        "url:screens": f"{address}screens/",
        "url:wells": f"{address}wells/",
        "url:plateacquisitions": f"{address}plateacquisitions/",
        "url:plate": address,
    }
    plate = {
        "@id": scene.plate,
        "@type": f"{OME}Plate",
        "Name": "Plate 1",
        "Description": "siRNA",
        "Rows": 8,
        "Columns": 12,
        "RowNamingConvention": "letter",
        "ColumnNamingConvention": "number",
        "FieldIndex": 1,
        "ExternalIdentifier": "003857",
        "Status": "done",
        "WellOriginX": length("MILLIMETER", "mm", 1.5),
        "WellOriginY": length("MILLIMETER", "mm", 2.5),
        "omero:details": details,
    }
    assert listed == plate | around
    single = (await browser.get("owner", f"plates/{scene.plate}"))["data"]
    assert single == {
        **plate,
        **around,
        "omero:wellsampleIndex": [0, 2],
        "url:wellsampleindex_wells": [f"{address}wellsampleindex/{n}/wells/" for n in range(3)],
    }
    refused = await browser.ask("owner", f"plates/{scene.plate}/", "DELETE")
    assert refused.json() == {"message": "Delete of Plate not supported"}
    hub = await browser.world.hub("owner")
    empty = await hub.containers.create(Plate, name="empty")
    found = (await browser.get("owner", f"plates/{empty.id}/"))["data"]
    assert (found["omero:wellsampleIndex"], found["url:wellsampleindex_wells"]) == ([], [])


async def test_plates_are_narrowed_by_screen_and_well(browser: Browser) -> None:
    scene = await Scene(browser).set()
    hub = await browser.world.hub("owner")
    await hub.containers.create(Plate, name="alone")
    for path, query, names in (
        ("plates/", {}, ["alone", "Plate 1"]),
        ("plates/", {"screen": scene.screen}, ["Plate 1"]),
        (f"screens/{scene.screen}/plates/", {}, ["Plate 1"]),
        ("plates/", {"well": scene.wells["A1"]}, ["Plate 1"]),
        (f"wells/{scene.wells['A1']}/plates/", {}, ["Plate 1"]),
        ("plates/", {"orphaned": "true"}, ["alone"]),
        ("plates/", {"well": 999_999}, []),
        ("screens/", {"plate": scene.plate}, ["S"]),
        (f"plates/{scene.plate}/screens/", {}, ["S"]),
    ):
        assert await browser.names("owner", path, **query) == names, (path, query)
        assert await browser.names("stranger", path, **query) == [], (path, query)


async def test_runs_tell_the_positions_of_their_fields(browser: Browser) -> None:
    scene = await Scene(browser).set()
    first, second = scene.runs
    answer = await browser.get("owner", f"plates/{scene.plate}/plateacquisitions/")
    assert answer["meta"]["totalCount"] == 2
    named, nameless = answer["data"]
    details = named.pop("omero:details")
    assert details["permissions"]["canDelete"] is True
    address = f"{BASE}/plateacquisitions/{first}/"
    assert named == {
        "@id": first,
        "@type": f"{OME}PlateAcquisition",
        "Name": "run 1",
        "MaximumFieldCount": 3,
        "StartTime": 1710763200000,
        "omero:wellsampleIndex": [0, 2],
        "url:wellsampleindex_wells": [f"{address}wellsampleindex/{n}/wells/" for n in range(3)],
        "url:plateacquisition": address,
    }
    assert (nameless["@id"], nameless["omero:wellsampleIndex"]) == (second, [1, 1])
    single = (await browser.get("owner", f"plateacquisitions/{first}"))["data"]
    assert "url:plateacquisition" not in single
    assert {**single, "url:plateacquisition": address} == {**named, "omero:details": details}
    hub = await browser.world.hub("owner")
    third = await hub.screens.create_acquisition(scene.plate, name="aa")
    found = (await browser.get("owner", f"plates/{scene.plate}/plateacquisitions/"))["data"]
    assert [one["@id"] for one in found] == [third.id, first, second]
    assert (found[0]["omero:wellsampleIndex"], found[0]["url:wellsampleindex_wells"]) == ([], [])
    assert (await browser.ask("owner", "plateacquisitions/")).status_code == 404


async def test_a_deleted_run_leaves_its_fields(browser: Browser) -> None:
    scene = await Scene(browser).set()
    address = f"plateacquisitions/{scene.runs[0]}/"
    assert (await browser.ask("annotator", address, "DELETE")).status_code == 403
    hidden = await browser.ask("stranger", address, "DELETE")
    assert hidden.json() == {"message": f"PlateAcquisition {scene.runs[0]} not found"}
    gone = await browser.ask("owner", address, "DELETE")
    assert gone.status_code == 200
    assert gone.json()["data"]["Name"] == "run 1"
    assert not [key for key in gone.json()["data"] if key.startswith("url:")]
    assert (await browser.ask("owner", address)).status_code == 404
    assert await scene.fields(f"{address}wells/") == []
    assert await scene.fields(f"{address}wellsampleindex/0/wells/") == []
    well = (await browser.get("owner", f"wells/{scene.wells['A1']}/"))["data"]
    assert ["PlateAcquisition" in one for one in well["WellSamples"]] == [False] * 3


async def test_a_well_is_written_exactly(browser: Browser) -> None:
    scene = await Scene(browser).set()
    well = scene.wells["B1"]
    hub = await browser.world.hub("owner")
    await hub.screens.update_well(
        well, color=-16776961, type="control", status="ok", external_id="x7",
        external_description="DMSO",
    )  # fmt: skip
    listed = (await browser.get("owner", "wells/", plate=scene.plate))["data"]
    assert [one["@id"] for one in listed] == [scene.wells[name] for name in ("A1", "B1", "A3")]
    found = listed[1]
    details = found["omero:details"]
    (field,) = await hub.screens.fields_of([well])
    image = {
        "@id": scene.images["B1.1"],
        "@type": f"{OME}Image",
        "Name": "B1.1",
        "omero:series": 0,
        "omero:details": details,
        "url:image": f"{BASE}/images/{scene.images['B1.1']}/",
    }
    expected = {
        "@id": well,
        "@type": f"{OME}Well",
        "Row": 1,
        "Column": 0,
        "Color": -16776961,
        "Type": "control",
        "omero:status": "ok",
        "ExternalIdentifier": "x7",
        "ExternalDescription": "DMSO",
        "omero:details": details,
        "url:plates": f"{BASE}/wells/{well}/plates/",
        "WellSamples": [
            {
                "@id": field[0].id,
                "@type": f"{OME}WellSample",
                "PositionX": length("REFERENCEFRAME", "reference frame", 1200.0),
                "PositionY": length("REFERENCEFRAME", "reference frame", -3.0),
                "Timepoint": 5,
                "Image": image,
                "PlateAcquisition": {
                    "@id": scene.runs[1],
                    "@type": f"{OME}PlateAcquisition",
                    "MaximumFieldCount": 3,
                    "omero:details": details,
                },
                "omero:details": details,
            }
        ],
    }
    assert found == {**expected, "url:well": f"{BASE}/wells/{well}/"}
    single = (await browser.get("owner", f"wells/{well}"))["data"]
    pixels = single["WellSamples"][0]["Image"].pop("Pixels")
    assert (pixels["SizeX"], pixels["SizeY"], "Channels" in pixels) == (600, 400, False)
    assert single == expected
    assert listed[0]["WellSamples"][0]["PositionX"] == length("MICROMETER", "µm", 1200.0)
    refused = await browser.ask("owner", f"wells/{well}/", "DELETE")
    assert refused.json() == {"message": "Delete of Well not supported"}


async def test_wells_come_by_column_and_row_with_the_fields_asked_for(browser: Browser) -> None:
    scene = await Scene(browser).set()
    a1, b1, a3 = (scene.wells[name] for name in ("A1", "B1", "A3"))
    plate, (first, second) = f"plates/{scene.plate}", scene.runs
    every = [(a1, ["A1.0", "A1.1", "A1.2"]), (b1, ["B1.1"]), (a3, ["A3.0"])]
    asked: dict[str, list[tuple[int, list[str]]]] = {
        "wells/": every,
        f"wells/?plate={scene.plate}": every,
        f"{plate}/wells/": every,
        f"{plate}/wellsampleindex/0/wells/": [(a1, ["A1.0"]), (a3, ["A3.0"])],
        f"{plate}/wellsampleindex/1/wells/": [(a1, ["A1.1"]), (b1, ["B1.1"])],
        f"{plate}/wellsampleindex/2/wells/": [(a1, ["A1.2"])],
        f"{plate}/wellsampleindex/3/wells/": [],
        f"plateacquisitions/{first}/wells/": [(a1, ["A1.0", "A1.2"])],
        f"plateacquisitions/{first}/wellsampleindex/0/wells/": [(a1, ["A1.0"])],
        f"plateacquisitions/{first}/wellsampleindex/1/wells/": [],
        f"plateacquisitions/{first}/wellsampleindex/2/wells/": [(a1, ["A1.2"])],
        f"plateacquisitions/{second}/wellsampleindex/1/wells": [(b1, ["B1.1"])],
        "plates/999999/wells/": [],
        "plateacquisitions/999999/wells/": [],
    }
    for path, wells in asked.items():
        assert await scene.fields(path) == wells, path
        assert await scene.fields(path, "stranger") == [], path


async def test_a_field_whose_image_is_gone_is_gone(browser: Browser) -> None:
    scene = await Scene(browser).set()
    hub = await browser.world.hub("owner")
    await hub.containers.delete(Image, [scene.images["A1.2"], scene.images["A3.0"]])
    a1, b1, a3 = (scene.wells[name] for name in ("A1", "B1", "A3"))
    plate = f"plates/{scene.plate}"
    assert await scene.fields(f"{plate}/wells/") == [
        (a1, ["A1.0", "A1.1"]), (b1, ["B1.1"]), (a3, []),
    ]  # fmt: skip
    assert await scene.fields(f"{plate}/wellsampleindex/0/wells/") == [(a1, ["A1.0"])]
    assert await scene.fields(f"{plate}/wellsampleindex/2/wells/") == []
    assert (await browser.get("owner", plate))["data"]["omero:wellsampleIndex"] == [0, 1]


async def test_positions_far_apart_do_not_fill_the_answer(browser: Browser) -> None:
    scene = await Scene(browser).set()
    hub = await browser.world.hub("owner")
    image = await browser.bare_image("owner", "far")
    await hub.screens.add_fields(scene.plate, [NewField(0, 0, image.id, 10**9)])
    found = (await browser.get("owner", f"plates/{scene.plate}/"))["data"]
    assert found["omero:wellsampleIndex"] == [0, 10**9]
    assert len(found["url:wellsampleindex_wells"]) == 10_000


async def test_mates_may_annotate_what_is_in_a_plate(browser: Browser) -> None:
    scene = await Scene(browser).set()
    well = (await browser.get("annotator", f"wells/{scene.wells['A1']}/"))["data"]
    field = well["WellSamples"][0]
    for one in (well, field, field["Image"], field["Image"]["Pixels"], field["PlateAcquisition"]):
        assert details_of(one)["can"] == ["Annotate"]
    assert (await browser.ask("reader", f"wells/{scene.wells['A1']}/")).json() == {
        "message": f"Well {scene.wells['A1']} not found"
    }


async def test_lists_take_the_same_statements_for_two_rows_and_thirty(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    plate = await hub.screens.create_plate(name="p", rows=8, columns=12)
    run = await hub.screens.create_acquisition(plate.id, name="r")

    async def make(first: int, last: int) -> None:
        for n in range(first, last):
            image = await browser.bare_image("owner", f"i{n}")
            await hub.screens.add_fields(
                plate.id, [NewField(n // 12, n % 12, image.id, acquisition_id=run.id)]
            )
            await hub.containers.create(Plate, name=f"p{n}")
            await hub.screens.create_acquisition(plate.id, name=f"r{n}")

    paths = [
        "plates/", f"plates/{plate.id}/wells/", f"plates/{plate.id}/wellsampleindex/0/wells/",
        f"plates/{plate.id}/plateacquisitions/", f"plateacquisitions/{run.id}/wells/",
    ]  # fmt: skip
    await make(0, 2)
    few = [await browser.statements("owner", path, normalize="true") for path in paths]
    await make(2, 30)
    assert [await browser.statements("owner", path, normalize="true") for path in paths] == few
    assert max(few) <= 9


async def test_every_link_leads_somewhere_for_whoever_got_it(browser: Browser) -> None:
    scene = await Scene(browser).set()
    hub = await browser.world.hub("owner")
    project = await hub.containers.create(Project, name="P")
    dataset = await hub.containers.create(Dataset, name="D", into=project.id)
    await hub.containers.link(Dataset, dataset.id, Image, list(scene.images.values()))
    shared = await hub.containers.create(Project, name="shared")
    await browser.world.grant("read", "project", shared.id, browser.world.people["stranger"])
    for who, least in (("owner", 70), ("annotator", 70), ("stranger", 20)):
        found = await browser.crawl(who)
        assert len(found) >= least, who
        wells = [path for path in found if "/wellsampleindex/" in path]
        assert bool(wells) == (who != "stranger")


async def test_positions_beyond_a_database_key_are_no_address(browser: Browser) -> None:
    scene = await Scene(browser).set()
    for position in ("x", "-1", "1.5", "9" * 25):
        answer = await browser.ask(
            "owner", f"plates/{scene.plate}/wellsampleindex/{position}/wells/"
        )
        assert answer.status_code == 404
