"""Enumerations over GraphQL: the same for everybody."""

from __future__ import annotations

from adapters.enumerations import ENUMERATIONS
from tests.fixtures.hub_world import HubWorld, code_of

ALL = "{ enumerations { name entries { id value symbol factor offset description } } }"
ONE = "query($name: String!) { enumeration(name: $name) { name entries { id value symbol } } }"


async def test_every_enumeration_is_listed_to_anybody(hub_world: HubWorld) -> None:
    found = (await hub_world.graphql(None, ALL))["enumerations"]
    assert [one["name"] for one in found] == list(ENUMERATIONS)
    by_name = {one["name"]: one["entries"] for one in found}
    assert {one["value"] for one in by_name["Illumination"]} == {
        "Transmitted", "Epifluorescence", "Oblique", "NonLinear", "Other", "Unknown",
    }  # fmt: skip
    length = {one["value"]: one for one in by_name["UnitsLength"]}
    assert (length["MICROMETER"]["symbol"], length["MICROMETER"]["factor"]) == ("µm", 1e-6)
    assert (length["PIXEL"]["symbol"], length["PIXEL"]["factor"]) == ("pixel", None)


async def test_one_enumeration_is_found_by_its_name(hub_world: HubWorld) -> None:
    found = (await hub_world.graphql("stranger", ONE, {"name": "PixelsType"}))["enumeration"]
    assert {"id": 6, "value": "uint16", "symbol": "uint16"} in found["entries"]
    assert {"id": 8, "value": "float", "symbol": "float32"} in found["entries"]
    unknown = await hub_world.execute("owner", ONE, {"name": "pixelstype"})
    assert code_of(unknown) == "not_found"
