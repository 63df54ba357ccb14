"""Filters of every list: what lies in what, what it is made of, what it carries, nested tests."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.jobs.catalogue import write_operations
from adapters.jobs.service import Reference, Request
from adapters.screens import NewField
from schema.scalars import encode_id
from store.tables.annotations import AnnotationKind
from store.tables.images import Image
from store.tables.screens import Screen
from tests.fixtures.hub_world import HubWorld, code_of

WHERE = {
    "images": "ImageWhere", "datasets": "ContainerWhere", "projects": "ContainerWhere",
    "plates": "ContainerWhere", "screens": "ContainerWhere", "rois": "RoiWhere",
    "wells": "WellWhere", "acquisitions": "AcquisitionWhere", "wellSamples": "WellSampleWhere",
    "terms": "TermWhere", "jobs": "JobWhere", "groups": "GroupWhere", "history": "CommandWhere",
    "labelSets": "ResultWhere", "tables": "ResultWhere", "annotations": "AnnotationWhere",
    "users": "UserWhere", "ontologies": "OntologyWhere",
}  # fmt: skip


class Scene:
    """Two projects, three images, a plate in a screen, regions, terms, a job."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world
        self.ids: dict[str, str] = {}

    def keep(self, name: str, noun: str, id: int) -> int:
        self.ids[name] = encode_id(noun, id)
        return id

    async def make(self) -> Scene:
        world, owner, keep = self.world, self.world.people["owner"], self.keep
        await write_operations(world.system())
        one = keep("project", "Project", (await world.project(owner, "one")).id)
        await world.project(owner, "two")
        first = keep("first", "Dataset", (await world.dataset(owner, "first", into=one)).id)
        await world.dataset(owner, "second")
        small = await world.picture("owner", dataset_id=first, name="small")
        keep("small", "Image", small.id)
        large = await world.image(owner, "large", size=(1, 2, 5, 4000, 6000), into=first)
        keep("large", "Image", large.id)
        free = keep("free", "Image", (await world.image(owner, "free")).id)
        hub = await world.hub("owner")
        screen = keep("screen", "Screen", (await hub.containers.create(Screen, name="s")).id)
        plate = await hub.screens.create_plate(name="plate", screen_id=screen)
        keep("plate", "Plate", plate.id)
        run = await hub.screens.create_acquisition(plate.id, name="run 1", max_fields=3)
        keep("run", "Acquisition", run.id)
        hub = await world.hub("owner")
        fields = await hub.screens.add_fields(
            plate.id,
            [NewField(0, 0, large.id, acquisition_id=run.id), NewField(2, 3, free)],
        )
        a1, c4 = [row.well_id for row in await hub.screens.fields(fields) if row is not None]
        keep("A1", "Well", a1), keep("C4", "Well", c4)
        keep("sample", "WellSample", fields[0])
        await hub.screens.update_well(c4, type="Control")
        await hub.annotations.create(
            AnnotationKind.LONG, 4, ns="rating", targets=[("image", large.id), ("well", c4)]
        )
        await hub.annotations.create(
            AnnotationKind.MAP, [("dose", "5 nM")], targets=[("image", free), ("dataset", first)]
        )
        job = await hub.jobs.submit(
            Request("filter.gaussian", {"sigma": 1.0}, {"image": Reference("image", small.id)})
        )
        keep("job", "Job", job.id)
        for name, shape in {
            "box": {"rectangle": {"x": 1, "y": 1, "width": 10, "height": 10}},
            "dot": {"point": {"x": 3, "y": 3}, "text": "nucleus"},
        }.items():
            input = {"image": self.ids["large"], "shapes": [shape], "name": name}
            made = await world.mutate("owner", "createRoi", input, "roi { id }")
            self.ids[name] = made["roi"]["id"]
        return self

    async def found(self, field: str, who: str = "annotator", **where: Any) -> list[str]:
        """Return names, or else ids by their names here, of what a filter finds."""
        kind = WHERE[field]
        query = f"""query($where: {kind}) {{ it: {field}(where: $where) {{
          totalCount nodes {{ id }} }} }}"""
        answer = (await self.world.graphql(who, query, {"where": where}))["it"]
        assert answer["totalCount"] == len(answer["nodes"])
        names = {id: name for name, id in self.ids.items()}
        return sorted(names.get(one["id"], "?") for one in answer["nodes"])


