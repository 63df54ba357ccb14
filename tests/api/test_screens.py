"""Plates over GraphQL: wells made on demand, the grid, and who may put what where."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.screens import index_of, label, ordinal, place_of
from schema.scalars import decode_id, encode_id
from store.errors import Invalid
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of

GRID = """query($id: ID!, $field: Int!, $run: ID) { plate(id: $id) { rows columns
  grid(field: $field, acquisition: $run) { image { name } } } }"""


async def plate(world: HubWorld, who: str = "owner", **fields: Any) -> str:
    """Make a plate of 3 × 4 wells unless told otherwise; return its global id."""
    wanted = {"name": "Dose response", "rows": 3, "columns": 4} | fields
    made = await world.mutate(who, "createPlate", wanted, "plate { id }")
    return str(made["plate"]["id"])


async def image(world: HubWorld, name: str, who: str = "owner") -> str:
    made = await world.image(world.people[who], name)
    return encode_id("Image", made.id)


async def fill(world: HubWorld, id: str, *places: tuple[str, str]) -> list[str]:
    """Put a new image into each (well, name); return the ids of the fields."""
    fields = [{"well": well, "image": await image(world, name)} for well, name in places]
    done = await world.mutate("owner", "addFields", {"plate": id, "fields": fields}, "sampleIds")
    return list(done["sampleIds"])


def names(grid: list[list[Any]]) -> list[list[str | None]]:
    return [[cell and cell["image"]["name"] for cell in row] for row in grid]


@pytest.mark.parametrize(
    ("row", "column", "naming", "text"),
    [
        (0, 0, (None, None), "A1"),
        (1, 2, ("letter", "number"), "B3"),
        (25, 0, (None, None), "Z1"),
        (26, 11, (None, None), "AA12"),
        (51, 0, (None, None), "AZ1"),
        (52, 0, (None, None), "BA1"),
        (1, 2, ("number", "letter"), "2C"),
        (0, 11, ("number", "number"), "1-12"),
        (3, 1, ("letter", "letter"), "D-B"),
    ],
)
def test_a_well_is_called_as_its_plate_names_rows_and_columns(
    row: int, column: int, naming: tuple[str | None, str | None], text: str
) -> None:
    assert label(row, column, *naming) == text
    assert place_of(text.lower()) == (row, column)


def test_the_names_of_rows_and_columns_can_be_read_back() -> None:
    for naming in ("letter", "number"):
        assert [index_of(ordinal(index, naming)) for index in range(256)] == list(range(256))


@pytest.mark.parametrize("text", ["", "B", "3", "33", "B0", "BB", "A1x", "ABCD1", "-", "B-"])
def test_what_names_no_well_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="names no well"):
        place_of(text)


async def test_a_plate_is_made_in_a_screen_and_shown_there(hub_world: HubWorld) -> None:
    made = await hub_world.mutate("owner", "createScreen", {"name": "RNAi"}, "screen { id }")
    screen = made["screen"]["id"]
    await plate(hub_world, name="Second", screen=screen)
    await plate(hub_world, name="first", screen=screen, rowNaming="NUMBER", status="done")
    query = """query($id: ID!) { screen(id: $id) { plates { totalCount nodes {
      name rows columns rowNaming columnNaming status fieldCount screens { name } } } } }"""
    found = (await hub_world.graphql("annotator", query, {"id": screen}))["screen"]["plates"]
    assert found["totalCount"] == 2
    assert [one["name"] for one in found["nodes"]] == ["first", "Second"]
    assert found["nodes"][0] == {
        "name": "first",
        "rows": 3,
        "columns": 4,
        "rowNaming": "NUMBER",
        "columnNaming": "NUMBER",
        "status": "done",
        "fieldCount": 0,
        "screens": [{"name": "RNAi"}],
    }


@pytest.mark.parametrize("side", [{"rows": 0}, {"columns": 257}, {"rows": -1}])
async def test_a_plate_of_no_size_is_refused(hub_world: HubWorld, side: dict[str, int]) -> None:
    wanted = {"name": "Odd"} | side
    answer = await hub_world.mutate("owner", "createPlate", wanted, "plate { id }")
    assert answer["code"] == "invalid"
    assert answer["field"] == next(iter(side))


async def test_wells_are_made_with_their_first_field(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    await fill(hub_world, id, ("B3", "one"), ("B3", "two"), ("A1", "three"))
    query = """query($id: ID!) { plate(id: $id) { fieldCount wells { totalCount nodes {
      row column label samples { position image { name } } } } } }"""
    found = (await hub_world.graphql("annotator", query, {"id": id}))["plate"]
    assert found["fieldCount"] == 2
    assert found["wells"]["totalCount"] == 2
    assert found["wells"]["nodes"] == [
        {
            "row": 0,
            "column": 0,
            "label": "A1",
            "samples": [{"position": 0, "image": {"name": "three"}}],
        },
        {
            "row": 1,
            "column": 2,
            "label": "B3",
            "samples": [
                {"position": 0, "image": {"name": "one"}},
                {"position": 1, "image": {"name": "two"}},
            ],
        },
    ]


async def test_wells_are_paged_row_by_row(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    wells = ["C1", "A2", "B4", "A1", "B1"]
    await fill(hub_world, id, *((well, well) for well in wells))
    query = """query($id: ID!, $after: String) { plate(id: $id) { wells(first: 2, after: $after) {
      pageInfo { endCursor hasNextPage } nodes { label } } } }"""
    seen: list[str] = []
    after = None
    for _ in range(3):
        variables = {"id": id, "after": after}
        page = (await hub_world.graphql("owner", query, variables))["plate"]["wells"]
        seen += [one["label"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert seen == ["A1", "A2", "B1", "B4", "C1"]
    assert not page["pageInfo"]["hasNextPage"]


async def test_a_well_is_found_by_its_name_and_by_its_place(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    await fill(hub_world, id, ("B3", "one"))
    query = """query($id: ID!) {
      well(plate: $id, label: "b3") { id label plate { name } }
      empty: well(plate: $id, label: "A1") { id }
      plate(id: $id) { well(row: 1, column: 2) { id } none: well(row: 9, column: 9) { id } } }"""
    found = await hub_world.graphql("owner", query, {"id": id})
    assert found["well"]["label"] == "B3"
    assert found["well"]["plate"] == {"name": "Dose response"}
    assert found["plate"]["well"] == {"id": found["well"]["id"]}
    assert found["empty"] is None
    assert found["plate"]["none"] is None


async def test_the_grid_shows_one_field_of_every_well(hub_world: HubWorld) -> None:
    id = await plate(hub_world, rows=2, columns=3)
    await fill(hub_world, id, ("A1", "a"), ("B3", "b"), ("B3", "c"))
    first = await hub_world.graphql("annotator", GRID, {"id": id, "field": 0})
    second = await hub_world.graphql("annotator", GRID, {"id": id, "field": 1})
    assert names(first["plate"]["grid"]) == [["a", None, None], [None, None, "b"]]
    assert names(second["plate"]["grid"]) == [[None, None, None], [None, None, "c"]]


async def test_a_plate_without_stated_size_is_as_large_as_what_is_in_it(
    hub_world: HubWorld,
) -> None:
    id = await plate(hub_world, rows=None, columns=None)
    empty = await hub_world.graphql("owner", GRID, {"id": id, "field": 0})
    await fill(hub_world, id, ("B1", "b"))
    used = await hub_world.graphql("owner", GRID, {"id": id, "field": 0})
    assert empty["plate"] == {"rows": 0, "columns": 0, "grid": []}
    assert names(used["plate"]["grid"]) == [[None], ["b"]]


async def test_the_grid_of_an_acquisition_counts_its_own_fields(hub_world: HubWorld) -> None:
    id = await plate(hub_world, rows=1, columns=1)
    runs = []
    for name in ("day 1", "day 2"):
        wanted = {"plate": id, "name": name, "startedAt": "2024-05-06T07:08:09Z"}
        made = await hub_world.mutate(
            "owner", "createAcquisition", wanted, "acquisition { id startedAt plate { name } }"
        )
        runs.append(made["acquisition"]["id"])
    for name, run in (("a", runs[0]), ("b", runs[1]), ("c", runs[1])):
        wanted = {
            "plate": id,
            "row": 0,
            "column": 0,
            "image": await image(hub_world, name),
            "acquisition": run,
        }
        done = await hub_world.mutate(
            "owner", "addField", wanted, "sample { position acquisition { name } }"
        )
        assert done["sample"]["acquisition"] is not None
    asked = [(runs[0], 0), (runs[0], 1), (runs[1], 0), (runs[1], 1)]
    shown = []
    for run, field in asked:
        found = await hub_world.graphql("owner", GRID, {"id": id, "field": field, "run": run})
        shown.append(names(found["plate"]["grid"])[0][0])
    assert shown == ["a", None, "b", "c"]


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"well": "D1"}, "row"),
        ({"well": "A5"}, "column"),
        ({"row": -1, "column": 0}, "row"),
        ({"well": "A1", "row": 0, "column": 0}, "well"),
        ({"row": 0}, "well"),
        ({}, "well"),
        ({"well": "A1", "position": -1}, "position"),
    ],
)
async def test_a_place_outside_the_plate_changes_nothing(
    hub_world: HubWorld, place: dict[str, Any], field: str
) -> None:
    id = await plate(hub_world)
    wanted = {"plate": id, "image": await image(hub_world, "one")} | place
    before = await hub_world.stored()
    answer = await hub_world.mutate("owner", "addField", wanted, "sample { id }")
    assert answer["code"] == "invalid"
    assert answer["field"] == field
    assert await hub_world.stored() == before


async def test_a_taken_position_refuses_all_fields_sent(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    await fill(hub_world, id, ("A1", "one"))
    fields = [
        {"well": "C4", "image": await image(hub_world, "two")},
        {"well": "A1", "position": 0, "image": await image(hub_world, "three")},
    ]
    before = await hub_world.stored()
    answer = await hub_world.mutate(
        "owner", "addFields", {"plate": id, "fields": fields}, "sampleIds"
    )
    assert answer["code"] == "conflict"
    assert await hub_world.stored() == before


async def test_an_image_is_in_a_well_once(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    wanted = {"plate": id, "well": "A1", "image": await image(hub_world, "one")}
    await hub_world.mutate("owner", "addField", wanted, "sample { id }")
    answer = await hub_world.mutate("owner", "addField", wanted, "sample { id }")
    assert answer["code"] == "conflict"


async def test_an_image_of_another_group_does_not_go_into_a_plate(hub_world: HubWorld) -> None:
    lab = await plate(hub_world)
    other = await image(hub_world, "elsewhere", "keeper")
    hidden = await hub_world.mutate(
        "owner", "addField", {"plate": lab, "well": "A1", "image": other}, "sample { id }"
    )
    seen = await hub_world.mutate(
        "root", "addField", {"plate": lab, "well": "A1", "image": other}, "sample { id }"
    )
    assert hidden["code"] == "not_found"
    # A private group keeps even an administrator from placing what others own.
    assert seen["code"] == "forbidden"


async def test_a_mate_may_neither_fill_nor_change_another_ones_plate(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    await fill(hub_world, id, ("A1", "one"))
    query = 'query($id: ID!) { well(plate: $id, label: "A1") { id permissions { canEdit } } }'
    well = (await hub_world.graphql("annotator", query, {"id": id}))["well"]
    mine = await image(hub_world, "mine", "annotator")
    before = await hub_world.stored()
    refused = [
        await hub_world.mutate(
            "annotator", "addField", {"plate": id, "well": "A2", "image": mine}, "sample { id }"
        ),
        await hub_world.mutate("annotator", "updatePlate", {"id": id, "name": "x"}, "plate { id }"),
        await hub_world.mutate(
            "annotator", "updateWell", {"id": well["id"], "type": "x"}, "well { id }"
        ),
        await hub_world.mutate(
            "annotator", "createAcquisition", {"plate": id}, "acquisition { id }"
        ),
        await hub_world.mutate("annotator", "delete", {"ids": [id]}, "dryRun"),
    ]
    assert [one["code"] for one in refused] == ["forbidden"] * 5
    assert not well["permissions"]["canEdit"]
    assert await hub_world.stored() == before


async def test_a_stranger_finds_nothing_of_a_plate(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    (sample,) = await fill(hub_world, id, ("A1", "one"))
    made = await hub_world.mutate("owner", "createAcquisition", {"plate": id}, "acquisition { id }")
    found = await hub_world.graphql(
        "owner", 'query($id: ID!) { well(plate: $id, label: "A1") { id } }', {"id": id}
    )
    for hidden in (id, sample, made["acquisition"]["id"], found["well"]["id"]):
        answer = await hub_world.execute(
            "stranger", "query($id: ID!) { node(id: $id) { id } }", {"id": hidden}
        )
        assert code_of(answer) == "not_found"
    listing = 'query($id: ID!) { plates { totalCount } well(plate: $id, label: "A1") { id } }'
    answer = await hub_world.execute("stranger", listing, {"id": id})
    assert code_of(answer) == "not_found"
    assert answer.data is not None
    assert answer.data["plates"] == {"totalCount": 0}


async def test_a_grant_on_a_screen_opens_the_images_of_its_plates(hub_world: HubWorld) -> None:
    made = await hub_world.mutate("owner", "createScreen", {"name": "RNAi"}, "screen { id }")
    screen = made["screen"]["id"]
    await hub_world.grant(
        "read", "screen", decode_id(screen, "Screen"), hub_world.people["stranger"]
    )
    id = await plate(hub_world, screen=screen)
    await fill(hub_world, id, ("A1", "one"))
    found = await hub_world.graphql("stranger", GRID, {"id": id, "field": 0})
    assert names(found["plate"]["grid"])[0][0] == "one"


async def test_a_field_taken_out_closes_what_only_the_plate_opened(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    (sample,) = await fill(hub_world, id, ("A1", "one"))
    await hub_world.grant("read", "plate", decode_id(id, "Plate"), hub_world.people["stranger"])
    images = "{ images { nodes { name } } }"
    opened = await hub_world.graphql("stranger", images)
    await hub_world.mutate("owner", "delete", {"ids": [sample]}, "dryRun")
    closed = await hub_world.graphql("stranger", images)
    await hub_world.mutate("owner", "restore", {"ids": [sample]}, "restored")
    again = await hub_world.graphql("stranger", images)
    assert opened == again == {"images": {"nodes": [{"name": "one"}]}}
    assert closed == {"images": {"nodes": []}}


async def test_an_image_tells_its_places_in_plates(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    await fill(hub_world, id, ("C2", "one"))
    query = "{ images { nodes { name wellSamples { position well { label plate { name } } } } } }"
    found = await hub_world.graphql("annotator", query)
    place = {"position": 0, "well": {"label": "C2", "plate": {"name": "Dose response"}}}
    assert found["images"]["nodes"] == [{"name": "one", "wellSamples": [place]}]


async def test_a_plate_may_not_shrink_below_its_wells(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    await fill(hub_world, id, ("C4", "one"))
    small = await hub_world.mutate("owner", "updatePlate", {"id": id, "rows": 2}, "plate { rows }")
    large = await hub_world.mutate("owner", "updatePlate", {"id": id, "rows": 8}, "plate { rows }")
    assert small["code"] == "conflict"
    assert large == {"plate": {"rows": 8}}


async def test_a_well_keeps_its_mark_and_kind(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    await fill(hub_world, id, ("B2", "one"))
    found = await hub_world.graphql(
        "owner", 'query($id: ID!) { well(plate: $id, label: "B2") { id version } }', {"id": id}
    )
    well = found["well"]
    wanted = {"id": well["id"], "version": 1, "color": "#FF8000", "type": "control"}
    done = await hub_world.mutate(
        "owner", "updateWell", wanted, "well { label color type version }"
    )
    stale = await hub_world.mutate("owner", "updateWell", wanted | {"type": "x"}, "well { id }")
    assert done["well"] == {"label": "B2", "color": "#FF8000FF", "type": "control", "version": 2}
    assert stale["code"] == "conflict"


async def test_an_acquisition_may_not_end_before_it_begins(hub_world: HubWorld) -> None:
    id = await plate(hub_world)
    wanted = {
        "plate": id,
        "startedAt": "2024-05-06T07:08:09Z",
        "endedAt": "2024-05-06T07:08:08Z",
    }
    answer = await hub_world.mutate("owner", "createAcquisition", wanted, "acquisition { id }")
    assert answer["code"] == "invalid"
    foreign = await plate(hub_world, name="Other")
    run = await hub_world.mutate(
        "owner", "createAcquisition", {"plate": foreign}, "acquisition { id }"
    )
    field = {
        "plate": id,
        "well": "A1",
        "image": await image(hub_world, "one"),
        "acquisition": run["acquisition"]["id"],
    }
    other = await hub_world.mutate("owner", "addField", field, "sample { id }")
    assert other["code"] == "invalid"
    assert other["field"] == "acquisition"


async def test_a_deleted_plate_takes_its_wells_along_and_brings_them_back(
    hub_world: HubWorld,
) -> None:
    id = await plate(hub_world)
    await fill(hub_world, id, ("A1", "one"))
    gone = await hub_world.mutate(
        "owner", "delete", {"ids": [id]}, "impact { noun count } commandId"
    )
    hidden = await hub_world.execute("owner", GRID, {"id": id, "field": 0})
    await hub_world.mutate("owner", "restore", {"ids": [id]}, "restored")
    back = await hub_world.graphql("owner", GRID, {"id": id, "field": 0})
    assert {(one["noun"], one["count"]) for one in gone["impact"]} == {("plate", 1), ("well", 1)}
    assert code_of(hidden) == "not_found"
    assert names(back["plate"]["grid"])[0][0] == "one"


async def test_plates_cost_the_same_statements_however_many_wells(hub_world: HubWorld) -> None:
    made = await hub_world.mutate("owner", "createScreen", {"name": "RNAi"}, "screen { id }")
    screen = made["screen"]["id"]
    query = """query($id: ID!) { screen(id: $id) { plates(first: 10) { nodes { name rows columns
      fieldCount acquisitions { name } grid { image { name } }
      wells(first: 20) { totalCount nodes { label permissions { canEdit } plate { name }
        samples { position image { name } acquisition { name } } } } } } } }"""
    counts = []
    for plates, wells in ((2, 2), (6, 10)):
        for number in range(plates):
            id = await plate(hub_world, name=f"{plates} {number}", screen=screen)
            place = [(f"{'ABC'[at % 3]}{at // 3 + 1}", str(at)) for at in range(wells)]
            await fill(hub_world, id, *place)
            await hub_world.mutate(
                "owner", "createAcquisition", {"plate": id}, "acquisition { id }"
            )
        with statements(hub_world.database) as sent:
            await hub_world.graphql("annotator", query, {"id": screen})
        counts.append(len(sent))
    assert counts[0] == counts[1]
