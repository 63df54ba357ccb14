"""Annotations as the web client's addresses list, make, change and remove them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapters.screens import NewField
from store.tables.annotations import AnnotationKind
from store.tables.containers import Dataset, Project
from store.tables.screens import Plate, Screen
from tests.fixtures.app import application, settings_for
from tests.fixtures.hub import statements
from tests.fixtures.omero_lists import Browser
from web.rest.omero.resource import NOT_LOGGED_IN

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENT = "/webclient"
CLIENT_MAP = "openmicroscopy.org/omero/client/mapAnnotation"
RATING = "openmicroscopy.org/omero/insight/rating"
EVERYTHING = {"canDelete": True, "canAnnotate": True, "canLink": True, "canEdit": True}
BOUNDARY = "xYzBoundary"


async def listing(browser: Browser, who: str, **query: Any) -> dict[str, Any]:
    answer = await browser.served[who].get(f"{CLIENT}/api/annotations/", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def post(browser: Browser, who: str | None, path: str, **form: Any) -> httpx.Response:
    return await browser.served[who].post(f"{CLIENT}/{path}/", data=form)


async def done(browser: Browser, who: str, path: str, **form: Any) -> Any:
    answer = await post(browser, who, path, **form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


async def stored(browser: Browser) -> dict[str, int]:
    return await browser.world.stored()


# The listing


async def test_a_map_is_listed_exactly(browser: Browser) -> None:
    image = await browser.bare_image("owner", "hela.zarr")
    hub = await browser.world.hub("owner")
    note = await hub.annotations.create(
        AnnotationKind.MAP, [("stain", "DAPI"), ("dose", "5 nM")], ns=CLIENT_MAP,
        targets=[("image", image.id)],
    )  # fmt: skip
    (link,) = (await hub.annotation_links.on([("image", image.id)]))["image", image.id]
    me = browser.world.people["owner"]
    assert await listing(browser, "owner", image=image.id) == {
        "annotations": [
            {
                "id": note.id,
                "ns": CLIENT_MAP,
                "name": None,
                "description": None,
                "owner": {"id": me},
                "date": iso(note.created_at),
                "class": "MapAnnotationI",
                "values": [["stain", "DAPI"], ["dose", "5 nM"]],
                "permissions": EVERYTHING,
                "link": {
                    "id": link.link_id,
                    "owner": {"id": me},
                    "date": iso(link.created_at),
                    "parent": {"id": image.id, "name": "hela.zarr", "class": "ImageI"},
                    "permissions": EVERYTHING,
                },
            }
        ],
        "experimenters": [
            {"id": me, "omeName": browser.usernames["owner"], "firstName": "", "lastName": ""}
        ],
    }


async def test_every_kind_is_written_under_its_class_and_key(browser: Browser) -> None:
    image = await browser.bare_image("owner", "all kinds")
    hub = await browser.world.hub("owner")
    values: dict[str, Any] = {
        "tag": "mitotic", "comment": "looks fine", "xml": "<a/>", "long": 4, "double": 0.5,
        "boolean": False, "timestamp": 1_700_000_000_000,
    }  # fmt: skip
    for kind, value in values.items():
        await hub.annotations.create(AnnotationKind(kind), value, targets=[("image", image.id)])
    found = (await listing(browser, "owner", image=image.id))["annotations"]
    keys = {"textValue", "longValue", "doubleValue", "boolValue", "timeValue"}
    shown = {one["class"]: {key: one[key] for key in keys & one.keys()} for one in found}
    assert shown == {
        "TagAnnotationI": {"textValue": "mitotic"},
        "CommentAnnotationI": {"textValue": "looks fine"},
        "XmlAnnotationI": {"textValue": "<a/>"},
        "LongAnnotationI": {"longValue": 4},
        "DoubleAnnotationI": {"doubleValue": 0.5},
        "BooleanAnnotationI": {"boolValue": False},
        "TimestampAnnotationI": {"timeValue": 1_700_000_000_000},
    }


@pytest_asyncio.fixture(loop_scope="module")
async def scene(browser: Browser) -> dict[str, int]:
    """One object of each noun of the owner's, each with a comment that names it."""
    hub = await browser.world.hub("owner")
    project = await hub.containers.create(Project, name="Mitosis")
    dataset = await hub.containers.create(Dataset, name="Day 3", into=project.id)
    image = await browser.bare_image("owner", "cell", into=dataset.id)
    field = await browser.bare_image("owner", "field")
    screen = await hub.containers.create(Screen, name="Drugs")
    plate = await hub.screens.create_plate(name="P1", screen_id=screen.id, rows=8, columns=12)
    run = await hub.screens.create_acquisition(plate.id)
    (sample,) = await hub.screens.add_fields(plate.id, [NewField(1, 2, field.id, 0, run.id)])
    (found,) = await hub.screens.fields([sample])
    assert found is not None
    ids = {"project": project.id, "dataset": dataset.id, "image": image.id, "screen": screen.id,
           "plate": plate.id, "acquisition": run.id, "well": found.well_id}  # fmt: skip
    for noun, id in ids.items():
        await hub.annotations.create(AnnotationKind.COMMENT, noun, targets=[(noun, id)])
    return {**ids, "field": field.id}


