"""Every root field of the schema, tried on somebody else's objects by a stranger and by nobody.

A new root field fails here until a way of trying it is written down.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
)

from adapters.jobs.catalogue import write_operations
from adapters.jobs.service import Reference, Request
from resolvers.root import graphql_schema
from schema.scalars import encode_id
from tests.fixtures.hub_world import HubWorld

SCHEMA = graphql_schema._schema
SECRET = "SECRET-OF-THE-OWNER"  # in every name and text the owner writes
NEW_IMAGE = {"name": "x", "type": "UINT8", "sizeY": 1, "sizeX": 3}
SHAPE = {"rectangle": {"x": 1, "y": 2, "width": 3, "height": 4}}
REFUSALS = {"not_found", "forbidden", "unauthenticated"}


class Owned:
    """One object of the owner's of every noun; the ids by noun."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world
        self.ids: dict[str, str] = {}

    async def do(self, field: str, input: dict[str, Any], selection: str) -> Any:
        answer = await self.world.mutate("owner", field, input, selection)
        assert "code" not in answer, answer
        return answer

    async def make(self) -> Owned:
        ids, do = self.ids, self.do
        await write_operations(self.world.system())
        for noun in ("Project", "Dataset", "Screen", "Plate", "Ontology"):
            made = await do(
                f"create{noun}", {"name": f"{SECRET} {noun}"}, f"{noun.lower()} {{ id }}"
            )
            ids[noun] = made[noun.lower()]["id"]
        await do("link", {"parent": ids["Project"], "children": [ids["Dataset"]]}, "changed")
        image = await self.world.picture("owner", name=SECRET)
        ids["Image"] = encode_id("Image", image.id)
        await do("link", {"parent": ids["Dataset"], "children": [ids["Image"]]}, "changed")
        run = await do("createAcquisition", {"plate": ids["Plate"]}, "acquisition { id }")
        ids["Acquisition"] = run["acquisition"]["id"]
        field = {"plate": ids["Plate"], "well": "A1", "image": ids["Image"]}
        sample = (await do("addField", field, "sample { id well { id } }"))["sample"]
        ids["WellSample"], ids["Well"] = sample["id"], sample["well"]["id"]
        for name in ("Term", "Other"):
            term = {"ontology": ids["Ontology"], "name": f"{SECRET} {name}"}
            ids[name] = (await do("createTerm", term, "term { id }"))["term"]["id"]
        drawn = {"image": ids["Image"], "shapes": [SHAPE], "name": SECRET}
        roi = (await do("createRoi", drawn, "roi { id shapes { id } }"))["roi"]
        ids["ROI"], ids["Shape"] = roi["id"], roi["shapes"][0]["id"]
        followed = {"image": ids["Image"], "name": SECRET, "project": ids["Project"]}
        ids["Track"] = (await do("createTrack", followed, "track { id }"))["track"]["id"]
        tag = {"value": {"tag": SECRET}, "targets": [ids["Image"]]}
        note = await do("createAnnotation", tag, "annotation { id }")
        ids["Annotation"] = note["annotation"]["id"]
        file = await do("uploadFile", {"name": f"{SECRET}.txt", "data": "AAAA"}, "file { id }")
        ids["StoredFile"] = file["file"]["id"]
        drafts = {"Image": {**NEW_IMAGE, "name": SECRET}, "File": {"name": SECRET}}
        for kind, begun in drafts.items():
            draft = await do(f"begin{kind}", begun, "draft { id }")
            ids[f"{kind}Draft"] = draft["draft"]["id"]
        grant = {"target": ids["Project"], "user": self.user("annotator")}
        ids["Grant"] = (await do("giveGrant", grant, "grant { id }"))["grant"]["id"]
        given = {"objects": [ids["Dataset"]], "users": [self.user("annotator")], "message": SECRET}
        ids["Share"] = (await do("share", given, "share { id }"))["share"]["id"]
        setting = {"key": SECRET, "value": SECRET}
        await self.world.mutate("root", "setSetting", setting, "setting { key }")
        token = await do("createToken", {"name": SECRET}, "token { id }")
        ids["Token"] = token["token"]["id"]
        hub = await self.world.hub("owner")
        job = await hub.jobs.submit(
            Request("filter.gaussian", {"sigma": 1.0}, {"image": Reference("image", image.id)})
        )
        ids["Job"] = encode_id("Job", job.id)
        (kept,) = await hub.job_files.add([(job.id, SECRET, f"{SECRET}.txt")])
        ids["JobFile"] = encode_id("JobFile", kept.id)
        found = await self.world.graphql(
            "owner", "{ images { nodes { channels { id } } } history(first: 1) { nodes { id } } }"
        )
        ids["Channel"] = found["images"]["nodes"][0]["channels"][0]["id"]
        ids["Command"] = found["history"]["nodes"][0]["id"]
        return self

    def user(self, name: str) -> str:
        return encode_id("User", self.world.people[name])

    def group(self, name: str) -> str:
        return encode_id("Group", self.world.groups[name])


