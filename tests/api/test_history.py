"""History over GraphQL: what is told to whom, undo and redo, and the trash."""

from __future__ import annotations

from typing import Any

from schema.scalars import encode_id
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of

HISTORY = """query($where: CommandWhere, $first: Int, $after: String) {
  history(where: $where, first: $first, after: $after) { totalCount pageInfo { endCursor }
    nodes { id verb summary state canUndo canRedo user { username } undoes { id } changeCount
      changes { kind noun count id fields { field before after } } } } }"""
UNDO = "command { id verb state } affected { id state canUndo canRedo }"


async def commands(world: HubWorld, who: str, **where: Any) -> list[dict[str, Any]]:
    found = await world.graphql(who, HISTORY, {"where": where})
    return list(found["history"]["nodes"])


async def make_project(world: HubWorld, name: str = "Mitosis", who: str = "owner") -> str:
    made = await world.mutate(who, "createProject", {"name": name}, "project { id }")
    return str(made["project"]["id"])


async def rename(world: HubWorld, id: str, name: str, who: str = "owner") -> None:
    done = await world.mutate(who, "updateProject", {"id": id, "name": name}, "project { name }")
    assert done == {"project": {"name": name}}


async def name_of(world: HubWorld, id: str, who: str = "owner") -> str | None:
    query = "query($id: ID!) { nodes(ids: [$id]) { ... on Project { name } } }"
    (found,) = (await world.graphql(who, query, {"id": id}))["nodes"]
    return None if found is None else str(found["name"])