@pytest.fixture
async def scene(hub_world: HubWorld) -> Scene:
    return await Scene(hub_world).make()


async def test_images_by_where_they_lie(scene: Scene) -> None:
    ids = scene.ids
    assert await scene.found("images", project=ids["project"]) == ["large", "small"]
    assert await scene.found("images", dataset=ids["first"]) == ["large", "small"]
    assert await scene.found("images", screen=ids["screen"]) == ["free", "large"]
    assert await scene.found("images", plate=ids["plate"]) == ["free", "large"]
    assert await scene.found("images", acquisition=ids["run"]) == ["large"]
    assert await scene.found("images", well=ids["C4"]) == ["free"]
    assert await scene.found("images", plate=ids["plate"], project=ids["project"]) == ["large"]


async def test_images_by_what_they_are_made_of(scene: Scene) -> None:
    assert await scene.found("images", pixels={"sizeX": {"gt": 5000}}) == ["large"]
    assert await scene.found("images", pixels={"type": {"eq": "uint16"}}) == ["small"]
    assert await scene.found("images", pixels={"sizeZ": {"lte": 4}, "rgb": False}) == [
        "free", "small",
    ]  # fmt: skip
    assert await scene.found("images", format={"contains": "TIFF"}) == ["small"]
    hub = await scene.world.hub("owner")
    (channels,) = (await hub.images.channels([_number(scene, "small")])).values()
    await hub.images.update_channel(channels[0].id, name="DAPI", emission_nm=461.0)
    assert await scene.found("images", channel={"name": {"eq": "DAPI"}}) == ["small"]
    wrong = {"name": {"eq": "DAPI"}, "emissionNm": {"gt": 500}}
    assert await scene.found("images", channel=wrong) == []


def _number(scene: Scene, name: str) -> int:
    from schema.scalars import split_id

    return split_id(scene.ids[name])[1]


async def test_objects_by_what_they_carry(scene: Scene) -> None:
    rated = {"namespace": {"eq": "rating"}, "whole": {"gte": 4}}
    assert await scene.found("images", annotations=rated) == ["large"]
    assert await scene.found("images", annotations={"pair": {"key": "dose"}}) == ["free"]
    assert await scene.found("datasets", annotations={"kinds": ["MAP"]}) == ["first"]
    assert await scene.found("wells", annotations=rated) == ["C4"]
    either = {"or": [{"annotations": rated}, {"pixels": {"type": {"eq": "uint16"}}}]}
    assert await scene.found("images", **either) == ["large", "small"]
    assert await scene.found("images", **{"not": {"annotations": rated}}) == ["free", "small"]


async def test_containers_by_parent_and_child(scene: Scene) -> None:
    ids = scene.ids
    assert await scene.found("datasets", inside=ids["project"]) == ["first"]
    assert await scene.found("projects", holds=ids["first"]) == ["project"]
    assert await scene.found("datasets", holds=ids["large"]) == ["first"]
    assert await scene.found("plates", inside=ids["screen"]) == ["plate"]
    assert await scene.found("screens", holds=ids["plate"]) == ["screen"]
    query = "query($id: ID) { projects(where: {inside: $id}) { nodes { id } } }"
    result = await scene.world.execute("owner", query, {"id": ids["screen"]})
    assert code_of(result) == "invalid"


