"""Every address of the dialect, tried on somebody else's objects by a stranger and by nobody.

Names of all the owner's objects hold one secret word: it must be in no answer, no picture may come,
and no row may change. Every address is also asked for what does not exist and what makes no sense,
and must not fail.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.routing import Route

from adapters.screens import NewField
from adapters.shapes import Draft, Drawn, Kind
from store.tables.annotations import AnnotationKind
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Plate, Screen
from tests.fixtures.app import AppClients
from web.rest.omero.urls import ROUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "SECRET-OF-THE-OWNER"
OPEN = re.compile(
    r"/api(/v0(/(token|servers|login))?)?/?|/webclient/(login|logout|keepalive_ping)/?|/tile/?"
)
# What everybody who is signed in may see, or what is the same for all.
SHARED = re.compile(
    r"/static/|/webgateway/(luts|luts_png|open_with)/?$|/api(/v0/?)?$|/webclient/?$"
)
PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")
METHODS = ("GET", "POST", "PUT", "DELETE")


class Secrets:
    """One object of the owner's of every noun; ids by noun."""

    def __init__(self, served: AppClients) -> None:
        self.served = served
        self.ids: dict[str, int] = {}

    async def make(self) -> Secrets:
        hub = await self.served.world.hub("owner")
        for noun in (Project, Dataset, Screen, Plate):
            made: Any = await hub.containers.create(
                noun, name=f"{SECRET} {noun.__name__}", description=SECRET
            )
            self.ids[noun.__name__.lower()] = made.id
        await hub.containers.link(Project, self.ids["project"], Dataset, [self.ids["dataset"]])
        await hub.containers.link(Screen, self.ids["screen"], Plate, [self.ids["plate"]])
        samples = np.arange(2 * 64 * 64, dtype="uint16").reshape(1, 2, 1, 64, 64)
        image = await self.served.world.image(
            "owner", samples, name=SECRET, channels=[SECRET, SECRET], dataset=self.ids["dataset"]
        )
        self.ids["image"] = image.id
        run = await hub.screens.create_acquisition(self.ids["plate"], name=SECRET)
        self.ids["acquisition"] = run.id
        (sample,) = await hub.screens.add_fields(
            self.ids["plate"],
            [NewField(row=0, column=0, image_id=image.id, acquisition_id=run.id)],
        )
        self.ids["sample"] = sample
        (field,) = [one for one in await hub.screens.fields([sample]) if one is not None]
        self.ids["well"] = field.well_id
        shape = Drawn(Kind.RECTANGLE, {"x": 1, "y": 2, "width": 9, "height": 9})
        roi = await hub.rois.create(image.id, [Draft(shape, text=SECRET)], name=SECRET)
        self.ids["roi"] = roi.id
        self.ids["shape"] = (await hub.rois.shapes_of([roi.id]))[roi.id][0].id
        note = await hub.annotations.create(
            AnnotationKind.MAP, [(SECRET, SECRET)], targets=[("image", image.id)]
        )
        self.ids["annotation"] = note.id
        self.ids["owner"] = self.served.world.people["owner"]
        return self


@pytest.fixture(scope="module")
def addresses() -> list[str]:
    """Every address in its form with a final slash."""
    return sorted({route.path for route in ROUTES if route.path.endswith("/")})


async def filled(served: AppClients) -> Secrets:
    """Return the secrets of this module's hub, made once."""
    found = getattr(served, "_secrets", None)
    if found is None:
        found = await Secrets(served).make()
        served._secrets = found  # type: ignore[attr-defined]  # kept with the hub they are in
    return found


def fillings(path: str, ids: dict[str, int]) -> list[str]:
    """Return the address filled with each of the owner's ids; small numbers for the rest."""
    names = [name for name, kind in PARAMETER.findall(path)]
    if not names:
        return [path]
    found = []
    for id in ids.values():
        text, first = path, True
        for name, kind in PARAMETER.findall(path):
            value = str(id) if first else "0"
            if kind not in ("number", "int") and not first:
                value = "size"
            text = re.sub(r"\{" + name + r"(:\w+)?\}", value, text, count=1)
            first = False
        found.append(text)
    words = [name for name, kind in PARAMETER.findall(path) if not kind or kind == "path"]
    if words:
        # Addresses such as savename/{type}/{id}: every word with every number.
        for word, id in itertools.product(
            ("image", "dataset", "project", "file", "i", "d", "p", "w", "Screen"), ids.values()
        ):
            text = path
            for name, kind in PARAMETER.findall(path):
                value = str(id) if kind in ("number", "int") else word
                text = re.sub(r"\{" + name + r"(:\w+)?\}", value, text, count=1)
            found.append(text)
    return list(dict.fromkeys(found))