async def test_every_noun_lists_what_is_on_it(browser: Browser, scene: dict[str, int]) -> None:
    classes = {
        "project": ("ProjectI", "Mitosis"), "dataset": ("DatasetI", "Day 3"),
        "image": ("ImageI", "cell"), "screen": ("ScreenI", "Drugs"), "plate": ("PlateI", "P1"),
        "acquisition": ("PlateAcquisitionI", f"Run {scene['acquisition']}"),
        "well": ("WellI", "B3"),
    }  # fmt: skip
    for noun, (kind, name) in classes.items():
        (one,) = (await listing(browser, "owner", **{noun: scene[noun]}))["annotations"]
        assert one["textValue"] == noun
        assert one["link"]["parent"] == {"id": scene[noun], "name": name, "class": kind}
    (one,) = (await listing(browser, "owner", run=scene["acquisition"]))["annotations"]
    assert one["textValue"] == "acquisition"
    query = "&".join(f"{noun}={scene[noun]}" for noun in [*classes, "image"])
    answer = await browser.served["owner"].get(f"{CLIENT}/api/annotations?{query}")
    assert {one["textValue"] for one in answer.json()["annotations"]} == set(classes)
    assert len(answer.json()["annotations"]) == len(classes)


async def test_kinds_namespaces_and_pages_narrow_the_list(browser: Browser) -> None:
    image = await browser.bare_image("owner", "narrowed")
    hub = await browser.world.hub("owner")
    on = [("image", image.id)]
    for kind, value, ns in (
        (AnnotationKind.TAG, "t", None), (AnnotationKind.COMMENT, "c", "my.ns"),
        (AnnotationKind.MAP, [("k", "v")], "my.ns"), (AnnotationKind.LONG, 5, RATING),
        (AnnotationKind.LONG, 6, None), (AnnotationKind.XML, "<a/>", "x"),
    ):  # fmt: skip
        await hub.annotations.create(kind, value, ns=ns, targets=on)

    async def classes(**query: Any) -> list[str]:
        found = await listing(browser, "owner", image=image.id, **query)
        return [one["class"].removesuffix("AnnotationI") for one in found["annotations"]]

    assert await classes() == ["Tag", "Comment", "Map", "Long", "Long", "Xml"]
    assert await classes(type="tag") == ["Tag"]
    assert await classes(type="comment") == ["Comment"]
    assert await classes(type="map") == ["Map"]
    assert await classes(type="file") == []
    assert await classes(type="rating") == ["Long"]
    assert await classes(type="custom") == ["Long", "Xml"]
    assert await classes(ns="my.ns") == ["Comment", "Map"]
    assert await classes(ns="my.ns", type="map") == ["Map"]
    assert await classes(ns="other") == []
    assert await classes(limit=2) == ["Tag", "Comment"]
    assert await classes(limit=2, page=3) == ["Long", "Xml"]
    assert await classes(limit=2, page=4) == []


