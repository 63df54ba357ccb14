"""Projects, datasets and screens over the JSON API: exact forms, filters, pages, deletion."""

from __future__ import annotations

from typing import Any

import pytest

from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Plate, Screen
from tests.fixtures.omero_lists import MODEL, OME, Browser, details_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
BASE = "http://hub.test/api/v0/m"


def permissions(perm: str, *can: str) -> dict[str, Any]:
    """Return what permissions must be, written out by hand."""
    return {
        "@type": "TBD#Permissions",
        "perm": perm,
        **{f"can{word}": word in can for word in ("Annotate", "Delete", "Edit", "Link")},
        "isUserRead": perm[0] == "r",
        "isUserWrite": perm[1] == "w",
        "isGroupRead": perm[2] == "r",
        "isGroupAnnotate": perm[3] in "aw",
        "isGroupWrite": perm[3] == "w",
        "isWorldRead": False,
        "isWorldWrite": False,
    }


def details(browser: Browser, username: str, group: str, perm: str, *can: str) -> dict[str, Any]:
    world = browser.world
    return {
        "@type": "TBD#Details",
        "owner": {
            "@id": world.people[username],
            "@type": f"{OME}Experimenter",
            "UserName": browser.usernames[username],
            "FirstName": "",
            "LastName": "",
            "omero:details": {"@type": "TBD#Details", "permissions": permissions("------")},
        },
        "group": {
            "@id": world.groups[group],
            "@type": f"{OME}ExperimenterGroup",
            "Name": f"{group} {browser.usernames['owner'].removeprefix('owner')}",
            "omero:details": {"@type": "TBD#Details", "permissions": permissions(perm)},
        },
        "permissions": permissions(perm, *can),
    }


EVERYTHING = ("Annotate", "Delete", "Edit", "Link")