@pytest.fixture
async def owned(hub_world: HubWorld) -> Owned:
    return await Owned(hub_world).make()


def one(*nouns: str) -> list[dict[str, str]]:
    """Return tries of a field that takes one id, by noun; `{noun}` is filled in later."""
    return [{"id": f"{{{noun}}}"} for noun in nouns]


# Arguments to try each root field with. ``{Noun}`` stands for the owner's object of that noun.
QUERIES: dict[str, list[dict[str, Any]]] = {
    "_entities": [{"representations": [{"__typename": "Project", "id": "{Project}"}]}],
    "_service": [{}],
    "node": one(
        "Project", "Dataset", "Screen", "Plate", "Acquisition", "Well", "WellSample", "Image",
        "Channel", "ROI", "Shape", "Annotation", "Ontology", "Term", "Job", "Command", "Track",
    ),
    "nodes": [{"ids": ["{Project}", "{Image}", "{ROI}"]}],
    **{noun.lower(): one(noun) for noun in (
        "Project", "Dataset", "Screen", "Plate", "Image", "ROI", "Annotation", "Ontology", "Term",
        "Job", "Command", "Track",
    )},
    "tracks": [{"project": "{Project}"}],
    **{field: [{}] for field in (
        "projects", "datasets", "screens", "plates", "images", "rois", "annotations", "tags",
        "wells", "acquisitions", "wellSamples", "terms", "labelSets", "tables",
        "ontologies", "jobs", "operations", "viewer", "users", "groups", "tokens", "sessions",
        "history", "sharedByMe", "sharedWithMe", "timeline", "timelineCounts", "space",
        "configuration", "settings", "enumerations", "activity",
    )},
    "userByName": [{"username": "owner"}],
    "groupByName": [{"name": "lab"}],
    "openSessions": [{}, {"user": "{owner}"}],
    "setting": [{"key": SECRET}],
    "enumeration": [{"name": "PixelsType"}],
    "well": [{"plate": "{Plate}", "label": "A1"}],
    "paths": [{"ids": ["{Project}", "{Dataset}", "{Image}", "{Plate}", "{Well}", "{ROI}"]}],
    "search": [{"text": SECRET}, {"text": "a"}],
    "annotationsOn": [{"ids": ["{Project}", "{Image}", "{Plate}", "{ROI}"]}],
    "namespaces": [{}],
    "shapeStatistics": [{"ids": ["{ROI}", "{Shape}"]}],
    "thumbnails": [{"ids": ["{Image}"]}],
    "storedFile": one("StoredFile"),
    "imageDrafts": [{}],
    "fileDrafts": [{}],
    "shapesInView": [
        {"image": "{Image}", "viewport": {"x": 0, "y": 0, "width": 99, "height": 99}, "limit": 9}
    ],
    "operation": [{"name": "filter.gaussian"}],
    "registeredOperation": one("RegisteredOperation"),
    "registeredOperations": [{"project": "{Project}"}],
    "externalPlaces": [{"kind": "SOURCE"}, {"kind": "SERVER"}],
    "script": one("Script"),
    "scripts": [{}],
    "user": [{"id": "{owner}"}],
    "group": [{"id": "{lab}"}],
    "grants": [{"target": "{Project}"}],
    "trash": [{"noun": noun} for noun in ("PROJECT", "IMAGE", "ROI", "ANNOTATION", "TERM")],
}  # fmt: skip