async def test_two_people_who_tag_alike_are_two_links(browser: Browser) -> None:
    image = await browser.bare_image("owner", "tagged twice")
    owner, annotator = [await browser.world.hub(who) for who in ("owner", "annotator")]
    tag = await owner.annotations.create(AnnotationKind.TAG, "t", targets=[("image", image.id)])
    await annotator.annotations.attach([tag.id], [("image", image.id)])
    found = await listing(browser, "annotator", image=image.id)
    people = [browser.world.people[who] for who in ("owner", "annotator")]
    assert [one["link"]["owner"]["id"] for one in found["annotations"]] == people
    assert {one["id"] for one in found["annotations"]} == {tag.id}
    assert [one["id"] for one in found["experimenters"]] == people
    # In a read-annotate group others' rows may be annotated, and one's own link may be cut.
    first, second = (one["link"]["permissions"] for one in found["annotations"])
    assert (first["canDelete"], second["canDelete"]) == (False, True)
    assert found["annotations"][0]["permissions"] == {
        "canDelete": False, "canAnnotate": True, "canLink": False, "canEdit": False,
    }  # fmt: skip


async def test_what_lies_on_containers_comes_with_who_is_inside(
    browser: Browser, scene: dict[str, int]
) -> None:
    found = await listing(browser, "owner", image=scene["image"], parents="true")
    assert [one["textValue"] for one in found["annotations"]] == ["image"]
    parents = found["parents"]
    assert {one["textValue"] for one in parents["annotations"]} == {"project", "dataset"}
    inside = [{"id": scene["image"], "class": "ImageI", "name": "cell"}]
    assert parents["lineage"] == {
        "ProjectI": {str(scene["project"]): inside},
        "DatasetI": {str(scene["dataset"]): inside},
    }
    known = {one["id"] for one in found["experimenters"]}
    assert {one["owner"]["id"] for one in parents["annotations"]} <= known
    field = await listing(browser, "owner", image=scene["field"], parents="true")
    assert field["annotations"] == []
    assert set(field["parents"]["lineage"]) == {
        "ScreenI", "PlateI", "PlateAcquisitionI", "WellI",
    }  # fmt: skip
    (on_well,) = [
        one for one in field["parents"]["annotations"] if one["link"]["parent"]["class"] == "WellI"
    ]
    assert on_well["link"]["parent"]["name"] == "B3"
    for one in parents["annotations"]:  # as a client reads it
        place = one["link"]["parent"]
        assert parents["lineage"][place["class"]][str(place["id"])][0]["class"] == "ImageI"


async def test_a_list_of_many_takes_no_more_statements(browser: Browser) -> None:
    hub = await browser.world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="many")
    images = [await browser.bare_image("owner", f"{n}", into=dataset.id) for n in range(8)]
    for image in images:
        for kind, value in ((AnnotationKind.TAG, "t"), (AnnotationKind.MAP, [("a", "b")])):
            await hub.annotations.create(kind, value, targets=[("image", image.id)])
    for query in ({}, {"parents": "true"}):
        counts = []
        for some in (images[:1], images):
            given = {"image": [one.id for one in some], **query}
            tries = []
            for _ in range(4):  # who is asking is remembered for a while, and then asked anew
                with statements(browser.database) as sent:
                    await listing(browser, "owner", **given)
                found = [one for one in sent if "PRAGMA" not in one and "max(id)" not in one]
                tries.append(len(found))
            counts.append(min(tries))
        assert counts[1] <= counts[0] + 1, counts


async def test_others_see_what_their_group_lets_them_see(browser: Browser) -> None:
    image = await browser.bare_image("owner", "SECRET")
    hub = await browser.world.hub("owner")
    await hub.annotations.create(AnnotationKind.TAG, "SECRET", targets=[("image", image.id)])
    assert len((await listing(browser, "annotator", image=image.id))["annotations"]) == 1
    for who in ("reader", "stranger", "keeper"):
        for parents in ("false", "true"):
            found = await listing(browser, who, image=image.id, parents=parents)
            assert found["annotations"] == found["experimenters"] == []


ODD: list[tuple[dict[str, str], int]] = [
    ({"image": "x"}, 400), ({"image": "1.5"}, 400), ({"image": ""}, 400),
    ({"image": "9" * 30}, 200), ({"image": "-5"}, 200), ({}, 200), ({"limit": "x"}, 400),
    ({"page": "0"}, 200), ({"image": "1", "type": "none"}, 200), ({"image": "1,2"}, 200),
]  # fmt: skip


