"""Ontologies and their terms, and what is done to them."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.containers import shared
from schema.context import Info
from schema.filters import MomentFilter, TextFilter
from schema.nodes import Node, Owned
from schema.paging import OrderDirection
from schema.scalars import Color, DateTime
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.containers import Project


@strawberry.enum(description="How two terms are related.")
class TermRelation(Enum):
    PARENT = strawberry.enum_value(21, description="The first is above the second.")
    SYNONYM = strawberry.enum_value(22, description="Both mean the same.")


@strawberry.enum(description="What ontologies may be ordered by.")
class OntologyOrderField(Enum):
    NAME = strawberry.enum_value("NAME", description="Their name; upper and lower case are alike.")
    CREATED = strawberry.enum_value("CREATED", description="When they came into being.")
    ID = strawberry.enum_value("ID", description="Their number, which grows with time.")


@strawberry.input(description="How to order ontologies.")
class OntologyOrder:
    field: OntologyOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


@strawberry.input(description="Which ontologies; all that is given must hold.")
class OntologyWhere:
    name: TextFilter | None = strawberry.field(default=None, description="Tests on the name.")
    description: TextFilter | None = strawberry.field(
        default=None, description="Tests on the description."
    )
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they came into being."
    )
    owner: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="Of this group.")
    and_: list["OntologyWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["OntologyWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "OntologyWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.input(description="Which terms; all that is given must hold.")
class TermWhere:
    name: TextFilter | None = strawberry.field(default=None, description="Tests on the name.")
    comment: TextFilter | None = strawberry.field(
        default=None, description="Tests on what they mean."
    )
    ontology: strawberry.ID | None = strawberry.field(default=None, description="Of this ontology.")
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they came into being."
    )
    and_: list["TermWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["TermWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "TermWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.federation.type(keys=["id"], description="A vocabulary that regions are labelled with.")
class Ontology(Owned):
    name: str = strawberry.field(description="What it is called; unique in its group.")
    description: str | None = strawberry.field(description="What it is for.")

    @classmethod
    def of(cls, row: Any, can: Can) -> "Ontology":
        """Show a row."""
        return cls(**shared(row, can), name=row.name, description=row.description)

    @strawberry.field(description="Its terms, by name; `parents` and `children` make the tree.")
    async def terms(self, info: Info) -> list["Term"]:
        found: list[Term] = await info.context.loaders.terms_of_ontology.load(self.key)
        return found

    @strawberry.field(description="The terms that have no parent.")
    async def roots(self, info: Info) -> list["Term"]:
        terms: list[Term] = await info.context.loaders.terms_of_ontology.load(self.key)
        relations = await info.context.loaders.relations_of_term.load_many(
            [term.key for term in terms]
        )
        return [
            term
            for term, related in zip(terms, relations, strict=True)
            if not any(_is_parent(row) and row.child_term_id == term.key for row in related)
        ]


@strawberry.federation.type(keys=["id"], description="A word of an ontology, with a colour.")
class Term(Node):
    ontology_key: strawberry.Private[int]
    name: str = strawberry.field(description="What it is called; unique in its ontology.")
    color: Color = strawberry.field(description="The colour its regions are shown in.")
    comment: str | None = strawberry.field(description="What it means.")
    created_at: DateTime = strawberry.field(description="When it came into being.")
    version: int = strawberry.field(
        description="Grows with each change; send it back to change only what you have seen."
    )

    @classmethod
    def of(cls, row: Any) -> "Term":
        """Show a row."""
        return cls(
            key=row.id,
            ontology_key=row.ontology_id,
            name=row.name,
            color=Color(row.color),
            comment=row.comment,
            created_at=DateTime(row.created_at),
            version=row.version,
        )

    @strawberry.field(description="The ontology it is a word of.")
    async def ontology(self, info: Info) -> Ontology | None:
        found: Ontology | None = await info.context.loaders.ontology_by_id.load(self.ontology_key)
        return found

    @strawberry.field(description="The terms above it.")
    async def parents(self, info: Info) -> list["Term"]:
        related = await info.context.loaders.relations_of_term.load(self.key)
        return await _terms(
            info,
            [r.parent_term_id for r in related if _is_parent(r) and r.child_term_id == self.key],
        )

    @strawberry.field(description="The terms below it.")
    async def children(self, info: Info) -> list["Term"]:
        related = await info.context.loaders.relations_of_term.load(self.key)
        return await _terms(
            info,
            [r.child_term_id for r in related if _is_parent(r) and r.parent_term_id == self.key],
        )

    @strawberry.field(description="The terms that mean the same.")
    async def synonyms(self, info: Info) -> list["Term"]:
        related = [
            row
            for row in await info.context.loaders.relations_of_term.load(self.key)
            if not _is_parent(row)
        ]
        ends = {row.parent_term_id for row in related} | {row.child_term_id for row in related}
        return await _terms(info, sorted(ends - {self.key}))


def _is_parent(relation: Any) -> bool:
    return bool(relation.relation == TermRelation.PARENT.value)


async def _terms(info: Info, ids: list[int]) -> list[Term]:
    found = await info.context.loaders.term_by_id.load_many(ids)
    return [term for term in found if term is not None]


@strawberry.input(description="A term of a new ontology.")
class NewTermInput:
    name: str = strawberry.field(description="What to call it.")
    color: Color = strawberry.field(default=Color(-1), description="Its colour; white if left out.")
    comment: str | None = strawberry.field(default=None, description="What it means.")
    parent: str | None = strawberry.field(
        default=None, description="The name of a term before it in this list, to put it below."
    )


@strawberry.input(description="A new ontology.")
class CreateOntologyInput:
    name: str = strawberry.field(description="What to call it; unique in its group.")
    description: str | None = strawberry.field(default=None, description="What it is for.")
    group: strawberry.ID | None = strawberry.field(
        default=None, description="The group it belongs to; your default group if left out."
    )
    terms: list[NewTermInput] = strawberry.field(
        default_factory=list, description="Its first terms, parents before children."
    )


@strawberry.input(description="What to change of an ontology.")
class UpdateOntologyInput:
    id: strawberry.ID = strawberry.field(description="The ontology.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new description; null removes it."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="A new term.")
class CreateTermInput:
    ontology: strawberry.ID = strawberry.field(description="The ontology to add it to.")
    name: str = strawberry.field(description="What to call it; unique in the ontology.")
    color: Color = strawberry.field(default=Color(-1), description="Its colour; white if left out.")
    comment: str | None = strawberry.field(default=None, description="What it means.")
    parent: strawberry.ID | None = strawberry.field(
        default=None, description="The term to put it below."
    )


@strawberry.input(description="What to change of a term.")
class UpdateTermInput:
    id: strawberry.ID = strawberry.field(description="The term.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    color: Color | None = strawberry.field(default=strawberry.UNSET, description="Its new colour.")
    comment: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it means; null removes it."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="Two terms of one ontology.")
class RelateTermsInput:
    parent: strawberry.ID = strawberry.field(description="The upper term, or the first of two.")
    child: strawberry.ID = strawberry.field(description="The lower term, or the second.")
    relation: TermRelation = strawberry.field(
        default=TermRelation.PARENT, description="How they are related."
    )


@strawberry.input(description="The ontology of a project.")
class UseOntologyInput:
    project: strawberry.ID = strawberry.field(description="The project.")
    ontology: strawberry.ID | None = strawberry.field(
        default=None, description="The ontology; null for none."
    )


@strawberry.type(description="The new or changed ontology.")
class OntologyPayload:
    ontology: Ontology = strawberry.field(description="As it is now.")


@strawberry.type(description="The new or changed term.")
class TermPayload:
    term: Term = strawberry.field(description="As it is now.")


@strawberry.type(description="Two terms that were related, or are no longer.")
class RelateTermsPayload:
    changed: int = strawberry.field(description="Relations that are there or were cut.")
    parent: Term = strawberry.field(description="The upper term.")
    child: Term = strawberry.field(description="The lower term.")


@strawberry.type(description="The project with its ontology.")
class UseOntologyPayload:
    project: Annotated["Project", strawberry.lazy("schema.containers")] = strawberry.field(
        description="As it is now."
    )