def queries(ids: dict[str, int]) -> list[dict[str, Any]]:
    """Return parameters that name the owner's objects in every way the dialect has."""
    named = {
        **{noun: ids[noun] for noun in ids},
        "run": ids["acquisition"], "experimenter": ids["owner"], "fromid": ids["image"],
        "imageId": ids["image"], "ids": ids["shape"], "toids": ids["image"],
    }  # fmt: skip
    return [
        {},
        *({"id": id} for id in ids.values()),
        {
            "query": "SECRET",
            "field": "name",
            "datatype": "images",
            "searchGroup": -1,
            "ownedBy": -1,
        },
        {**named, "x": 1, "y": 1, "z": 0, "t": 0, "c": 0, "cs": "0", "tile": "0,0,0,32,32"},
        {"image": ids["image"]},
        {"normalize": "true", "childCount": "true", "owner": ids["owner"]},
    ]


def judge(answer: httpx.Response, what: str, *, shared: bool = False) -> None:
    assert answer.status_code < 500, (what, answer.text[:500])
    assert SECRET.encode() not in answer.content, what
    if not shared and answer.status_code == 200:
        kind = answer.headers.get("content-type", "")
        assert not kind.startswith(("image/", "application/octet")), what


async def test_a_stranger_reads_nothing(shared_app: AppClients, addresses: list[str]) -> None:
    secrets, stranger = await filled(shared_app), shared_app["stranger"]
    before = await shared_app.world.stored()
    for path in addresses:
        shared = SHARED.search(path) is not None
        asked = queries(secrets.ids) if "{" not in path else [{}, queries(secrets.ids)[-3]]
        for filled_in, query in itertools.product(fillings(path, secrets.ids), asked):
            answer = await stranger.get(filled_in, params=query)
            judge(answer, f"GET {filled_in} {query}", shared=shared)
    assert await shared_app.world.stored() == before


async def test_a_stranger_changes_nothing(shared_app: AppClients, addresses: list[str]) -> None:
    secrets, stranger = await filled(shared_app), shared_app["stranger"]
    hub = await shared_app.world.hub("owner")
    bodies = _bodies(secrets.ids)
    for path in addresses:
        if OPEN.fullmatch(path):
            continue
        for filled_in, method in itertools.product(
            fillings(path, secrets.ids), ("POST", "PUT", "DELETE")
        ):
            for kind, body in bodies:
                answer = await stranger.request(
                    method, filled_in, content=body, headers={"Content-Type": kind}
                )
                judge(answer, f"{method} {filled_in} {body[:80]!r}", shared=True)
                if answer.status_code == 405:
                    break
    for noun, key in ((Project, "project"), (Dataset, "dataset"), (Image, "image")):
        row: Any = await hub.containers.get(noun, secrets.ids[key])
        assert row.name.startswith(SECRET), key
        assert row.version == 1, key
    shapes = (await hub.rois.shapes_of([secrets.ids["roi"]]))[secrets.ids["roi"]]
    assert [shape.id for shape in shapes] == [secrets.ids["shape"]]
    assert len((await hub.annotations.on([("image", secrets.ids["image"])]))[
        ("image", secrets.ids["image"])
    ]) == 1  # fmt: skip
    above = await hub.containers.parents(Dataset, Image, [secrets.ids["image"]])
    assert [one.id for one in above[secrets.ids["image"]]] == [secrets.ids["dataset"]]


def _bodies(ids: dict[str, int]) -> list[tuple[str, bytes]]:
    form = (
        f"image={ids['image']}&dataset={ids['dataset']}&project={ids['project']}&name=taken"
        f'&mapAnnotation=[["a","b"]]&annId={ids["annotation"]}&comment=x&tags=1&rating=3'
        f"&toids={ids['image']}&to_type=image&totype=image&fromid={ids['image']}&channel0=taken"
        "&save=save"
    )
    ome = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
    saved = {"@type": ome + "Project", "@id": ids["project"], "Name": "taken",
             "omero:details": {"@type": "TBD#Details", "group": {"@id": 3}}}  # fmt: skip
    drawn = {
        "imageId": ids["image"],
        "rois": {
            "count": 1,
            "new": [{"@id": 0, "oldId": "0:0", "@type": ome + "Point", "X": 1.0, "Y": 1.0}],
            "modified": [{"@id": ids["shape"], "oldId": f"{ids['roi']}:{ids['shape']}",
                          "@type": ome + "Rectangle", "X": 0.0, "Y": 0.0, "Width": 1.0,
                          "Height": 1.0}],
            "deleted": {str(ids["roi"]): [f"{ids['roi']}:{ids['shape']}"]},
            "empty_rois": {str(ids["roi"]): [f"{ids['roi']}:{ids['shape']}"]},
            "new_and_deleted": [],
        },
    }  # fmt: skip
    links = {"project": {str(ids["project"]): {"dataset": [ids["dataset"]]}},
             "dataset": {str(ids["dataset"]): {"image": [ids["image"]]}}}  # fmt: skip
    return [
        ("application/x-www-form-urlencoded", form.encode()),
        *(("application/json", json.dumps(body).encode()) for body in (saved, drawn, links)),
    ]


