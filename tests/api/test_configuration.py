"""What the hub is set to, over GraphQL: facts for everybody, settings for those they are for."""

from __future__ import annotations

from typing import Any

import pytest

from store.pixels.samples import stored_dtype
from tests.fixtures.hub_world import HubWorld, code_of

FACTS = """{ configuration { version database publicReading sessionHours uploadLimit bodyLimit
  memoryLimit jobWorkers defaultPage largestPage longestQuery deepestQuery largestAnswer sampleTypes
  importFormats exportFormats pictureFormats lookupTables } }"""
ONE = "query($key: String!) { setting(key: $key) { key value audience } }"
MANY = """query($prefix: String! = "", $first: Int, $after: String) {
  settings(prefix: $prefix, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor } nodes { key value audience } } }"""
SETTING = "setting { key value audience }"


async def put(world: HubWorld, who: str | None, **input: Any) -> dict[str, Any]:
    return await world.mutate(who, "setSetting", input, SETTING)


async def keys(world: HubWorld, who: str | None, prefix: str = "") -> list[str]:
    found = (await world.graphql(who, MANY, {"prefix": prefix}))["settings"]
    assert found["totalCount"] == len(found["nodes"])
    return [one["key"] for one in found["nodes"]]


async def test_everybody_knows_what_the_hub_takes(hub_world: HubWorld) -> None:
    facts = (await hub_world.graphql(None, FACTS))["configuration"]
    options = hub_world.infrastructure.settings
    assert facts["uploadLimit"] == options.upload_limit
    assert facts["sessionHours"] == options.session_hours
    assert facts["database"] == options.database_url.split("+")[0]
    assert facts["database"] in ("sqlite", "postgresql")
    assert not facts["publicReading"]
    assert facts["largestPage"] == 500
    assert all(stored_dtype(name).name == name for name in facts["sampleTypes"])
    assert {"ome-tiff", "ome-zarr"} <= set(facts["exportFormats"])
    assert "viridis" in facts["lookupTables"]
    assert str(options.data) not in str(facts)


async def test_the_largest_page_is_what_it_says(hub_world: HubWorld) -> None:
    facts = (await hub_world.graphql(None, FACTS))["configuration"]
    query = "query($n: Int) { projects(first: $n) { nodes { id } } }"
    await hub_world.graphql("owner", query, {"n": facts["largestPage"]})
    beyond = await hub_world.execute("owner", query, {"n": facts["largestPage"] + 1})
    assert code_of(beyond) == "invalid"


async def test_a_setting_is_read_by_those_it_is_for(hub_world: HubWorld) -> None:
    for audience in ("EVERYBODY", "USERS", "ADMINISTRATORS"):
        made = await put(
            hub_world, "root", key=f"for.{audience}", value={"a": [1, None]}, audience=audience
        )
        assert made["setting"] == {
            "key": f"for.{audience}",
            "value": {"a": [1, None]},
            "audience": audience,
        }
    everything = ["for.ADMINISTRATORS", "for.EVERYBODY", "for.USERS"]
    assert await keys(hub_world, "root") == everything
    assert await keys(hub_world, "owner") == everything[1:]
    assert await keys(hub_world, None) == everything[1:2]
    hidden = {"key": "for.ADMINISTRATORS"}
    assert code_of(await hub_world.execute("owner", ONE, hidden)) == "not_found"
    assert (await hub_world.graphql("root", ONE, hidden))["setting"]["value"] == {"a": [1, None]}


async def test_a_setting_is_for_administrators_until_told_and_stays_so(
    hub_world: HubWorld,
) -> None:
    first = await put(hub_world, "root", key="a", value=1)
    opened = await put(hub_world, "root", key="a", value=2, audience="USERS")
    kept = await put(hub_world, "root", key="a", value=None)
    assert first["setting"]["audience"] == "ADMINISTRATORS"
    assert opened["setting"]["audience"] == "USERS"
    assert kept["setting"] == {"key": "a", "value": None, "audience": "USERS"}


async def test_only_administrators_write_settings(hub_world: HubWorld) -> None:
    await put(hub_world, "root", key="open", value=1, audience="EVERYBODY")
    await put(hub_world, "root", key="closed", value=1)
    before = await hub_world.stored()
    for who in ("owner", None):
        assert (await put(hub_world, who, key="open", value=2))["code"] == "forbidden"
        assert (await put(hub_world, who, key="new", value=2))["code"] == "forbidden"
        removed = {
            key: (await hub_world.mutate(who, "removeSetting", {"key": key}, "removedKey"))["code"]
            for key in ("open", "closed")
        }
        assert removed == {"open": "forbidden", "closed": "not_found"}
    assert await hub_world.stored() == before


async def test_a_removed_setting_is_gone(hub_world: HubWorld) -> None:
    await put(hub_world, "root", key="a", value=1)
    removed = await hub_world.mutate("root", "removeSetting", {"key": "a"}, "removedKey")
    again = await hub_world.mutate("root", "removeSetting", {"key": "a"}, "removedKey")
    assert removed == {"removedKey": "a"}
    assert again["code"] == "not_found"
    assert await keys(hub_world, "root") == []


async def test_history_names_the_key_and_not_the_value(hub_world: HubWorld) -> None:
    await put(hub_world, "root", key="mail.server", value="secret-host")
    query = "{ history(first: 1) { nodes { verb summary state changes { fields { after } } } } }"
    (command,) = (await hub_world.graphql("root", query))["history"]["nodes"]
    assert (command["verb"], command["summary"]) == ("put_setting", "set mail.server")
    assert command["state"] == "FINAL"
    assert "secret-host" not in str(command)


async def test_settings_are_paged_by_key_and_narrowed_by_a_prefix(hub_world: HubWorld) -> None:
    for key in ("b_1", "a.2", "bx1", "a.1"):
        await put(hub_world, "root", key=key, value=key)
    first = (await hub_world.graphql("root", MANY, {"first": 3}))["settings"]
    after = {"first": 3, "after": first["pageInfo"]["endCursor"]}
    rest = (await hub_world.graphql("root", MANY, after))["settings"]
    assert [one["key"] for one in first["nodes"] + rest["nodes"]] == ["a.1", "a.2", "b_1", "bx1"]
    assert await keys(hub_world, "root", "a.") == ["a.1", "a.2"]
    assert await keys(hub_world, "root", "b_") == ["b_1"]


@pytest.mark.parametrize(
    ("input", "code"),
    [
        ({"key": "", "value": 1}, "invalid"),
        ({"key": " a", "value": 1}, "invalid"),
        ({"key": "a\n", "value": 1}, "invalid"),
        ({"key": "k" * 256, "value": 1}, "invalid"),
        ({"key": "a", "value": {"b": ["x\0y"]}}, "invalid"),
        ({"key": "a", "value": "x" * 65_536}, "too_large"),
    ],
)
async def test_what_cannot_be_a_setting_is_refused(
    hub_world: HubWorld, input: dict[str, Any], code: str
) -> None:
    assert (await put(hub_world, "root", **input))["code"] == code
    assert await keys(hub_world, "root") == []
