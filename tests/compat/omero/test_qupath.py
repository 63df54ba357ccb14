"""What QuPath's OMERO extension asks of a server: its order, its headers, its slashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import cv2
import httpx
import numpy as np
import pytest

from tests.fixtures.server import RunningHub

ICONS = (
    "static/webclient/image/image16.png",
    "static/webclient/image/folder_screen16.png",
    "static/webclient/image/folder_plate16.png",
    "static/webclient/image/run16.png",
    "static/webgateway/img/folder16.png",
    "static/webgateway/img/folder_image16.png",
    "static/webgateway/img/folder_yellow16.png",
    "static/webgateway/img/icon_folder.png",
)


class QuPath:
    """The extension's requests; it follows redirects, keeps cookies, and appends no slashes."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.http = httpx.Client(
            follow_redirects=True, timeout=60, headers={"User-Agent": "Java-http-client/21"}
        )
        self.urls: dict[str, str] = {}
        self.token = ""
        self.context: dict[str, Any] = {}

    def __enter__(self) -> QuPath:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def json(self, url: str) -> Any:
        answer = self.http.get(url)
        assert answer.status_code == 200, (url, answer.status_code, answer.text[:300])
        return answer.json()

    def connect(self, username: str, password: str) -> QuPath:
        versions = self.json(f"{self.host}/api/")["data"]
        (base,) = [one["url:base"] for one in versions if one["version"] == "0"]
        self.urls = self.json(base)
        self.token = self.json(self.urls["url:token"])["data"]
        server = self.json(self.urls["url:servers"])["data"][0]
        assert isinstance(server["host"], str)
        assert isinstance(server["port"], int)
        body = f"server={server['id']}&username={username}&password={quote(password, safe='')}"
        answer = self.http.post(
            self.urls["url:login"],
            content=body,
            headers={
                "X-CSRFToken": self.token,
                "Referer": self.urls["url:login"],
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )
        assert answer.status_code == 200, answer.text
        self.context = answer.json()["eventContext"]
        for needed in ("groupId", "userId", "sessionUuid", "isAdmin", "leaderOfGroups"):
            assert needed in self.context
        return self

    def pages(self, url: str) -> list[dict[str, Any]]:
        """Read a list as the extension does: by `meta.limit` until `meta.totalCount`."""
        answer = self.json(url)
        meta, found = answer["meta"], answer["data"]
        offset = meta["limit"]
        while offset < meta["totalCount"]:
            joint = "&" if "?" in url else "?"
            found += self.json(f"{url}{joint}offset={offset}")["data"]
            offset += meta["limit"]
        assert len(found) == meta["totalCount"]
        return found

    def post(self, path: str, **options: Any) -> httpx.Response:
        url = f"{self.host}/{path}"
        headers = {"X-CSRFToken": self.token, "Referer": url, **options.pop("headers", {})}
        return self.http.post(url, headers=headers, **options)


def numbers(points: str) -> list[float]:
    """Return the coordinates of `Points`, however they are written."""
    return [float(part) for part in re.split(r"[ ,]+", points) if part]


@pytest.fixture(scope="module")
def qupath(running_hub: RunningHub) -> Iterator[QuPath]:
    with QuPath(running_hub.url).connect("owner", running_hub.password) as client:
        yield client


@pytest.fixture(scope="module")
def images(qupath: QuPath) -> dict[str, dict[str, Any]]:
    """All images of the lab's datasets by name."""
    found = {}
    for project in qupath.pages(qupath.urls["url:projects"] + "?normalize=true&childCount=true"):
        for dataset in qupath.pages(project["url:datasets"] + "?normalize=true&childCount=true"):
            for image in qupath.pages(dataset["url:images"] + "?normalize=true&childCount=true"):
                found[image["Name"]] = image
    return found


@pytest.fixture(scope="module")
def coloured(images: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """An RGB slide: three channels of uint8."""
    return next(
        one for one in images.values()
        if one["Pixels"]["SizeC"] == 3 and one["Pixels"]["Type"]["value"] == "uint8"
    )  # fmt: skip


@pytest.fixture(scope="module")
def deep(images: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """An image of more than eight bits."""
    return next(one for one in images.values() if one["Pixels"]["Type"]["value"] == "uint16")


def test_groups_and_their_members_include_whoever_signed_in(qupath: QuPath) -> None:
    me = qupath.context["userId"]
    groups = qupath.pages(f"{qupath.urls['url:experimenters']}{me}/experimentergroups/")
    kept = [group for group in groups if group["Name"] not in ("system", "user")]
    assert kept
    members = set()
    for group in kept:
        flags = group["omero:details"]["permissions"]
        for flag in ("isGroupRead", "isGroupAnnotate", "isGroupWrite"):
            assert isinstance(flags[flag], bool)
        members |= {one["@id"] for one in qupath.pages(group["url:experimenters"])}
    assert me in members
    lab = next(group for group in kept if group["Name"] == "lab")
    flags = lab["omero:details"]["permissions"]
    assert (flags["isGroupRead"], flags["isGroupAnnotate"], flags["isGroupWrite"]) == (
        True, True, False,
    )  # fmt: skip


def test_an_administrator_lists_all_groups(running_hub: RunningHub) -> None:
    with QuPath(running_hub.url).connect("root", "root of the demo") as root:
        assert root.context["isAdmin"] is True
        groups = root.pages(root.urls["url:experimentergroups"])
        assert {"lab", "readers", "vault", "outside"} <= {group["Name"] for group in groups}
        for group in groups:
            assert root.json(group["url:experimenters"])["meta"]["totalCount"] >= 0


@pytest.mark.parametrize("more", ["", "&orphaned=true", "&owner={me}", "&group={group}"])
def test_the_lists_of_the_browser_hold_what_it_needs(qupath: QuPath, more: str) -> None:
    query = "?normalize=true&childCount=true" + more.format(
        me=qupath.context["userId"], group=qupath.context["groupId"]
    )
    for noun in ("projects", "datasets", "screens", "plates", "images"):
        for item in qupath.pages(f"{qupath.urls[f'url:{noun}']}{query}"):
            assert isinstance(item["@id"], int)
            assert isinstance(item["omero:details"]["owner"]["@id"], int)
            assert isinstance(item["omero:details"]["group"]["@id"], int)
            if noun in ("projects", "datasets", "screens"):
                assert isinstance(item["omero:childCount"], int)
            if noun == "images":
                assert isinstance(item["Pixels"]["SizeT"], int)


def test_the_normalised_list_names_owners_and_groups_once(qupath: QuPath) -> None:
    answer = qupath.json(qupath.urls["url:datasets"] + "?normalize=true")
    owners = [one["@id"] for one in answer["experimenters"]]
    assert len(owners) == len(set(owners)) > 0
    assert {item["omero:details"]["owner"]["@id"] for item in answer["data"]} == set(owners)
    assert [one["Name"] for one in answer["experimenterGroups"]] == ["lab"]


@pytest.mark.parametrize("noun", ["projects", "datasets", "screens"])
def test_objects_are_read_without_the_final_slash(qupath: QuPath, noun: str) -> None:
    first = qupath.json(qupath.urls[f"url:{noun}"])["data"][0]
    found = qupath.json(f"{qupath.urls[f'url:{noun}']}{first['@id']}?childCount=true")["data"]
    assert found["@id"] == first["@id"]
    assert isinstance(found["omero:childCount"], int)


def test_images_have_what_the_reader_needs(
    qupath: QuPath, images: dict[str, dict[str, Any]]
) -> None:
    assert len(images) >= 3
    for image in images.values():
        pixels = image["Pixels"]
        assert {type(pixels[f"Size{axis}"]) for axis in "XYZCT"} == {int}
        assert isinstance(pixels["Type"]["value"], str)
        for size in ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ"):
            if size in pixels:
                assert {"Symbol", "Value"} <= set(pixels[size])
        single = qupath.json(f"{qupath.urls['url:images']}{image['@id']}")["data"]
        assert len(single["Pixels"]["Channels"]) == pixels["SizeC"]


def test_a_plate_is_walked_down_to_its_fields(qupath: QuPath) -> None:
    (screen, *_) = qupath.pages(qupath.urls["url:screens"] + "?normalize=true&childCount=true")
    (plate, *_) = qupath.pages(screen["url:plates"] + "?normalize=true&childCount=true")
    single = qupath.json(f"{qupath.urls['url:plates']}{plate['@id']}")["data"]
    assert single["Rows"] * single["Columns"] == 96
    wells = qupath.pages(plate["url:wells"])
    assert [(well["Column"], well["Row"]) for well in wells] == sorted(
        (well["Column"], well["Row"]) for well in wells
    )
    runs = qupath.pages(plate["url:plateacquisitions"])
    assert runs
    seen = 0
    for run in runs:
        alone = qupath.json(f"{qupath.host}/api/v0/m/plateacquisitions/{run['@id']}")["data"]
        assert alone["@id"] == run["@id"]
        for url in run["url:wellsampleindex_wells"]:
            for well in qupath.pages(url):
                (sample,) = well["WellSamples"]
                image = qupath.json(sample["Image"]["url:image"])["data"]
                assert image["@id"] == sample["Image"]["@id"]
                seen += 1
    assert seen
    well = qupath.json(f"{qupath.host}/api/v0/m/wells/{wells[0]['@id']}")["data"]
    assert well["@id"] == wells[0]["@id"]


def test_every_shape_of_a_roi_can_be_read_but_masks(
    qupath: QuPath, images: dict[str, dict[str, Any]]
) -> None:
    kinds = set()
    for image in images.values():
        for roi in qupath.pages(f"{qupath.urls['url:rois']}?image={image['@id']}"):
            for shape in roi["shapes"]:
                kinds.add(shape["@type"].partition("#")[2])
                if "Points" in shape:
                    for pair in shape["Points"].split(" "):
                        x, y = pair.split(",")
                        float(x), float(y)
    assert {"Polygon", "Rectangle", "Ellipse"} <= kinds


def test_the_metadata_of_an_image_server(qupath: QuPath, coloured: dict[str, Any]) -> None:
    data = qupath.json(f"{qupath.host}/webgateway/imgData/{coloured['@id']}")
    assert data["size"]["width"] == coloured["Pixels"]["SizeX"]
    assert len(data["channels"]) == 3
    assert data["meta"]["pixelsType"] == "uint8"
    if data["tiles"]:
        assert len(data["zoomLevelScaling"]) == data["levels"]
        assert data["tile_size"]["width"] > 0


def test_a_thumbnail_is_a_picture(qupath: QuPath, coloured: dict[str, Any]) -> None:
    answer = qupath.http.get(f"{qupath.host}/webgateway/render_thumbnail/{coloured['@id']}/256/")
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert max(picture.shape[:2]) == 256


def test_an_rgb_image_comes_in_tiles(qupath: QuPath, coloured: dict[str, Any]) -> None:
    data = qupath.json(f"{qupath.host}/webgateway/imgData/{coloured['@id']}")
    width = min(512, data["size"]["width"])
    for level in range(data.get("levels", 1)):
        url = (
            f"{qupath.host}/webgateway/render_image_region/{coloured['@id']}/0/0/?tile={level},0,0,"
            f"{width},{width}&c=1|0:255$FF0000,2|0:255$00FF00,3|0:255$0000FF&maps="
            '[{"inverted":{"enabled":false}},{"inverted":{"enabled":false}},'
            '{"inverted":{"enabled":false}}]&m=c&p=normal&q=0.900000'
        )
        answer = qupath.http.get(url)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/jpeg"
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[2] == 3


def test_other_images_come_by_the_pixel_service(qupath: QuPath, deep: dict[str, Any]) -> None:
    asked = qupath.http.options(f"{qupath.host}/tile")
    assert asked.status_code == 200
    for channel in range(deep["Pixels"]["SizeC"]):
        answer = qupath.http.get(
            f"{qupath.host}/tile/{deep['@id']}/0/{channel}/0"
            "?x=0&y=0&w=32&h=16&format=tif&resolution=0"
        )
        assert answer.status_code == 200, answer.text
        tile = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert tile is not None
        assert (tile.shape, tile.dtype) == ((16, 32), np.dtype("uint16"))


def test_display_settings_are_saved(qupath: QuPath, coloured: dict[str, Any]) -> None:
    query = "m=c&c=1|10:200$FF0000,2|0:255$00FF00,3|0:255$0000FF&z=1&t=1&p=normal"
    answer = qupath.post(f"webgateway/saveImgRDef/{coloured['@id']}/?{query}")
    assert answer.text == "true"
    data = qupath.json(f"{qupath.host}/webgateway/imgData/{coloured['@id']}")
    assert (data["channels"][0]["window"]["start"], data["channels"][0]["window"]["end"]) == (
        10, 200,
    )  # fmt: skip


def test_annotations_are_sent_read_back_and_removed(
    qupath: QuPath, coloured: dict[str, Any]
) -> None:
    id = coloured["@id"]
    ome = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
    text = "Annotation:Tumor:5a1c8e5e-0b5a-4f43-a1b3-1c8b7c0a6e11:NoParent:NoName"
    common = {"@id": 0, "TheC": -1, "TheZ": 0, "TheT": 0, "Text": text, "FillColor": 0,
              "StrokeColor": -16776961, "Locked": False}  # fmt: skip
    new = [
        {"oldId": "0:0", "@type": f"{ome}Rectangle", "X": 5.0, "Y": 6.0, "Width": 20.0,
         "Height": 10.0, **common},
        {"oldId": "1:1", "@type": f"{ome}Polygon", "Points": "1.0,2.0 11.0,2.0 6.0,9.5", **common},
        {"oldId": "2:2", "@type": f"{ome}Ellipse", "X": 30.0, "Y": 30.0, "RadiusX": 8.0,
         "RadiusY": 4.0, **common},
    ]  # fmt: skip
    body = {"imageId": id, "rois": {"count": len(new), "new": new, "modified": [], "deleted": {},
                                    "empty_rois": {}, "new_and_deleted": []}}  # fmt: skip
    sent = qupath.post("iviewer/persist_rois/", json=body)
    assert sent.status_code == 200
    assert "error" not in sent.text
    ids = sent.json()["ids"]
    assert set(ids) == {"0:0", "1:1", "2:2"}
    found = {
        f"{roi['@id']}:{shape['@id']}": shape
        for roi in qupath.pages(
            f"{qupath.urls['url:rois']}?image={id}&owner={qupath.context['userId']}"
        )
        for shape in roi["shapes"]
    }
    for old, one in zip(("0:0", "1:1", "2:2"), new, strict=True):
        shape = found[ids[old]]
        for key in set(one) - {"@id", "oldId", "TheC", "Points"}:
            assert shape[key] == one[key], key
        assert numbers(shape.get("Points", "")) == numbers(str(one.get("Points", "")))
        assert "TheC" not in shape
    empty = "".join(f'"{key.split(":")[0]}":["{key}"],' for key in ids.values()).rstrip(",")
    raw = (
        f'{{"imageId":{id},"rois":{{"count":3,"new":[],"modified":[],"deleted":{{}},'
        f'"empty_rois":{{{empty}}},"new_and_deleted":[]}}}}'
    )
    gone = qupath.post(
        "iviewer/persist_rois/", content=raw, headers={"Content-Type": "application/json"}
    )
    assert gone.status_code == 200
    assert "error" not in gone.text
    left = qupath.pages(f"{qupath.urls['url:rois']}?image={id}")
    assert not {int(key.split(":")[0]) for key in ids.values()} & {roi["@id"] for roi in left}


def test_the_image_data_of_iviewer(qupath: QuPath, coloured: dict[str, Any]) -> None:
    data = qupath.json(f"{qupath.host}/iviewer/image_data/{coloured['@id']}")
    assert data["families"] == ["linear", "polynomial", "exponential", "logarithmic"]
    assert isinstance(data["roi_count"], int)


def test_key_values_are_sent_and_read(qupath: QuPath, deep: dict[str, Any]) -> None:
    id = deep["@id"]
    pairs = quote('[["stain","DAPI"],["dose","5 nM"]]')
    sent = qupath.post(
        "webclient/annotate_map/",
        content=f"image={id}&ns=openmicroscopy.org/omero/client/mapAnnotation"
        f"&mapAnnotation={pairs}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert sent.status_code == 200, sent.text
    (made,) = sent.json()["annId"]
    answer = qupath.json(f"{qupath.host}/webclient/api/annotations/?image={id}&type=map")
    (note,) = [one for one in answer["annotations"] if one["id"] == made]
    assert note["class"] == "MapAnnotationI"
    assert note["values"] == [["stain", "DAPI"], ["dose", "5 nM"]]
    assert note["permissions"]["canDelete"] is True
    assert {one["id"] for one in answer["experimenters"]} >= {qupath.context["userId"]}


def test_a_table_of_measurements_is_attached_read_and_deleted(
    qupath: QuPath, deep: dict[str, Any]
) -> None:
    id, table = deep["@id"], b"Name,Area\ncell 1,12.5\n"
    boundary = "----QuPathBoundary0123456789"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"\r\n\r\n{id}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="index"\r\n\r\n\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="annotation_file";'
        ' filename="QP annotation table_cells.csv"\r\nContent-Type: text/csv\r\n\r\n'
    )
    sent = qupath.post(
        "webclient/annotate_file/",
        content=head.encode() + table + f"\r\n--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    assert sent.status_code == 200, sent.text
    answer = qupath.json(f"{qupath.host}/webclient/api/annotations/?image={id}&type=file")
    (note,) = [one for one in answer["annotations"] if "cells.csv" in one["file"]["name"]]
    assert note["file"]["size"] == len(table)
    assert note["file"]["mimetype"] == "text/csv"
    assert qupath.http.get(f"{qupath.host}/webclient/annotation/{note['id']}/").content == table
    gone = qupath.post(f"webclient/action/delete/file/{note['id']}/")
    assert gone.json()["bad"] == "false"
    answer = qupath.json(f"{qupath.host}/webclient/api/annotations/?image={id}&type=file")
    assert note["id"] not in [one["id"] for one in answer["annotations"]]


def test_the_path_to_an_image_starts_at_its_owner(qupath: QuPath, coloured: dict[str, Any]) -> None:
    answer = qupath.json(f"{qupath.host}/webclient/api/paths_to_object/?image={coloured['@id']}")
    path = answer["paths"][0]
    kinds = [step["type"] for step in path]
    assert kinds == ["experimenter", "project", "dataset", "image"]
    assert path[-1]["id"] == coloured["@id"]


def test_names_of_image_and_channels_are_changed(qupath: QuPath, deep: dict[str, Any]) -> None:
    id, name = deep["@id"], deep["Name"]
    answer = qupath.post(
        f"webclient/action/savename/image/{id}/",
        content="name=renamed",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json() == {"bad": "false", "o_type": "image"}
    assert qupath.json(f"{qupath.urls['url:images']}{id}")["data"]["Name"] == "renamed"
    channels = [f"channel{n}=Marker {n}" for n in range(deep["Pixels"]["SizeC"])]
    answer = qupath.post(
        f"webclient/edit_channel_names/{id}/",
        content="&".join([*channels, "save=save"]),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json()["channelNames"]["channel0"] == "Marker 0"
    found = qupath.json(f"{qupath.urls['url:images']}{id}")["data"]["Pixels"]["Channels"]
    assert [one["Name"] for one in found] == [f"Marker {n}" for n in range(len(found))]
    qupath.post(f"webclient/action/savename/image/{id}/", data={"name": name})


def test_a_search_is_read_by_regular_expressions(qupath: QuPath, coloured: dict[str, Any]) -> None:
    word = quote(re.split(r"\W", coloured["Name"])[0])
    answer = qupath.http.get(
        f"{qupath.host}/webclient/load_searching/form/?query={word}&field=name&field=description"
        "&datatype=images&datatype=datasets&searchGroup=-1&ownedBy=-1&useAcquisitionDate=false"
        "&startdateinput=&enddateinput=&_=1700000000000"
    )
    assert answer.status_code == 200
    rows = re.findall(r'<tr id="(image|dataset)-(\d+)".+?</tr>', answer.text, re.DOTALL)
    assert ("image", str(coloured["@id"])) in rows
    row = re.search(rf'<tr id="image-{coloured["@id"]}".+?</tr>', answer.text, re.DOTALL)
    assert row is not None
    dates = re.findall(r"data-isodate='([^']+)'", row[0])
    assert dates
    assert re.search(r'<td class="desc"><a>([^<]*)</a>', row[0])
    assert re.search(r'<td class="group">([^<]*)</td>', row[0])
    assert re.search(r'<a href="([^"]*show=image-\d+)"', row[0])


def test_the_public_page_names_whoever_is_signed_in(qupath: QuPath) -> None:
    page = qupath.http.get(f"{qupath.host}/webclient/")
    user = re.search(r"WEBCLIENT\.USER = \{'id': (\d+), 'fullName': \"([^\"]*)\"", page.text)
    assert user is not None
    assert int(user[1]) == qupath.context["userId"]


@pytest.mark.parametrize("icon", ICONS)
def test_icons_are_pictures(qupath: QuPath, icon: str) -> None:
    answer = qupath.http.get(f"{qupath.host}/{icon}")
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert 8 <= picture.shape[0] <= 64


def test_a_page_of_an_image_can_be_pasted(qupath: QuPath, coloured: dict[str, Any]) -> None:
    for link in (
        f"webclient/?show=image-{coloured['@id']}",
        f"webclient/img_detail/{coloured['@id']}/",
    ):
        page = qupath.http.get(f"{qupath.host}/{link}")
        assert page.status_code == 200
        assert "text/html" in page.headers["content-type"]


def test_it_pings_joins_its_session_again_and_signs_out(running_hub: RunningHub) -> None:
    with QuPath(running_hub.url).connect("annotator", running_hub.password) as client:
        key = client.context["sessionUuid"]
        with httpx.Client(follow_redirects=False, cookies=client.http.cookies) as plain:
            answer = plain.get(f"{client.host}/webclient/keepalive_ping/")
            assert (answer.status_code, answer.text) == (200, "OK")
    with QuPath(running_hub.url).connect(key, key) as again:
        assert again.context["userName"] == "annotator"
        assert again.context["sessionUuid"] == key
        left = again.post("webclient/logout/")
        assert left.status_code == 200  # the sign-in page it was sent to
        refused = again.http.get(again.urls["url:projects"])
        assert (refused.status_code, refused.json()) == (403, {"message": "Not logged in"})
