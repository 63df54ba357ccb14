"""What the browser apps iviewer and figure ask beside their own pages, cookie and all."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from tests.fixtures.server import RunningHub

Browser = httpx.Client


@pytest.fixture(scope="module")
def browser(running_hub: RunningHub) -> Iterator[Browser]:
    """A browser that signed in by the page; scripts in it send the CSRF cookie's value."""
    client = httpx.Client(base_url=running_hub.url, follow_redirects=True, timeout=60)
    page = client.get("/webclient/login/")
    assert page.status_code == 200
    secret = client.cookies["csrftoken"]
    form = {
        "username": "owner", "password": running_hub.password, "server": "1",
        "csrfmiddlewaretoken": secret,
    }  # fmt: skip
    assert client.post("/webclient/login/", data=form).status_code == 200
    client.headers.update({"X-CSRFToken": secret, "X-Requested-With": "XMLHttpRequest"})
    yield client
    client.close()


def read(browser: Browser, path: str, **parameters: Any) -> Any:
    answer = browser.get(path, params=parameters or None)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    return answer.json()


def picture(answer: httpx.Response) -> np.ndarray[Any, Any]:
    assert answer.status_code == 200, answer.text[:300]
    found = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def stack(browser: Browser) -> dict[str, Any]:
    """A z-stack of several channels with regions on it."""
    found = read(browser, "/api/v0/m/images/")["data"]
    return next(one for one in found if one["Pixels"]["SizeZ"] > 1 and one["Pixels"]["SizeC"] > 1)


def test_iviewer_opens_an_image_with_settings_luts_and_histogram(
    browser: Browser, stack: dict[str, Any]
) -> None:
    id = stack["@id"]
    assert "text/html" in browser.get(f"/iviewer/?images={id}").headers["content-type"]
    data = read(browser, f"/iviewer/image_data/{id}/")
    assert data["size"]["c"] == stack["Pixels"]["SizeC"]
    luts = read(browser, "/webgateway/luts/")
    assert luts["luts"]
    lookup = picture(browser.get("/webgateway/luts_png/"))
    assert lookup.shape[1] == 256
    assert lookup.shape[0] >= 10 * len(luts["luts"])
    settings = read(browser, f"/webgateway/get_image_rdefs_json/{id}/")
    assert isinstance(settings["rdefs"], list)
    bins = read(browser, f"/webgateway/histogram_json/{id}/channel/0/", theT=0, theZ=0, bins=256)
    plane = stack["Pixels"]["SizeX"] * stack["Pixels"]["SizeY"]
    assert len(bins["data"]) == 256
    assert sum(bins["data"]) == plane


def test_iviewer_draws_planes_regions_and_projections(
    browser: Browser, stack: dict[str, Any]
) -> None:
    id, pixels = stack["@id"], stack["Pixels"]
    whole = picture(browser.get(f"/webgateway/render_image/{id}/0/0/?m=c&p=normal&q=0.9"))
    assert whole.shape[:2] == (pixels["SizeY"], pixels["SizeX"])
    tile = picture(
        browser.get(f"/webgateway/render_image_region/{id}/0/0/?region=10,20,30,40&m=c&p=normal")
    )
    assert tile.shape[:2] == (40, 30)
    last = pixels["SizeZ"] - 1
    projected = picture(browser.get(f"/webgateway/render_image/{id}/0/0/?p=intmax|0:{last}"))
    assert projected.shape[:2] == whole.shape[:2]
    assert projected.mean() >= whole.mean()
    thumbnail = picture(browser.get(f"/webgateway/render_thumbnail/{id}/"))
    assert max(thumbnail.shape[:2]) == 96


def test_iviewer_lists_neighbours_regions_and_paths(
    browser: Browser, stack: dict[str, Any]
) -> None:
    id = stack["@id"]
    paths = read(browser, "/webclient/api/paths_to_object/", image=id)["paths"]
    (dataset,) = [step["id"] for step in paths[0] if step["type"] == "dataset"]
    neighbours = read(browser, f"/api/v0/m/datasets/{dataset}/images/", offset=0, limit=10)
    assert id in [one["@id"] for one in neighbours["data"]]
    rois = read(browser, "/api/v0/m/rois/", image=id, limit=500, offset=0)
    assert rois["meta"]["totalCount"] == len(rois["data"]) >= 8
    shape = rois["data"][0]["shapes"][0]["@id"]
    plane = read(browser, f"/iviewer/rois_by_plane/{id}/0/0/", limit=500, offset=0)
    assert plane["meta"]["totalCount"] == len(plane["data"])
    assert read(browser, f"/iviewer/plane_shape_counts/{id}/")
    figures = read(browser, "/iviewer/shape_stats/", ids=shape, z=0, t=0, cs="0,1")
    assert isinstance(figures, dict)
    value = read(browser, "/iviewer/get_intensity/", image=id, x=3, y=4, z=0, t=0, c=0)
    assert value


def test_settings_are_copied_pasted_and_reset(browser: Browser, stack: dict[str, Any]) -> None:
    id = stack["@id"]
    others = [
        one["@id"] for one in read(browser, "/api/v0/m/images/")["data"]
        if one["Pixels"]["SizeC"] == stack["Pixels"]["SizeC"] and one["@id"] != id
    ]  # fmt: skip
    assert browser.get(f"/webgateway/copyImgRDef/?fromid={id}").status_code == 200
    assert read(browser, "/webgateway/getImgRDef/")["rdef"] is not None
    pasted = browser.post(
        "/webgateway/copyImgRDef/", data={"toids": [id, *others], "to_type": "image"}
    ).json()
    assert id in pasted["true"]
    reset = browser.post("/webgateway/resetRDef/", data={"totype": "image", "toids": [id]}).json()
    assert reset["true"] == [id]


def test_figure_reads_regions_pictures_luts_and_labels(
    browser: Browser, stack: dict[str, Any]
) -> None:
    id = stack["@id"]
    assert read(browser, f"/webgateway/imgData/{id}/")["channels"]
    assert read(browser, "/api/v0/m/rois/", image=id, limit=100, offset=0)["data"]
    assert picture(browser.get(f"/webgateway/render_thumbnail/{id}/200/")).size
    assert "open_with_options" in read(browser, "/webgateway/open_with/")
    many = read(browser, f"/webgateway/get_thumbnails/?id={id}&id=987654321")
    kind, _, text = many[str(id)].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), 1) is not None
    assert many["987654321"] is None
    for kind in ("map", "tag"):
        found = read(browser, f"/webclient/api/annotations/?type={kind}&image={id}&parents=true")
        assert set(found) >= {"annotations", "experimenters", "parents"}
        assert set(found["parents"]) >= {"annotations", "lineage"}


def test_a_script_of_a_page_is_not_redirected_when_signed_out(running_hub: RunningHub) -> None:
    with httpx.Client(base_url=running_hub.url) as nobody:
        page = nobody.get("/webgateway/imgData/1/")
        assert page.status_code == 302
        assert page.headers["location"] == "/webclient/login/?url=/webgateway/imgData/1/"
        script = nobody.get(
            "/webgateway/imgData/1/", headers={"X-Requested-With": "XMLHttpRequest"}
        )
        assert (script.status_code, script.content) == (403, b"")
