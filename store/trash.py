"""What may not go into the trash, and what goes along with what does.

Children that only exist inside their parent are not stamped: they vanish because every visibility
rule joins to the live parent. Stamped are rows that another rule would still show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select
from sqlmodel import SQLModel

from store.errors import Conflict
from store.statement import cols, table, word
from store.tables.annotations import Annotation, AnnotationLink
from store.tables.columns import LIVE
from store.tables.containers import Project, ProjectOperation
from store.tables.jobs import Job
from store.tables.ontologies import Ontology, RelationTerm, Term
from store.tables.operations import Operation, OperationSource, Port
from store.tables.people import User
from store.tables.rois import Roi, RoiTerm, RoiTrack, Track

if TYPE_CHECKING:
    from store.unit import Unit

# noun → the rows stamped with it: their table and the column that names the noun.
ALONG: dict[type[SQLModel], tuple[tuple[type[SQLModel], str], ...]] = {
    Annotation: ((AnnotationLink, "annotation_id"),),
    Ontology: ((Term, "ontology_id"),),
    Term: ((RelationTerm, "parent_term_id"), (RelationTerm, "child_term_id")),
    Roi: ((RoiTrack, "roi_id"),),  # its plane in the track is free for another
    Track: ((RoiTrack, "track_id"),),
    Operation: ((Port, "operation_id"), (ProjectOperation, "operation_id")),
    Job: ((User, "job_id"),),
}
_roi, _term, _roi_term, _project = cols(Roi), cols(Term), cols(RoiTerm), cols(Project)
_operation, _job = cols(Operation), cols(Job)


async def refuse(unit: Unit, noun: type[SQLModel], ids: Sequence[int]) -> None:
    """Raise Conflict, naming what stands in the way, if one of these rows may not go."""
    if noun in _REFUSALS:
        await _REFUSALS[noun](unit, ids)


async def along(unit: Unit, noun: type[SQLModel], ids: Sequence[int]) -> None:
    """Stamp what goes along, before the rows themselves: undo then brings parents back first."""
    for child, column in ALONG.get(noun, ()):
        row = cols(child)
        found = await unit.scalars(
            select(row.id).where(unit.members(row[column], ids), row.trashed_by.is_(None))
        )
        if found:
            await unit.stamp(child, found)


async def went_along(
    unit: Unit, noun: type[SQLModel], ids: Iterable[int], commands: set[int]
) -> list[tuple[type[SQLModel], list[int]]]:
    """Return the rows that these commands stamped along with these."""
    found: list[tuple[type[SQLModel], list[int]]] = []
    for child, column in ALONG.get(noun, ()):
        row = cols(child)
        stamped = await unit.scalars(
            select(row.id).where(
                unit.members(row[column], ids), unit.members(row.trashed_by, commands)
            )
        )
        if stamped:
            found.append((child, stamped))
    return found


async def refuse_taken(unit: Unit, noun: type[SQLModel], ids: Sequence[int]) -> None:
    """Raise Conflict if a live row has what one of these trashed ones must have alone.

    The holder is named to whoever may see it.
    """
    row = cols(noun)
    for columns, empty in _unique_while_live(noun):
        holder = table(noun).alias()
        taken = await unit.rows(
            select(row.id, holder.c.id.label("holder"))
            .join(holder, and_(*(holder.c[name] == row[name] for name in columns)))
            .where(
                unit.members(row.id, ids),
                row.trashed_by.is_not(None),
                holder.c.trashed_by.is_(None),
                *(side[name].is_(None) for name in empty for side in (row, holder.c)),
            )
            .order_by(row.id)
            .limit(1)
        )
        if taken:
            await _say_taken(unit, noun, taken[0].id, taken[0].holder)


async def _say_taken(unit: Unit, noun: type[SQLModel], id: int, holder_id: int) -> None:
    name = word(noun)
    seen: Sequence[Any] = await unit.all(noun, cols(noun).id == holder_id)
    by = f"{name} {holder_id}" if seen else f"a {name} you cannot see"
    called = getattr(seen[0], "name", getattr(seen[0], "username", None)) if seen else None
    what = f"The name {called!r} is taken by {by}" if called else f"Its place is taken by {by}"
    raise Conflict(
        f"{name} {id} cannot come back: {what[0].lower()}{what[1:]}. Rename or remove one of them.",
        noun=name, id=id, holder=holder_id if seen else None,
    )  # fmt: skip


@cache
def _unique_while_live(noun: type[SQLModel]) -> list[tuple[list[str], list[str]]]:
    """Return the unique indexes over live rows: their columns, and those that must be null."""
    found = []
    for index in table(noun).indexes:
        where = str(index.dialect_options["sqlite"]["where"])
        if index.unique and LIVE in where:
            empty = [part.removesuffix(" IS NULL") for part in where.split(" AND ")]
            empty.remove("trashed_by")
            found.append(([column.name for column in index.columns], empty))
    return found


async def _reviewed(unit: Unit, ids: Sequence[int]) -> None:
    held = await unit.scalars(
        select(_roi.original_id).where(
            unit.members(_roi.original_id, ids), _roi.trashed_by.is_(None)
        )
    )
    if held:
        raise Conflict(f"ROI {held[0]} has a reviewed copy; reject the review first.")


async def _in_use(unit: Unit, ids: Sequence[int], column: Any, noun: str) -> None:
    held = (
        await unit.rows(
            select(column, _term.name, _roi_term.roi_id)
            .join(table(RoiTerm), _roi_term.term_id == _term.id)
            .join(table(Roi), _roi.id == _roi_term.roi_id)
            .where(
                unit.members(column, ids),
                _term.trashed_by.is_(None),
                _roi_term.trashed_by.is_(None),
                _roi.trashed_by.is_(None),
            )
            .limit(1)
        )
    )[:1]
    for id, name, _roi_id in held:
        raise Conflict(
            f"The term {name!r} labels regions; take it off them before deleting {noun} {id}.",
            noun=noun,
            id=id,
        )


async def _labelling(unit: Unit, ids: Sequence[int]) -> None:
    await _in_use(unit, ids, _term.id, "term")


async def _used(unit: Unit, ids: Sequence[int]) -> None:
    users = await unit.rows(
        select(_project.ontology_id, _project.id).where(
            unit.members(_project.ontology_id, ids), _project.trashed_by.is_(None)
        )
    )
    if users:
        ontology_id = users[0].ontology_id
        raise Conflict(
            f"Ontology {ontology_id} is used by {len(users)} project(s); give them another first.",
            noun="ontology",
            id=ontology_id,
        )
    await _in_use(unit, ids, _term.ontology_id, "ontology")


async def _run(unit: Unit, ids: Sequence[int]) -> None:
    """Operations go only by undoing what added them: while it is the last word on them."""
    superseded = await unit.scalars(
        select(_operation.name).where(
            unit.members(_operation.id, ids),
            _operation.deprecated,
            _operation.source != OperationSource.EXTERNAL.value,
        )
    )
    if superseded:
        raise Conflict(f"{superseded[0]} was deprecated since; undo that first.", noun="operation")
    ran = await unit.rows(
        select(_operation.name, _operation.source, _job.id)
        .join(table(Job), _job.operation_id == _operation.id)
        .where(unit.members(_operation.id, ids))
        .limit(1)
    )
    if ran:
        instead = (
            "deprecate it"
            if ran[0].source == OperationSource.EXTERNAL.value
            else "delete the script"
        )
        raise Conflict(f"Job {ran[0].id} ran {ran[0].name}; {instead} instead.", noun="operation")


_REFUSALS: dict[type[SQLModel], Callable[[Unit, Sequence[int]], Any]] = {
    Roi: _reviewed,
    Term: _labelling,
    Ontology: _used,
    Operation: _run,
}