# Lists that hold nothing for who has nothing, and are not even counted.
EMPTY = {
    "wells", "acquisitions", "wellSamples", "terms", "labelSets", "tables",
    "projects", "datasets", "screens", "plates", "images", "rois", "annotations", "tags",
    "ontologies", "jobs", "history", "trash", "sharedByMe", "sharedWithMe", "timeline", "settings",
    "activity",
}  # fmt: skip


def changing(**fields: Any) -> list[dict[str, Any]]:
    """Return one try of a mutation with these fields of its input."""
    return [{"input": fields}]


MUTATIONS: dict[str, list[dict[str, Any]]] = {
    "createProject": changing(name="x", group="{lab}"),
    "createScreen": changing(name="x", group="{lab}"),
    "createDataset": [*changing(name="x", project="{Project}"), *changing(name="x", group="{lab}")],
    "createPlate": [*changing(name="x", screen="{Screen}"), *changing(name="x", group="{lab}")],
    "createOntology": changing(name="x", group="{lab}"),
    "updateProject": changing(id="{Project}", name="x"),
    "updateDataset": changing(id="{Dataset}", name="x"),
    "updateScreen": changing(id="{Screen}", name="x"),
    "updatePlate": changing(id="{Plate}", name="x"),
    "updateAcquisition": changing(id="{Acquisition}", name="x"),
    "updateWell": changing(id="{Well}", type="x"),
    "updateImage": changing(id="{Image}", name="x"),
    "updateChannel": changing(id="{Channel}", name="x"),
    "updateRoi": changing(id="{ROI}", name="x"),
    "updateAnnotation": changing(id="{Annotation}", name="x"),
    "updateOntology": changing(id="{Ontology}", name="x"),
    "updateTerm": changing(id="{Term}", name="x"),
    "createImage": changing(**NEW_IMAGE, dataset="{Dataset}", planes=[{"data": "AAAA"}]),
    "beginImage": changing(**NEW_IMAGE, dataset="{Dataset}"),
    "writeSamples": changing(draft="{ImageDraft}", data="AAAA"),
    "finishImage": changing(draft="{ImageDraft}", allowMissing=True),
    "discardDraft": [*changing(draft="{ImageDraft}"), *changing(draft="{FileDraft}")],
    "uploadFile": changing(name="x", data="AAAA", group="{lab}"),
    "beginFile": changing(name="x", group="{lab}"),
    "writeFile": changing(draft="{FileDraft}", data="AAAA"),
    "finishFile": changing(draft="{FileDraft}", sha256="0" * 64),
    "projectImage": changing(image="{Image}"),
    "link": changing(parent="{Dataset}", children=["{Image}"]),
    "unlink": changing(parent="{Dataset}", children=["{Image}"]),
    "move": changing(children=["{Image}"], source="{Dataset}", target="{Dataset2}"),
    "moveToGroup": changing(id="{Project}", group="{outside}"),
    "delete": [
        {"input": {"ids": [f"{{{noun}}}"], "dryRun": dry}}
        for noun in ("Project", "Dataset", "Screen", "Plate", "Image", "ROI", "Annotation",
                     "Ontology", "Term", "Acquisition", "Well", "WellSample")
        for dry in (False, True)
    ],
    "restore": changing(ids=["{Project}"]),
    "createAcquisition": changing(plate="{Plate}"),
    "addField": changing(plate="{Plate}", well="B2", image="{Image}"),
    "addFields": changing(plate="{Plate}", fields=[{"well": "B2", "image": "{Image}"}]),
    "saveRendering": changing(id="{Image}", channels=[{"position": 0, "start": 1}]),
    "copyRendering": changing(id="{Image}"),
    "pasteRendering": changing(targets=["{Image}", "{Dataset}"], source="{Image}"),
    "resetRendering": [
        *changing(targets=["{Dataset}"]), *changing(targets=["{Image}", "{Plate}"], to="MIN_MAX"),
    ],
    "createRoi": changing(image="{Image}", shapes=[SHAPE]),
    "createRois": changing(image="{Image}", rois=[{"shapes": [SHAPE]}]),
    "moveRoi": changing(id="{ROI}", dx=1, dy=1),
    "addTerms": changing(rois=["{ROI}"], terms=["{Term}"]),
    "removeTerms": changing(rois=["{ROI}"], terms=["{Term}"]),
    "rateTerm": changing(roi="{ROI}", term="{Term}", rate=0.5),
    **{field: changing(image="{Image}", project="{Project}") for field in (
        "startReview", "stopReview", "cancelReview", "reviewLayers", "unreviewLayers",
    )},
    "reviewRoi": changing(roi="{ROI}"),
    "unreviewRoi": changing(roi="{ROI}"),
    "createTrack": changing(image="{Image}", name="x"),
    "updateTrack": changing(id="{Track}", name="x"),
    "addToTrack": changing(track="{Track}", rois=["{ROI}"]),
    "removeFromTrack": changing(track="{Track}", rois=["{ROI}"]),
    "deleteTracks": changing(ids=["{Track}"]),
    "createAnnotation": changing(value={"comment": "x"}, targets=["{Image}"]),
    "attachAnnotations": changing(annotations=["{Annotation}"], targets=["{Dataset}"]),
    "detachAnnotations": changing(annotations=["{Annotation}"], targets=["{Image}"]),
    "createTerm": changing(ontology="{Ontology}", name="x"),
    "relateTerms": changing(parent="{Term}", child="{Other}"),
    "unrelateTerms": changing(parent="{Term}", child="{Other}"),
    **{field: changing(project="{Project}", users=["{stranger}"]) for field in (
        "addMembers", "removeMembers", "demoteManagers",
    )},
    **{field: changing(project="{Project}", user="{stranger}") for field in (
        "setDefaultLayer", "removeDefaultLayer", "addRepresentative", "removeRepresentative",
    )},
    "deleteProjectWithContent": [
        *changing(id="{Project}"), *changing(id="{Project}", dryRun=True)
    ],
    "noteView": changing(image="{Image}"),
    "notePosition": changing(image="{Image}", corners=[{"x": 1, "y": 1}] * 4),
    "noteConnection": changing(project="{Project}"),
    "noteAction": changing(roi="{ROI}", action="select"),
    "useOntology": changing(project="{Project}", ontology="{Ontology}"),
    **{
        field: changing(project="{Project}", operation="{RegisteredOperation}")
        for field in ("offerOperation", "withdrawOperation", "openJob")
    },
    **{field: changing(id="{Job}") for field in (
        "startJob", "reportJob", "killJob", "copyJob", "favorJob", "clearJob", "deleteJob",
    )},
    "reportJob": changing(id="{Job}", progress=5),
    "purgeJobs": changing(project="{Project}"),
    "addJobFile": changing(job="{Job}", label="x", filename="x"),
    "writeJobFile": changing(file="{JobFile}", data="AAAA"),
    "deleteJobFile": changing(file="{JobFile}"),
    "updateOperation": changing(id="{RegisteredOperation}", name="x"),
    "addOperationInput": changing(
        operation="{RegisteredOperation}", input={"name": "x", "type": "text"}
    ),
    "deleteOperation": changing(id="{RegisteredOperation}"),
    "putExternalPlace": changing(kind="SOURCE", fields={"provider": "x"}),
    "removeExternalPlace": changing(kind="SOURCE", number="999999"),
    "runOperation": changing(
        operation="filter.gaussian", image="{Image}", arguments={"sigma": 1.0}
    ),
    "addScript": changing(name="x.py", source="x = 1"),
    "updateScript": changing(id="{Script}", name="x.py"),
    "deleteScript": changing(id="{Script}"),
    "saveGraph": [
        {"input": {"objects": [graph], "dryRun": dry}}
        for graph in (
            {"project": {"id": "{Project}", "name": "x"}},
            {"project": {"id": "{Project}", "datasets": {"items": []}}},
            {"project": {"name": "x", "datasets": {"items": [{"id": "{Dataset}"}]}}},
            {"dataset": {"name": "x", "images": {"items": [{"id": "{Image}"}]}}},
            {"dataset": {"name": "x", "group": "{lab}"}},
            {"image": {"id": "{Image}", "annotations": {"items": []}}},
            {"image": {"id": "{Image}", "rois": {"items": []}}},
            {"roi": {"image": {"id": "{Image}"}, "shapes": {"items": [SHAPE]}}},
            {"roi": {"id": "{ROI}", "shapes": {"items": [{"id": "{Shape}"}]}}},
            {"annotation": {"id": "{Annotation}", "value": {"tag": "x"}}},
            {"annotation": {"value": {"tag": "x"}, "targets": {"items": [{"id": "{Image}"}]}}},
            {"link": {"parent": {"id": "{Dataset}"}, "child": {"id": "{Image}"}}},
            {"link": {"parent": {"id": "{Image}"}, "child": {"id": "{Annotation}"}}},
        )
        for dry in (False, True)
    ],
    "deleteGraph": [
        *changing(ids=["{Project}", "{Image}", "{ROI}"]),
        *changing(ids=["{Term}", "{Annotation}"], dryRun=True),
    ],
    "cancelJob": [{"id": "{Job}"}],
    "retryJob": [{"id": "{Job}"}],
    "createUser": changing(username="x", password="a long password"),
    "updateUser": changing(id="{owner}", firstName="x"),
    "setPassword": changing(user="{owner}", password="a long password"),
    "setRole": changing(user="{stranger}", role="ADMINISTRATOR"),
    "deleteUser": changing(id="{owner}"),
    "openAdministration": changing(minutes=5),
    "createGroup": changing(name="x"),
    "updateGroup": changing(id="{lab}", level="READ_WRITE"),
    "deleteGroup": changing(id="{lab}"),
    "addMember": changing(group="{lab}", user="{stranger}"),
    "setLeader": changing(group="{outside}", user="{stranger}"),
    "removeMember": changing(group="{lab}", user="{owner}"),
    "setDefaultGroup": changing(group="{lab}", user="{owner}"),
    "giveGrant": [
        *changing(target="{Project}", user="{stranger}"),
        *changing(target="{Image}", link=True),
    ],
    "revokeGrant": changing(id="{Grant}"),
    "share": changing(objects=["{Project}"], users=["{stranger}"]),
    "extendShare": changing(id="{Share}", expiresAt=None),
    "closeShare": changing(id="{Share}"),
    "changeMembers": changing(
        changes=[{"group": "{lab}", "user": "{stranger}", "place": "LEADER"}]
    ),
    "setSetting": changing(key=SECRET, value="x"),
    "removeSetting": changing(key=SECRET),
    "revokeToken": changing(id="{Token}"),
    "closeSession": changing(id="{Session}"),
    "closeSessions": changing(user="{owner}"),
    "updateSession": changing(id="{Session}", group="{lab}"),
    "undo": [*changing(commandId="{Command}"), *changing()],
    "redo": [*changing(commandId="{Command}"), *changing()],
}  # fmt: skip
# What anybody signed in may do without touching others' objects.
OWN = {"createToken", "registerOperation"}
SUBSCRIPTIONS: dict[str, list[dict[str, Any]]] = {
    "jobProgress": [{"id": "{Job}"}],
    "imageImported": [{"dataset": "{Dataset}"}, {"project": "{Project}"}],
    "roiChanged": [{"image": "{Image}"}],
}
WATCHED_ELSEWHERE = {"changes"}  # is silent for strangers: tests/api/test_events.py


