"""Saving a graph of objects, and deleting objects of several kinds, in one step of history."""

import dataclasses
import re
from typing import Any

import strawberry

from adapters.graph_plan import ANYTHING, Many, Pairs, Thing, Tie
from resolvers.mutations.annotations import value_of
from resolvers.mutations.base import mutation
from resolvers.mutations.containers import TRASHABLE
from resolvers.mutations.rois import drafts
from schema.context import Info
from schema.graph import (
    LOADERS,
    DeleteGraphInput,
    GraphLinkInput,
    GraphObjectInput,
    GraphReferenceInput,
    GraphShapeInput,
    SavedObject,
    SaveGraphInput,
    SaveGraphPayload,
    SaveOutcome,
)
from schema.nodes import DeletePayload, Impact
from schema.scalars import BigInt, decode_id, encode_id, split_id
from store.errors import Invalid
from store.tables import containers, images, ontologies, rois, screens
from store.tables.annotations import Annotation, AnnotationKind

# kind → its noun in global ids, and its table.
KINDS: dict[str, tuple[str, Any]] = {
    "project": ("Project", containers.Project),
    "dataset": ("Dataset", containers.Dataset),
    "screen": ("Screen", screens.Screen),
    "plate": ("Plate", screens.Plate),
    "image": ("Image", images.Image),
    "roi": ("ROI", rois.Roi),
    "annotation": ("Annotation", Annotation),
}
NOUNS = {table: name for name, table in KINDS.values()}
# What a placeholder may name: besides these, what can be annotated and what a region is of.
NAMED: dict[str, Any] = {
    **dict(KINDS.values()),
    "Acquisition": screens.Acquisition,
    "PlateAcquisition": screens.Acquisition,
    "Well": screens.Well,
    "Ontology": ontologies.Ontology,
}
# A field that names one other object → the nouns it may be of.
SINGLE = {"ontology": "Ontology", "image": "Image", "project": "Project"}
# A collection → the kind of its items.
ITEMS = {f"{kind}s": kind for kind in KINDS}


@strawberry.type
class GraphMutations:
    @mutation
    async def save_graph(self, info: Info, input: SaveGraphInput) -> SaveGraphPayload:
        """Save new and changed objects together, all of them or none, in one step of history.

        An object with nothing but an id or a ref is a placeholder and keeps what is stored; so does
        a collection that is null or left out; one that is `filtered` only gains."""
        try:
            graph = [_object(one, f"objects[{n}]") for n, one in enumerate(input.objects)]
            saved, command = await info.context.hub.graph.save(graph, dry_run=input.dry_run)
        except Invalid as error:
            raise Invalid(camel(error.field), error.reason) from error
        return SaveGraphPayload(
            saved=[_saved(one, dry_run=input.dry_run) for one in saved],
            dry_run=input.dry_run,
            command_id=None if command is None else strawberry.ID(encode_id("Command", command)),
        )

    @mutation
    async def delete_graph(self, info: Info, input: DeleteGraphInput) -> DeletePayload:
        """Move objects of any kinds to the trash in one step of history, or only count them."""
        objects = []
        for place, id in enumerate(input.ids):
            noun, number = split_id(id, f"ids[{place}]")
            if noun not in TRASHABLE:
                raise Invalid(f"ids[{place}]", f"{noun} is not one of {', '.join(TRASHABLE)}.")
            objects.append((TRASHABLE[noun], number))
        impact, command = await info.context.hub.graph.delete(objects, dry_run=input.dry_run)
        return DeletePayload(
            deleted_ids=input.ids,
            dry_run=input.dry_run,
            impact=[
                Impact(noun=name, count=BigInt(count), unreadable=BigInt(impact.unreadable))
                for name, count in impact.counts.items()
            ],
            command_id=None if command is None else strawberry.ID(encode_id("Command", command)),
        )


