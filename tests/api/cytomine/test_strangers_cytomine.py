"""Every address of the dialect, tried on somebody else's objects by a stranger and by nobody.

Names of all the owner's objects hold one secret word: it must be in no answer, no picture may come,
and nothing of the owner's may change. Every address is also asked for what does not exist and what
makes no sense, and must not fail.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
import pytest

from adapters.shapes import Draft, Drawn, Kind
from store.statement import cols
from store.tables.annotations import AnnotationKind
from store.tables.containers import Dataset, Placement, Project
from store.tables.files import Storage
from store.tables.images import Image
from tests.fixtures.app import AppClients
from web.rest.cytomine.urls import ROUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "SECRET-OF-THE-OWNER"
OPEN = re.compile(r"/server/ping|/api/authenticate|/custom-ui/config|/api/custom-ui/config")
PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
WORDS = ("be.cytomine.domain.image.ImageInstance", "project", "png")


class Secrets:
    """One object of the owner's of every noun; ids by noun."""

    def __init__(self, served: AppClients) -> None:
        self.served = served
        self.ids: dict[str, int] = {}

    async def make(self) -> Secrets:
        hub = await self.served.world.hub("owner")
        project: Any = await hub.containers.create(Project, name=f"{SECRET} p", description=SECRET)
        dataset: Any = await hub.containers.create(Dataset, name=f"{SECRET} d", into=project.id)
        ontology = await hub.ontologies.create(
            f"{SECRET} ontology", terms=[{"name": f"{SECRET} term", "color": -1, "parent": None}]
        )
        await hub.ontologies.use(project.id, ontology.id)
        samples = np.arange(2 * 64 * 64, dtype="uint16").reshape(1, 2, 1, 64, 64)
        image = await self.served.world.image(
            "owner", samples, name=SECRET, channels=[SECRET, SECRET], dataset=dataset.id
        )
        placement = cols(Placement)
        (placed,) = await hub.catalog.all(
            Placement, hub.catalog.select(Placement).where(placement.image_id == image.id)
        )
        shape = Drawn(Kind.RECTANGLE, {"x": 1, "y": 2, "width": 9, "height": 9})
        (term,) = (await hub.ontologies.terms_of([ontology.id]))[ontology.id]
        roi = await hub.rois.create(
            image.id, [Draft(shape, text=SECRET)], name=SECRET, project_id=project.id,
            terms=[term.id],
        )  # fmt: skip
        note = await hub.annotations.create(
            AnnotationKind.MAP, [(SECRET, SECRET)], targets=[("image", image.id)]
        )
        tag = await hub.annotations.create(
            AnnotationKind.TAG, SECRET, targets=[("project", project.id)]
        )
        storage = cols(Storage)
        stores = await hub.catalog.all(
            Storage, hub.catalog.select(Storage).where(storage.owner_id == hub.actor.user_id)
        )
        self.ids = {
            "project": project.id, "dataset": dataset.id, "ontology": ontology.id,
            "term": term.id, "image": image.id, "placement": placed.id, "roi": roi.id,
            "slice": placed.slice_base or 0, "base": image.slice_base or 0, "note": note.id,
            "tag": tag.id, "file": image.file_id or 0,
            **({"storage": stores[0].id} if stores else {}),
        }  # fmt: skip
        return self


async def filled(served: AppClients) -> Secrets:
    """Return the secrets of this module's hub, made once."""
    found = getattr(served, "_secrets", None)
    if found is None:
        found = await Secrets(served).make()
        served._secrets = found  # type: ignore[attr-defined]  # kept with the hub they are in
    return found


@pytest.fixture(scope="module")
def addresses() -> list[str]:
    """Every address in the form without a suffix, and those that have one form only."""
    paths = {route.path for route in ROUTES}
    return sorted(path for path in paths if not path.endswith(".json") or path[:-5] not in paths)