def filled(value: Any, ids: dict[str, str]) -> Any:
    """Put the owner's ids in the place of ``{Noun}``."""
    if isinstance(value, dict):
        return {name: filled(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, ids) for one in value]
    if isinstance(value, str) and value.startswith("{"):
        return ids[value.strip("{}")]
    return value


def names_of(owned: Owned) -> dict[str, str]:
    """Return the ids that tries refer to."""
    people = {name: owned.user(name) for name in ("owner", "stranger")}
    groups = {name: owned.group(name) for name in ("lab", "outside")}
    unseen = {noun: encode_id(noun, 999_999) for noun in ("Session", "Script")}
    unseen["RegisteredOperation"] = encode_id("RegisteredOperation", 999_999)
    unseen["Dataset2"] = encode_id("Dataset", 999_999)
    return owned.ids | people | groups | unseen


def selection(kind: Any, depth: int = 3) -> str:
    """Return a selection of everything plain within some levels of a type."""
    named = get_named_type(kind)
    if isinstance(named, GraphQLScalarType | GraphQLEnumType):
        return ""
    if isinstance(named, GraphQLUnionType):
        inside = " ... on Error { code message }" if named.name.endswith("Result") else ""
        return f"{{ __typename{inside} }}"
    parts = ["__typename"]
    assert isinstance(named, GraphQLObjectType | GraphQLInterfaceType)
    for name, field in named.fields.items():
        if any(is_required_argument(one) for one in field.args.values()):
            continue
        inner = selection(field.type, depth - 1) if depth > 1 else ""
        if inner or isinstance(get_named_type(field.type), GraphQLScalarType | GraphQLEnumType):
            first = "(first: 2)" if "first" in field.args else ""
            parts.append(f"{name}{first} {inner}")
    return "{ " + " ".join(parts) + " }"