def camel(path: str) -> str:
    """Return the place of a field as the schema spells it."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), path)


def _saved(one: Any, *, dry_run: bool) -> SavedObject:
    noun = NOUNS[one.noun]
    unseen = dry_run and one.outcome == "created"
    return SavedObject(
        path=one.path,
        ref=one.ref,
        outcome=SaveOutcome(one.outcome),
        id=None if unseen else strawberry.ID(encode_id(noun, one.id)),
        loader=LOADERS[noun],
        key=one.id,
    )


def _sent(input: Any) -> dict[str, Any]:
    """Return the fields of an input that were sent."""
    found = {one.name: getattr(input, one.name) for one in dataclasses.fields(input)}
    return {name: value for name, value in found.items() if value is not strawberry.UNSET}


def _object(input: GraphObjectInput, path: str) -> Thing | Tie:
    ((kind, content),) = _sent(input).items()  # the schema lets exactly one through
    return _tie(content, path) if kind == "link" else _thing(kind, content, path)


def _tie(input: GraphLinkInput, path: str) -> Tie:
    parent = _reference(input.parent, f"{path}.parent", *NAMED)
    return Tie(path, parent, _reference(input.child, f"{path}.child", *NAMED))


def _reference(input: GraphReferenceInput, path: str, *nouns: str) -> Thing:
    """Return a placeholder; one by `ref` may be of any noun if several are allowed."""
    sent = _sent(input)
    if sent.get("id") is not None:
        noun, number = split_id(sent["id"], f"{path}.id")
        if noun not in nouns:
            wanted = " or ".join(dict.fromkeys(nouns))
            raise Invalid(f"{path}.id", f"expected the id of a {wanted}, found one of a {noun}.")
        return Thing(NAMED[noun], path, id=number)
    table = NAMED[nouns[0]] if len(nouns) == 1 else ANYTHING
    return Thing(table, path, ref=_ref(sent.get("ref"), path))


def _ref(ref: str | None, path: str) -> str | None:
    if ref is not None and not 0 < len(ref) <= 100:
        raise Invalid(f"{path}.ref", "must have 1 to 100 characters.")
    return ref


def _thing(kind: str, input: Any, path: str) -> Thing:
    """Return one object with everything inside it."""
    noun, table = KINDS[kind]
    sent = _sent(input)
    id, group = sent.pop("id", None), sent.pop("group", None)
    ref, version = sent.pop("ref", None), sent.pop("version", None)
    one = {
        name: None if sent[name] is None else _reference(sent.pop(name), f"{path}.{name}", target)
        for name, target in SINGLE.items()
        if name in sent
    }
    many, fields = {}, {}
    for name, value in sent.items():
        if name in one:
            continue
        if name in ITEMS or name in ("shapes", "terms", "targets", "pairs"):
            if value is None:
                continue
            if name == "pairs":
                pairs = tuple((pair.key, pair.value) for pair in value.items)
                fields[name] = Pairs(pairs, value.filtered)
            else:
                many[name] = _many(name, value, f"{path}.{name}")
        else:
            fields |= _field(name, value, path)
    return Thing(
        table,
        path,
        id=None if id is None else decode_id(id, noun, field=f"{path}.id"),
        ref=_ref(ref, path),
        version=version,
        group_id=None if group is None else decode_id(group, "Group", field=f"{path}.group"),
        fields=fields,
        one=one,
        many=many,
    )


def _field(name: str, value: Any, path: str) -> dict[str, Any]:
    """Return a plain field by the service's name."""
    if name == "value":
        if value is None:
            return {}
        try:
            kind, content = value_of(value)
        except Invalid as error:
            raise Invalid(f"{path}.{error.field}", error.reason) from error
        return {name: (AnnotationKind[kind.name], content)}
    if name == "extra" and value is not None and not isinstance(value, dict):
        raise Invalid(f"{path}.extra", "must be an object.")
    return {"ns" if name == "namespace" else name: getattr(value, "value", value)}


def _many(name: str, input: Any, path: str) -> Many:
    return Many(
        tuple(_item(name, item, f"{path}[{place}]") for place, item in enumerate(input.items)),
        input.filtered,
    )


def _item(name: str, item: Any, path: str) -> Thing:
    if name == "terms":
        return Thing(ontologies.Term, path, id=decode_id(item, "Term", field=path))
    if name == "targets":
        return _reference(item, path, *NAMED)
    if name == "shapes":
        return _shape(item, path)
    return _thing(ITEMS[name], item, path)


def _shape(item: GraphShapeInput, path: str) -> Thing:
    """Return a shape to draw, or a placeholder for one if nothing but its id is given."""
    id = item.id if item.id is not strawberry.UNSET else None
    number = None if id is None else decode_id(id, "Shape", field=f"{path}.id")
    if number is not None and item == GraphShapeInput(id=item.id):
        return Thing(rois.Shape, path, id=number)
    try:
        (draft,) = drafts([item])
    except Invalid as error:
        field = error.field.removeprefix("shapes[0].")
        raise Invalid(f"{path}.{field}", error.reason) from error
    return Thing(rois.Shape, path, id=number, fields={"draft": draft})