def fillings(path: str, ids: dict[str, int], words: Sequence[str] = WORDS) -> list[str]:
    """Return the address filled with each of the owner's ids, and with words where it has some."""
    parameters = PARAMETER.findall(path)
    if not parameters:
        return [path]
    worded = any(kind not in ("number", "int") for _, kind in parameters)
    found = []
    for id, word in itertools.product(ids.values(), words if worded else ("",)):
        text, first = path, True
        for name, kind in parameters:
            numeric = kind in ("number", "int")
            value = (str(id) if first else "0") if numeric else word
            first = first and not numeric
            text = re.sub(r"\{" + name + r"(:\w+)?\}", value, text, count=1)
        found.append(text)
    return list(dict.fromkeys(found))


def queries(ids: dict[str, int]) -> list[dict[str, Any]]:
    """Return parameters that name the owner's objects."""
    return [
        {},
        {"project": ids["project"], "image": ids["placement"], "showWKT": "True", "max": 0},
        {"slice": ids["slice"], "user": 1, "term": ids["term"], "idProject": ids["project"]},
        {"location": "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0))", "geometry": "POINT (3 3)"},
    ]


def judge(answer: httpx.Response, what: str) -> None:
    assert answer.status_code < 500, (what, answer.text[:500])
    assert SECRET.encode() not in answer.content, what
    if answer.status_code == 200:
        kind = answer.headers.get("content-type", "")
        assert not kind.startswith(("image/", "application/octet")), what
    elif answer.status_code != 304:
        assert set(answer.json()) >= {"success", "errors", "message"} or "status" in str(
            answer.json()
        ), what


async def test_a_stranger_reads_nothing(shared_app: AppClients, addresses: list[str]) -> None:
    secrets, stranger = await filled(shared_app), shared_app["stranger"]
    for path in addresses:
        asked = queries(secrets.ids)[:1] if "{" in path else queries(secrets.ids)
        for filled_in, query in itertools.product(fillings(path, secrets.ids), asked):
            if "/command/" in filled_in:
                continue  # undo is a GET here; it is tried below
            judge(await stranger.get(filled_in, params=query), f"GET {filled_in} {query}")


