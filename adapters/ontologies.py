"""Ontologies: vocabularies of coloured terms, and the relations between their terms.

An ontology is written by its owner, by whoever oversees its group, and by managers of projects that
use it. A term on a live region stays: deleting it would take the label off what others drew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, or_, select
from sqlmodel import SQLModel

from adapters.annotations import group_for
from adapters.containers import checked_name
from adapters.filters import Filter, compiled
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Invalid, NotFound
from store.paging import Keyset, Page
from store.statement import cols
from store.tables.columns import name_key
from store.tables.containers import Project
from store.tables.ontologies import PARENT, SYNONYM, Ontology, RelationTerm, Term
from store.unit import Unit, word

_ontology, _term, _relation = cols(Ontology), cols(Term), cols(RelationTerm)


class Ontologies:
    """Verbs on ontologies, terms and their relations."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def get(self, id: int) -> Ontology:
        """Return one ontology. Raises NotFound."""
        return await self._catalog.one(Ontology, id)

    async def many(self, ids: Sequence[int]) -> dict[int, Ontology]:
        """Return the visible ones of these ontologies by id, in one statement."""
        return await self._many(Ontology, ids)

    async def terms(self, ids: Sequence[int]) -> dict[int, Term]:
        """Return the visible ones of these terms by id, in one statement."""
        return await self._many(Term, ids)

    async def _many(self, noun: Any, ids: Sequence[int]) -> dict[int, Any]:
        found = await self._catalog.by_ids(noun, ids)
        return {id: one for id, one in zip(ids, found, strict=True) if one is not None}

    async def capabilities(self, rows: Sequence[Ontology]) -> list[Can]:
        """Return what the actor may do to each ontology, in one statement."""
        return await self._catalog.capabilities(Ontology, rows)

    async def page(self, keyset: Keyset, where: Filter | None = None) -> Page[Ontology]:
        """Return one page of ontologies."""
        return await self._catalog.page(Ontology, self._list(where), keyset)

    async def count(self, where: Filter | None = None) -> int:
        """Count ontologies under a filter."""
        return await self._catalog.count(self._list(where))

    def _list(self, where: Filter | None) -> Select[Any]:
        return self._catalog.select(Ontology).where(compiled(where, _ontology))

    async def terms_of(self, ontology_ids: Sequence[int]) -> dict[int, list[Term]]:
        """Return the terms of ontologies found visible before, by name; one statement."""
        gathered: dict[int, list[Term]] = {id: [] for id in ontology_ids}
        for row in await self._catalog.all(
            Term,
            self._catalog.select(Term)
            .where(self._catalog.members(_term.ontology_id, set(ontology_ids)))
            .order_by(_term.name_key, _term.id),
            settled=("term",),
        ):
            gathered[row.ontology_id].append(row)
        return gathered

    async def projects_of(self, ontology_ids: Sequence[int]) -> dict[int, list[Project]]:
        """Return the projects that use each ontology, those the actor sees; one statement."""
        found = await self._catalog.grouped(
            Project, "ontology_id", ontology_ids,
            order=(cols(Project).name_key, cols(Project).id),
        )  # fmt: skip
        return dict(zip(ontology_ids, found, strict=True))

    async def all(self) -> Sequence[Ontology]:
        """Return all ontologies the actor sees, by id."""
        return await self._catalog.all(
            Ontology, self._catalog.select(Ontology).order_by(_ontology.id)
        )

    async def all_terms(self) -> Sequence[Term]:
        """Return the terms of all ontologies the actor sees, by id."""
        return await self._catalog.all(Term, self._catalog.select(Term).order_by(_term.id))

    async def relation_of(
        self, parent_id: int, child_id: int, relation: int = PARENT
    ) -> RelationTerm:
        """Return the relation of two terms. Raises NotFound."""
        found = await self._catalog.all(
            RelationTerm,
            self._catalog.select(RelationTerm).where(
                _relation.parent_term_id == parent_id,
                _relation.child_term_id == child_id,
                _relation.relation == relation,
            ),
        )
        if not found:
            raise NotFound("relation of terms", f"{parent_id}, {child_id}")
        return found[0]

    async def relations_of(self, term_ids: Sequence[int]) -> dict[int, list[RelationTerm]]:
        """Return the relations on either side of terms found visible before; one statement."""
        gathered: dict[int, list[RelationTerm]] = {id: [] for id in term_ids}
        wanted = set(term_ids)
        for row in await self._catalog.all(
            RelationTerm,
            self._catalog.select(RelationTerm)
            .where(
                or_(
                    self._catalog.members(_relation.parent_term_id, wanted),
                    self._catalog.members(_relation.child_term_id, wanted),
                )
            )
            .order_by(_relation.id),
            settled=("relation_term",),
        ):
            for id in {row.parent_term_id, row.child_term_id} & wanted:
                gathered[id].append(row)
        return gathered

    # writing

    async def create(
        self,
        name: str,
        *,
        description: str | None = None,
        group_id: int | None = None,
        terms: Sequence[Mapping[str, Any]] = (),
    ) -> Ontology:
        """Make an ontology, with terms if any are given (name, color, comment, parent's name).

        Raises Conflict for a name that is taken in the group, or twice among the terms.
        """
        title = checked_name(name)
        ready = [_new_term(term) for term in terms]

        async def work(unit: Unit) -> Ontology:
            unit.journal.summary = f"create ontology {title}"
            group = group_for(unit, group_id)
            await _free(unit, Ontology, title, _ontology.group_id == group)
            row = await unit.add(
                Ontology(
                    name=title, description=description, group_id=group,
                    owner_id=unit.actor.author_id,
                )
            )  # fmt: skip
            made: dict[str, int] = {}
            for term in ready:
                parent = term.pop("parent", None)
                if parent is not None and name_key(parent) not in made:
                    raise Invalid("terms", f"the parent {parent!r} must come before its children.")
                stored = await self._add_term(unit, row.id, term)
                made[stored.name_key] = stored.id
                if parent is not None:
                    await _relate(unit, made[name_key(parent)], stored.id, PARENT)
            return row

        return await self._catalog.write("create_ontology", work)

    async def update(self, id: int, *, expected: int | None = None, **fields: Any) -> Ontology:
        """Change name or description. Raises Conflict for a taken name or a stale version."""
        after = _checked(fields, ("name", "description", "description_html"), "an ontology")

        async def work(unit: Unit) -> Ontology:
            unit.journal.summary = f"change ontology {id}"
            if "name" in after:
                row = await unit.one(Ontology, id)
                await _free(
                    unit, Ontology, after["name"], _ontology.group_id == row.group_id, but=id
                )
            return await unit.change(Ontology, id, expected=expected, **after)

        return await self._catalog.write("update_ontology", work)

    async def create_term(
        self,
        ontology_id: int,
        name: str,
        *,
        color: int = -1,
        comment: str | None = None,
        parent_id: int | None = None,
    ) -> Term:
        """Add a term, below another if one is named. Raises Conflict for a taken name."""
        values = _new_term({"name": name, "color": color, "comment": comment})

        async def work(unit: Unit) -> Term:
            unit.journal.summary = f"create term {values['name']}"
            await unit.one(Ontology, ontology_id, can=Can.EDIT)
            row = await self._add_term(unit, ontology_id, values)
            if parent_id is not None:
                await self._same_ontology(unit, parent_id, row.id)
                await _relate(unit, parent_id, row.id, PARENT)
            return row

        return await self._catalog.write("create_term", work)

    async def _add_term(self, unit: Unit, ontology_id: int, values: Mapping[str, Any]) -> Term:
        await _free(unit, Term, values["name"], _term.ontology_id == ontology_id)
        term = Term(ontology_id=ontology_id, **values)
        return await unit.add(term)

    async def update_term(self, id: int, *, expected: int | None = None, **fields: Any) -> Term:
        """Change name, colour or comment. Raises Conflict for a taken name or a stale version."""
        after = _checked(fields, ("name", "color", "comment"), "a term")

        async def work(unit: Unit) -> Term:
            unit.journal.summary = f"change term {id}"
            if "name" in after:
                row = await unit.one(Term, id)
                await _free(unit, Term, after["name"], _term.ontology_id == row.ontology_id, but=id)
            return await unit.change(Term, id, expected=expected, **after)

        return await self._catalog.write("update_term", work)

    async def relate(
        self, parent_id: int, child_id: int, relation: int = PARENT, *, anew: bool = False
    ) -> RelationTerm:
        """Put a term below (21) or beside (22) another; a relation that exists is returned.

        Raises Invalid for terms of two ontologies, Conflict for a circle, and with `anew` for a
        relation that is there.
        """
        if relation not in (PARENT, SYNONYM):
            raise Invalid("relation", f"must be {PARENT} (parent) or {SYNONYM} (synonym).")

        async def work(unit: Unit) -> RelationTerm:
            unit.journal.summary = f"relate terms {parent_id} and {child_id}"
            await self._same_ontology(unit, parent_id, child_id)
            if anew:
                await _refuse_double(unit, parent_id, child_id, relation)
            return await _relate(unit, parent_id, child_id, relation)

        return await self._catalog.write("relate_terms", work)

    async def unrelate(self, parent_id: int, child_id: int, relation: int = PARENT) -> int:
        """Cut the relation of two terms; return how many went."""

        async def work(unit: Unit) -> int:
            unit.journal.summary = f"unrelate terms {parent_id} and {child_id}"
            await self._same_ontology(unit, parent_id, child_id)
            found = await unit.all(
                RelationTerm,
                _relation.parent_term_id == parent_id,
                _relation.child_term_id == child_id,
                _relation.relation == relation,
            )
            if found:
                await unit.trash(RelationTerm, [row.id for row in found])
            return len(found)

        return await self._catalog.write("unrelate_terms", work)

    async def _same_ontology(self, unit: Unit, parent_id: int, child_id: int) -> None:
        parent, child = await unit.one(Term, parent_id), await unit.one(Term, child_id)
        if parent.ontology_id != child.ontology_id:
            raise Invalid("child", "the two terms are of different ontologies.")
        await unit.require(Term, parent, Can.EDIT)

    async def use(
        self, project_id: int, ontology_id: int | None, *, expected: int | None = None
    ) -> Project:
        """Give a project its ontology, or none."""

        async def work(unit: Unit) -> Project:
            if ontology_id is not None:
                await unit.one(Ontology, ontology_id)
            unit.journal.summary = f"ontology of project {project_id}"
            return await unit.change(
                Project, project_id, expected=expected, ontology_id=ontology_id
            )

        return await self._catalog.write("use_ontology", work)


