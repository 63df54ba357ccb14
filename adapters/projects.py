"""Projects as studies: made with their members, deleted with their content, and what they hold.

`Containers` keeps projects as containers; here they have members, an ontology and rules for what is
drawn in them. A project made here has a name that is taken once among those its maker can read,
though the table allows doubles: other doors make them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select

from adapters.containers import checked_fields, checked_name
from adapters.counts import Counts
from adapters.layers import represent
from adapters.members import Standing, admit, humans, managed, set_members
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Forbidden, Invalid
from store.statement import cols, table
from store.tables.annotations import AnnotationLink
from store.tables.columns import name_key
from store.tables.containers import (
    Dataset,
    Placement,
    PlacementState,
    Project,
    ProjectDataset,
    ProjectOperation,
)
from store.tables.history import Command
from store.tables.images import Image
from store.tables.ontologies import Ontology, Term
from store.tables.people import USER_GROUP
from store.tables.rois import Roi, RoiKind, RoiTerm
from store.unit import Impact, Unit

_project, _roi, _placement = cols(Project), cols(Roi), cols(Placement)
_term, _roi_term, _command = cols(Term), cols(RoiTerm), cols(Command)
_link, _operation = cols(AnnotationLink), cols(ProjectOperation)
_image, _project_dataset = cols(Image), cols(ProjectDataset)
SETTINGS = ("mode", "closed", "blind", "downloadable", "hide_members", "hide_managers")


@dataclass(slots=True)
class Figures:
    """How much a project holds for the actor: images, and regions by their kind."""

    images: int = 0
    regions: dict[str, int] = field(default_factory=dict)

    def of(self, kind: RoiKind) -> int:
        """Return the number of regions of a kind."""
        return self.regions.get(kind.value, 0)


@dataclass(frozen=True, slots=True)
class Deleted:
    """A project as it was, what went with it, and the command; None when only rehearsed."""

    project: Project
    impact: Impact
    command_id: int | None


class Projects:
    """Verbs on projects as studies."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def all(self, *where: Any) -> Sequence[Project]:
        """Return every project that the actor sees and that meets conditions, the newest first."""
        statement = self._catalog.select(Project).where(*where).order_by(_project.id.desc())
        return await self._catalog.all(Project, statement)

    async def by_ids(self, ids: Sequence[int]) -> list[Project]:
        """Return those of these projects that the actor sees, in their order."""
        found = await self._catalog.by_ids(Project, ids)
        return [one for one in found if one is not None]

    async def using(self, ontology_id: int) -> Sequence[Project]:
        """Return the projects that use an ontology. Raises NotFound for one not to be seen."""
        await self._catalog.one(Ontology, ontology_id)
        return await self.all(_project.ontology_id == ontology_id)

    async def offering(self, operation_id: int) -> Sequence[Project]:
        """Return the projects that offer an operation."""
        offered = select(_operation.project_id).where(
            _operation.operation_id == operation_id, _operation.trashed_by.is_(None)
        )
        return await self.all(_project.id.in_(offered))

    async def figures(self, ids: Sequence[int]) -> dict[int, Figures]:
        """Count what each project holds. Three statements.

        Regions bound to a project count there, unbound ones in every project of their image.
        """
        wanted = list(dict.fromkeys(ids))
        images = await Counts(self._catalog).images(Project, wanted)
        found = {id: Figures(images.get(id, 0)) for id in wanted}
        bound = (
            select(_roi.project_id, _roi.kind, func.count())
            .join(
                table(Placement),
                (_placement.image_id == _roi.image_id) & (_placement.project_id == _roi.project_id),
            )
            .where(self._catalog.members(_roi.project_id, wanted))
            .group_by(_roi.project_id, _roi.kind)
        )
        unbound = (
            select(_placement.project_id, _roi.kind, func.count())
            .select_from(table(Roi).join(table(Placement), _placement.image_id == _roi.image_id))
            .where(_roi.project_id.is_(None), self._catalog.members(_placement.project_id, wanted))
            .group_by(_placement.project_id, _roi.kind)
        )
        for statement in (bound, unbound):
            for id, kind, count in await self._catalog.rows(statement):
                regions = found[id].regions
                regions[kind] = regions.get(kind, 0) + count
        return found

    async def last_changes(self, ids: Sequence[int]) -> dict[int, int]:
        """Return when anything was last done in each project, ms UTC. One statement."""
        statement = (
            select(_command.project_id, func.max(_command.at))
            .where(self._catalog.members(_command.project_id, set(ids)))
            .group_by(_command.project_id)
        )
        return {row[0]: row[1] for row in await self._catalog.rows(statement)}

    async def authors(self, project_id: int, placement_id: int | None = None) -> list[int]:
        """Return the accounts that drew what the actor sees in a project, jobs too, by id.

        `placement_id` narrows to one image of it. Raises NotFound for one that is not there.
        """
        statement = select(_roi.author_id).where(
            _roi.project_id == project_id, _roi.kind.in_([RoiKind.USER.value, RoiKind.ALGO.value])
        )
        if placement_id is not None:
            placement = await self._catalog.one(Placement, placement_id)
            statement = statement.where(_roi.image_id == placement.image_id)
        rows = await self._catalog.rows(statement.distinct())
        return sorted(row.author_id for row in rows)

    async def tagged(self, tag_ids: Sequence[int]) -> set[int]:
        """Return the projects that bear one of these tags, of those the actor sees."""
        rows = await self._catalog.rows(
            select(_link.target_id).where(
                _link.target_type == "project",
                self._catalog.members(_link.annotation_id, set(tag_ids)),
            )
        )
        return {row.target_id for row in rows}

    # writing

    async def create(
        self,
        name: str,
        *,
        ontology_id: int | None = None,
        group_id: int | None = None,
        members: Sequence[int] = (),
        managers: Sequence[int] = (),
        **settings: Any,
    ) -> Project:
        """Make a project of the actor's, who represents it, with members, in one command.

        It lies in the actor's default group unless one is named. Raises Invalid, NotFound for an
        unknown person or ontology, Conflict for a name that a visible project has.
        """
        title, values = checked_name(name), _settings(settings)

        async def work(unit: Unit) -> Project:
            await _require_free(unit, title)
            if ontology_id is not None:
                await unit.one(Ontology, ontology_id)
            actor = unit.actor
            project = await unit.add(
                Project(
                    name=title, owner_id=actor.author_id, ontology_id=ontology_id,
                    group_id=self._group(group_id), **values,
                )
            )  # fmt: skip
            await represent(unit, project.id, actor.author_id)
            await humans(unit, list(dict.fromkeys([*members, *managers])))
            await admit(unit, project, list(dict.fromkeys(managers)), Standing.MANAGER)
            await admit(unit, project, list(dict.fromkeys(members)), Standing.MEMBER)
            unit.journal.summary = f"create project {title}"
            # Grants on a project in the trash open nothing, so the whole can be taken back.
            unit.journal.undoable = True
            return project

        return await self._catalog.write("create_project", work)

    def _group(self, group_id: int | None) -> int:
        actor = self._catalog.actor
        if not actor.signed_in or actor.read_only:
            raise Forbidden("create", "project", "here", "guests and readers make none.")
        group = actor.default_group if group_id is None else group_id
        if group is None or group == USER_GROUP:
            raise Invalid("group", "you have no default group; name one.")
        return group

    async def change(
        self,
        id: int,
        *,
        expected: int | None = None,
        members: Sequence[int] | None = None,
        managers: Sequence[int] | None = None,
        drop_terms: bool = False,
        **fields: Any,
    ) -> Project:
        """Change name, ontology, settings or the whole list of members, in one command.

        Another ontology needs regions that bear no term of the old one, or `drop_terms`, which
        takes these off. Raises Conflict for a taken name or terms in use, Forbidden, Invalid.
        """
        after = {**_settings({k: v for k, v in fields.items() if k in SETTINGS})}
        rest = checked_fields(Project, {k: v for k, v in fields.items() if k not in SETTINGS})
        after |= rest
        if "name" in after:
            after["name"] = checked_name(after["name"])

        async def work(unit: Unit) -> Project:
            seen = await unit.one(Project, id)
            differing = {k: v for k, v in after.items() if getattr(seen, k) != v}
            if differing or members is not None or managers is not None:
                await managed(unit, id, "change")
            if "name" in differing and name_key(differing["name"]) != seen.name_key:
                await _require_free(unit, differing["name"], but=id)
            if "ontology_id" in differing:
                await self._change_ontology(unit, seen, differing["ontology_id"], drop_terms)
            unit.journal.summary = f"change project {seen.name}"
            stored = await unit.change(Project, id, expected=expected, **differing)
            if members is not None or managers is not None:
                await set_members(unit, seen, members, managers)
            return stored

        return await self._catalog.write("update_project", work)

    async def _change_ontology(
        self, unit: Unit, project: Project, ontology_id: int | None, drop_terms: bool
    ) -> None:
        if ontology_id is not None:
            await unit.one(Ontology, ontology_id)
        labelled = await unit.scalars(
            select(_roi_term.id)
            .join(table(Roi), _roi.id == _roi_term.roi_id)
            .join(table(Term), _term.id == _roi_term.term_id)
            .where(
                _roi.project_id == project.id,
                _term.ontology_id == project.ontology_id,
                _roi.trashed_by.is_(None),
                _roi_term.trashed_by.is_(None),
            )
        )
        if labelled and not drop_terms:
            raise Conflict(
                f"{len(labelled)} terms of the present ontology label regions of project "
                f"{project.name}; take them off first.",
                noun="project", id=project.id, terms=len(labelled),
            )  # fmt: skip
        await unit.stamp(RoiTerm, labelled)

    async def delete(self, id: int, *, dry_run: bool = False) -> Deleted:
        """Put a project into the trash with the regions bound to it and its own inbox.

        Images stay, and other datasets. Undo brings everything back. Raises Forbidden, NotFound.
        """

        async def work(unit: Unit) -> Deleted:
            project = await unit.one(Project, id, can=Can.DELETE)
            unit.journal.summary = f"delete project {project.name}"
            regions = await unit.scalars(
                select(_roi.id)
                .join(table(Image), _image.id == _roi.image_id)
                .where(
                    _roi.project_id == id, _roi.trashed_by.is_(None), _image.trashed_by.is_(None)
                )
            )
            impact = Impact()
            impact.count(Project, 1)
            if regions:
                impact.count(Roi, await unit.stamp(Roi, regions))
            inbox = await self._own_inbox(unit, project)
            if inbox is not None:
                impact.count(Dataset, await unit.stamp(Dataset, [inbox]))
            await unit.trash(Project, [id])
            return Deleted(project, impact, None if dry_run else unit.journal.command_id)

        if dry_run:
            return await self._catalog.rehearse("delete_project", work)
        return await self._catalog.write("delete_project", work)

    async def _own_inbox(self, unit: Unit, project: Project) -> int | None:
        """Return the inbox of a project if nobody else uses it and the actor may delete it."""
        if project.inbox_dataset_id is None:
            return None
        found = await unit.all(Dataset, cols(Dataset).id == project.inbox_dataset_id)
        if not found:
            return None
        (can,) = await unit.judge.capabilities(Dataset, found)
        shared = await unit.scalars(
            select(_project_dataset.id)
            .join(table(Project), _project.id == _project_dataset.project_id)
            .where(
                _project_dataset.dataset_id == found[0].id,
                _project_dataset.project_id != project.id,
                _project_dataset.trashed_by.is_(None),
                _project.trashed_by.is_(None),
            )
        )
        return found[0].id if can & Can.DELETE and not shared else None


def placed(project_id: int) -> Select[tuple[int]]:
    """Return a sub-select of the images that lie in a project."""
    return select(_placement.image_id).where(
        _placement.project_id == project_id, _placement.state == PlacementState.LIVE.value
    )


async def _require_free(unit: Unit, name: str, *, but: int | None = None) -> None:
    """Raise Conflict if a project that the actor sees has this name, in any case of letters."""
    await unit.queue_for("project names")
    for one in await unit.all(Project, _project.name_key == name_key(name)):
        if one.id != but and one.name.casefold() == name.casefold():
            raise Conflict(
                f"Project {one.id} is called {one.name!r} already; choose another name.",
                noun="project", id=one.id,
            )  # fmt: skip


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = given.keys() - set(SETTINGS)
    if unknown:
        raise Invalid(min(unknown), "a project has no such setting.")
    return checked_fields(Project, dict(given))