def document(root: str, name: str, field: GraphQLField, given: dict[str, Any], depth: int) -> str:
    """Return an operation that asks one root field for everything plain."""
    types = {one: str(field.args[one].type) for one in given}
    variables = ", ".join(f"${one}: {kind}" for one, kind in types.items())
    arguments = ", ".join(f"{one}: ${one}" for one in given)
    head = f"{root}({variables})" if given else root
    call = f"{name}({arguments})" if given else name
    return f"{head} {{ answer: {call} {selection(field.type, depth)} }}"


def fields_of(root: GraphQLObjectType | None) -> dict[str, GraphQLField]:
    assert root is not None
    return root.fields


def test_every_root_field_is_tried() -> None:
    assert fields_of(SCHEMA.query_type).keys() == QUERIES.keys()
    assert fields_of(SCHEMA.mutation_type).keys() == MUTATIONS.keys() | OWN
    subscriptions = fields_of(SCHEMA.subscription_type).keys()
    assert subscriptions == SUBSCRIPTIONS.keys() | WATCHED_ELSEWHERE


@pytest.mark.parametrize("who", ["stranger", None])
async def test_no_query_shows_anything_of_others(owned: Owned, who: str | None) -> None:
    ids = names_of(owned)
    hidden = set(owned.ids.values())
    shown = []
    for name, tries in QUERIES.items():
        field = fields_of(SCHEMA.query_type)[name]
        for given in tries:
            variables = filled(given, ids)
            depth = 2 if name in ("node", "nodes", "_entities") else 3
            text = document("query", name, field, given, depth)
            result = await owned.world.execute(who, text, variables)
            answer = json.dumps(result.data, default=str)
            found = [id for id in hidden if f'"{id}"' in answer]
            if SECRET in answer or found:
                shown.append((name, given, answer[:300]))
            if name in EMPTY and result.data is not None:
                assert int(result.data["answer"]["totalCount"]) == 0, name
            if result.errors:
                codes = {(one.extensions or {}).get("code") for one in result.errors}
                assert codes <= REFUSALS, (name, result.errors)
    assert shown == []