async def test_odd_parameters_are_told_or_find_nothing(browser: Browser) -> None:
    for query, status in ODD:
        answer = await browser.served["owner"].get(f"{CLIENT}/api/annotations/", params=query)
        assert answer.status_code == status, query
        if status == 200:
            assert answer.json() == {"annotations": [], "experimenters": []}
        else:
            assert "invalid literal for int()" in answer.json()["message"]


# Maps


async def test_a_map_is_made_changed_and_deleted(browser: Browser) -> None:
    image = await browser.bare_image("owner", "mapped")
    pairs = [["stain", "DAPI"], ["dose", "5 nM"], ["dose", "µ"]]
    made = await done(
        browser,
        "owner",
        "annotate_map",
        image=image.id,
        ns="my.ns",
        mapAnnotation=json.dumps(pairs),
    )
    (id,) = made["annId"]
    (one,) = (await listing(browser, "owner", image=image.id))["annotations"]
    assert (one["id"], one["ns"], one["values"]) == (id, "my.ns", pairs)
    hub = await browser.world.hub("owner")
    before = {pair.key + pair.value: pair.id for pair in (await hub.annotations.pairs_of([id]))[id]}
    changed = [["dose", "µ"], ["stain", "GFP"]]
    answer = await done(
        browser,
        "owner",
        "annotate_map",
        image=image.id,
        annId=id,
        mapAnnotation=json.dumps(changed),
    )
    assert answer == {"annId": [id]}
    after = {pair.key + pair.value: pair.id for pair in (await hub.annotations.pairs_of([id]))[id]}
    assert after["doseµ"] == before["doseµ"]
    (one,) = (await listing(browser, "owner", image=image.id))["annotations"]
    assert (one["ns"], one["values"]) == ("my.ns", changed)
    gone = await done(
        browser, "owner", "annotate_map", image=image.id, annId=id, mapAnnotation="[]"
    )
    assert gone == {"annId": None}
    assert (await listing(browser, "owner", image=image.id))["annotations"] == []
    await browser.world.undo_last(browser.world.people["owner"])
    assert len((await listing(browser, "owner", image=image.id))["annotations"]) == 1


async def test_a_clients_map_is_one_on_each_object_and_others_are_shared(browser: Browser) -> None:
    one, two = [await browser.bare_image("owner", f"{n}") for n in range(2)]
    hub = await browser.world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="with a map")
    form = {"image": [one.id, two.id], "dataset": dataset.id, "mapAnnotation": '[["a","b"]]'}
    own = (await done(browser, "owner", "annotate_map", **form))["annId"]
    assert len(set(own)) == 3
    (shared,) = (await done(browser, "owner", "annotate_map", ns="x", **form))["annId"]
    for query in ({"image": one.id}, {"image": two.id}, {"dataset": dataset.id}):
        found = (await listing(browser, "owner", **query))["annotations"]
        assert {note["ns"] for note in found} == {CLIENT_MAP, "x"}
        assert shared in [note["id"] for note in found]
    await browser.world.undo_last(browser.world.people["owner"])
    assert len((await listing(browser, "owner", image=one.id))["annotations"]) == 1


