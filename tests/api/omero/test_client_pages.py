"""Pages, icons, the search form, and the plain lists for scripts."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from adapters.people import People
from adapters.screens import NewField
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Screen
from tests.fixtures.app import AppClients, application, settings_for
from tests.fixtures.omero_lists import Browser
from web.rest.omero.client.icons import DRAWN

pytestmark = pytest.mark.asyncio(loop_scope="module")
USER = re.compile(r"WEBCLIENT\.USER = \{'id': (.+?), 'fullName': (\"[^\n]*\")\};")


async def page(browser: Browser, who: str | None, path: str) -> Any:
    return await browser.served[who].get(path)


async def named(browser: Browser, first: str, last: str) -> None:
    hub = await browser.world.hub("owner")
    me = browser.world.people["owner"]
    await People(hub.catalog).change(me, first_name=first, last_name=last)


# Pages


@pytest.mark.parametrize("path", ["/webclient/", "/webclient", "/webclient/?experimenter=-1"])
async def test_the_page_says_who_is_signed_in(browser: Browser, path: str) -> None:
    await named(browser, "Mira", "Olsen")
    answer = await page(browser, "owner", path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    found = USER.search(answer.text)
    assert found is not None
    assert (int(found[1]), json.loads(found[2])) == (browser.world.people["owner"], "Mira Olsen")
    assert 'content="0; url=/app"' in answer.text
    assert "csrftoken=" in answer.headers["set-cookie"]
    assert (await page(browser, None, path)).status_code == 302


async def test_names_can_neither_end_the_script_nor_the_page(browser: Browser) -> None:
    await named(browser, "</script><script>alert(1)//", "\"'\\ &\u00e4")
    image = await browser.bare_image("owner", "</title><script>alert(2)</script>\"'&")
    answer = await page(browser, "owner", f"/webclient/img_detail/{image.id}/")
    text = answer.text
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    found = USER.search(script)
    assert found is not None
    assert json.loads(found[2]) == "</script><script>alert(1)// \"'\\ &\u00e4"
    assert text.count("<script>") == text.count("</script>") == 1
    titles = re.findall(r"<title>(.*?)</title>", text)
    assert [html.unescape(one) for one in titles] == [image.name]
    # The browser runs this script and no other.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in answer.headers["content-security-policy"]


async def test_links_lead_to_the_page_of_the_image(browser: Browser) -> None:
    image = await browser.bare_image("owner", "SECRET cells")
    hub = await browser.world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="SECRET set")
    goal = f'<a href="/app/images/{image.id}">SECRET cells</a>'
    for path in (
        f"/webclient/?show=image-{image.id}", f"/webclient/?show=image={image.id}|image-1",
        f"/webclient/img_detail/{image.id}/", f"/webclient/img_detail/{image.id}",
        f"/webgateway/img_detail/{image.id}/", f"/iviewer/?images={image.id}",
        f"/iviewer?images={image.id},5&dataset=3",
    ):  # fmt: skip
        answer = await page(browser, "owner", path)
        assert answer.status_code == 200, path
        assert goal in answer.text, path
        assert USER.search(answer.text), path
        for who in ("stranger", "reader", None):
            refused = await page(browser, who, path)
            shown = "?show=" in path and who is not None
            assert refused.status_code == (200 if shown else 302 if who is None else 404), path
            assert "SECRET" not in refused.text
    shown = await page(browser, "owner", f"/webclient/?show=dataset-{dataset.id}")
    assert '<a href="/app">SECRET set</a>' in shown.text
    for odd in ("image-x", "image-", "nothing-1", "image-" + "9" * 30, "well-1", "run-1", "%00"):
        assert (await page(browser, "owner", f"/webclient/?show={odd}")).status_code == 200
    assert (await page(browser, "owner", "/iviewer/")).status_code == 200
    assert (await page(browser, "owner", "/iviewer/?images=x")).status_code == 200


async def test_a_public_account_is_named_to_visitors(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(sqlite_url, tmp_path, public_user="annotator")
    async with application(settings) as served:
        hub = await served.world.hub("owner")
        dataset = await hub.containers.create(Dataset, name="seen by all")
        answer = await served[None].get("/webclient/?experimenter=-1")
        found = USER.search(answer.text)
        assert found is not None
        assert int(found[1]) == served.world.people["annotator"]
        tree = (await served[None].get("/webclient/api/containers/")).json()
        (one,) = tree["datasets"]
        assert (one["id"], one["permsCss"]) == (dataset.id, "")
        # Visitors read only, also what others may annotate.
        form = {"dataset": dataset.id, "comment": "x"}
        for path, sent in (
            ("annotate_comment", form), (f"action/savename/dataset/{dataset.id}", {"name": "x"}),
        ):  # fmt: skip
            token = (await served[None].get("/api/v0/token/")).json()["data"]
            answer = await served[None].post(
                f"/webclient/{path}/", data=sent, headers={"X-CSRFToken": token}
            )
            assert answer.status_code == 403
        assert (await served.world.stored())["annotation"] == 0


async def test_a_prefix_stands_before_every_address(browser: Browser) -> None:
    image = await browser.bare_image("owner", "prefixed")
    app: Any = browser.served.app
    answers = {}
    for path in (f"/webclient/img_detail/{image.id}/", "/webclient/load_searching/form/"):
        scope_app = _under("/omero", app)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(scope_app),
            base_url="http://hub.test",
            headers=browser.world.bearer("owner"),
        ) as client:
            answers[path] = (await client.get(f"/omero{path}", params={"query": "prefixed"})).text
    assert f'href="/omero/app/images/{image.id}"' in answers[f"/webclient/img_detail/{image.id}/"]
    found = answers["/webclient/load_searching/form/"]
    assert f'<a href="/omero/webclient/?show=image-{image.id}"' in found


def _under(prefix: str, app: Any) -> Any:
    async def placed(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": prefix}, receive, send)

    return placed


# Icons


async def test_icons_are_small_pictures_for_everybody(shared_app: AppClients) -> None:
    assert {
        f"/static/webclient/image/{name}.png"
        for name in ("image16", "folder_screen16", "folder_plate16", "run16")
    } | {
        f"/static/webgateway/img/{name}.png"
        for name in ("folder16", "folder_image16", "folder_yellow16", "icon_folder")
    } <= DRAWN.keys()  # fmt: skip
    seen = set()
    for path in DRAWN:
        answer = await shared_app[None].get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert "max-age" in answer.headers["cache-control"]
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        assert picture.shape == (16, 16, 4)
        assert picture[0, 0, 3] == 0
        assert picture[8, 8, 3] == 255
        seen.add(answer.content)
    assert len(seen) >= 8
    missing = await shared_app[None].get("/static/webclient/image/none.png")
    assert missing.status_code == 404
    assert (await shared_app["owner"].post(next(iter(DRAWN)))).status_code == 405


# Search, read as the client reads it


ROW = re.compile(r'<tr id="(.+?)-(.+?)".+?</tr>', re.DOTALL)
NAME = re.compile(r'<td class="desc"><a>(.+?)</a></td>')
DATE = re.compile(r"<td class=\"date\" data-isodate='(.+?)'></td>")
GROUP = re.compile(r'<td class="group">(.+?)</td>')
LINK = re.compile(r'<td><a href="(.+?)"')
FORM = "/webclient/load_searching/form/"
ALL = ["images", "datasets", "projects", "wells", "plates", "screens"]


async def found(browser: Browser, who: str, query: str, **more: Any) -> list[dict[str, Any]]:
    parameters = {"query": query, "field": ["name", "description"], "datatype": ALL,
                  "searchGroup": -1, "ownedBy": -1, "useAcquisitionDate": "false",
                  "startdateinput": "", "enddateinput": "", **more}  # fmt: skip
    answer = await browser.served[who].get(FORM, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    rows = []
    for match in ROW.finditer(answer.text):
        first = {key: one.search(match[0]) for key, one in (("name", NAME), ("group", GROUP),
                                                            ("link", LINK))}  # fmt: skip
        rows.append(
            {"noun": match[1], "id": int(match[2]), "dates": DATE.findall(match[0]),
             **{key: one and one[1] for key, one in first.items()}}
        )  # fmt: skip
    return rows


async def test_a_hit_is_a_row_that_clients_can_read(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    image = await browser.bare_image("owner", "hela <b>&\u2028cell</b>.zarr")
    moment = int(datetime(2026, 3, 18, 12, tzinfo=UTC).timestamp()) * 1000
    await hub.containers.update(Image, image.id, acquired_at=moment)
    dataset = await hub.containers.create(Dataset, name="hela day")
    group = f"lab {browser.usernames['owner'].removeprefix('owner')}"
    created = format_datetime(datetime.fromtimestamp(image.created_at // 1000, UTC))
    rows = {one["noun"]: one for one in await found(browser, "owner", "hela")}
    assert rows["image"] == {
        "noun": "image", "id": image.id, "dates": ["Wed, 18 Mar 2026 12:00:00 +0000", created],
        "name": "hela &lt;b&gt;&amp; cell&lt;/b&gt;.zarr", "group": group,
        "link": f"/webclient/?show=image-{image.id}",
    }  # fmt: skip
    made = format_datetime(datetime.fromtimestamp(dataset.created_at // 1000, UTC))
    assert rows["dataset"]["dates"] == [made]
    assert rows["dataset"]["name"] == "hela day"
    shown = await browser.served["owner"].get(rows["image"]["link"])
    assert f"/app/images/{image.id}" in shown.text


async def test_a_search_keeps_to_what_is_asked(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    word = f"zebra{browser.world.people['owner']}"
    image = await browser.bare_image("owner", f"{word} one")
    project = await hub.containers.create(Project, name="P", description=f"about {word}")
    other = await browser.bare_image("annotator", f"{word} two")
    both = {("image", image.id), ("image", other.id)}

    async def ids(who: str = "owner", query: str = word, **more: Any) -> set[tuple[str, int]]:
        return {(one["noun"], one["id"]) for one in await found(browser, who, query, **more)}

    assert await ids() == {*both, ("project", project.id)}
    assert await ids(query=word.upper() + "*") == {*both, ("project", project.id)}
    assert await ids(field="name") == both
    assert await ids(field="description") == {("project", project.id)}
    assert await ids(datatype="images") == both
    assert await ids(datatype=[]) == both
    assert await ids(ownedBy=browser.world.people["annotator"]) == {("image", other.id)}
    lab, vault = (browser.world.groups[name] for name in ("lab", "vault"))
    assert await ids(searchGroup=lab, datatype="images") == both
    assert await ids(searchGroup=vault) == set()
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    assert await ids(startdateinput=today, enddateinput=today, datatype="images") == both
    assert await ids(startdateinput="2020-01-01", enddateinput="2020-12-31") == set()
    assert await ids(startdateinput="nonsense", datatype="images") == both
    assert await ids(query=f"{image.id}, {other.id}", datatype="images") == both
    assert await ids(query=str(project.id)) >= {("project", project.id)}
    for who in ("stranger", "reader", "keeper"):
        assert await ids(who) == await ids(who, query=str(image.id)) == set()
    for query in ("", " ", "*", "\0", "x" * 500, '"', "9" * 50):
        assert await ids(query=query) == set()
    without = await browser.served["owner"].get(FORM)
    assert without.text == "No search '?query' included"


# Plain lists


async def listed(browser: Browser, who: str, path: str, **query: Any) -> Any:
    answer = await browser.served[who].get(f"/webgateway/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_projects_datasets_and_images_are_listed(browser: Browser) -> None:
    await named(browser, "Mira", "Olsen")
    hub = await browser.world.hub("owner")
    project = await hub.containers.create(Project, name="P", description="about")
    dataset = await hub.containers.create(Dataset, name="D", into=project.id)
    image = await browser.bare_image("owner", "i.tif", into=dataset.id)
    written = {"id": project.id, "name": "P", "description": "about"}
    assert await listed(browser, "owner", "proj/list/") == [written]
    assert await listed(browser, "owner", f"proj/{project.id}/detail/") == {
        "type": "Project", **written,
    }  # fmt: skip
    assert await listed(browser, "owner", f"proj/{project.id}/children/") == [
        {"type": "Dataset", "id": dataset.id, "name": "D", "description": "", "child_count": 1}
    ]
    assert await listed(browser, "annotator", f"dataset/{dataset.id}/children") == [
        {"type": "Image", "id": image.id, "name": "i.tif", "description": "",
         "author": "Mira Olsen", "date": image.created_at // 1000,
         "thumb_url": f"/webgateway/render_thumbnail/{image.id}/"}
    ]  # fmt: skip
    called = await browser.served["owner"].get("/webgateway/proj/list/?callback=show")
    assert called.text == f"show({json.dumps([written], separators=(',', ':'))})"
    for who in ("stranger", "reader"):
        assert await listed(browser, who, "proj/list/") == []
        assert await listed(browser, who, f"proj/{project.id}/children/") == []
        for path in (f"dataset/{dataset.id}/children/", f"proj/{project.id}/detail/",
                     f"dataset/{dataset.id}/detail/"):  # fmt: skip
            answer = await browser.served[who].get(f"/webgateway/{path}")
            assert answer.status_code == 404
            assert answer.headers["content-type"].startswith("text/plain")


async def test_a_plate_is_a_grid_and_a_well_a_list(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    images = [await browser.bare_image("owner", f"f{n}") for n in range(4)]
    screen = await hub.containers.create(Screen, name="S")
    plate = await hub.screens.create_plate(name="P", screen_id=screen.id, rows=16, columns=24)
    run = await hub.screens.create_acquisition(plate.id, name="second")
    await hub.screens.add_fields(
        plate.id,
        [
            NewField(1, 2, images[0].id, 0, x=1.5, y=2.5, unit="µm"),
            NewField(1, 2, images[1].id, 1, run.id),
            NewField(9, 2, images[2].id, 0),
            NewField(9, 3, images[3].id, 0, run.id),
        ],
    )
    (well,) = (await hub.screens.wells_at([(plate.id, 1, 2)])).values()
    grid = await listed(browser, "annotator", f"plate/{plate.id}/")
    assert (len(grid["grid"]), len(grid["grid"][0])) == (16, 12)
    assert grid["rowlabels"] == list("ABCDEFGHIJKLMNOP")
    assert grid["collabels"] == list(range(1, 13))
    cells = {(r, c): cell for r, row in enumerate(grid["grid"]) for c, cell in enumerate(row)
             if cell is not None}  # fmt: skip
    assert {place: cell["id"] for place, cell in cells.items()} == {
        (1, 2): images[0].id, (9, 2): images[2].id, (9, 3): images[3].id,
    }  # fmt: skip
    assert cells[1, 2] == {
        "type": "Image", "id": images[0].id, "name": "f0", "description": "",
        "author": browser.usernames["owner"], "date": images[0].created_at // 1000,
        "wellId": well.id, "field": 0, "thumb_url": f"/webgateway/render_thumbnail/{images[0].id}/",
    }  # fmt: skip
    assert grid["image_sizes"] == [{"x": 600, "y": 400, "image_id": images[0].id}]

    async def shown(path: str, **query: Any) -> tuple[list[int], int, int, list[Any], list[Any]]:
        one = await listed(browser, "owner", f"plate/{plate.id}/{path}", **query)
        ids = [cell["id"] for row in one["grid"] for cell in row if cell is not None]
        size = (len(one["grid"]), len(one["grid"][0]))
        return ids, *size, one["rowlabels"], one["collabels"]

    assert (await shown("1/"))[0] == [images[1].id]
    assert (await shown("7"))[0] == []
    # Within a run, fields count anew in every well.
    assert (await shown(f"0/{run.id}/"))[0] == [images[1].id, images[3].id]
    assert (await shown("", layout="trim"))[1:3] == (10, 4)
    assert (await shown("", layout="shrink"))[1:] == (9, 2, list("BCDEFGHIJ"), [3, 4])
    sized = await listed(browser, "owner", f"plate/{plate.id}/", size=64)
    assert sized["grid"][1][2]["thumb_url"].endswith(f"/{images[0].id}/64/")
    first, second = await listed(browser, "owner", f"well/{well.id}/children/")
    assert (first["id"], first["position"]) == (
        images[0].id,
        {"x": {"value": 1.5, "unit": "µm"}, "y": {"value": 2.5, "unit": "µm"}},
    )
    assert (second["id"], second["name"]) == (images[1].id, "f1 [Run: second]")
    only = await listed(browser, "owner", f"well/{well.id}/children/", run=run.id)
    assert [one["id"] for one in only] == [images[0].id, images[1].id]
    bare = await hub.screens.create_plate(name="empty", rows=2, columns=3, row_naming="number")
    empty = await listed(browser, "owner", f"plate/{bare.id}/")
    assert (len(empty["grid"]), len(empty["grid"][0]), empty["image_sizes"]) == (8, 12, [])
    assert empty["rowlabels"] == list(range(1, 9))
    assert await listed(browser, "owner", f"plate/{bare.id}/", layout="trim") == {
        "grid": [], "rowlabels": [], "collabels": [], "image_sizes": [],
    }  # fmt: skip
    for who in ("stranger", "reader"):
        for path in (f"plate/{plate.id}/", f"well/{well.id}/children/", f"plate/{plate.id}/0/"):
            assert (await browser.served[who].get(f"/webgateway/{path}")).status_code == 404


async def test_tables_are_not_served(browser: Browser) -> None:
    for path in ("table/5/query/", "table/Screen/5/query", "table/5/metadata/"):
        answer = await browser.served["owner"].get(f"/webgateway/{path}?query=*")
        assert answer.status_code == 404
        assert set(answer.json()) == {"message"}
