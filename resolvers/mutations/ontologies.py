"""Changing ontologies, terms and their relations."""

import dataclasses

import strawberry

from resolvers.mutations.base import mutation
from resolvers.mutations.containers import changes, group_of
from schema.containers import Project
from schema.context import Info
from schema.ontologies import (
    CreateOntologyInput,
    CreateTermInput,
    Ontology,
    OntologyPayload,
    RelateTermsInput,
    RelateTermsPayload,
    Term,
    TermPayload,
    UpdateOntologyInput,
    UpdateTermInput,
    UseOntologyInput,
    UseOntologyPayload,
)
from schema.scalars import decode_id


@strawberry.type
class OntologyMutations:
    @mutation
    async def create_ontology(self, info: Info, input: CreateOntologyInput) -> OntologyPayload:
        """Make an ontology, with its first terms if any are given."""
        row = await info.context.hub.ontologies.create(
            input.name,
            description=input.description,
            group_id=group_of(input.group),
            terms=[dataclasses.asdict(term) for term in input.terms],
        )
        return await _ontology(info, row)

    @mutation
    async def update_ontology(self, info: Info, input: UpdateOntologyInput) -> OntologyPayload:
        """Change an ontology; fields left out stay."""
        row = await info.context.hub.ontologies.update(
            decode_id(input.id, "Ontology"), expected=input.version, **changes(input)
        )
        return await _ontology(info, row)

    @mutation
    async def create_term(self, info: Info, input: CreateTermInput) -> TermPayload:
        """Add a term to an ontology."""
        row = await info.context.hub.ontologies.create_term(
            decode_id(input.ontology, "Ontology", field="ontology"),
            input.name,
            color=input.color,
            comment=input.comment,
            parent_id=None if input.parent is None else _term(input.parent, "parent"),
        )
        return TermPayload(term=Term.of(row))

    @mutation
    async def update_term(self, info: Info, input: UpdateTermInput) -> TermPayload:
        """Change a term; fields left out stay."""
        row = await info.context.hub.ontologies.update_term(
            decode_id(input.id, "Term"), expected=input.version, **changes(input)
        )
        return TermPayload(term=Term.of(row))

    @mutation
    async def relate_terms(self, info: Info, input: RelateTermsInput) -> RelateTermsPayload:
        """Put a term below another of its ontology, or beside it."""
        parent, child = _term(input.parent, "parent"), _term(input.child, "child")
        await info.context.hub.ontologies.relate(parent, child, input.relation.value)
        return await _related(info, parent, child, 1)

    @mutation
    async def unrelate_terms(self, info: Info, input: RelateTermsInput) -> RelateTermsPayload:
        """Cut a relation of two terms; both stay."""
        parent, child = _term(input.parent, "parent"), _term(input.child, "child")
        cut = await info.context.hub.ontologies.unrelate(parent, child, input.relation.value)
        return await _related(info, parent, child, cut)

    @mutation
    async def use_ontology(self, info: Info, input: UseOntologyInput) -> UseOntologyPayload:
        """Say which ontology the regions of a project are labelled with."""
        hub = info.context.hub
        row = await hub.ontologies.use(
            decode_id(input.project, "Project", field="project"),
            None if input.ontology is None else decode_id(input.ontology, "Ontology"),
        )
        return UseOntologyPayload(project=Project.of(row, hub.actor.can(row)))


def _term(id: strawberry.ID, field: str) -> int:
    return decode_id(id, "Term", field=field)


async def _ontology(info: Info, row: object) -> OntologyPayload:
    (can,) = await info.context.hub.ontologies.capabilities([row])
    return OntologyPayload(ontology=Ontology.of(row, can))


async def _related(info: Info, parent: int, child: int, changed: int) -> RelateTermsPayload:
    terms = await info.context.hub.ontologies.terms([parent, child])
    return RelateTermsPayload(
        changed=changed, parent=Term.of(terms[parent]), child=Term.of(terms[child])
    )
