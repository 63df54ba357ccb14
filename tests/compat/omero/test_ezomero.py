"""What ezomero and scripts with `requests` do: one session, header and Referer set once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from tests.fixtures.server import RunningHub

OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"


class Script:
    """The steps of the training scripts: versions, base, token, servers, login, lists."""

    def __init__(self, host: str) -> None:
        self.http = httpx.Client(follow_redirects=True, timeout=60)
        versions = self.http.get(f"{host}/api/").json()["data"]
        self.base = versions[-1]["url:base"]
        self.urls = self.http.get(self.base).json()
        token = self.http.get(self.urls["url:token"]).json()["data"]
        self.http.headers.update({"X-CSRFToken": token, "Referer": self.urls["url:login"]})
        servers = self.http.get(self.urls["url:servers"]).json()["data"]
        (self.server,) = [one for one in servers if one["server"] == "omero"]
        self.context: dict[str, Any] = {}

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def login(self, username: str, password: str) -> dict[str, Any]:
        payload = {"username": username, "password": password, "server": self.server["id"]}
        answer = self.http.post(self.urls["url:login"], data=payload)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        assert found["success"]
        self.context = found["eventContext"]
        return self.context


@pytest.fixture(scope="module")
def script(running_hub: RunningHub) -> Iterator[Script]:
    with Script(running_hub.url) as session:
        session.login("owner", running_hub.password)
        yield session


def test_a_dataset_is_made_read_changed_and_deleted(script: Script) -> None:
    http, save = script.http, script.urls["url:save"]
    group = script.context["groupId"]
    made = http.post(
        save, params={"group": group}, json={"@type": OME + "Dataset", "Name": "API TEST"}
    )
    assert made.status_code == 201
    id = made.json()["data"]["@id"]
    url = f"{script.urls['url:datasets']}{id}/"
    dataset = http.get(url).json()["data"]
    assert dataset["Name"] == "API TEST"
    changed = http.put(save, json={**dataset, "Name": "API test 2", "Description": "by script"})
    assert changed.status_code == 200
    assert http.get(url).json()["data"]["Description"] == "by script"
    gone = http.delete(url)
    assert (gone.status_code, gone.json()["data"]["Name"]) == (200, "API test 2")
    left = http.get(url)
    assert (left.status_code, left.json()) == (404, {"message": f"Dataset {id} not found"})


def test_lists_are_paged_and_filtered(script: Script) -> None:
    images = script.urls["url:images"]
    whole = script.http.get(images).json()
    total = whole["meta"]["totalCount"]
    assert whole["meta"]["limit"] == 200
    pages = [
        script.http.get(images, params={"limit": 2, "offset": offset}).json()["data"]
        for offset in range(0, total, 2)
    ]
    joined = [image["@id"] for page in pages for image in page]
    assert joined == [image["@id"] for image in whole["data"]]
    owner = script.context["userId"]
    mine = script.http.get(images, params={"owner": owner}).json()
    assert {image["omero:details"]["owner"]["@id"] for image in mine["data"]} == {owner}


def test_a_picture_of_any_size_is_rendered(script: Script) -> None:
    image = script.http.get(script.urls["url:images"]).json()["data"][0]
    data = script.http.get(f"{script.urls['url:images']}{image['@id']}/").json()["data"]
    width = data["Pixels"]["SizeX"]
    host = script.base.partition("/api")[0]
    answer = script.http.get(f"{host}/webgateway/render_birds_eye_view/{image['@id']}/{width}/")
    assert answer.headers["content-type"] == "image/jpeg"
    picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert max(picture.shape[:2]) == max(width, data["Pixels"]["SizeY"]) or (
        picture.shape[1] == width or picture.shape[0] == width
    )


def test_a_wrong_password_and_a_missing_token_are_told(running_hub: RunningHub) -> None:
    wrong = {"username": "owner", "password": "wrong", "server": 1}
    with Script(running_hub.url) as session, httpx.Client() as bare:
        answer = session.http.post(session.urls["url:login"], data=wrong)
        assert answer.status_code == 403
        assert answer.json()["message"].startswith("Connection not available")
        refused = bare.post(session.urls["url:login"], data=wrong)
        assert refused.json() == {"message": "CSRF Failed: CSRF cookie not set."}
        listed = bare.get(session.urls["url:projects"])
        assert (listed.status_code, listed.json()) == (403, {"message": "Not logged in"})


@pytest.fixture
def sample(running_hub: RunningHub) -> Iterator[Script]:
    with Script(running_hub.url) as session:
        yield session


class TestJavaSample:
    """The Java client of the JSON API's documentation; it casts what it reads."""

    def test_the_base_holds_texts_and_a_project_is_renamed_by_put(
        self, sample: Script, running_hub: RunningHub
    ) -> None:
        http, urls = sample.http, sample.urls
        assert {type(value) for value in urls.values()} == {str}
        group = sample.login("annotator", running_hub.password)["groupId"]
        project = http.post(
            f"{urls['url:save']}?group={group}",
            json={"@type": OME + "Project", "Name": "Java test"},
        ).json()["data"]
        url = f"{urls['url:projects']}{project['@id']}/"
        read = http.get(url).json()["data"]
        changed = http.put(urls["url:save"], json={**read, "Name": "test API update"})
        assert changed.status_code == 200
        assert changed.json()["data"]["Name"] == "test API update"
        assert http.delete(url).is_success

    def test_every_item_has_an_id_a_type_and_a_name(
        self, sample: Script, running_hub: RunningHub
    ) -> None:
        sample.login("owner", running_hub.password)
        for noun in ("projects", "datasets", "images", "screens", "plates"):
            answer = sample.http.get(sample.urls[f"url:{noun}"])
            for item in answer.json()["data"]:
                assert isinstance(item["@id"], int)
                assert item["@type"].startswith(OME)
                assert isinstance(item["Name"], str)