async def test_a_project_is_written_exactly(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    made = await hub.containers.create(Project, name="Mitosis", description="HeLa, day 3")
    bare = await hub.containers.create(Project, name="mitosis 2")
    expected = {
        "@id": made.id,
        "@type": f"{OME}Project",
        "Name": "Mitosis",
        "Description": "HeLa, day 3",
        "omero:details": details(browser, "owner", "lab", "rwra--", *EVERYTHING),
        "url:datasets": f"{BASE}/projects/{made.id}/datasets/",
    }
    assert await browser.get("owner", f"projects/{made.id}/") == {"data": expected}
    assert await browser.get("owner", f"projects/{made.id}") == {"data": expected}
    listed = await browser.get("owner", "projects/")
    assert listed == {
        "data": [
            {**expected, "url:project": f"{BASE}/projects/{made.id}/"},
            {
                "@id": bare.id,
                "@type": f"{OME}Project",
                "Name": "mitosis 2",
                "omero:details": expected["omero:details"],
                "url:datasets": f"{BASE}/projects/{bare.id}/datasets/",
                "url:project": f"{BASE}/projects/{bare.id}/",
            },
        ],
        "meta": {"totalCount": 2, "offset": 0, "limit": 200, "maxLimit": 500},
    }
    for other, can in (("annotator", ["Annotate"]), ("root", list(EVERYTHING))):
        seen = (await browser.get(other, f"projects/{made.id}/"))["data"]
        assert details_of(seen)["can"] == can, other
    for other in ("reader", "stranger"):
        refused = await browser.ask(other, f"projects/{made.id}/")
        assert refused.status_code == 404
        assert refused.json() == {"message": f"Project {made.id} not found"}
        assert (await browser.get(other, "projects/"))["meta"]["totalCount"] == 0


async def test_datasets_and_screens_have_their_own_keys(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="Day 3")
    screen = await hub.containers.create(
        Screen, name="RNAi", type="genome", protocol_id="p1", protocol_description="fix",
        reagent_id="r1", reagent_description="siRNA",
    )  # fmt: skip
    found = (await browser.get("owner", f"datasets/{dataset.id}/"))["data"]
    assert {key: found[key] for key in found if key.startswith("url:")} == {
        "url:images": f"{BASE}/datasets/{dataset.id}/images/",
        "url:projects": f"{BASE}/datasets/{dataset.id}/projects/",
    }
    (found,) = (await browser.get("owner", "datasets/"))["data"]
    assert found["url:dataset"] == f"{BASE}/datasets/{dataset.id}/"
    (found,) = (await browser.get("owner", "screens/"))["data"]
    found.pop("omero:details")
    assert found == {
        "@id": screen.id,
        "@type": f"{OME}Screen",
        "Name": "RNAi",
        "Type": "genome",
        "ProtocolIdentifier": "p1",
        "ProtocolDescription": "fix",
        "ReagentSetIdentifier": "r1",
        "ReagentSetDescription": "siRNA",
        "url:screen": f"{BASE}/screens/{screen.id}/",
        "url:plates": f"{BASE}/screens/{screen.id}/plates/",
    }


class Tree:
    """Two projects, datasets in one, both or none, and an image in one of them."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.ids: dict[str, int] = {}

    async def grow(self) -> Tree:
        hub = await self.browser.world.hub("owner")
        for name in ("P1", "P2"):
            self.ids[name] = (await hub.containers.create(Project, name=name)).id
        for name in ("one", "Both", "none"):
            self.ids[name] = (await hub.containers.create(Dataset, name=name)).id
        for project, dataset in (("P1", "one"), ("P1", "Both"), ("P2", "Both")):
            await hub.containers.link(Project, self.ids[project], Dataset, [self.ids[dataset]])
        image = await self.browser.bare_image("owner", "cell", into=self.ids["Both"])
        self.ids["cell"] = image.id
        return self


async def test_lists_are_narrowed_by_what_is_above_and_below(browser: Browser) -> None:
    ids = (await Tree(browser).grow()).ids
    asked = [
        ("datasets/", {}, ["Both", "none", "one"]),
        ("datasets/", {"project": ids["P1"]}, ["Both", "one"]),
        (f"projects/{ids['P1']}/datasets/", {}, ["Both", "one"]),
        (f"projects/{ids['P1']}/datasets/", {"project": ids["P2"]}, ["Both", "one"]),
        ("datasets/", {"project": ids["P1"], "image": ids["cell"]}, ["Both"]),
        ("datasets/", {"image": ids["cell"]}, ["Both"]),
        (f"images/{ids['cell']}/datasets/", {}, ["Both"]),
        ("datasets/", {"orphaned": "true"}, ["none"]),
        ("datasets/", {"orphaned": "True"}, ["Both", "none", "one"]),
        ("datasets/", {"project": 999_999}, []),
        ("datasets/999999/projects/", {}, []),
        ("projects/999999/datasets/", {}, []),
        ("projects/", {"dataset": ids["Both"]}, ["P1", "P2"]),
        ("projects/", {"dataset": ids["one"]}, ["P1"]),
        (f"datasets/{ids['Both']}/projects/", {}, ["P1", "P2"]),
        ("projects/", {"orphaned": "true"}, ["P1", "P2"]),
    ]
    for path, query, names in asked:
        assert await browser.names("owner", path, **query) == names, (path, query)
    for path, query, _names in asked:
        assert await browser.names("stranger", path, **query) == [], (path, query)


async def test_child_counts_come_only_where_they_mean_something(browser: Browser) -> None:
    ids = (await Tree(browser).grow()).ids
    hub = await browser.world.hub("owner")
    screen = await hub.containers.create(Screen, name="S")
    plate = await hub.containers.create(Plate, name="plate", into=screen.id)
    empty = await hub.containers.create(Screen, name="T")
    # An image without pixels is in no list, so it does not count either.
    declared: Any = await hub.catalog.write(
        "declare",
        lambda unit: unit.add(
            Image(
                name="none", state="declared", owner_id=browser.world.people["owner"],
                group_id=browser.world.groups["lab"],
            )
        ),
    )  # fmt: skip
    await hub.containers.link(Dataset, ids["Both"], Image, [declared.id])

    async def counts(path: str, **query: Any) -> dict[str, Any]:
        found = (await browser.get("owner", path, **query))["data"]
        return {one["Name"]: one.get("omero:childCount", "absent") for one in found}

    assert await counts("projects/", childCount="true") == {"P1": 2, "P2": 1}
    assert await counts("datasets/", childCount="true") == {"Both": 1, "none": 0, "one": 0}
    assert await counts("screens/", childCount="true") == {"S": 1, "T": 0}
    assert await counts("plates/", childCount="true") == {"plate": "absent"}
    assert await counts("projects/", childCount="True") == {"P1": "absent", "P2": "absent"}
    for path, count in (
        (f"projects/{ids['P1']}", 2),
        (f"datasets/{ids['Both']}/", 1),
        (f"screens/{empty.id}", 0),
    ):
        found = (await browser.get("owner", path, childCount="true"))["data"]
        assert found["omero:childCount"] == count, path
    single = await browser.get("owner", f"plates/{plate.id}", childCount="true")
    assert "omero:childCount" not in single["data"]


async def test_pages_are_stable_and_names_sort_in_any_case_of_letters(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    names = ["b", "A", "a", "C", "Ä", "ä", "b", "z", "B", "a"]
    made = [(await hub.containers.create(Project, name=name)).id for name in names]
    expected = [
        id
        for _key, id in sorted((name.casefold(), id) for name, id in zip(names, made, strict=True))
    ]

    async def page(offset: int, limit: int) -> tuple[list[int], dict[str, int]]:
        found = await browser.get("owner", "projects/", offset=offset, limit=limit)
        return [one["@id"] for one in found["data"]], found["meta"]

    for size in (1, 3, 4, 10, 11):
        walked: list[int] = []
        for offset in range(0, 12, size):
            ids, meta = await page(offset, size)
            walked += ids
            assert meta == {"totalCount": 10, "offset": offset, "limit": size, "maxLimit": 500}
        assert walked == expected, size
    assert await page(0, 0) == ([], {"totalCount": 10, "offset": 0, "limit": 0, "maxLimit": 500})
    assert (await page(-3, -7))[1] == {
        "totalCount": 10, "offset": 0, "limit": 200, "maxLimit": 500,
    }  # fmt: skip
    assert (await page(2**70, 9999))[1]["limit"] == 500
    assert (await page(50, 5)) == (
        [], {"totalCount": 10, "offset": 50, "limit": 5, "maxLimit": 500},
    )  # fmt: skip


@pytest.mark.parametrize("noun", ["projects", "images", "wells", "experimenters"])
async def test_a_number_that_is_none_is_refused_with_pythons_words(
    browser: Browser, noun: str
) -> None:
    for name, text in (
        ("limit", "foo"),
        ("limit", ""),
        ("offset", "1.5"),
        ("owner", "me"),
        ("group", "foo"),
    ):
        refused = await browser.ask("owner", f"{noun}/", **{name: text})
        assert refused.status_code == 400
        assert refused.json() == {"message": f"invalid literal for int() with base 10: {text!r}"}
    fine = await browser.get("owner", f"{noun}/", limit=" +7 ", page="x", callback="y")
    assert fine["meta"]["limit"] == 7


async def test_owner_and_group_narrow_and_a_foreign_group_is_refused(browser: Browser) -> None:
    world, people = browser.world, browser.world.people
    for who, name in (("owner", "mine"), ("annotator", "theirs"), ("keeper", "private")):
        hub = await world.hub(who)
        await hub.containers.create(Project, name=name)
    lab, vault = world.groups["lab"], world.groups["vault"]
    asked: list[tuple[str, dict[str, Any], list[str]]] = [
        ("owner", {}, ["mine", "theirs"]),
        ("owner", {"owner": people["annotator"]}, ["theirs"]),
        ("owner", {"owner": people["annotator"], "group": lab}, ["theirs"]),
        ("owner", {"group": -1}, ["mine", "theirs"]),
        ("owner", {"owner": 999_999}, []),
        ("root", {"group": lab}, ["mine", "theirs"]),
        ("root", {"group": vault}, ["private"]),
        ("root", {"group": 999_999}, []),
    ]
    for who, query, names in asked:
        assert await browser.names(who, "projects/", **query) == names, (who, query)
    for group in (vault, 999_999, -2):
        refused = await browser.ask("owner", "projects/", group=group)
        assert refused.status_code == 403
        assert list(refused.json()) == ["message"]


async def test_what_was_shared_from_another_group_can_be_asked_for_by_that_group(
    browser: Browser,
) -> None:
    world = browser.world
    hub = await world.hub("keeper")
    shared = await hub.containers.create(Project, name="shared")
    await world.grant("read", "project", shared.id, world.people["stranger"])
    assert await browser.names("stranger", "projects/", group=world.groups["vault"]) == ["shared"]
    (found,) = (await browser.get("stranger", "projects/"))["data"]
    assert details_of(found)["can"] == []


async def test_normalised_lists_name_each_owner_and_group_once(browser: Browser) -> None:
    world = browser.world
    for who, name in (("owner", "a"), ("annotator", "b"), ("owner", "c")):
        hub = await world.hub(who)
        await hub.containers.create(Dataset, name=name)
    full = (await browser.get("owner", "datasets/"))["data"]
    answer = await browser.get("owner", "datasets/", normalize="true")
    assert answer["experimenters"] == [full[0]["omero:details"]["owner"],
                                       full[1]["omero:details"]["owner"]]  # fmt: skip
    assert answer["experimenterGroups"] == [full[0]["omero:details"]["group"]]
    for small, large in zip(answer["data"], full, strict=True):
        details = small["omero:details"]
        assert details == {
            "@type": "TBD#Details",
            "owner": {"@id": large["omero:details"]["owner"]["@id"]},
            "group": {"@id": world.groups["lab"]},
            "permissions": large["omero:details"]["permissions"],
        }
        assert {**small, "omero:details": None} == {**large, "omero:details": None}
    empty = await browser.get("stranger", "datasets/", normalize="true")
    assert (empty["data"], empty["experimenters"], empty["experimenterGroups"]) == ([], [], [])


@pytest.mark.parametrize(
    ("noun", "path", "text"),
    [(Project, "projects", "Project"), (Dataset, "datasets", "Dataset"),
     (Screen, "screens", "Screen")],
)  # fmt: skip
async def test_a_container_is_deleted_by_whoever_may(
    browser: Browser, noun: Any, path: str, text: str
) -> None:
    hub = await browser.world.hub("owner")
    made = await hub.containers.create(noun, name="going")
    address = f"{path}/{made.id}/"
    before = (await browser.get("owner", address))["data"]
    refused = await browser.ask("annotator", address, "DELETE")
    assert (refused.status_code, list(refused.json())) == (403, ["message"])
    hidden = await browser.ask("stranger", address, "DELETE")
    assert hidden.status_code == 404
    assert hidden.json() == {"message": f"{text} {made.id} not found"}
    gone = await browser.ask("owner", address, "DELETE")
    assert gone.status_code == 200
    assert gone.json() == {
        "data": {key: value for key, value in before.items() if not key.startswith("url:")}
    }
    assert (await browser.ask("owner", address)).status_code == 404
    assert (await browser.ask("owner", address, "DELETE")).status_code == 404
    await browser.world.undo_last(browser.world.people["owner"])
    assert (await browser.get("owner", address))["data"] == before


async def test_what_lay_in_a_deleted_container_stays_as_an_orphan(browser: Browser) -> None:
    ids = (await Tree(browser).grow()).ids
    for name in ("P1", "P2"):
        assert (await browser.ask("owner", f"projects/{ids[name]}/", "DELETE")).status_code == 200
    assert await browser.names("owner", "datasets/", orphaned="true") == ["Both", "none", "one"]
    assert (await browser.ask("owner", f"datasets/{ids['Both']}/", "DELETE")).status_code == 200
    assert await browser.names("owner", "images/", orphaned="true") == ["cell"]


async def test_other_methods_are_refused_after_the_sign_in(browser: Browser) -> None:
    for path in ("projects/", "datasets/", "screens/", "projects/7/datasets/"):
        for method in ("POST", "PUT", "DELETE"):
            refused = await browser.ask("owner", path, method)
            assert (refused.status_code, list(refused.json())) == (405, ["message"]), path
            assert refused.headers["allow"] == "GET"
            nobody = await browser.served[None].request(method, f"{MODEL}/{path}")
            assert nobody.status_code == 403
            assert nobody.json()["message"].startswith("CSRF Failed")
        nobody = await browser.ask(None, path)
        assert (nobody.status_code, nobody.json()) == (403, {"message": "Not logged in"})
    refused = await browser.ask("owner", "projects/7/", "PUT")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "DELETE, GET"


async def test_lists_take_the_same_statements_for_two_rows_and_thirty(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    project = await hub.containers.create(Project, name="p")
    paths = ("projects/", "datasets/", "screens/", f"projects/{project.id}/datasets/")

    async def make(count: int) -> None:
        for n in range(count):
            await hub.containers.create(Dataset, name=f"d{n}", into=project.id)
            await hub.containers.create(Project, name=f"p{n}")
            await hub.containers.create(Screen, name=f"s{n}")

    query = {"childCount": "true", "normalize": "true"}
    await make(2)
    few = [await browser.statements("owner", path, **query) for path in paths]
    await make(28)
    assert [await browser.statements("owner", path, **query) for path in paths] == few
    assert max(few) == 5
