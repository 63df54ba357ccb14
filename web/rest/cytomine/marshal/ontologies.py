"""Ontologies, terms and relations as such clients know them, the tree of terms included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.colors import hexadecimal, unpack
from store.tables.ontologies import PARENT, SYNONYM
from web.rest.cytomine.domains import domain
from web.rest.cytomine.marshal.projects import project
from web.rest.cytomine.marshal.users import common

RELATIONS = {PARENT: "parent", SYNONYM: "synonym"}
DEEPEST = 100  # levels; beyond, terms stand beside each other, since no reader nests without end


def colour(value: int) -> str:
    """Write a colour as ``#rrggbb``; the opacity is not known there."""
    return hexadecimal(unpack(value))


def ontology(
    row: Any,
    terms: Sequence[Any],
    relations: Mapping[int, Sequence[Any]],
    projects: Sequence[Any],
) -> dict[str, Any]:
    """Write an ontology with its tree; `relations` are those of each term."""
    written = common("Ontology", row.id, row.created_at, row.updated_at)
    return written | {
        "name": row.name,
        "user": row.owner_id,
        "title": row.name,
        "attr": {"id": row.id, "type": written["class"]},
        "data": row.name,
        "isFolder": True,
        "key": row.id,
        "hideCheckbox": True,
        "state": "open",
        "projects": [project(one, row.name, None) for one in projects],
        "children": tree(terms, relations),
    }


def light(row: Any) -> dict[str, Any]:
    """Write id and name."""
    return {"id": row.id, "name": row.name}


def tree(terms: Sequence[Any], relations: Mapping[int, Sequence[Any]]) -> list[dict[str, Any]]:
    """Write terms nested, by name: each below its parent, or first parent."""
    listed = sorted(terms, key=lambda one: (one.name_key, one.id))
    nodes = {one.id: _node(one) for one in listed}
    below: dict[int | None, list[int]] = {}
    for one in listed:
        parent = parent_of(one.id, relations)
        below.setdefault(parent if parent in nodes else None, []).append(one.id)
    roots = [nodes[id] for id in below.get(None, [])]
    level: list[tuple[int, int]] = [(id, id) for id in below.get(None, [])]
    depth = 1
    while level:  # `holder` is the term itself, or the deepest above it that may hold more
        following = []
        for id, holder in level:
            for child in below.get(id, []):
                nodes[holder]["children"].append(nodes[child])
                nodes[holder]["isFolder"] = True
                following.append((child, child if depth < DEEPEST else holder))
        level, depth = following, depth + 1
    return roots


def parent_of(id: int, relations: Mapping[int, Sequence[Any]]) -> int | None:
    """Return the first parent of a term."""
    for one in relations.get(id, ()):
        if one.relation == PARENT and one.child_term_id == id:
            found: int = one.parent_term_id
            return found
    return None


def _node(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "text": row.name,
        "title": row.name,
        "data": row.name,
        "class": domain("Term").java,
        "attr": {"id": row.id, "type": domain("Term").java},
        "color": colour(row.color),
        "checked": False,
        "key": row.id,
        "isFolder": False,
        "hideCheckbox": False,
        "children": [],
    }


def term(row: Any, parent: int | None) -> dict[str, Any]:
    """Write a term."""
    return common("Term", row.id, row.created_at, row.updated_at) | {
        "name": row.name,
        "comment": row.comment,
        "ontology": row.ontology_id,
        "color": colour(row.color),
        "parent": parent,
    }


def relation(id: int) -> dict[str, Any]:
    """Write a relation; the two are built in."""
    return common("Relation", id, None) | {"name": RELATIONS[id]}


def relation_term(row: Any) -> dict[str, Any]:
    """Write that two terms are related."""
    return common("RelationTerm", row.id, row.created_at) | {
        "relation": row.relation,
        "term1": row.parent_term_id,
        "term2": row.child_term_id,
    }


def annotation_term(row: Any, roi: Any, project_id: int | None) -> dict[str, Any]:
    """Write a term on an annotation: as a person gave it, or with a classifier's verdict."""
    kind = "AnnotationTerm" if row.rate is None else "AlgoAnnotationTerm"
    written = common(kind, row.id, row.created_at) | {
        "userannotation": row.roi_id,
        "term": row.term_id,
        "user": row.author_id,
    }
    if row.rate is None:
        return written
    drawn = "AlgoAnnotation" if roi.kind == "algo" else "UserAnnotation"
    return written | {
        "annotation": row.roi_id,
        "annotationIdent": row.roi_id,
        "annotationClassName": domain(drawn).java,
        "expectedTerm": row.expected_term_id,
        "rate": row.rate,
        "project": project_id,
    }