async def test_raw_letters_beyond_ascii_are_kept(browser: Browser) -> None:
    image = await browser.bare_image("owner", "raw")
    body = f'image={image.id}&ns=n&mapAnnotation=[["Färbung","µ 100 %25"]]'.encode()
    answer = await browser.served["owner"].post(
        f"{CLIENT}/annotate_map/", content=body,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert answer.status_code == 200
    (one,) = (await listing(browser, "owner", image=image.id))["annotations"]
    assert one["values"] == [["Färbung", "µ 100 %"]]


BAD_MAPS = [
    "", "{", "{}", "7", "null", '"x"', "[1]", '[["a"]]', '[["a","b","c"]]', '[["a",1]]',
    '[{"a":"b"}]', '[["","b"]]', '[["a","b"],null]', '[["a\\u0000","b"]]', '[["a","\\ud800"]]',
    '[["' + "k" * 501 + '","b"]]', "[" * 5000,
]  # fmt: skip


async def test_pairs_that_are_none_store_nothing(browser: Browser) -> None:
    image = await browser.bare_image("owner", "bad")
    before = await stored(browser)
    for pairs in BAD_MAPS:
        answer = await post(browser, "owner", "annotate_map", image=image.id, mapAnnotation=pairs)
        assert answer.status_code == 400, (pairs[:50], answer.text)
        assert set(answer.json()) == {"message"}
    assert await stored(browser) == before


async def test_what_is_no_map_or_not_seen_is_not_changed(browser: Browser) -> None:
    image = await browser.bare_image("owner", "guarded")
    hub = await browser.world.hub("owner")
    on = [("image", image.id)]
    tag = await hub.annotations.create(AnnotationKind.TAG, "t", targets=on)
    note = await hub.annotations.create(AnnotationKind.MAP, [("a", "b")], targets=on)
    before = await stored(browser)
    pairs = '[["x","y"]]'
    for who, form, status in (
        ("owner", {"annId": tag.id, "mapAnnotation": pairs}, 400),
        ("owner", {"annId": tag.id, "mapAnnotation": "[]"}, 400),
        ("owner", {"annId": 999_999, "mapAnnotation": pairs}, 404),
        ("owner", {"annId": "x", "mapAnnotation": pairs}, 400),
        ("owner", {"image": 999_999, "mapAnnotation": pairs}, 404),
        ("owner", {"mapAnnotation": pairs}, 400),
        ("owner", {"image": image.id}, 400),
        ("annotator", {"annId": note.id, "mapAnnotation": pairs}, 403),
        ("annotator", {"annId": note.id, "mapAnnotation": "[]"}, 403),
        ("stranger", {"annId": note.id, "mapAnnotation": pairs}, 404),
        ("stranger", {"image": image.id, "mapAnnotation": pairs}, 404),
    ):
        answer = await post(browser, who, "annotate_map", **form)
        assert answer.status_code == status, (who, form, answer.text)
    assert await stored(browser) == before
    (one,) = (await hub.annotations.pairs_of([note.id]))[note.id]
    assert (one.key, one.value) == ("a", "b")


# Files


def multipart(*parts: tuple[str, str, bytes, str | None]) -> dict[str, Any]:
    """Write a body as clients do that make it by hand: (name, disposition, content, type)."""
    pieces = []
    for name, more, content, kind in parts:
        head = f'Content-Disposition: form-data; name="{name}"{more}\r\n'
        head += "" if kind is None else f"Content-Type: {kind}\r\n"
        pieces.append(f"--{BOUNDARY}\r\n{head}\r\n".encode() + content + b"\r\n")
    body = b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return {"content": body, "headers": {"Content-Type": kind}}


async def send(browser: Browser, who: str, **options: Any) -> httpx.Response:
    return await browser.served[who].post(f"{CLIENT}/annotate_file/", **options)


async def test_a_file_is_attached_listed_fetched_and_deleted(browser: Browser) -> None:
    image = await browser.bare_image("owner", "with a file")
    content = bytes(range(256)) * 9000  # more than is held in memory
    sent = await send(
        browser, "owner",
        **multipart(
            ("annotation_file", '; filename="qupath_cells µ.csv"', content, "text/csv"),
            ("image", "", str(image.id).encode(), None),
            ("index", "", b"", None),
        ),
    )  # fmt: skip
    assert sent.status_code == 200, sent.text
    (id,) = sent.json()["fileIds"]
    (one,) = (await listing(browser, "owner", image=image.id, type="file"))["annotations"]
    file = one["file"]
    assert file == {"id": file["id"], "name": "qupath_cells µ.csv", "size": len(content),
                    "path": "/", "mimetype": "text/csv"}  # fmt: skip
    assert (one["id"], one["class"], one["ns"]) == (id, "FileAnnotationI", None)
    assert one["permissions"] == {**EVERYTHING, "canDownload": True}
    files = browser.world.infrastructure.files
    assert files.size(hashlib.sha256(content).hexdigest()) == len(content)
    whole = await browser.served["annotator"].get(f"{CLIENT}/annotation/{id}/")
    assert whole.content == content
    gone = await done(browser, "owner", f"action/delete/file/{id}")
    assert gone == {"bad": "false"}
    assert (await listing(browser, "owner", image=image.id))["annotations"] == []
    assert (await browser.served["owner"].get(f"{CLIENT}/annotation/{id}/")).status_code == 404
    again = await done(browser, "owner", f"action/delete/file/{id}")
    assert again["bad"] == "true"
    assert again["errs"]


async def test_one_undo_takes_a_file_off_again(browser: Browser) -> None:
    image = await browser.bare_image("owner", "undone")
    parts = [("annotation_file", '; filename="a.txt"', b"text", None),
             ("image", "", str(image.id).encode(), None)]  # fmt: skip
    assert (await send(browser, "owner", **multipart(*parts))).status_code == 200
    await browser.world.undo_last(browser.world.people["owner"])
    assert (await listing(browser, "owner", image=image.id))["annotations"] == []


async def test_a_file_goes_to_several_objects_and_further_objects(browser: Browser) -> None:
    one, two = [await browser.bare_image("owner", f"{n}") for n in range(2)]
    form = {"image": [str(one.id)], "files": ""}
    sent = await send(
        browser, "owner", data=form, files={"annotation_file": ("C:\\data\\notes.txt", b"hello")}
    )
    (id,) = sent.json()["fileIds"]
    answer = await done(browser, "owner", "annotate_file", image=two.id, files=id)
    assert answer == {"fileIds": [id]}
    for image in (one, two):
        (note,) = (await listing(browser, "owner", image=image.id))["annotations"]
        assert (note["id"], note["file"]["name"], note["file"]["mimetype"]) == (
            id, "notes.txt", "text/plain",
        )  # fmt: skip


async def test_a_download_has_ranges_and_is_never_shown_as_a_page(browser: Browser) -> None:
    image = await browser.bare_image("owner", "downloaded")
    content = b"<script>alert(1)</script>"
    named = ("annotation_file", '; filename="a&#34;;b\\"c.html"', content, "text/html")
    sent = await send(
        browser, "owner", **multipart(named, ("image", "", str(image.id).encode(), None))
    )
    url = f"{CLIENT}/annotation/{sent.json()['fileIds'][0]}"
    owner = browser.served["owner"]
    whole = await owner.get(url)
    assert whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-disposition"].startswith("attachment; filename=")
    assert whole.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    part = await owner.get(url, headers={"Range": "bytes=8-13"})
    assert (part.status_code, part.content) == (206, content[8:14])
    assert part.headers["content-range"] == f"bytes 8-13/{len(content)}"
    assert (await owner.get(url, headers={"Range": "bytes=99-"})).status_code == 416
    known = await owner.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert known.status_code == 304
    head = await owner.head(url)
    assert (head.headers["content-length"], head.content) == (str(len(content)), b"")
    for who, status in (("annotator", 200), ("stranger", 404), ("reader", 404), (None, 302)):
        answer = await browser.served[who].get(url)
        assert answer.status_code == status, who
        assert (content in answer.content) == (status == 200)


BAD_UPLOADS: list[dict[str, Any]] = [
    {"content": b"", "headers": {"Content-Type": "multipart/form-data"}},
    {"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
    multipart(("image", "", b"1", None)),
    multipart(("annotation_file", '; filename="a"', b"x", None)),
    multipart(("annotation_file", '; filename="a"', b"x", None), ("image", "", b"x", None)),
    multipart(("annotation_file", '; filename="a"', b"x", None), ("image", "", b"9", None)),
    multipart(("annotation_file", "", b"x", None), ("image", "", b"{id}", None)),
    multipart(("annotation_file", '; filename=""', b"x", None), ("image", "", b"{id}", None)),
    multipart(("annotation_file", '; filename="\0"', b"", None), ("image", "", b"{id}", None)),
    {"data": {"image": "{id}", "annotation_file": "x"}},
    {"json": {"image": 1}},
    {"content": multipart()["content"][:5], **multipart()},
]  # fmt: skip


async def test_uploads_that_are_none_store_nothing(browser: Browser) -> None:
    image = await browser.bare_image("owner", "nothing")
    before, kept = await stored(browser), list(browser.world.infrastructure.files.keys())
    for options in BAD_UPLOADS:
        given = dict(options)
        if "content" in given:
            given["content"] = given["content"].replace(b"{id}", str(image.id).encode())
        if "data" in given:
            given["data"] = {**given["data"], "image": image.id}
        answer = await send(browser, "owner", **given)
        assert answer.status_code in (400, 404), (options, answer.text)
    assert await stored(browser) == before
    assert list(browser.world.infrastructure.files.keys()) == kept


async def test_a_strangers_file_is_not_kept(browser: Browser) -> None:
    image = await browser.bare_image("owner", "not theirs")
    before = await stored(browser)
    parts = [("annotation_file", '; filename="a.txt"', b"theirs", None),
             ("image", "", str(image.id).encode(), None)]  # fmt: skip
    assert (await send(browser, "stranger", **multipart(*parts))).status_code == 404
    assert not browser.world.infrastructure.files.exists(hashlib.sha256(b"theirs").hexdigest())
    assert await stored(browser) == before


async def test_files_and_forms_have_limits(sqlite_url: str, tmp_path: Path) -> None:
    settings = settings_for(sqlite_url, tmp_path, upload_limit=5000, body_limit=3000)
    async with application(settings) as served:
        hub = await served.world.hub("owner")
        dataset = await hub.containers.create(Dataset, name="limited")
        given = ("dataset", "", str(dataset.id).encode(), None)

        async def status(who: str | None, size: int) -> int:
            file = ("annotation_file", '; filename="a"', b"x" * size, None)
            answer = await served[who].post(f"{CLIENT}/annotate_file/", **multipart(file, given))
            return answer.status_code

        assert await status("owner", 5000) == 200
        assert await status("owner", 5001) == 413
        assert await status("owner", 9000) == 413
        # Nobody's files are read at all beyond what a small form may hold.
        assert await status(None, 2000) == 403
        assert await status(None, 4000) == 413
        rows = await served.world.stored()
        assert (rows["annotation"], rows["stored_file"]) == (1, 1)
        large = {"dataset": dataset.id, "mapAnnotation": "[" + " " * 4000 + "]"}
        answer = await served["owner"].post(f"{CLIENT}/annotate_map/", data=large)
        assert answer.status_code == 413


# Tags, comments, ratings


async def test_a_form_of_tags_adds_removes_and_makes(browser: Browser) -> None:
    one, two = [await browser.bare_image("owner", f"{n}") for n in range(2)]
    owner, annotator = [await browser.world.hub(who) for who in ("owner", "annotator")]
    tags = [(await owner.annotations.create(AnnotationKind.TAG, name)).id for name in "abc"]
    a, b, c = tags
    both = [("image", one.id), ("image", two.id)]
    await owner.annotations.attach([a], both)
    await owner.annotations.attach([b], both[:1])
    await annotator.annotations.attach([c], both)
    form = {"image": [one.id, two.id], "tags": f"{b},{c}", "newtags-TOTAL_FORMS": 1,
            "newtags-0-tag": "fresh", "newtags-0-description": "new one"}  # fmt: skip
    answer = await done(browser, "owner", "annotate_tags", **form)
    (made,) = answer["new"]
    # `a` was on both and is not named; `b` was on one only; `c` was somebody else's link.
    assert answer == {"added": [b, c], "removed": [a], "new": [made]}
    me, other = (browser.world.people[who] for who in ("owner", "annotator"))
    for image in (one, two):
        found = (await listing(browser, "owner", image=image.id, type="tag"))["annotations"]
        links = sorted((note["id"], note["link"]["owner"]["id"]) for note in found)
        assert links == sorted([(b, me), (c, me), (c, other), (made, me)])
    fresh = await owner.annotations.get(made)
    assert (fresh.text, fresh.description) == ("fresh", "new one")
    await browser.world.undo_last(me)
    found = (await listing(browser, "owner", image=two.id, type="tag"))["annotations"]
    assert sorted((n["id"], n["link"]["owner"]["id"]) for n in found) == sorted(
        [(a, me), (c, other)]
    )
    cleared = await done(browser, "annotator", "annotate_tags", image=[one.id, two.id], tags="")
    assert cleared == {"added": [], "removed": [c], "new": []}


async def test_what_is_no_tag_is_not_put_on(browser: Browser) -> None:
    image = await browser.bare_image("owner", "untagged")
    hub = await browser.world.hub("owner")
    note = await hub.annotations.create(AnnotationKind.COMMENT, "no tag")
    before = await stored(browser)
    for form, status in (
        ({"tags": note.id}, 400), ({"tags": 999_999}, 404), ({"tags": "x"}, 400),
        ({"newtags-0-tag": " "}, 400), ({"newtags-0-tag": "t" * 256}, 400),
        ({"newtags-0-tag": "ok", "tags": 999_999}, 404),
    ):  # fmt: skip
        answer = await post(browser, "owner", "annotate_tags", image=image.id, **form)
        assert answer.status_code == status, (form, answer.text)
    assert (await post(browser, "owner", "annotate_tags", tags="1")).status_code == 400
    assert await stored(browser) == before


async def test_a_comment_is_put_on_objects(browser: Browser) -> None:
    image = await browser.bare_image("owner", "commented")
    answer = await done(browser, "annotator", "annotate_comment", image=image.id, comment="fine")
    me = browser.world.people["annotator"]
    assert answer == {"annId": answer["annId"], "added_by": me}
    (one,) = (await listing(browser, "owner", image=image.id))["annotations"]
    assert (one["id"], one["textValue"], one["owner"]) == (answer["annId"], "fine", {"id": me})
    for form in ({"comment": ""}, {}, {"comment": "\0"}):
        answer = await post(browser, "owner", "annotate_comment", image=image.id, **form)
        assert answer.status_code == 400
    for noun in ("comment", "file", "tag"):
        gone = await done(browser, "annotator", f"action/delete/{noun}/{one['id']}")
        assert gone["bad"] == ("false" if noun == "comment" else "true")


async def test_a_rating_is_ones_own_and_can_be_taken_back(browser: Browser) -> None:
    image = await browser.bare_image("owner", "rated")

    async def ratings() -> dict[int, int]:
        found = await listing(browser, "owner", image=image.id, type="rating")
        assert {one["ns"] for one in found["annotations"]} <= {RATING}
        return {one["owner"]["id"]: one["longValue"] for one in found["annotations"]}

    owner, annotator = (browser.world.people[who] for who in ("owner", "annotator"))
    for who, stars, expected in (
        ("owner", 3, {owner: 3}),
        ("annotator", 5, {owner: 3, annotator: 5}),
        ("owner", 4, {owner: 4, annotator: 5}),
        ("owner", 4, {owner: 4, annotator: 5}),
        ("owner", 0, {annotator: 5}),
        ("owner", 0, {annotator: 5}),
    ):
        answer = await done(browser, who, "annotate_rating", image=image.id, rating=stars)
        assert answer == {"success": True}
        assert await ratings() == expected
    for rating in ("6", "-1", "x", "1.5", "9" * 40):
        answer = await post(browser, "owner", "annotate_rating", image=image.id, rating=rating)
        assert answer.status_code == 400
    assert await ratings() == {annotator: 5}


# Who may


FORMS = ("map", "file", "tags", "comment", "rating")


async def test_only_whoever_may_annotate_does(browser: Browser) -> None:
    image = await browser.bare_image("owner", "of the owner")
    hub = await browser.world.hub("owner")
    plate = await hub.containers.create(Plate, name="of the owner")
    before = await stored(browser)
    form: dict[str, Any] = {"mapAnnotation": '[["a","b"]]', "comment": "x", "rating": 3,
                            "newtags-0-tag": "x"}  # fmt: skip
    for path in (f"{CLIENT}/annotate_{one}/" for one in FORMS):
        files = {"annotation_file": ("a.txt", b"x")} if "file" in path else None
        for target in ({"image": image.id}, {"plate": plate.id}):
            answer = await browser.served["stranger"].post(
                path, data={**form, **target}, files=files
            )
            assert answer.status_code == 404, answer.text
            assert "not found" in answer.json()["message"]
        for method in ("GET", "PUT", "DELETE"):
            answer = await browser.served["owner"].request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        nobody = await browser.served[None].post(path.rstrip("/"), data=form)
        assert nobody.json() == {"message": "CSRF Failed: CSRF cookie not set."}
    assert await stored(browser) == before


async def test_a_browser_is_sent_to_sign_in_and_its_scripts_are_refused(browser: Browser) -> None:
    url = f"{CLIENT}/api/annotations/?image=1"
    page = await browser.served[None].get(url)
    assert page.status_code == 302
    assert (
        page.headers["location"] == "/webclient/login/?url=/webclient/api/annotations/%3Fimage%3D1"
    )
    script = await browser.served[None].get(url, headers={"X-Requested-With": "XMLHttpRequest"})
    assert (script.status_code, script.content) == (403, b"")
    assert NOT_LOGGED_IN not in page.text
