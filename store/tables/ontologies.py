"""Ontologies: trees of coloured terms that ROIs are labelled with."""

from __future__ import annotations

from sqlmodel import Field

from store.tables.columns import Described, Link, Named, Owned, Row, live_unique

PARENT, SYNONYM = 21, 22  # the two relations; they have no table, their numbers are fixed ids


class Ontology(Described, Named, Owned, table=True):
    """A vocabulary of a group, used by any number of projects."""

    __tablename__ = "ontology"
    __table_args__ = (live_unique("group_id", "name_key"),)


class Term(Named, Row, table=True):
    """A word of an ontology, with a colour (signed 32-bit RGBA)."""

    __tablename__ = "term"
    __table_args__ = (live_unique("ontology_id", "name_key"),)

    ontology_id: int = Field(foreign_key="ontology.id")
    comment: str | None = None
    color: int = -1


class RelationTerm(Link, table=True):
    """A term below (21) or beside (22) another."""

    __tablename__ = "relation_term"
    __table_args__ = (live_unique("parent_term_id", "child_term_id", "relation"),)

    relation: int = PARENT
    parent_term_id: int = Field(foreign_key="term.id")
    child_term_id: int = Field(foreign_key="term.id")
