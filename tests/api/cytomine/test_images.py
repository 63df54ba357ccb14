"""Images in projects and storages, their slices and companions, as such clients handle them."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from adapters.imports import ImportOptions
from tests.fixtures.app import AppClients
from tests.fixtures.hub import statements

pytestmark = pytest.mark.asyncio(loop_scope="module")
BASE = "http://hub.test"
INSTANCE_FIELDS = {
    "class", "id", "created", "updated", "deleted", "baseImage", "project", "user",
    "instanceFilename", "originalFilename", "filename", "blindedName", "path", "contentType",
    "width", "height", "depth", "duration", "channels", "extrinsicChannels", "apparentChannels",
    "physicalSizeX", "physicalSizeY", "physicalSizeZ", "fps", "zoom", "tileSize", "isVirtual",
    "magnification", "bitPerSample", "samplePerPixel", "colorspace", "reviewStart", "reviewStop",
    "reviewUser", "reviewed", "inReview", "numberOfAnnotations", "numberOfJobAnnotations",
    "numberOfReviewedAnnotations", "thumb", "preview", "macroURL",
}  # fmt: skip
SLICE_FIELDS = {"uploadedFile", "path", "mime", "channel", "zStack", "time", "rank",
                "channelName", "channelColor"}  # fmt: skip


async def got(client: httpx.AsyncClient, path: str, **given: Any) -> Any:
    answer = await client.get(path, params=given or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def posted(client: httpx.AsyncClient, path: str, key: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()[key]
    return found


async def refused(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> int:
    answer = await client.request(method, path, json=body)
    assert answer.json().keys() == {"success", "errors", "message", "errorValues"}
    assert answer.json()["success"] is False
    return answer.status_code


async def project(served: AppClients, name: str, **fields: Any) -> int:
    made = await posted(served["owner"], "/api/project.json", "project", name=name, **fields)
    return int(made["id"])


async def uploaded(served: AppClients, name: str = "cells.tif", who: str = "owner") -> Any:
    """Bring in an image of 2 times, 3 channels, 4 z, 10 × 20 pixels."""
    hub = await served.world.hub(who)
    folder = served.world.infrastructure.settings.data
    import tifffile

    path = folder / f"sent-{len(list(folder.iterdir()))}.ome.tif"
    samples = np.zeros((2, 3, 4, 10, 20), "uint16")
    meta = {"axes": "TCZYX", "Channel": {"Name": ["DAPI", "GFP", "Cy5"]},
            "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}  # fmt: skip
    tifffile.imwrite(path, samples, ome=True, metadata=meta)
    (image,) = await hub.imports.files([path], ImportOptions(name=name, again=True))
    return image


async def placed(served: AppClients, into: int, name: str = "cells.tif") -> dict[str, Any]:
    image = await uploaded(served, name)
    return await posted(
        served["owner"], "/api/imageinstance.json", "imageinstance", baseImage=image.id,
        project=into,
    )  # fmt: skip


async def declared(served: AppClients, name: str = "nothing.svs", **fields: Any) -> dict[str, Any]:
    return await posted(
        served["owner"], "/api/abstractimage.json", "abstractimage", originalFilename=name, **fields
    )


async def stored_file(served: AppClients, data: bytes = b"profile") -> int:
    hub = await served.world.hub("owner")
    return (await hub.files.keep("profile.hdf5", [data])).id


async def test_an_image_is_put_into_a_project_and_read(shared_app: AppClients) -> None:
    into, owner = await project(shared_app, "read"), shared_app["owner"]
    image = await uploaded(shared_app)
    answer = (
        await owner.post("/api/imageinstance.json", json={"baseImage": image.id, "project": into})
    ).json()
    item = answer["imageinstance"]
    assert answer["callback"] == {
        "method": "be.cytomine.AddImageInstanceCommand",
        "imageinstanceID": str(item["id"]), "imageID": str(item["id"]), "projectID": str(into),
    }  # fmt: skip
    assert isinstance(answer["command"], int)
    assert item.keys() >= INSTANCE_FIELDS
    assert item["class"] == "be.cytomine.domain.image.ImageInstance"
    assert (item["baseImage"], item["project"]) == (image.id, into)
    assert item["user"] == shared_app.world.people["owner"]
    assert (item["instanceFilename"], item["originalFilename"]) == ("cells.tif", "cells.tif")
    assert [item[key] for key in ("width", "height", "depth", "duration", "channels")] == [
        20, 10, 4, 2, 3,
    ]  # fmt: skip
    assert (item["bitPerSample"], item["samplePerPixel"], item["zoom"]) == (16, 1, 0)
    assert (item["physicalSizeX"], item["physicalSizeY"]) == (0.5, None)
    assert (item["reviewed"], item["inReview"], item["numberOfAnnotations"]) == (False, False, 0)
    assert item["thumb"] == f"{BASE}/api/imageinstance/{item['id']}/thumb.png?maxSize=512"
    assert item["preview"] == f"{BASE}/api/imageinstance/{item['id']}/preview.png?maxSize=1024"
    assert item["created"].isdigit()
    assert (item["updated"], item["deleted"]) == (None, None)
    for path in (f"/api/imageinstance/{item['id']}.json", f"/api/imageinstance/{item['id']}"):
        assert await got(owner, path) == item
    listing = await got(owner, f"/api/project/{into}/imageinstance.json", max=0, offset=0)
    assert listing == {
        "collection": [item], "offset": 0, "perPage": 1, "totalPages": 1, "size": 1,
    }  # fmt: skip


async def test_the_same_image_twice_is_a_conflict(shared_app: AppClients) -> None:
    into, owner = await project(shared_app, "twice"), shared_app["owner"]
    item = await placed(shared_app, into)
    before = await shared_app.world.stored()
    body = {"baseImage": item["baseImage"], "project": into}
    assert await refused(owner, "POST", "/api/imageinstance.json", body) == 409
    assert await refused(owner, "POST", "/api/imageinstance.json", {"project": into}) == 400
    assert await refused(owner, "POST", "/api/imageinstance.json", "text") == 400
    body = {"baseImage": 999_999_999, "project": into}
    assert await refused(owner, "POST", "/api/imageinstance.json", body) == 404
    body = {"baseImage": item["baseImage"], "project": 999_999_999}
    assert await refused(owner, "POST", "/api/imageinstance.json", body) == 404
    assert await shared_app.world.stored() == before


async def test_an_array_puts_many(shared_app: AppClients) -> None:
    into, owner = await project(shared_app, "many"), shared_app["owner"]
    images = [await uploaded(shared_app) for _ in range(2)]
    items = [{"baseImage": image.id, "project": into} for image in images]
    answer = await owner.post("/api/imageinstance.json", json=[*items, {"project": into}])
    assert answer.status_code == 206
    assert answer.json()["data"]["errors"][0]["data"] == {"project": into}
    assert (await got(owner, f"/api/project/{into}/imageinstance.json"))["size"] == 2
    assert (await owner.post("/api/imageinstance.json", json=[])).status_code == 200


async def test_the_whole_object_sent_back_changes_nothing(shared_app: AppClients) -> None:
    into, owner = await project(shared_app, "echo"), shared_app["owner"]
    item = await placed(shared_app, into)
    (flat,) = (await got(owner, f"/api/imageinstance/{item['id']}/sliceinstance.json", max=1))[
        "collection"
    ]
    base = await got(owner, f"/api/abstractslice/{flat['baseSlice']}.json")
    image = await got(owner, f"/api/abstractimage/{item['baseImage']}.json")
    blank = await declared(shared_app)
    own = await posted(owner, "/api/abstractslice.json", "abstractslice", image=blank["id"])
    file = await stored_file(shared_app)
    beside = await posted(
        owner, "/api/companionfile.json", "companionfile", image=image["id"], uploadedFile=file,
        originalFilename="a", filename="a", type="HDF5",
    )  # fmt: skip
    before = await shared_app.world.stored()
    for key, whole in (
        ("imageinstance", item), ("sliceinstance", flat), ("abstractslice", base),
        ("abstractimage", image), ("abstractimage", blank), ("abstractslice", own),
        ("companionfile", beside),
    ):  # fmt: skip
        answer = await owner.put(f"/api/{key}/{whole['id']}.json", json=whole)
        assert answer.status_code == 200, answer.text
        assert answer.json()[key] == whole
        known = {name: value for name, value in whole.items() if value is not None}
        assert (await owner.put(f"/api/{key}/{whole['id']}.json", json=known)).status_code == 200
    assert await shared_app.world.stored() == before


async def test_name_and_scales_belong_to_the_project(shared_app: AppClients) -> None:
    into, other = await project(shared_app, "scales"), await project(shared_app, "other scales")
    owner = shared_app["owner"]
    item = await placed(shared_app, into)
    beside = await posted(
        owner, "/api/imageinstance.json", "imageinstance", baseImage=item["baseImage"],
        project=other,
    )  # fmt: skip
    path = f"/api/imageinstance/{item['id']}.json"
    changed = {
        **item, "instanceFilename": "renamed", "physicalSizeX": 0.25, "magnification": 40,
        "width": 7, "numberOfAnnotations": 99, "class": "nonsense",
    }  # fmt: skip
    answer = (await owner.put(path, json=changed)).json()
    stored = answer["imageinstance"]
    assert answer["callback"]["method"] == "be.cytomine.EditImageInstanceCommand"
    assert (stored["instanceFilename"], stored["originalFilename"]) == ("renamed", "cells.tif")
    assert (stored["physicalSizeX"], stored["magnification"]) == (0.25, 40)
    assert (stored["width"], stored["numberOfAnnotations"]) == (20, 0)
    assert stored["updated"].isdigit()
    assert await got(owner, f"/api/imageinstance/{beside['id']}.json") == beside
    assert await refused(owner, "PUT", path, {"physicalSizeX": "wide"}) == 400
    assert await refused(owner, "PUT", path, {"fps": -1}) == 400
    assert await got(owner, path) == stored


async def test_an_image_moves_to_another_project(shared_app: AppClients) -> None:
    here, there = await project(shared_app, "from"), await project(shared_app, "to")
    owner = shared_app["owner"]
    item = await placed(shared_app, here)
    path = f"/api/imageinstance/{item['id']}.json"
    answer = await owner.put(path, json={**item, "project": there})
    assert answer.status_code == 200, answer.text
    assert answer.json()["imageinstance"]["project"] == there
    assert (await got(owner, f"/api/project/{here}/imageinstance.json"))["size"] == 0
    assert (await got(owner, path))["project"] == there


async def test_deleting_takes_an_image_out_and_undo_brings_it_back(shared_app: AppClients) -> None:
    into, owner = await project(shared_app, "delete"), shared_app["owner"]
    item = await placed(shared_app, into)
    path = f"/api/imageinstance/{item['id']}.json"
    answer = (await owner.delete(path)).json()
    assert answer["imageinstance"] == item
    assert await refused(owner, "GET", path) == 404
    assert (await got(owner, f"/api/abstractimage/{item['baseImage']}.json"))["id"]
    await got(owner, f"/command/{answer['command']}/undo.json")
    again = await got(owner, path)
    assert {**again, "updated": None} == item


async def test_lists_are_sorted_filtered_and_paged(shared_app: AppClients) -> None:
    into, owner = await project(shared_app, "lists"), shared_app["owner"]
    items = [await placed(shared_app, into, name) for name in ("b.tif", "A.tif", "c_1.tif")]
    ids = [item["id"] for item in items]
    path = f"/api/project/{into}/imageinstance.json"

    async def found(**given: Any) -> list[int]:
        return [item["id"] for item in (await got(owner, path, **given))["collection"]]

    assert await found() == ids[::-1]
    assert await found(sort="created", order="asc") == ids
    assert await found(sort="instanceFilename", order="asc") == [ids[1], ids[0], ids[2]]
    for field in INSTANCE_FIELDS:
        assert sorted(await found(sort=field)) == sorted(ids), field
    assert await found(**{"instanceFilename[ilike]": "a*"}) == [ids[1]]
    assert await found(**{"name[ilike]": "_1"}) == [ids[2]]
    assert await found(**{"width[gte]": "20", "id[in]": f"{ids[0]},{ids[2]}"}) == [ids[2], ids[0]]
    assert await found(**{"width[gte]": "21"}) == []
    assert await found(**{"numberOfAnnotations[lte]": "0"}) == ids[::-1]
    page = await got(owner, path, max=2, offset=2)
    assert (page["size"], page["totalPages"], page["perPage"]) == (3, 2, 2)
    assert [item["id"] for item in page["collection"]] == [ids[0]]
    assert (await got(owner, path, max=2, offset=20))["collection"] == []
    for bad in ("secret[equals]", "width[near]", "width[gte]"):
        assert (await owner.get(path, params={bad: "x"})).status_code == 400
    light = await got(owner, path, light="True", max=1)
    assert light["collection"][0].keys() == {
        "id", "instanceFilename", "blindedName", "projectName", "project",
    }  # fmt: skip
    tree = await got(owner, path, tree="true")
    assert [leaf["name"] for leaf in tree["children"]] == ["c_1.tif", "A.tif", "b.tif"]
    active = await got(owner, path, withLastActivity="True")
    assert [item["lastActivity"] for item in active["collection"]] == [None] * 3
    me = shared_app.world.people["owner"]
    mine = await got(owner, f"/api/user/{me}/imageinstance.json", **{"project[equals]": into})
    assert [item["id"] for item in mine["collection"]] == ids[::-1]
    few = await got(owner, f"/api/user/{me}/imageinstance/light.json", max=1)
    assert few["size"] >= 3
    of = await got(owner, f"/api/abstractimage/{items[0]['baseImage']}/imageinstance.json")
    assert [item["id"] for item in of["collection"]] == [ids[0]]


async def test_a_page_takes_few_statements(shared_app: AppClients) -> None:
    into, owner = await project(shared_app, "statements"), shared_app["owner"]
    counts = []
    for _ in range(2):
        await placed(shared_app, into)
        with statements(shared_app.app.state.services.infrastructure.database) as sent:
            await got(owner, f"/api/project/{into}/imageinstance.json", max=10)
        counts.append(sum("placement" in one for one in sent))
    assert counts[0] == counts[1] <= 6


async def test_neighbours_bounds_and_images_opened_last(shared_app: AppClients) -> None:
    into, owner = await project(shared_app, "beside"), shared_app["owner"]
    older, newer = [await placed(shared_app, into) for _ in range(2)]
    assert await got(owner, f"/api/imageinstance/{newer['id']}/next.json") == older
    assert await got(owner, f"/api/imageinstance/{older['id']}/previous.json") == newer
    assert await got(owner, f"/api/imageinstance/{older['id']}/next.json") == {}
    assert await got(owner, f"/api/imageinstance/{newer['id']}/previous.json") == {}
    bounds = await got(owner, f"/api/project/{into}/bounds/imageinstance.json")
    assert bounds["width"] == {"min": 20, "max": 20, "list": [20]}
    assert bounds["magnification"] == {"min": None, "max": None, "list": []}
    hub = await shared_app.world.hub("owner")
    await hub.activity.note_view(older["baseImage"], project_id=into)
    for path in (
        f"/api/project/{into}/lastImages.json",
        "/api/imageinstance/method/lastopened.json",
    ):
        (one,) = (await got(owner, path, max=1))["collection"]
        assert one["id"] == older["id"]
        assert one["date"].isdigit()


async def test_slices_are_computed_from_the_pixels(shared_app: AppClients) -> None:
    into, owner = await project(shared_app, "slices"), shared_app["owner"]
    item = await placed(shared_app, into)
    listing = await got(owner, f"/api/imageinstance/{item['id']}/sliceinstance.json")
    slices = listing["collection"]
    assert listing["size"] == len(slices) == 2 * 3 * 4
    assert [one["rank"] for one in slices] == list(range(24))
    assert [(one["channel"], one["zStack"], one["time"]) for one in slices[:4]] == [
        (0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0),
    ]  # fmt: skip
    assert slices[0].keys() >= SLICE_FIELDS | {"project", "image", "baseSlice", "class", "id"}
    assert (slices[1]["channelName"], slices[1]["project"]) == ("GFP", into)
    assert slices[1]["image"] == item["id"]
    assert len({one["id"] for one in slices} | {one["baseSlice"] for one in slices}) == 48
    reference = await got(owner, f"/api/imageinstance/{item['id']}/sliceinstance/reference.json")
    assert (reference["channel"], reference["zStack"], reference["time"]) == (1, 2, 0)
    at = await got(owner, f"/api/imageinstance/{item['id']}/1/2/0/sliceinstance.json")
    assert at == reference == await got(owner, f"/api/sliceinstance/{reference['id']}.json")
    base = await got(owner, f"/api/abstractslice/{reference['baseSlice']}.json")
    assert (base["image"], base["rank"]) == (item["baseImage"], reference["rank"])
    found = await got(owner, f"/api/abstractimage/{item['baseImage']}/1/2/0/abstractslice.json")
    assert found == base
    own = await got(owner, f"/api/abstractimage/{item['baseImage']}/abstractslice.json", max=5)
    assert (len(own["collection"]), own["size"]) == (5, 24)
    body = {"project": into, "image": item["id"], "baseSlice": base["id"]}
    assert await refused(owner, "POST", "/api/sliceinstance.json", body) == 409
    body = {"image": item["baseImage"], "channel": 9}
    assert await refused(owner, "POST", "/api/abstractslice.json", body) == 409
    for path in (f"/api/sliceinstance/{reference['id']}.json", f"/api/abstractslice/{base['id']}"):
        assert await refused(owner, "DELETE", path) == 400
    wrong = f"/api/sliceinstance/{base['id']}.json", f"/api/abstractslice/{reference['id']}.json"
    for path in wrong:
        assert await refused(owner, "GET", path) == 404
    path = f"/api/imageinstance/{item['id']}/9/0/0/sliceinstance.json"
    assert await refused(owner, "GET", path) == 404
    named = await owner.put(
        f"/api/abstractslice/{base['id']}.json",
        json={**base, "channelName": "eGFP", "channelColor": "#00ff00"},
    )
    assert named.json()["abstractslice"]["channelName"] == "eGFP"
    again = await got(owner, f"/api/sliceinstance/{reference['id']}.json")
    assert (again["channelName"], again["channelColor"]) == ("eGFP", "#00ff00")


async def test_an_image_is_declared_with_nothing_but_a_name(shared_app: AppClients) -> None:
    owner, file = shared_app["owner"], await stored_file(shared_app)
    item = await declared(shared_app, "blank.svs", uploadedFile=file)
    assert (item["originalFilename"], item["filename"]) == ("blank.svs", "blank.svs")
    assert (item["uploadedFile"], item["width"], item["height"]) == (file, None, None)
    assert (item["depth"], item["duration"], item["channels"]) == (1, 1, 1)
    path = f"/api/abstractimage/{item['id']}.json"
    sized = await owner.put(path, json={**item, "width": 400, "height": 300, "physicalSizeX": 0.5})
    stored = sized.json()["abstractimage"]
    assert (stored["width"], stored["dimensions"], stored["zoom"]) == (400, "400x300", 1)
    assert await got(owner, path) == stored
    of = await got(owner, f"/api/uploadedfile/{file}/abstractimage.json")
    assert of["id"] == item["id"]
    unused = await got(owner, "/api/abstractimage/unused.json", **{"id[equals]": item["id"]})
    assert unused["size"] == 1
    into = await project(shared_app, "declared")
    inside = await posted(
        owner, "/api/imageinstance.json", "imageinstance", baseImage=item["id"], project=into
    )
    assert (inside["width"], inside["baseImage"]) == (400, item["id"])
    unused = await got(owner, "/api/abstractimage/unused.json", **{"id[equals]": item["id"]})
    assert unused["size"] == 0
    all_ = await got(owner, "/api/abstractimage.json", project=into, sort="originalFilename")
    assert {one["id"] for one in all_["collection"] if one["inProject"]} == {item["id"]}
    assert await refused(owner, "DELETE", path) == 400
    reference = await got(owner, f"/api/imageinstance/{inside['id']}/sliceinstance/reference.json")
    assert (reference["channel"], reference["image"]) == (0, inside["id"])
    assert (await owner.delete(f"/api/imageinstance/{inside['id']}.json")).status_code == 200
    assert (await owner.delete(path)).json()["abstractimage"]["id"] == item["id"]
    assert await refused(owner, "GET", path) == 404
    assert await refused(owner, "POST", "/api/abstractimage.json", {"width": 3}) == 400
    bad = {"originalFilename": "a", "width": -3}
    assert await refused(owner, "POST", "/api/abstractimage.json", bad) == 400
    bad = {"originalFilename": "a", "uploadedFile": 999_999_999}
    assert await refused(owner, "POST", "/api/abstractimage.json", bad) == 404


async def test_declared_slices_are_rows(shared_app: AppClients) -> None:
    owner, into = shared_app["owner"], await project(shared_app, "declared slices")
    image = await declared(shared_app, channels=3)
    place = {"channel": 2, "zStack": 0, "time": 0}
    one = await posted(
        owner, "/api/abstractslice.json", "abstractslice", image=image["id"], mime="image/tiff",
        channelName="DAPI", channelColor="#ff0000", **place,
    )  # fmt: skip
    assert one.keys() >= SLICE_FIELDS | {"image", "class", "id"}
    assert {name: one[name] for name in place} == place
    assert (one["rank"], one["mime"], one["channelName"]) == (2, "image/tiff", "DAPI")
    assert one["channelColor"] == "#ff0000"
    body = {"image": image["id"], **place}
    assert await refused(owner, "POST", "/api/abstractslice.json", body) == 409
    inside = await posted(
        owner, "/api/imageinstance.json", "imageinstance", baseImage=image["id"], project=into
    )
    (there,) = (await got(owner, f"/api/imageinstance/{inside['id']}/sliceinstance.json"))[
        "collection"
    ]
    assert (there["baseSlice"], there["channel"]) == (one["id"], 2)
    body = {"project": into, "image": inside["id"], "baseSlice": one["id"]}
    assert await refused(owner, "POST", "/api/sliceinstance.json", body) == 409
    more = await posted(
        owner, "/api/abstractslice.json", "abstractslice", image=image["id"], channel=0
    )
    made = await posted(
        owner, "/api/sliceinstance.json", "sliceinstance", project=into, image=inside["id"],
        baseSlice=more["id"],
    )  # fmt: skip
    assert (made["baseSlice"], made["project"]) == (more["id"], into)
    moved = await owner.put(
        f"/api/abstractslice/{more['id']}.json", json={**more, "zStack": 1, "mime": "image/png"}
    )
    assert (moved.json()["abstractslice"]["zStack"], moved.json()["abstractslice"]["mime"]) == (
        1, "image/png",
    )  # fmt: skip
    assert (await owner.delete(f"/api/sliceinstance/{made['id']}.json")).status_code == 200
    assert (await owner.delete(f"/api/abstractslice/{one['id']}.json")).status_code == 200
    left = await got(owner, f"/api/imageinstance/{inside['id']}/sliceinstance.json")
    assert left["size"] == 0


async def test_companion_files_lie_beside_an_image(shared_app: AppClients) -> None:
    owner, image = shared_app["owner"], await uploaded(shared_app)
    file = await stored_file(shared_app, b"companion bytes")
    body = {
        "image": image.id, "uploadedFile": file, "originalFilename": "p.hdf5",
        "filename": "p.hdf5", "type": "HDF5", "progress": 10,
    }  # fmt: skip
    item = await posted(owner, "/api/companionfile.json", "companionfile", **body)
    assert {name: item[name] for name in body} == body
    assert item["class"] == "be.cytomine.domain.image.CompanionFile"
    path = f"/api/companionfile/{item['id']}"
    changed = await owner.put(f"{path}.json", json={**item, "progress": 100})
    assert changed.json()["companionfile"]["progress"] == 100
    for listing in (
        f"/api/abstractimage/{image.id}/companionfile.json",
        f"/api/uploadedfile/{file}/companionfile.json",
    ):
        assert [one["id"] for one in (await got(owner, listing))["collection"]] == [item["id"]]
    answer = await owner.get(f"{path}/download")
    assert (answer.status_code, answer.content) == (200, b"companion bytes")
    assert (await got(owner, f"{path}/user.json"))["username"] == "owner"
    for field in ("image", "uploadedFile", "type"):
        less = {name: value for name, value in body.items() if name != field}
        assert await refused(owner, "POST", "/api/companionfile.json", less) == 400
    assert (await owner.delete(f"{path}.json")).status_code == 200
    assert await refused(owner, "GET", f"{path}.json") == 404


async def test_there_is_one_image_server(shared_app: AppClients) -> None:
    owner, image = shared_app["owner"], await uploaded(shared_app)
    (server,) = (await got(owner, "/api/imageserver.json"))["collection"]
    assert (server["id"], server["available"], server["url"]) == (31, True, BASE)
    assert await got(owner, "/api/imageserver/31.json") == server
    assert await refused(owner, "GET", "/api/imageserver/32.json") == 404
    assert {one["name"] for one in await got(owner, "/api/imageserver/format.json")} >= {"TIFF"}
    servers = await got(owner, f"/api/abstractimage/{image.id}/imageservers.json")
    assert servers == {"imageServersURLs": [BASE]}
    assert (await got(owner, f"/api/abstractimage/{image.id}/user.json"))["username"] == "owner"
    assert (await got(owner, f"/api/abstractimage/{image.id}/metadata.json"))["collection"] != []


async def test_a_stranger_finds_nothing_and_changes_nothing(shared_app: AppClients) -> None:
    into, stranger = await project(shared_app, "private"), shared_app["stranger"]
    owner = shared_app["owner"]
    item = await placed(shared_app, into)
    slices = await got(owner, f"/api/imageinstance/{item['id']}/sliceinstance.json", max=1)
    (one,) = slices["collection"]
    file = await stored_file(shared_app)
    beside = await posted(
        owner, "/api/companionfile.json", "companionfile", image=item["baseImage"],
        uploadedFile=file, originalFilename="a", filename="a", type="b",
    )  # fmt: skip
    before = await shared_app.world.stored()
    image = item["baseImage"]
    for path in (
        f"/api/imageinstance/{item['id']}.json",
        f"/api/imageinstance/{item['id']}/next.json",
        f"/api/imageinstance/{item['id']}/previous.json",
        f"/api/imageinstance/{item['id']}/metadata.json",
        f"/api/imageinstance/{item['id']}/sliceinstance.json",
        f"/api/imageinstance/{item['id']}/sliceinstance/reference.json",
        f"/api/imageinstance/{item['id']}/0/0/0/sliceinstance.json",
        f"/api/project/{into}/imageinstance.json",
        f"/api/project/{into}/bounds/imageinstance.json",
        f"/api/project/{into}/lastImages.json",
        f"/api/abstractimage/{image}/imageinstance.json",
        f"/api/sliceinstance/{one['id']}.json",
        f"/api/abstractslice/{one['baseSlice']}.json",
        f"/api/abstractslice/{one['baseSlice']}/user.json",
        f"/api/abstractimage/{image}.json",
        f"/api/abstractimage/{image}/user.json",
        f"/api/abstractimage/{image}/metadata.json",
        f"/api/abstractimage/{image}/imageservers.json",
        f"/api/abstractimage/{image}/abstractslice.json",
        f"/api/abstractimage/{image}/0/0/0/abstractslice.json",
        f"/api/abstractimage/{image}/companionfile.json",
        f"/api/uploadedfile/{file}/abstractimage.json",
        f"/api/uploadedfile/{file}/abstractslice.json",
        f"/api/uploadedfile/{file}/companionfile.json",
        f"/api/companionfile/{beside['id']}.json",
        f"/api/companionfile/{beside['id']}/user.json",
        f"/api/companionfile/{beside['id']}/download",
    ):
        assert await refused(stranger, "GET", path) == 404, path
        assert await refused(shared_app[None], "GET", path) == 401, path
    for path in (
        f"/api/imageinstance/{item['id']}.json",
        f"/api/sliceinstance/{one['id']}.json",
        f"/api/abstractslice/{one['baseSlice']}.json",
        f"/api/abstractimage/{image}.json",
        f"/api/companionfile/{beside['id']}.json",
    ):
        assert await refused(stranger, "PUT", path, {"originalFilename": "mine"}) == 404, path
        assert await refused(stranger, "DELETE", path) == 404, path
    for path, body in (
        ("imageinstance", {"baseImage": image, "project": into}),
        ("sliceinstance", {"image": item["id"], "baseSlice": one["baseSlice"]}),
        ("abstractslice", {"image": image}),
        ("companionfile", {"image": image, "uploadedFile": file, "filename": "a", "type": "b"}),
        (f"abstractimage/{image}/properties/extract", {}),
        (f"abstractimage/{image}/properties/regenerate", {}),
    ):
        assert await refused(stranger, "POST", f"/api/{path}.json", body) == 404, path
    assert (await got(stranger, "/api/abstractimage.json"))["size"] == 0
    assert (await got(stranger, "/api/abstractimage/unused.json"))["size"] == 0
    assert (await got(stranger, "/api/imageinstance/method/lastopened.json"))["size"] == 0
    assert await shared_app.world.stored() == before


async def test_a_mate_of_the_group_sees_and_may_not_change(shared_app: AppClients) -> None:
    into, mate = await project(shared_app, "mates"), shared_app["annotator"]
    item = await placed(shared_app, into)
    path = f"/api/imageinstance/{item['id']}.json"
    assert (await got(mate, path))["id"] == item["id"]
    assert await refused(mate, "PUT", path, {"instanceFilename": "mine"}) == 403
    assert await refused(mate, "DELETE", path) == 403
    image = f"/api/abstractimage/{item['baseImage']}.json"
    assert await refused(mate, "PUT", image, {"originalFilename": "mine"}) == 403
    assert await refused(mate, "PUT", image, {"physicalSizeX": 3}) == 403
    assert await refused(mate, "DELETE", image) == 403


async def test_a_blind_project_tells_members_an_id_for_names(shared_app: AppClients) -> None:
    into = await project(shared_app, "blind", blindMode=True)
    owner, guest = shared_app["owner"], shared_app["stranger"]
    item = await placed(shared_app, into, "secret.tif")
    assert item["instanceFilename"] == "secret.tif"
    hub = await shared_app.world.hub("owner")
    await hub.members.add(into, [shared_app.world.people["stranger"]])
    path = f"/api/imageinstance/{item['id']}.json"
    hidden = await got(guest, path)
    whole = [hidden, await got(guest, f"/api/abstractimage/{item['baseImage']}.json")]
    whole.append(await got(guest, f"/api/imageinstance/{item['id']}/sliceinstance.json", max=2))
    whole.append(await got(guest, f"/api/imageinstance/{item['id']}/metadata.json"))
    assert "secret" not in str(whole)
    assert hidden["instanceFilename"] == hidden["blindedName"] == f"[BLIND]{item['baseImage']}"
    seek = {"instanceFilename[ilike]": "secret"}
    listing = f"/api/project/{into}/imageinstance.json"
    assert (await got(guest, listing, **seek))["size"] == 0
    assert (await got(owner, listing, **seek))["size"] == 1
    await guest.put(path, json=hidden)
    assert (await got(owner, path))["instanceFilename"] == "secret.tif"
