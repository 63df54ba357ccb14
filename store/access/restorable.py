"""What an actor would find in the trash and may take out again: visibility without liveness.

Kept apart from `store.access.visible`, which never shows what is trashed. What lies inside
something is listed only while that still lives: restoring the parent brings the rest back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import ColumnElement, false, or_, select
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.access.visible import LABELLED, own
from store.actor import Actor
from store.statement import table
from store.tables.annotations import Annotation
from store.tables.images import Image
from store.tables.ontologies import Ontology, Term
from store.tables.rois import Roi
from store.tables.screens import Acquisition, Plate, Well, WellSample

if TYPE_CHECKING:
    from store.engine import Database

Criterion: TypeAlias = ColumnElement[bool]
Rule: TypeAlias = Callable[[Any, Actor, "Database", Can], Iterator[Criterion]]


def restorable(noun: type[SQLModel], row: Any, actor: Actor, database: Database) -> list[Criterion]:
    """Return the predicates that a row of a noun is trashed and the actor may restore it."""
    if actor.read_only or noun not in RULES:
        return [false()]
    return [row.trashed_by.is_not(None), *RULES[noun](row, actor, database, Can.DELETE)]


def _labelled(row: Any, actor: Actor, database: Database, needed: Can) -> Iterator[Criterion]:
    if not actor.sees_all:
        worth = [label for label, can in actor.labels.items() if can & needed]
        yield or_(database.members(row.label_id, worth), own(row, actor))


def _owned(row: Any, actor: Actor, database: Database, needed: Can) -> Iterator[Criterion]:
    if not actor.sees_all:
        groups = [group for group in actor.groups if actor.in_group(group) & needed]
        yield or_(row.group_id.in_(groups), own(row, actor))


def _roi(row: Any, actor: Actor, database: Database, needed: Can) -> Iterator[Criterion]:
    """A region of a live image: one's own while the image may be seen, or any one may change."""
    image = table(Image).alias()
    seen = select(image.c.id).where(
        image.c.trashed_by.is_(None), *_labelled(image.c, actor, database, Can.READ)
    )
    yield row.image_id.in_(seen)
    if actor.sees_all:
        return
    editable = [label for label, can in actor.labels.items() if can & Can.EDIT]
    changed = select(image.c.id).where(database.members(image.c.label_id, editable))
    mine = [] if actor.user_id is None else [row.owner_id == actor.user_id]
    mine += [] if actor.user_id is None else [row.author_id == actor.user_id]
    yield or_(row.image_id.in_(changed), *mine)


def _inside(column: str, parent: type[SQLModel]) -> Rule:
    """A row inside a live parent is restored by whoever may edit that."""

    def rule(row: Any, actor: Actor, database: Database, needed: Can) -> Iterator[Criterion]:
        above = table(parent).alias()
        yield row[column].in_(
            select(above.c.id).where(
                above.c.trashed_by.is_(None), *RULES[parent](above.c, actor, database, Can.EDIT)
            )
        )

    return rule


RULES: dict[type[SQLModel], Rule] = {
    **dict.fromkeys(LABELLED.values(), _labelled),
    Roi: _roi,
    Annotation: _owned,
    Ontology: _owned,
    Term: _inside("ontology_id", Ontology),
    Acquisition: _inside("plate_id", Plate),
    Well: _inside("plate_id", Plate),
    WellSample: _inside("well_id", Well),
}