async def _refuse_double(unit: Unit, parent_id: int, child_id: int, relation: int) -> None:
    if await unit.all(
        RelationTerm,
        _relation.parent_term_id == parent_id,
        _relation.child_term_id == child_id,
        _relation.relation == relation,
    ):
        raise Conflict(
            f"Terms {parent_id} and {child_id} are related so already.", noun="relation_term"
        )


async def _relate(unit: Unit, parent_id: int, child_id: int, relation: int) -> RelationTerm:
    if parent_id == child_id:
        raise Invalid("child", "a term cannot be related to itself.")
    known = await unit.all(
        RelationTerm,
        _relation.parent_term_id == parent_id,
        _relation.child_term_id == child_id,
        _relation.relation == relation,
    )
    if known:
        return known[0]
    if relation == PARENT:
        await _refuse_circle(unit, parent_id, child_id)
    return await unit.add(
        RelationTerm(
            parent_term_id=parent_id, child_term_id=child_id, relation=relation,
            owner_id=unit.actor.author_id,
        )
    )  # fmt: skip


async def _refuse_circle(unit: Unit, parent_id: int, child_id: int) -> None:
    """Raise Conflict if the child is above the parent already; one statement per level."""
    level, seen = {parent_id}, {parent_id}
    while level:
        above = await unit.scalars(
            select(_relation.parent_term_id).where(
                unit.members(_relation.child_term_id, level),
                _relation.relation == PARENT,
                _relation.trashed_by.is_(None),
            )
        )
        if child_id in above:
            raise Conflict(
                f"Term {child_id} is above term {parent_id}; it cannot be below it as well.",
                noun="term",
                id=child_id,
            )
        level = set(above) - seen
        seen |= level