async def test_wells_fields_and_runs(scene: Scene) -> None:
    ids = scene.ids
    assert await scene.found("wells", plate=ids["plate"], row={"gte": 1}) == ["C4"]
    assert await scene.found("wells", type={"contains": "cont"}) == ["C4"]
    assert await scene.found("wells", image=ids["large"]) == ["A1"]
    assert await scene.found("wellSamples", acquisition=ids["run"]) == ["sample"]
    assert await scene.found("wellSamples", plate=ids["plate"], image=ids["large"]) == ["sample"]
    assert await scene.found("wellSamples", well=ids["A1"], position={"eq": 0}) == ["sample"]
    assert await scene.found("acquisitions", plate=ids["plate"], maxFields={"gt": 2}) == ["run"]
    assert await scene.found("acquisitions", name={"startsWith": "RUN"}) == ["run"]
    query = """query($id: ID!) { plate(id: $id) { wells(where: {column: {eq: 3}}) {
      totalCount nodes { label } } } }"""
    plate = (await scene.world.graphql("owner", query, {"id": ids["plate"]}))["plate"]
    assert plate["wells"] == {"totalCount": 1, "nodes": [{"label": "C4"}]}


async def test_regions_by_their_shapes_and_their_images(scene: Scene) -> None:
    ids = scene.ids
    assert await scene.found("rois", shape={"area": {"gte": 100}}) == ["box"]
    assert await scene.found("rois", shape={"kinds": ["POINT"]}) == ["dot"]
    assert await scene.found("rois", shape={"text": {"contains": "NUCLEUS"}}) == ["dot"]
    assert await scene.found("rois", dataset=ids["first"]) == ["box", "dot"]
    hub = await scene.world.hub("owner")
    target = [("roi", _number(scene, "dot"))]
    await hub.annotations.create(AnnotationKind.COMMENT, "x", ns="seen", targets=target)
    assert await scene.found("rois", annotations={"namespace": {"eq": "seen"}}) == ["dot"]


async def test_jobs_terms_groups_and_commands(scene: Scene) -> None:
    ids = scene.ids
    assert await scene.found("jobs", reads=ids["small"]) == ["job"]
    assert await scene.found("jobs", reads=ids["large"]) == []
    assert await scene.found("jobs", made=ids["small"]) == []
    gaussian = {"operation": {"startsWith": "filter."}, "states": ["QUEUED", "RUNNING"]}
    assert await scene.found("jobs", **gaussian) == ["job"]
    assert await scene.found("jobs", **{"not": gaussian}) == []
    ontology = await scene.world.mutate(
        "owner", "createOntology",
        {"name": "cells", "terms": [{"name": "tumour"}, {"name": "stroma"}]},
        "ontology { id terms { id name } }",
    )  # fmt: skip
    for term in ontology["ontology"]["terms"]:
        scene.ids[term["name"]] = term["id"]
    inside = {"ontology": ontology["ontology"]["id"]}
    assert await scene.found("terms", **inside) == ["stroma", "tumour"]
    assert await scene.found("terms", name={"contains": "TUM"}) == ["tumour"]
    scene.ids["lab"] = encode_id("Group", scene.world.groups["lab"])
    scene.ids["vault"] = encode_id("Group", scene.world.groups["vault"])
    either = {"or": [{"name": {"eq": "lab"}}, {"name": {"eq": "vault"}}]}
    assert await scene.found("groups", **either) == ["lab", "vault"]
    verbs = {"or": [{"verb": {"eq": "update_well"}}, {"verb": {"eq": "submit_job"}}]}
    assert len(await scene.found("history", "owner", **verbs)) == 2


async def test_results_of_jobs_are_lists_of_their_own(scene: Scene) -> None:
    assert await scene.found("labelSets", image=scene.ids["small"]) == []
    assert await scene.found("tables", madeBy=scene.ids["job"]) == []


async def test_a_filter_tells_nothing_of_what_one_may_not_see(scene: Scene) -> None:
    world, ids = scene.world, scene.ids
    await world.grant("read", "image", _number(scene, "large"), world.people["stranger"])
    assert await scene.found("images", "stranger") == ["large"]
    for where in (
        {"project": ids["project"]}, {"dataset": ids["first"]}, {"plate": ids["plate"]},
        {"screen": ids["screen"]}, {"acquisition": ids["run"]}, {"well": ids["A1"]},
    ):  # fmt: skip
        assert await scene.found("images", "stranger", **where) == [], where
    assert await scene.found("rois", "stranger", dataset=ids["first"]) == []
    hub = await world.hub("owner")
    await hub.containers.delete(Image, [_number(scene, "free")])
    assert await scene.found("wells", image=ids["free"]) == []
