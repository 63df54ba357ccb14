"""What scripts for public image repositories ask, without an account, by a public user."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.server import serving


@pytest.fixture(scope="module")
def visitor(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A visitor of a hub whose data the account `annotator` shows to everybody."""
    data = tmp_path_factory.mktemp("public") / "hub"
    shutil.copytree(demo_data, data)
    with (
        serving(data, IMAGEHUB_PUBLIC_USER="annotator") as hub,
        httpx.Client(base_url=hub.url, timeout=60, follow_redirects=True) as client,
    ):
        page = client.get("/webclient/?experimenter=-1")
        assert page.status_code == 200
        assert re.search(r"WEBCLIENT\.USER = \{'id': (\d+), 'fullName': \"[^\"]*\"", page.text)
        yield client


def read(visitor: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = visitor.get(path, params=parameters or None)
    assert answer.status_code == 200, (path, answer.text[:300])
    return answer.json()


def test_the_tree_is_walked_from_projects_to_images(visitor: httpx.Client) -> None:
    tree = read(visitor, "/webclient/api/containers/")
    assert set(tree) >= {"projects", "datasets", "screens", "plates", "orphaned"}
    project = tree["projects"][0]
    assert set(project) >= {"id", "name", "ownerId", "childCount", "permsCss"}
    datasets = read(visitor, "/webclient/api/datasets/", id=project["id"])["datasets"]
    assert len(datasets) == project["childCount"]
    for dataset in datasets:
        images = read(
            visitor, "/webclient/api/images/", id=dataset["id"], sizeXYZ="true", date="true"
        )["images"]
        assert len(images) == dataset["childCount"]
        for image in images:
            assert {"id", "archived", "name", "ownerId", "permsCss", "sizeX"} <= set(image)


def test_a_plate_is_read_as_a_grid(visitor: httpx.Client) -> None:
    (screen,) = read(visitor, "/webclient/api/containers/")["screens"]
    (plate,) = read(visitor, "/webclient/api/plates/", id=screen["id"])["plates"]
    runs = read(visitor, "/webclient/api/plate_acquisitions/", id=plate["id"])["acquisitions"]
    assert runs
    grid = read(visitor, f"/webgateway/plate/{plate['id']}/0/")
    assert (len(grid["grid"]), len(grid["grid"][0])) == (8, 12)
    assert (grid["rowlabels"][0], grid["collabels"][0]) == ("A", 1)
    cells = [cell for row in grid["grid"] for cell in row if cell is not None]
    assert cells
    for cell in cells[:3]:
        assert {"type", "id", "name", "author", "date", "wellId", "field", "thumb_url"} <= set(cell)
        assert read(visitor, f"/webclient/imgData/{cell['id']}/")["id"] == cell["id"]
        thumbnail = visitor.get(f"/webclient/render_thumbnail/{cell['id']}/")
        assert thumbnail.headers["content-type"] == "image/jpeg"


def test_key_values_are_read_by_namespace(visitor: httpx.Client) -> None:
    (image, *_) = read(visitor, "/api/v0/m/images/")["data"]
    found = read(visitor, "/webclient/api/annotations/", type="map", image=image["@id"])
    assert set(found) == {"annotations", "experimenters"}


def test_tables_are_not_offered(visitor: httpx.Client) -> None:
    answer = visitor.get("/webgateway/table/Screen/1/query/?query=*")
    assert answer.status_code == 404


def test_a_visitor_changes_nothing(visitor: httpx.Client) -> None:
    token = visitor.get("/api/v0/token/").json()["data"]
    answer = visitor.post(
        "/api/v0/m/save/?group=3",
        json={"@type": "http://www.openmicroscopy.org/Schemas/OME/2016-06#Project", "Name": "P"},
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 403