async def test_a_command_tells_what_changed_from_what_to_what(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    await rename(hub_world, id, "Meiosis")
    changed, made = await commands(hub_world, "owner", mine=True)
    assert changed["verb"] == "update_project"
    assert changed["user"] == {"username": "owner"}
    assert changed["changes"] == [
        {
            "kind": "CHANGED",
            "noun": "project",
            "count": 1,
            "id": id,
            "fields": [{"field": "name", "before": "Mitosis", "after": "Meiosis"}],
        }
    ]
    assert [one["kind"] for one in made["changes"]] == ["ADDED"]
    assert made["changes"][0]["fields"] is None


async def test_a_mate_sees_that_a_project_changed_but_not_the_values(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    await rename(hub_world, id, "Meiosis")
    by_mate = await commands(hub_world, "annotator", project=id)
    by_root = await commands(hub_world, "root", project=id)
    assert [one["verb"] for one in by_mate] == ["update_project", "create_project"]
    assert by_mate[0]["changes"][0]["fields"] is None
    assert not by_mate[0]["canUndo"]
    assert by_root[0]["changes"][0]["fields"][0]["before"] == "Mitosis"


async def test_a_manager_by_grant_sees_the_values(hub_world: HubWorld) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    id = encode_id("Project", project.id)
    await rename(hub_world, id, "Meiosis")
    for level, shown in (("annotate", False), ("manage", True)):
        await hub_world.grant(level, "project", project.id, hub_world.people["stranger"])
        found = await commands(hub_world, "stranger", project=id, verb={"eq": "update_project"})
        assert (found[0]["changes"][0]["fields"] is not None) is shown


async def test_a_stranger_sees_nothing_of_what_others_did(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    (made,) = await commands(hub_world, "owner", project=id)
    assert await commands(hub_world, "stranger") == []
    assert await commands(hub_world, "stranger", project=id) == []
    query = "query($id: ID!) { command(id: $id) { verb } }"
    answer = await hub_world.execute("stranger", query, {"id": made["id"]})
    assert code_of(answer) == "not_found"
    undone = await hub_world.mutate("stranger", "undo", {"commandId": made["id"]}, UNDO)
    assert undone["code"] == "not_found"


async def test_history_is_paged_the_newest_first(hub_world: HubWorld) -> None:
    for number in range(5):
        await make_project(hub_world, f"Project {number}")
    seen: list[str] = []
    after = None
    for _ in range(3):
        variables = {"where": {"mine": True}, "first": 2, "after": after}
        page = (await hub_world.graphql("owner", HISTORY, variables))["history"]
        seen += [one["summary"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        assert page["totalCount"] == 5
    assert seen == [f"create project Project {number}" for number in (4, 3, 2, 1, 0)]


async def test_history_is_narrowed_to_others_and_to_a_state(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    await rename(hub_world, id, "Meiosis")
    await hub_world.mutate("owner", "undo", {}, UNDO)
    undone = await commands(hub_world, "owner", state="UNDONE")
    final = await commands(hub_world, "owner", state="FINAL", mine=True)
    others = await commands(hub_world, "annotator", mine=False, project=id)
    assert [one["verb"] for one in undone] == ["update_project"]
    assert [one["verb"] for one in final] == ["undo"]
    assert final[0]["undoes"] == {"id": undone[0]["id"]}
    assert {one["user"]["username"] for one in others} == {"owner"}


async def test_undo_and_redo_walk_back_and_forth(hub_world: HubWorld) -> None:
    id = await make_project(hub_world, "one")
    await rename(hub_world, id, "two")
    await rename(hub_world, id, "three")
    names = []
    for verb in ("undo", "undo", "redo", "redo", "undo", "undo", "undo"):
        await hub_world.mutate("owner", verb, {}, UNDO)
        names.append(await name_of(hub_world, id))
    assert names == ["two", "one", "two", "three", "two", "one", None]
    await hub_world.mutate("owner", "redo", {}, UNDO)
    assert await name_of(hub_world, id) == "one"


async def test_undo_says_which_command_it_took_back(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    await rename(hub_world, id, "Meiosis")
    (changed, _made) = await commands(hub_world, "owner", mine=True)
    undone = await hub_world.mutate("owner", "undo", {"commandId": changed["id"]}, UNDO)
    assert undone["command"]["verb"] == "undo"
    assert undone["command"]["state"] == "FINAL"
    assert undone["affected"] == {
        "id": changed["id"],
        "state": "UNDONE",
        "canUndo": False,
        "canRedo": True,
    }
    again = await hub_world.mutate("owner", "undo", {"commandId": changed["id"]}, UNDO)
    of_undo = await hub_world.mutate("owner", "undo", {"commandId": undone["command"]["id"]}, UNDO)
    assert again["code"] == "conflict"
    assert of_undo["code"] == "conflict"
    redone = await hub_world.mutate("owner", "redo", {"commandId": changed["id"]}, UNDO)
    assert redone["affected"]["state"] == "DONE"
    assert await name_of(hub_world, id) == "Meiosis"


async def test_undo_of_what_somebody_changed_since_stores_nothing(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    await rename(hub_world, id, "Meiosis")
    (changed, _made) = await commands(hub_world, "owner", mine=True)
    await rename(hub_world, id, "Cytokinesis", "root")
    before = await hub_world.stored()
    answer = await hub_world.mutate("owner", "undo", {"commandId": changed["id"]}, UNDO)
    assert answer["code"] == "conflict"
    assert answer["details"]["fields"] == ["name"]
    assert await hub_world.stored() == before
    assert await name_of(hub_world, id) == "Cytokinesis"


async def test_undo_is_for_ones_own_commands(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    (made,) = await commands(hub_world, "owner", project=id)
    mate = await hub_world.mutate("annotator", "undo", {"commandId": made["id"]}, UNDO)
    root = await hub_world.mutate("root", "undo", {"commandId": made["id"]}, UNDO)
    nobody = await hub_world.mutate(None, "undo", {}, UNDO)
    assert mate["code"] == "forbidden"
    assert root["code"] == "forbidden"
    assert nobody["code"] in ("forbidden", "not_found", "unauthenticated")
    assert await name_of(hub_world, id) == "Mitosis"


async def test_nothing_to_undo_is_a_precise_error(hub_world: HubWorld) -> None:
    for verb in ("undo", "redo"):
        assert (await hub_world.mutate("stranger", verb, {}, UNDO))["code"] == "not_found"


async def test_who_left_the_group_can_not_undo_there(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    await rename(hub_world, id, "Meiosis")
    lab, owner = hub_world.groups["lab"], hub_world.people["owner"]
    root = await hub_world.hub("root")
    await root.people.groups.put_member(hub_world.groups["readers"], owner)
    await root.people.groups.set_default(owner, hub_world.groups["readers"])
    await root.people.groups.remove_member(lab, owner)
    answer = await hub_world.mutate("owner", "undo", {}, UNDO)
    assert answer["code"] == "not_found"
    assert await name_of(hub_world, id, "root") == "Meiosis"


async def test_a_bulk_of_fields_is_one_range_and_undone_in_one_go(hub_world: HubWorld) -> None:
    made = await hub_world.mutate("owner", "createPlate", {"name": "P"}, "plate { id }")
    fields = []
    for number in range(3):
        image = await hub_world.image(hub_world.people["owner"], f"{number}")
        fields.append({"row": 0, "column": number, "image": encode_id("Image", image.id)})
    wanted = {"plate": made["plate"]["id"], "fields": fields}
    await hub_world.mutate("owner", "addFields", wanted, "sampleIds")
    (added, *_rest) = await commands(hub_world, "owner", mine=True)
    assert [(one["noun"], one["count"]) for one in added["changes"]] == [
        ("well", 3),
        ("well_sample", 3),
    ]
    assert added["changeCount"] == 2
    query = "query($id: ID!) { plate(id: $id) { wells { totalCount } } }"
    await hub_world.mutate("owner", "undo", {}, UNDO)
    empty = await hub_world.graphql("owner", query, {"id": made["plate"]["id"]})
    await hub_world.mutate("owner", "redo", {}, UNDO)
    full = await hub_world.graphql("owner", query, {"id": made["plate"]["id"]})
    assert empty["plate"]["wells"]["totalCount"] == 0
    assert full["plate"]["wells"]["totalCount"] == 3


TRASH = """query($noun: TrashNoun!, $first: Int) { trash(noun: $noun, first: $first) { totalCount
  nodes { id noun name deletedAt deletedBy { username } commandId } } }"""


async def trash(world: HubWorld, who: str | None, noun: str) -> list[dict[str, Any]]:
    found = (await world.graphql(who, TRASH, {"noun": noun}))["trash"]
    assert found["totalCount"] == len(found["nodes"])
    return list(found["nodes"])


async def test_the_trash_shows_what_one_may_restore(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    await make_project(hub_world, "Alive")
    gone = await hub_world.mutate("owner", "delete", {"ids": [id]}, "commandId")
    (mine,) = await trash(hub_world, "owner", "PROJECT")
    assert mine["id"] == id
    assert mine["name"] == "Mitosis"
    assert mine["deletedBy"] == {"username": "owner"}
    assert mine["commandId"] == gone["commandId"]
    # A mate may see the project while it lives, but not restore it.
    assert await trash(hub_world, "annotator", "PROJECT") == []
    assert await trash(hub_world, "stranger", "PROJECT") == []
    assert await trash(hub_world, None, "PROJECT") == []
    assert [one["id"] for one in await trash(hub_world, "root", "PROJECT")] == [id]


async def test_what_is_restored_leaves_the_trash(hub_world: HubWorld) -> None:
    id = await make_project(hub_world)
    await hub_world.mutate("owner", "delete", {"ids": [id]}, "dryRun")
    (entry,) = await trash(hub_world, "owner", "PROJECT")
    refused = await hub_world.mutate("annotator", "restore", {"ids": [entry["id"]]}, "restored")
    hidden = await hub_world.mutate("stranger", "restore", {"ids": [entry["id"]]}, "restored")
    back = await hub_world.mutate("owner", "restore", {"ids": [entry["id"]]}, "restored")
    assert refused["code"] == "forbidden"
    assert hidden["code"] == "not_found"
    assert back == {"restored": 1}
    assert await trash(hub_world, "owner", "PROJECT") == []
    assert await name_of(hub_world, id) == "Mitosis"


async def test_the_trash_of_what_is_inside_shows_it_only_while_its_parent_lives(
    hub_world: HubWorld,
) -> None:
    made = await hub_world.mutate("owner", "createPlate", {"name": "P"}, "plate { id }")
    plate = made["plate"]["id"]
    image = encode_id("Image", (await hub_world.image(hub_world.people["owner"])).id)
    field = {"plate": plate, "well": "A1", "image": image}
    added = await hub_world.mutate("owner", "addField", field, "sample { id }")
    await hub_world.mutate("owner", "delete", {"ids": [added["sample"]["id"]]}, "dryRun")
    (entry,) = await trash(hub_world, "owner", "WELL_SAMPLE")
    assert entry["id"] == added["sample"]["id"]
    assert await trash(hub_world, "annotator", "WELL_SAMPLE") == []
    await hub_world.mutate("owner", "delete", {"ids": [plate]}, "dryRun")
    assert await trash(hub_world, "owner", "WELL_SAMPLE") == []
    assert [one["id"] for one in await trash(hub_world, "owner", "PLATE")] == [plate]


async def test_every_kind_of_trash_can_be_listed(hub_world: HubWorld) -> None:
    nouns = await hub_world.graphql(
        "owner", '{ __type(name: "TrashNoun") { enumValues { name } } }'
    )
    for noun in nouns["__type"]["enumValues"]:
        for who in ("owner", "root", "stranger", None):
            assert await trash(hub_world, who, noun["name"]) == []


async def test_a_page_of_history_costs_the_same_whatever_its_length(hub_world: HubWorld) -> None:
    counts = []
    for more in (2, 20):
        for number in range(more):
            id = await make_project(hub_world, f"{more} {number}")
            await rename(hub_world, id, f"{more} {number} again")
        with statements(hub_world.database) as sent:
            found = await hub_world.graphql("annotator", HISTORY, {"first": 100})
        assert len(found["history"]["nodes"]) >= 2 * more
        counts.append(len(sent))
    assert counts[0] == counts[1]