async def _free(
    unit: Unit, noun: type[SQLModel], name: str, where: Any, *, but: int | None = None
) -> None:
    """Raise Conflict, naming the holder, if a name is taken; the index guards the rest."""
    row = cols(noun)
    held = await unit.scalars(
        select(row.id).where(row.name_key == name_key(name), row.trashed_by.is_(None), where)
    )
    if any(id != but for id in held):
        raise Conflict(
            f"There is already {word(noun)} {held[0]} named {name!r}; choose another name.",
            noun=word(noun),
            id=held[0],
        )


def _checked(fields: Mapping[str, Any], known: Sequence[str], what: str) -> dict[str, Any]:
    for field in fields:
        if field not in known:
            raise Invalid(field, f"{what} has no such field to set.")
    after = dict(fields)
    if "name" in after:
        after["name"] = checked_name(after["name"] or "")
    if "color" in after:
        after["color"] = _color(after["color"])
    return after


def _color(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**31) <= value < 2**31:
        raise Invalid("color", "must be a signed 32-bit colour.")
    return value


def _new_term(term: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "name": checked_name(term.get("name") or ""),
        "color": _color(term.get("color", -1)),
        "comment": term.get("comment"),
    }
    return made | ({"parent": term["parent"]} if term.get("parent") is not None else {})
