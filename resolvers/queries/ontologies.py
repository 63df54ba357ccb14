"""Reading ontologies, terms and relations."""

from collections.abc import Mapping
from typing import Any

import strawberry

from adapters.filters import Condition, Filter
from resolvers.filters import tree
from resolvers.loaders import relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from resolvers.queries.containers import named
from schema.context import Info
from schema.ontologies import (
    Ontology,
    OntologyOrder,
    OntologyOrderField,
    OntologyWhere,
    Term,
    TermWhere,
)
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import decode_id
from store.paging import OrderKey, Page
from store.tables import ontologies

ONTOLOGIES = Ordering(
    {
        OntologyOrderField.NAME: OrderKey("name_key", str),
        OntologyOrderField.CREATED: OrderKey("created_at", int),
        OntologyOrderField.ID: OrderKey("id", int),
    },
    default=(OrderKey("name_key", str),),
)


TERMS = Ordering({}, default=(OrderKey("name_key", str),))


def ontology_filter(where: OntologyWhere | None) -> Filter | None:
    """Return the filter tree of an `OntologyWhere`."""
    return tree(
        where,
        {
            "owner": lambda id: Condition("owner_id", "eq", decode_id(id, "User", field="owner")),
            "group": lambda id: Condition("group_id", "eq", decode_id(id, "Group", field="group")),
        },
    )


@relation(node=Ontology)
async def ontology_by_id(hub: Any, keys: list[int]) -> Mapping[int, Ontology]:
    rows = list((await hub.ontologies.many(keys)).values())
    allowed = await hub.ontologies.capabilities(rows)
    return {row.id: Ontology.of(row, can) for row, can in zip(rows, allowed, strict=True)}


@relation(node=Term)
async def term_by_id(hub: Any, keys: list[int]) -> Mapping[int, Term]:
    return {id: Term.of(row) for id, row in (await hub.ontologies.terms(keys)).items()}


@relation(missing=list)
async def terms_of_ontology(hub: Any, keys: list[int]) -> Mapping[int, list[Term]]:
    found = await hub.ontologies.terms_of(keys)
    return {id: [Term.of(row) for row in rows] for id, rows in found.items()}


@relation(missing=list)
async def relations_of_term(hub: Any, keys: list[int]) -> Mapping[int, list[Any]]:
    found: Mapping[int, list[Any]] = await hub.ontologies.relations_of(keys)
    return found


async def seen(hub: Any, page: Page[Any]) -> Page[Any]:
    """Return the page with each row beside what the actor may do to it."""
    rows = list(zip(page.rows, await hub.ontologies.capabilities(page.rows), strict=True))
    return Page(
        rows, page.has_next, page.has_previous, page.keyset, lambda pair: page.position_of(pair[0])
    )


@strawberry.type
class OntologyQueries:
    @strawberry.field(description="One ontology.")
    async def ontology(self, info: Info, id: strawberry.ID) -> Ontology | None:
        return await one(info, id, Ontology)

    @strawberry.field(description="One term.")
    async def term(self, info: Info, id: strawberry.ID) -> Term | None:
        return await one(info, id, Term)

    @strawberry.field(description="The terms of all ontologies you may see, by name.")
    async def terms(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: TermWhere | None = None,
    ) -> Connection[Term]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), TERMS.by(None))
        ontology = named(hub, ontologies.Ontology, "Ontology", "ontology_id", "ontology")
        narrowed = tree(where, {"ontology": ontology})
        return connection(
            await hub.containers.page(ontologies.Term, keyset, narrowed),
            Term.of,
            lambda: hub.containers.count(ontologies.Term, narrowed),
        )

    @strawberry.field(description="The ontologies you may see.")
    async def ontologies(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: OntologyWhere | None = None,
        order_by: list[OntologyOrder] | None = None,
    ) -> Connection[Ontology]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), ONTOLOGIES.by(order_by))
        narrowed = ontology_filter(where)
        found = await hub.ontologies.page(keyset, narrowed)
        return connection(
            await seen(hub, found),
            lambda pair: Ontology.of(*pair),
            lambda: hub.ontologies.count(narrowed),
        )
