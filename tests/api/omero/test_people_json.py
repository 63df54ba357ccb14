"""Experimenters and groups over the JSON API: who is shown, with what, and who belongs where."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.tokens import Scope
from store.statement import cols
from store.tables.people import SYSTEM_GROUP, USER_GROUP, User
from tests.fixtures.omero_lists import OME, Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")
BASE = "http://hub.test/api/v0/m"


def policy(perm: str, *, may: bool = False) -> dict[str, Any]:
    """Return the permissions of a group as its policy, written out by hand."""
    return {
        "@type": "TBD#Permissions",
        "perm": perm,
        **{f"can{word}": may for word in ("Annotate", "Delete", "Edit", "Link")},
        "isUserRead": perm[0] == "r",
        "isUserWrite": perm[1] == "w",
        "isGroupRead": perm[2] == "r",
        "isGroupAnnotate": perm[3] in "aw",
        "isGroupWrite": perm[3] == "w",
        "isWorldRead": False,
        "isWorldWrite": False,
    }


async def ids(browser: Browser, who: str, path: str, **query: Any) -> list[int]:
    """Return the ids of a list, after checking its count."""
    answer = await browser.get(who, path, limit=500, **query)
    assert answer["meta"]["totalCount"] == len(answer["data"])
    return [one["@id"] for one in answer["data"]]


async def test_an_experimenter_is_written_exactly(browser: Browser) -> None:
    people, world = browser.world.people, browser.world
    owner = await world.hub("owner")
    await owner.people.change(
        people["owner"], first_name="Mira", middle_name="K", last_name="Olsen",
        email="mira@lab.example", institution="Institute",
    )  # fmt: skip
    address = f"{BASE}/experimenters/{people['owner']}/"
    expected = {
        "@id": people["owner"],
        "@type": f"{OME}Experimenter",
        "UserName": browser.usernames["owner"],
        "FirstName": "Mira",
        "MiddleName": "K",
        "LastName": "Olsen",
        "Email": "mira@lab.example",
        "Institution": "Institute",
        "omero:details": {"@type": "TBD#Details", "permissions": policy("------")},
        "url:experimentergroups": f"{address}experimentergroups/",
    }
    for who in ("owner", "root"):
        found = await browser.get(who, f"experimenters/{people['owner']}")
        assert found == {"data": expected}, who
    del expected["Email"]
    assert await browser.get("stranger", f"experimenters/{people['owner']}/") == {"data": expected}
    listed = (await browser.get("stranger", "experimenters/", limit=500))["data"]
    (found,) = [one for one in listed if one["@id"] == people["owner"]]
    assert found == {**expected, "url:experimenter": address}
    # The details of what they own keep the same silence.
    image = await browser.bare_image("owner", "cell")
    seen = (await browser.get("annotator", f"images/{image.id}/"))["data"]
    assert "Email" not in seen["omero:details"]["owner"]


async def test_people_come_by_last_and_first_name_in_any_case_of_letters(browser: Browser) -> None:
    world = browser.world
    lab = world.groups["lab"]
    names = [("Zoe", "adams"), ("amy", "Adams"), ("Émile", "Ärö"), ("Ann", "ärö"), ("Bo", "Zu")]
    made = {}
    for number, (first, last) in enumerate(names):
        username = f"{browser.usernames['owner']}-{number}"
        made[first] = await world.person(username, lab, first_name=first, last_name=last)
    nameless = [world.people["owner"], world.people["annotator"]]
    order = [*nameless, *(made[name] for name in ("amy", "Zoe", "Bo", "Ann", "Émile"))]
    path = f"experimentergroups/{lab}/experimenters/"
    assert await ids(browser, "stranger", path) == order
    assert await ids(browser, "stranger", "experimenters/", experimentergroup=lab) == order
    walked = []
    for offset in range(0, 9, 2):
        page = await browser.get("owner", path, offset=offset, limit=2)
        assert page["meta"] == {"totalCount": 7, "offset": offset, "limit": 2, "maxLimit": 500}
        walked += [one["@id"] for one in page["data"]]
    assert walked == order
    everybody = await ids(browser, "owner", "experimenters/")
    assert [id for id in everybody if id in order] == order


async def test_groups_say_their_policy_and_who_is_in_them(browser: Browser) -> None:
    world, number = browser.world, browser.usernames["owner"].removeprefix("owner")
    lab = world.groups["lab"]
    address = f"{BASE}/experimentergroups/{lab}/"
    expected = {
        "@id": lab,
        "@type": f"{OME}ExperimenterGroup",
        "Name": f"lab {number}",
        "omero:details": {"@type": "TBD#Details", "permissions": policy("rwra--")},
        "url:experimenters": f"{address}experimenters/",
    }
    single = await browser.get("stranger", f"experimentergroups/{lab}")
    assert single == {"data": expected}
    counted = await browser.get("owner", f"experimentergroups/{lab}/", childCount="true")
    assert counted["data"] == {**expected, "omero:childCount": 2}
    for who, may in (("owner", False), ("root", True)):
        groups = (await browser.get(who, "experimentergroups/", childCount="true", limit=500))[
            "data"
        ]
        (found,) = [one for one in groups if one["@id"] == lab]
        assert found["omero:details"]["permissions"] == policy("rwra--", may=may), who
        assert (found["url:experimentergroup"], found["omero:childCount"]) == (address, 2)
        names = [one["Name"] for one in groups]
        assert {"system", "user", "commons"} <= set(names)
        assert names == sorted(names, key=str.casefold)
        perms = {one["Name"]: one["omero:details"]["permissions"]["perm"] for one in groups}
        assert perms[f"readers {number}"] == "rwr---"
        assert perms[f"vault {number}"] == "rw----"


async def test_members_of_the_groups_every_server_has(browser: Browser) -> None:
    people, groups = browser.world.people, browser.world.groups
    mine = await ids(browser, "stranger", f"experimenters/{people['owner']}/experimentergroups/")
    assert mine == [groups["lab"], USER_GROUP]
    assert await ids(browser, "owner", "experimentergroups/", experimenter=people["owner"]) == mine
    roots = await ids(browser, "owner", f"experimenters/{people['root']}/experimentergroups/")
    assert {SYSTEM_GROUP, USER_GROUP} <= set(roots)
    system = f"experimentergroups/{SYSTEM_GROUP}/experimenters/"
    assert await ids(browser, "owner", system) == [people["root"]]
    everybody = await ids(browser, "owner", f"experimentergroups/{USER_GROUP}/experimenters/")
    assert set(everybody) == set(await ids(browser, "owner", "experimenters/"))
    single = await browser.get("owner", f"experimentergroups/{SYSTEM_GROUP}")
    assert (single["data"]["@id"], single["data"]["Name"]) == (0, "system")


async def test_whoever_leaves_and_whoever_is_deleted_is_in_no_list(browser: Browser) -> None:
    world = browser.world
    lab, gone = world.groups["lab"], world.people["annotator"]
    image = await browser.bare_image("annotator", "left behind")
    hub = await world.hub("root")
    await hub.people.delete(gone)
    assert await ids(browser, "owner", f"experimentergroups/{lab}/experimenters/") == [
        world.people["owner"]
    ]
    assert await ids(browser, "owner", f"experimenters/{gone}/experimentergroups/") == []
    refused = await browser.ask("owner", f"experimenters/{gone}/")
    assert (refused.status_code, refused.json()) == (
        404, {"message": f"Experimenter {gone} not found"},
    )  # fmt: skip
    counted = await browser.get("owner", f"experimentergroups/{lab}/", childCount="true")
    assert counted["data"]["omero:childCount"] == 1
    # What they own still names them.
    seen = (await browser.get("owner", f"images/{image.id}/"))["data"]
    assert seen["omero:details"]["owner"]["UserName"] == browser.usernames["annotator"]


async def test_accounts_of_jobs_are_nobody_here(browser: Browser) -> None:
    world = browser.world

    async def work(unit: Any) -> User:
        return await unit.add(
            User(
                kind="job", username=f"job of {browser.usernames['owner']}",
                human_id=world.people["owner"], default_group_id=world.groups["lab"],
            )
        )  # fmt: skip

    job = await world.system().write("make a job's account", work)
    assert "kind" in cols(User)
    assert job.id not in await ids(browser, "root", "experimenters/")
    assert (await browser.ask("root", f"experimenters/{job.id}/")).status_code == 404


async def test_owner_and_group_narrow_no_list_of_people(browser: Browser) -> None:
    people, groups = browser.world.people, browser.world.groups
    for path in ("experimenters/", "experimentergroups/"):
        every = await ids(browser, "owner", path)
        query = {"owner": people["reader"], "group": groups["vault"], "orphaned": "true"}
        assert await ids(browser, "owner", path, **query) == every
        answer = await browser.get("owner", path, normalize="true", limit=500)
        assert [one["@id"] for one in answer["data"]] == every
        assert "owner" not in answer["data"][0]["omero:details"]


async def test_people_and_groups_are_not_deleted_here(browser: Browser) -> None:
    for path, text in (
        (f"experimenters/{browser.world.people['owner']}/", "Experimenter"),
        ("experimentergroups/999999/", "ExperimenterGroup"),
    ):
        refused = await browser.ask("root", path, "DELETE")
        assert (refused.status_code, refused.json()) == (
            405, {"message": f"Delete of {text} not supported"},
        )  # fmt: skip
    for path in ("experimenters/", "experimentergroups/"):
        refused = await browser.ask("root", path, "POST")
        assert (refused.status_code, list(refused.json())) == (405, ["message"])
        nobody = await browser.ask(None, path)
        assert (nobody.status_code, nobody.json()) == (403, {"message": "Not logged in"})


async def test_lists_take_the_same_statements_for_two_rows_and_thirty(browser: Browser) -> None:
    world = browser.world
    lab = world.groups["lab"]
    paths = (
        "experimenters/", f"experimentergroups/{lab}/experimenters/", "experimentergroups/",
        f"experimenters/{world.people['owner']}/experimentergroups/",
    )  # fmt: skip
    few = [await browser.statements("owner", path, childCount="true") for path in paths]
    for number in range(28):
        group = await world.group(f"{browser.usernames['owner']} {number}", 1)  # type: ignore[arg-type]
        await world.person(f"{browser.usernames['owner']}_{number}", lab, group)
    assert await world.token("owner", Scope.READ)
    assert [await browser.statements("owner", path, childCount="true") for path in paths] == few
    assert max(few) <= 3