@pytest.mark.parametrize("who", ["stranger", None])
async def test_no_mutation_changes_anything_of_others(owned: Owned, who: str | None) -> None:
    ids = names_of(owned)
    before = await owned.world.stored()
    done = []
    for name, tries in MUTATIONS.items():
        field = fields_of(SCHEMA.mutation_type)[name]
        for given in tries:
            text = document("mutation", name, field, given, 1)
            result = await owned.world.execute(who, text, filled(given, ids))
            assert result.errors is None, (name, given, result.errors)
            assert result.data is not None
            if result.data["answer"].get("code") not in REFUSALS:
                done.append((name, given, result.data["answer"]))
    assert done == []
    assert await owned.world.stored() == before


@pytest.mark.parametrize("who", ["stranger", None])
async def test_no_subscription_listens_to_others(owned: Owned, who: str | None) -> None:
    ids = names_of(owned)
    for name, tries in SUBSCRIPTIONS.items():
        field = fields_of(SCHEMA.subscription_type)[name]
        for given in tries:
            text = document("subscription", name, field, given, 1)
            stream = await owned.world.subscribe(who, text, filled(given, ids))
            result = await anext(stream)
            assert result.errors is not None
            assert (result.errors[0].extensions or {})["code"] in REFUSALS, name
            await stream.aclose()