async def test_a_stranger_changes_nothing(shared_app: AppClients, addresses: list[str]) -> None:
    secrets, stranger = await filled(shared_app), shared_app["stranger"]
    hub = await shared_app.world.hub("owner")
    ids = secrets.ids
    main = {name: ids[name] for name in ("project", "placement", "image", "roi", "ontology")}
    before = await fingerprint(shared_app, ids)
    body = json.dumps(
        {
            "id": ids["project"], "name": "taken", "project": ids["project"],
            "ontology": ids["ontology"], "image": ids["placement"], "baseImage": ids["image"],
            "location": "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0))", "term": ids["term"],
            "user": shared_app.world.people["stranger"], "key": "k", "value": "v", "data": "x",
            "tag": ids["tag"], "domainIdent": ids["placement"], "color": "#ff0000",
            "domainClassName": "be.cytomine.domain.image.ImageInstance", "storage": 1,
        }
    ).encode()  # fmt: skip
    for path in addresses:
        if OPEN.match(path) or path.startswith("/session/"):
            continue
        for filled_in, method in itertools.product(
            fillings(path, main, WORDS[:1]), ("GET", "POST", "PUT", "DELETE")
        ):
            if method == "GET" and "/command/" not in filled_in:
                continue
            answer = await stranger.request(
                method, filled_in, content=b"" if method == "GET" else body,
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
            assert answer.status_code < 500, (method, filled_in, answer.text[:500])
            assert SECRET.encode() not in answer.content, (method, filled_in)
    assert await fingerprint(shared_app, ids) == before
    assert (await hub.containers.get(Project, ids["project"])).name == f"{SECRET} p"


async def fingerprint(served: AppClients, ids: dict[str, int]) -> dict[str, Any]:
    """Return what the owner sees of the objects."""
    hub = await served.world.hub("owner")
    project = await hub.containers.get(Project, ids["project"])
    image = await hub.containers.get(Image, ids["image"])
    roi = await hub.rois.get(ids["roi"])
    shapes = (await hub.rois.shapes_of([ids["roi"]]))[ids["roi"]]
    ontology = (await hub.ontologies.terms_of([ids["ontology"]]))[ids["ontology"]]
    grants = await hub.people.grants.of("project", [ids["project"]])
    notes = await hub.annotations.on([("image", ids["image"]), ("project", ids["project"])])
    return {
        "project": (project.name, project.version), "image": (image.name, image.version),
        "roi": (roi.name, roi.version), "shapes": [shape.id for shape in shapes],
        "terms": [(term.id, term.name) for term in ontology], "grants": grants,
        "notes": {target: [note.id for note in found] for target, found in notes.items()},
    }  # fmt: skip


async def test_nobody_is_answered(shared_app: AppClients, addresses: list[str]) -> None:
    secrets, nobody = await filled(shared_app), shared_app[None]
    for path in addresses:
        if OPEN.match(path):
            continue
        for method in ("GET", "POST", "PUT", "DELETE"):
            answer = await nobody.request(method, fillings(path, secrets.ids)[0])
            assert answer.status_code == 401, (method, path)
            assert answer.json()["success"] is False


NONSENSE: list[dict[str, Any]] = [
    {"max": "x", "offset": "y", "sort": "?", "order": "?", "project": "foo", "image": "1.5"},
    {"max": "-5", "offset": "-1", "users": "a,b", "terms": "1,,2", "bbox": "1,2", "zoom": "x"},
    {"max": "9" * 40, "offset": "9" * 40, "maxSize": "-1", "project": "9" * 40, "slice": "-1"},
    {"name[ilike]": "*", "x[y]": "1", "width[gte]": "abc", "id[in]": "1,x", "sort": "drop"},
    {"location": "POLYGON ((", "geometry": "\x00", "bboxAnnotation": "x", "reviewed": "maybe"},
    {"contrast": "nan", "gamma": "0", "bits": "7", "colormap": "?", "increaseArea": "-1e9"},
]


async def test_nonsense_is_refused_and_never_a_fault(
    shared_app: AppClients, addresses: list[str]
) -> None:
    secrets, owner = await filled(shared_app), shared_app["owner"]
    some = {name: secrets.ids[name] for name in ("project", "placement", "roi", "slice")}
    for path in addresses:
        if path.startswith(("/session/", "/command/", "/api/command/")):
            continue
        # Each address with one object of its kind and one that cannot be, and some nonsense.
        chosen = fillings(path, some)
        odd = fillings(path, {"large": 10**18 - 1})[:1]
        for place, filled_in in enumerate([*chosen, *odd]):
            query = NONSENSE[place % len(NONSENSE)]
            answer = await owner.get(filled_in, params=query)
            assert answer.status_code < 500, (filled_in, query, answer.text[:500])


BROKEN = [
    b"{", b"[]", b"[1]", b"null", b"7", b'"x"', b"\xff\xfe", b"[" * 50_000, b"a=%ff&b",
    b'{"name": 5, "color": [], "ontology": "x", "project": {}, "location": 7}',
    b'{"name": "\\u0000", "location": "POLYGON ((0 0))", "term": "x", "users": {}}',
    b'[{"location": null}, 5, {"name": {}}]',
]  # fmt: skip


async def test_broken_bodies_are_never_a_fault(
    shared_app: AppClients, addresses: list[str]
) -> None:
    secrets, owner = await filled(shared_app), shared_app["owner"]
    for path in addresses:
        if OPEN.match(path) or path.startswith("/session/"):
            continue
        filled_in = fillings(path, {"project": secrets.ids["project"]})[0]
        for method, body in itertools.product(("POST", "PUT"), BROKEN):
            answer = await owner.request(
                method, filled_in, content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code < 500, (method, filled_in, body[:80], answer.text[:500])
            if answer.status_code == 405:
                break


async def test_every_json_address_answers_with_and_without_its_suffix() -> None:
    paths = {route.path for route in ROUTES}
    for path in paths:
        if path.endswith(".json"):
            assert path[:-5] in paths
