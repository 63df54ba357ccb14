"""Ontologies through GraphQL: vocabularies, their trees, and projects that use them."""

from __future__ import annotations

from typing import Any

import pytest

from schema.scalars import encode_id
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

TREE = """query($id: ID!) { ontology(id: $id) { name description owner { username }
  permissions { canEdit } roots { name } terms { id name color comment
    parents { name } children { name } synonyms { name } ontology { name } } } }"""
TERMS = [
    {"name": "Mitosis", "color": "#FF00FF"},
    {"name": "Metaphase", "parent": "Mitosis", "comment": "In line."},
    {"name": "Anaphase", "parent": "Mitosis"},
]


@pytest.fixture
async def made(hub_world: HubWorld) -> str:
    """An ontology of the owner's with a tree of three terms."""
    answer = await hub_world.mutate(
        "owner", "createOntology", {"name": "Cycle", "description": "Phases", "terms": TERMS},
        "ontology { id }",
    )  # fmt: skip
    return str(answer["ontology"]["id"])


async def terms(hub_world: HubWorld, id: str) -> dict[str, dict[str, Any]]:
    found = (await hub_world.graphql("owner", TREE, {"id": id}))["ontology"]["terms"]
    return {term["name"]: term for term in found}


async def test_a_tree_is_read_from_its_roots(hub_world: HubWorld, made: str) -> None:
    found = (await hub_world.graphql("annotator", TREE, {"id": made}))["ontology"]
    assert (found["name"], found["description"]) == ("Cycle", "Phases")
    assert (found["owner"], found["permissions"]) == ({"username": "owner"}, {"canEdit": False})
    assert found["roots"] == [{"name": "Mitosis"}]
    by_name = {term["name"]: term for term in found["terms"]}
    assert list(by_name) == ["Anaphase", "Metaphase", "Mitosis"]
    assert by_name["Mitosis"]["color"] == "#FF00FFFF"
    assert by_name["Mitosis"]["children"] == [{"name": "Metaphase"}, {"name": "Anaphase"}]
    assert by_name["Metaphase"]["parents"] == [{"name": "Mitosis"}]
    assert by_name["Metaphase"]["comment"] == "In line."
    hidden = await hub_world.execute("stranger", TREE, {"id": made})
    assert hidden.data == {"ontology": None}


async def test_terms_are_made_changed_related_and_deleted(hub_world: HubWorld, made: str) -> None:
    before = await terms(hub_world, made)
    new = {
        "ontology": made,
        "name": "Telophase",
        "color": "#102030",
        "parent": before["Mitosis"]["id"],
    }
    seen = "term { id name color version parents { name } }"
    telophase = (await hub_world.mutate("owner", "createTerm", new, seen))["term"]
    assert telophase["parents"] == [{"name": "Mitosis"}]
    taken = await hub_world.mutate(
        "owner", "createTerm", {"ontology": made, "name": "METAPHASE"}, seen
    )
    assert taken["code"] == "conflict"
    changed = await hub_world.mutate(
        "owner", "updateTerm",
        {"id": telophase["id"], "name": "Cytokinesis", "color": "#FFFFFF00", "version": 1}, seen,
    )  # fmt: skip
    assert changed["term"]["color"] == "#FFFFFF00"
    pair = {"parent": telophase["id"], "child": before["Anaphase"]["id"]}
    related = await hub_world.mutate(
        "owner",
        "relateTerms",
        {**pair, "relation": "SYNONYM"},
        "changed child { synonyms { name } }",
    )
    assert related == {"changed": 1, "child": {"synonyms": [{"name": "Cytokinesis"}]}}
    circle = {"parent": telophase["id"], "child": before["Mitosis"]["id"]}
    refused = await hub_world.mutate("owner", "relateTerms", circle, "changed")
    assert refused["code"] == "conflict"
    cut = await hub_world.mutate(
        "owner",
        "unrelateTerms",
        {**pair, "relation": "SYNONYM"},
        "changed child { synonyms { name } }",
    )
    assert cut == {"changed": 1, "child": {"synonyms": []}}
    forbidden = await hub_world.mutate(
        "annotator", "delete", {"ids": [telophase["id"]]}, "deletedIds"
    )
    assert forbidden["code"] == "forbidden"
    await hub_world.mutate("owner", "delete", {"ids": [telophase["id"]]}, "deletedIds")
    assert set(await terms(hub_world, made)) == set(before)
    await hub_world.mutate("owner", "restore", {"ids": [telophase["id"]]}, "restored")
    assert (await terms(hub_world, made))["Cytokinesis"]["parents"] == [{"name": "Mitosis"}]


async def test_a_project_uses_an_ontology_which_then_stays(hub_world: HubWorld, made: str) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    use = {"project": encode_id("Project", project.id), "ontology": made}
    used = await hub_world.mutate("owner", "useOntology", use, "project { ontology { name } }")
    assert used == {"project": {"ontology": {"name": "Cycle"}}}
    kept = await hub_world.mutate("owner", "delete", {"ids": [made]}, "deletedIds")
    assert kept["code"] == "conflict"
    use["ontology"] = None  # type: ignore[assignment]  # null takes it away
    await hub_world.mutate("owner", "useOntology", use, "project { id }")
    gone = await hub_world.mutate("owner", "delete", {"ids": [made]}, "deletedIds")
    assert gone["deletedIds"] == [made]


async def test_ontologies_are_listed_by_name_and_renamed(hub_world: HubWorld, made: str) -> None:
    await hub_world.mutate("owner", "createOntology", {"name": "anatomy"}, "ontology { id }")
    query = "query($w: OntologyWhere) { ontologies(where: $w) { totalCount nodes { name } } }"
    shown = (await hub_world.graphql("owner", query))["ontologies"]
    assert shown == {"totalCount": 2, "nodes": [{"name": "anatomy"}, {"name": "Cycle"}]}
    found = await hub_world.graphql("owner", query, {"w": {"name": {"contains": "CYC"}}})
    assert found["ontologies"]["totalCount"] == 1
    assert (await hub_world.graphql("stranger", query))["ontologies"]["totalCount"] == 0
    seen = "ontology { name description version }"
    taken = await hub_world.mutate("owner", "updateOntology", {"id": made, "name": "Anatomy"}, seen)
    assert taken["code"] == "conflict"
    changed = await hub_world.mutate(
        "owner", "updateOntology", {"id": made, "description": None, "version": 1}, seen
    )
    assert changed["ontology"] == {"name": "Cycle", "description": None, "version": 2}


async def test_trees_of_many_ontologies_cost_the_same(hub_world: HubWorld, made: str) -> None:
    query = """{ ontologies(first: 20) { nodes { permissions { canEdit } roots { name }
      terms { parents { name } children { name } } } } }"""

    async def count() -> int:
        with statements(hub_world.database) as sent:
            await hub_world.graphql("owner", query)
        return len(sent)

    few = await count()
    for n in range(5):
        await hub_world.mutate(
            "owner", "createOntology", {"name": f"More {n}", "terms": TERMS}, "ontology { id }"
        )
    assert await count() == few
