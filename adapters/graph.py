"""Saving a graph of new and changed objects as one act, and deleting objects of several nouns.

Everything happens in one unit of work: one command, undone as a whole, and any refusal stores
nothing. What each part of a graph means is in `adapters.graph_plan`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import SQLModel

from adapters.containers import count_below
from adapters.graph_plan import Plan, Thing, Tie
from adapters.graph_shapes import draw
from adapters.graph_work import Saved, Saving
from store.catalog import Catalog
from store.errors import Invalid, TooLarge
from store.statement import word
from store.tables.annotations import Annotation
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.ontologies import Ontology, Term
from store.tables.rois import Roi
from store.tables.screens import Acquisition, Plate, Screen, Well, WellSample
from store.unit import Impact, Unit

MOST_DELETED = 10_000

# What lies inside others goes first, while it can still be seen and judged.
DELETED: tuple[type[SQLModel], ...] = (
    Roi, WellSample, Well, Acquisition, Annotation, Image, Plate, Dataset, Project, Screen, Term,
    Ontology,
)  # fmt: skip


class Graph:
    """Verbs on many objects at once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def save(
        self, graph: Sequence[Thing | Tie], *, dry_run: bool = False
    ) -> tuple[list[Saved], int | None]:
        """Save a graph; return what became of each object, and the command's id, if there is one.

        Raises Invalid, NotFound, Forbidden or Conflict, each naming the place in the graph; then
        nothing is stored. With `dry_run` nothing is stored either way.
        """
        plan = Plan.of(graph)
        if not plan.objects and not plan.ties:
            raise Invalid("objects", "there is nothing to save.")
        drawn = await draw(self._catalog, plan)

        async def work(unit: Unit) -> tuple[list[Saved], int | None]:
            # Made anew here, because a unit that collided with another is run again.
            saved = await Saving(unit, plan, drawn).run()
            unit.journal.summary = _summary(saved, len(plan.ties))
            return saved, unit.journal.command_id

        if dry_run:
            saved, _ = await self._catalog.rehearse("save_graph", work)
            return saved, None
        return await self._catalog.write("save_graph", work)

    async def delete(
        self, objects: Sequence[tuple[type[SQLModel], int]], *, dry_run: bool = False
    ) -> tuple[Impact, int | None]:
        """Move objects of several nouns to the trash; return what goes and the command's id.

        Raises NotFound, Forbidden or Conflict for the first that may not go; then none does.
        """
        wanted = list(dict.fromkeys(objects))
        if not wanted:
            raise Invalid("ids", "name at least one object.")
        if len(wanted) > MOST_DELETED:
            raise TooLarge(f"A list of {len(wanted)} objects", MOST_DELETED, "objects")
        by_noun = {noun: [id for one, id in wanted if one is noun] for noun in DELETED}

        async def work(unit: Unit) -> tuple[Impact, int | None]:
            unit.journal.summary = f"delete {len(wanted)} objects"
            impact = Impact()
            for noun, ids in by_noun.items():
                if ids:
                    await unit.trash(noun, ids)
                    impact.count(noun, len(ids))
                    await count_below(unit, noun, ids, impact)
            return impact, unit.journal.command_id

        if dry_run:
            impact, _ = await self._catalog.rehearse("delete_graph", work)
            return impact, None
        return await self._catalog.write("delete_graph", work)


def _summary(saved: Sequence[Saved], ties: int) -> str:
    """Return a line for the history: how many of what were made and changed."""
    parts = []
    for outcome in ("created", "changed"):
        counts: dict[str, int] = {}
        for one in saved:
            if one.outcome == outcome:
                counts[word(one.noun)] = counts.get(word(one.noun), 0) + 1
        parts += [f"{outcome} {count} {noun}" for noun, count in counts.items()]
    if ties:
        parts.append(f"linked {ties}")
    return f"save: {', '.join(parts) or 'nothing new'}"