async def test_nobody_gets_past_the_sign_in(shared_app: AppClients, addresses: list[str]) -> None:
    secrets, nobody = await filled(shared_app), shared_app[None]
    for path in addresses:
        if OPEN.fullmatch(path):
            continue
        for filled_in in fillings(path, secrets.ids)[:3]:
            answer = await nobody.get(filled_in)
            pages = path.startswith(("/webgateway", "/webclient", "/iviewer", "/static"))
            if path.startswith("/static") or path == "/webclient/":
                judge(answer, path, shared=True)
            elif pages:
                assert answer.status_code == 302, path
                assert answer.headers["location"].startswith("/webclient/login/?url="), path
            else:
                assert (answer.status_code, answer.json()) == (403, {"message": "Not logged in"})


NONSENSE: list[dict[str, Any]] = [
    {"offset": "x", "limit": "y", "group": "foo", "owner": "1.5", "z": "a", "t": "b", "c": "|:$"},
    {"offset": "-5", "limit": "-1", "page": "0", "id": "-1", "image": "x", "tile": "1,2", "q": "x"},
    {"limit": "9" * 40, "offset": "9" * 40, "id": "9" * 40, "image": "9" * 40, "group": "9" * 40},
    {"c": "99|a:b$XYZ,-0|5:1$", "maps": "[{]", "p": "intmax|9:1", "m": "?", "tile": "-1,0,0,0,0"},
    {"c": "1|1e400:nan$FF", "maps": '[null,7,{"quantization":5}]', "region": "0,0,-1,1e9"},
    {"callback": "alert(1)", "image": "\x00", "query": "\x00", "type": "\x00", "ns": "\x00"},
    {"bins": "0", "theZ": "x", "x": "-1", "y": "9e9", "w": "0", "h": "-3", "resolution": "99"},
]


async def test_nonsense_is_refused_and_never_a_fault(
    shared_app: AppClients, addresses: list[str]
) -> None:
    secrets, owner = await filled(shared_app), shared_app["owner"]
    before = await shared_app.world.stored()
    for path in addresses:
        chosen = fillings(path, {"image": secrets.ids["image"]})[:2]
        odd = fillings(path, {"zero": 0, "large": 10**18 - 1})[:2]
        for filled_in, query in itertools.product([*chosen, *odd], NONSENSE):
            answer = await owner.get(filled_in, params=query)
            assert answer.status_code < 500, (filled_in, query, answer.text[:500])
    assert await shared_app.world.stored() == before


BROKEN = [
    b"", b"{", b"[]", b"null", b"7", b'"x"', b'{"imageId": "x", "rois": 5}',
    b'{"imageId": 1, "rois": {"new": [5, null, {"@type": 7}], "deleted": [1], "modified": {}}}',
    b'{"project": {"x": {"dataset": "y"}}}', b'{"project": [1]}', b"\xff\xfe", b"[" * 50_000,
    b"image=x&mapAnnotation={&annId=y", b"mapAnnotation=[[1]]&image=1", b"toids=x&totype=?",
    b"name=%00", b"channel0=%00&save=save", b"%ff%fe=%ff",
]  # fmt: skip


async def test_broken_bodies_store_nothing_and_are_never_a_fault(
    shared_app: AppClients, addresses: list[str]
) -> None:
    secrets, owner = await filled(shared_app), shared_app["owner"]
    before = await shared_app.world.stored()
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    for path in addresses:
        if OPEN.fullmatch(path):
            continue
        # Deleting needs no body, so it is tried with one that does not exist only.
        filled_in = fillings(path, {"image": secrets.ids["image"]})[0]
        for method, kind, body in itertools.product(("POST", "PUT"), kinds, BROKEN):
            answer = await owner.request(
                method, filled_in, content=body, headers={"Content-Type": kind}
            )
            assert answer.status_code < 500, (method, filled_in, kind, body, answer.text[:500])
            if answer.status_code == 405:
                break
    after = await shared_app.world.stored()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {}


async def test_every_route_answers_with_and_without_its_slash() -> None:
    paths = {route.path for route in ROUTES if isinstance(route, Route)}
    for path in paths:
        assert (path.rstrip("/") if path.endswith("/") else f"{path}/") in paths
