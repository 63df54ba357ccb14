"""May they? One judge for every write and for the capability flags that travel with rows.

Rows are judged a page at a time: group and ownership from memory, parents by one statement each.
Reads never come here; they are limited by `store.access.visible`. A noun without a rule here can be
written by nobody but the hub itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.access.visible import ANNOTATABLE, LABELLED, visible_ids
from store.actor import Actor
from store.errors import Invalid
from store.statement import cols, key, table
from store.tables.access import Grant, Label, LabelObject, Session, Token
from store.tables.activity import Activity
from store.tables.annotations import Annotation, AnnotationLink, KeyValue
from store.tables.containers import (
    Dataset,
    DatasetImage,
    DefaultLayer,
    Placement,
    Project,
    ProjectDataset,
    ProjectOperation,
    ProjectRepresentative,
)
from store.tables.files import ImageFile, Storage, StorageMember, StoredFile
from store.tables.history import Change, Command, Event
from store.tables.images import Channel, Image, ImageSlice, LabelSet, Pixels, Rendering
from store.tables.jobs import Job, JobData, JobIo, JobLog, JobParameter
from store.tables.ontologies import Ontology, RelationTerm, Term
from store.tables.operations import Operation, OperationSource, Port
from store.tables.people import SYSTEM_GROUP, USER_GROUP, Group, Membership, User, UserRole
from store.tables.results import ResultRow, ResultTable, WorkspaceObject
from store.tables.rois import Roi, RoiKind, RoiTerm, RoiTrack, Shape, Track
from store.tables.screens import Acquisition, Plate, Screen, ScreenPlate, Well, WellSample
from store.tables.sources import (
    ExternalRef,
    ImageGroup,
    ImageGroupItem,
    RoiGroup,
    RoiGroupItem,
    SavedSearch,
    Setting,
    Source,
)

if TYPE_CHECKING:
    from store.engine import Database

Judged = Callable[["Judge", Sequence[Any]], Awaitable[list[Can]]]

# A row inside another is written with this capability on the other: (column, parent, capability).
PARENT: dict[type[SQLModel], tuple[str, type[SQLModel], Can]] = {
    Pixels: ("image_id", Image, Can.EDIT),
    Channel: ("image_id", Image, Can.EDIT),
    ImageSlice: ("image_id", Image, Can.EDIT),
    ImageFile: ("image_id", Image, Can.EDIT),
    LabelSet: ("image_id", Image, Can.ANNOTATE),
    ProjectRepresentative: ("project_id", Project, Can.EDIT),
    DefaultLayer: ("project_id", Project, Can.EDIT),
    ProjectOperation: ("project_id", Project, Can.EDIT),
    Acquisition: ("plate_id", Plate, Can.EDIT),
    Well: ("plate_id", Plate, Can.EDIT),
    Shape: ("roi_id", Roi, Can.EDIT),
    RoiTerm: ("roi_id", Roi, Can.EDIT),
    RoiTrack: ("roi_id", Roi, Can.EDIT),
    KeyValue: ("annotation_id", Annotation, Can.EDIT),
    Term: ("ontology_id", Ontology, Can.EDIT),
    RelationTerm: ("parent_term_id", Term, Can.EDIT),
    Port: ("operation_id", Operation, Can.EDIT),
    JobParameter: ("job_id", Job, Can.EDIT),
    JobData: ("job_id", Job, Can.EDIT),
    JobIo: ("job_id", Job, Can.EDIT),
    JobLog: ("job_id", Job, Can.EDIT),
    ResultRow: ("table_id", ResultTable, Can.EDIT),
    StorageMember: ("storage_id", Storage, Can.SHARE),
    ImageGroupItem: ("image_group_id", ImageGroup, Can.EDIT),
    RoiGroupItem: ("roi_group_id", RoiGroup, Can.EDIT),
}

# A link is made with PLACE on what is linked and EDIT on where it goes; unmade with EDIT there.
LINK: dict[type[SQLModel], tuple[tuple[str, type[SQLModel]], tuple[str, type[SQLModel]]]] = {
    ProjectDataset: (("project_id", Project), ("dataset_id", Dataset)),
    DatasetImage: (("dataset_id", Dataset), ("image_id", Image)),
    ScreenPlate: (("screen_id", Screen), ("plate_id", Plate)),
    WellSample: (("well_id", Well), ("image_id", Image)),
}

OWNED = (Annotation, ResultTable, SavedSearch, ImageGroup, RoiGroup)
PERSONAL = (Session, Token, WorkspaceObject, Activity)
ADMINISTERED = (User, Group, UserRole, Source, ExternalRef, Setting)
# Written by the hub itself, as the trace of what others wrote.
HUB_ONLY = (Command, Change, Event, Label, LabelObject)
BY_STANDING = (Membership, StoredFile, Storage, Operation)
NO_DATA = frozenset({SYSTEM_GROUP, USER_GROUP})
# What the account of a job may change, within its project; and what of that it may not make anew.
BY_JOBS = frozenset(
    {
        Project, Dataset, Image, ProjectDataset, DatasetImage, Placement, DefaultLayer,
        Pixels, Channel, ImageSlice, ImageFile, LabelSet, Rendering, Storage, StoredFile,
        Roi, Shape, RoiTerm, RoiTrack, Track, Ontology, Term, RelationTerm,
        Annotation, AnnotationLink, KeyValue, ImageGroup, ImageGroupItem, RoiGroup, RoiGroupItem,
        Job, JobParameter, JobData, JobIo, JobLog, ResultTable, ResultRow, Activity,
    }
)  # fmt: skip
NOT_MADE_BY_JOBS = frozenset({Project, Ontology, Job})


class Judge:
    """Capabilities of one actor towards rows, over one connection."""

    def __init__(
        self, database: Database, connection: AsyncConnection | None, actor: Actor
    ) -> None:
        self._database = database
        self._lent = connection
        self.actor = actor
        # What this unit made, which may lie nowhere yet: for actors that see but one project.
        self.made: dict[type[SQLModel], set[int]] = {}

    @property
    def _connection(self) -> AsyncConnection:
        assert self._lent is not None, "this noun is judged with statements"
        return self._lent

    @staticmethod
    def by_memory(noun: type[SQLModel], actor: Actor) -> bool:
        """Whether rows of this noun are judged without a statement."""
        return actor.full or noun in LABELLED.values() or noun in OWNED

    async def capabilities(self, noun: type[SQLModel], rows: Sequence[Any]) -> list[Can]:
        """Return what the actor may do to each row of one noun, in their order.

        At most a handful of statements, whatever the number of rows.
        """
        allowed = await self._judged(noun, rows)
        if self.actor.within is None:
            return allowed
        return [can & self._by_job(noun, row) for can, row in zip(allowed, rows, strict=True)]

    def _by_job(self, noun: type[SQLModel], row: Any) -> Can:
        """What is left of its human's rights to the account of a job."""
        if noun not in BY_JOBS or (noun is Job and row.id != self.actor.job_id):
            return Can.READ
        if noun is Project:
            return Can.READ | Can.ANNOTATE | Can.EDIT
        if noun in (Roi, Track) and row.project_id != self.actor.within:
            return Can.READ | Can.ANNOTATE
        return Can.ALL & ~Can.SHARE

    async def _judged(self, noun: type[SQLModel], rows: Sequence[Any]) -> list[Can]:
        actor = self.actor
        if actor.full:
            return [actor.capped(Can.ALL)] * len(rows)
        if noun in LABELLED.values():
            return self._labelled(rows)
        if noun in OWNED:
            return [actor.can_owned(row) for row in rows]
        if not rows:
            return []
        if noun in _JUDGES:
            return [actor.capped(can) for can in await _JUDGES[noun](self, rows)]
        if noun in PARENT:
            column, parent, needed = PARENT[noun]
            allowed = await self._of_parents(parent, [getattr(row, column) for row in rows])
            kept = Can.READ | Can.ANNOTATE if noun in ANNOTATABLE.values() else Can.READ
            return [actor.capped(_inherit(can, needed, kept)) for can in allowed]
        return [actor.capped(self._other(noun, row)) for row in rows]

    def _labelled(self, rows: Sequence[Any]) -> list[Can]:
        """Judge rows by memory; those that agree in what decides are judged once."""
        actor, allowed = self.actor, []
        known: dict[Any, Can] = {}
        for row in rows:
            own = getattr(row, "id", None)
            granted = own if own in actor.grants else None
            decisive = (row.owner_id, row.group_id, row.label_id, granted)
            can = known.get(decisive)
            if can is None:
                can = known[decisive] = actor.can(row)
            allowed.append(can)
        return allowed

    async def may_add(self, noun: type[SQLModel], row: Any) -> bool:
        """Whether the actor may insert this row."""
        actor = self.actor
        if actor.full and not actor.read_only:
            return True
        if actor.read_only and noun not in (Activity, Session):
            return False
        if actor.within is not None and (noun not in BY_JOBS or noun in NOT_MADE_BY_JOBS):
            return False
        if noun in (Roi, Track):
            return await self._may_draw(row)
        if not self._may_own(row):
            return False
        if noun in LINK:
            return await self._may_link(noun, row)
        if noun is AnnotationLink:
            return await self._may_attach(row)
        if noun is StoredFile and not await self._may_store(row.storage_id):
            return False
        if noun in PARENT:
            column, parent, needed = PARENT[noun]
            (can,) = await self._of_parents(parent, [getattr(row, column)])
            return bool(can & needed)
        if noun is Operation and not _external(row):  # of no group of people
            return actor.sees_all
        if hasattr(row, "group_id") and hasattr(row, "owner_id"):
            return self.may_enter(row.group_id)
        (can,) = await self.capabilities(noun, [row])
        return bool(can & Can.EDIT)

    def may_enter(self, group_id: int) -> bool:
        """Whether the actor may put rows into a group; two built-in groups hold none."""
        actor = self.actor
        return group_id not in NO_DATA and (group_id in actor.groups or actor.leads(group_id))

    def _may_own(self, row: Any) -> bool:
        """What somebody adds is theirs; only who oversees the group may add for others."""
        owner = getattr(row, "owner_id", None)
        if owner is None or owner == self.actor.user_id:
            return True
        group = getattr(row, "group_id", None)
        return self.actor.sees_all or (group is not None and self.actor.leads(group))

    async def _may_link(self, noun: type[SQLModel], row: Any) -> bool:
        """Place on what is linked, and the right to change where it goes."""
        (above, _parent), (below, child) = LINK[noun]
        (place,) = await self._of_parents(child, [getattr(row, below)])
        if not place & Can.PLACE:
            return False
        return await self.may_put_into(noun, {above: getattr(row, above)})

    async def may_put_into(self, link: type[SQLModel], ends: Mapping[str, int]) -> bool:
        """Whether the actor may link anything at all to the upper end of a link."""
        if self.actor.full:
            return not self.actor.read_only
        if self.actor.read_only:
            return False
        (can,) = await self._links(link, [SimpleNamespace(owner_id=None, **ends)], mine=False)
        return bool(can & Can.EDIT)

    async def _may_attach(self, row: Any) -> bool:
        """Annotate on the object, and read on the annotation."""
        if row.target_type not in ANNOTATABLE:
            raise Invalid("target_type", f"a {row.target_type} cannot be annotated.")
        (target,) = await self._of_parents(ANNOTATABLE[row.target_type], [row.target_id])
        if not target & Can.ANNOTATE:
            return False
        if row.annotation_id in self.made.get(Annotation, ()):
            return True
        statement = visible_ids(Annotation, self.actor, self._database)
        readable = statement.where(statement.selected_columns[0] == row.annotation_id)
        return await self._connection.scalar(readable) is not None

    async def _may_store(self, storage_id: int) -> bool:
        storage = (await self.rows(Storage, [storage_id])).get(storage_id)
        if storage is None:
            return False
        (can,) = await self.capabilities(Storage, [storage])
        return bool(can & Can.EDIT) or self.actor.storages.get(storage_id) == "write"

    def _other(self, noun: type[SQLModel], row: Any) -> Can:
        actor = self.actor
        if noun in PERSONAL:
            mine = actor.user_id is not None and row.user_id == actor.user_id
            return Can.ALL if mine else Can.NOTHING
        if noun is Membership:
            return Can.ALL if actor.leads(row.group_id) else Can.READ
        if noun in (StoredFile, Storage):
            # A file is its owner's whatever group they have left: it lies in their own storage.
            lent = noun is StoredFile and actor.storages.get(row.storage_id) == "write"
            mine = actor.user_id is not None and row.owner_id == actor.user_id
            return Can.ALL if mine or lent or actor.leads(row.group_id) else Can.READ
        if noun is Operation:
            mine = _external(row) and (actor.owns(row) or actor.leads(row.group_id))
            return Can.ALL if actor.sees_all or mine else Can.READ
        if noun is User and row.id == actor.user_id:
            return Can.ALL if actor.sees_all else Can.READ | Can.EDIT
        if noun is User and row.human_id is not None and row.human_id == actor.user_id:
            return Can.READ | Can.EDIT | Can.DELETE  # it comes and goes with the job
        if noun in ADMINISTERED:
            return Can.ALL if actor.sees_all else Can.READ
        return Can.NOTHING

    # parents

    async def _of_parents(self, parent: type[SQLModel], ids: Sequence[int | None]) -> list[Can]:
        rows = await self.rows(parent, (id for id in ids if id is not None))
        judged = dict(zip(rows, await self.capabilities(parent, list(rows.values())), strict=True))
        return [judged.get(id or 0, Can.NOTHING) for id in ids]

    async def rows(self, noun: type[SQLModel], ids: Iterable[int]) -> Mapping[int, Any]:
        """Return live rows by id, whoever may see them: for judging only."""
        wanted = set(ids)
        if not wanted:
            return {}
        row = cols(noun)
        statement = select(table(noun)).where(self._database.members(key(noun), wanted))
        if "trashed_by" in row:
            statement = statement.where(row.trashed_by.is_(None))
        if self.actor.within is not None:
            seen = row.id.in_(visible_ids(noun, self.actor, self._database))
            statement = statement.where(or_(seen, row.id.in_(self.made.get(noun, ()))))
        return {found.id: found for found in await self._connection.execute(statement)}

    async def _of_targets(self, rows: Sequence[Any]) -> list[Can]:
        """Capabilities on what rows with a target type and id point to: one look-up per type."""
        by_type: dict[str, set[int]] = {}
        for row in rows:
            by_type.setdefault(row.target_type, set()).add(row.target_id)
        known: dict[tuple[str, int], Can] = {}
        for name, ids in sorted(by_type.items()):
            if name in ANNOTATABLE:
                listed = sorted(ids)
                allowed = await self._of_parents(ANNOTATABLE[name], listed)
                known.update(((name, id), can) for id, can in zip(listed, allowed, strict=True))
        return [known.get((row.target_type, row.target_id), Can.NOTHING) for row in rows]

    async def _jobs(self, rows: Sequence[Any]) -> list[Can]:
        """Owner and group; managers of its project may change and delete a job as well."""
        projects = await self.rows(Project, {row.project_id for row in rows if row.project_id})
        allowed = []
        for row in rows:
            can, project = self.actor.can_owned(row), projects.get(row.project_id or 0)
            if project is not None:
                can |= self.actor.can(project) & Can.READ
                if self.actor.user_id == row.owner_id:
                    # Asked for in a project of another group: it is still one's own.
                    can |= Can.READ | Can.ANNOTATE | Can.EDIT | Can.DELETE
                if self.actor.manages(project, project.id):
                    can |= Can.EDIT | Can.DELETE
            allowed.append(can)
        return allowed

    async def _renderings(self, rows: Sequence[Any]) -> list[Can]:
        images = await self._of_parents(Image, [row.image_id for row in rows])
        return [self._rendering(row, image) for row, image in zip(rows, images, strict=True)]

    def _rendering(self, row: Any, image: Can) -> Can:
        if row.user_id is None:
            return _inherit(image, Can.EDIT)
        mine = self.actor.user_id is not None and row.user_id == self.actor.user_id
        # One's own look hangs on the image under one's name, as a tag does.
        return _inherit(image, Can.ANNOTATE) if mine else image & Can.READ

    async def _annotation_links(self, rows: Sequence[Any]) -> list[Can]:
        targets = await self._of_targets(rows)
        return [
            Can.ALL
            if target & Can.EDIT or (row.owner_id == self.actor.user_id and target & Can.ANNOTATE)
            else target & Can.READ
            for row, target in zip(rows, targets, strict=True)
        ]

    async def _grants(self, rows: Sequence[Any]) -> list[Can]:
        targets = await self._of_targets(rows)
        return [
            Can.ALL if target & Can.SHARE or self._manages_target(row) else target & Can.READ
            for row, target in zip(rows, targets, strict=True)
        ]

    def _manages_target(self, row: Any) -> bool:
        """A manage grant lets one choose the members of that very container, not of an image."""
        return row.target_type != "image" and self.actor.grants.get(row.target_id) == "manage"

    async def _ontologies(self, rows: Sequence[Any]) -> list[Can]:
        """Owner and oversight; managers of projects that use it may change it; others read."""
        actor, project = self.actor, cols(Project)
        using = await self._connection.execute(
            select(table(Project)).where(
                self._database.members(project.ontology_id, {row.id for row in rows}),
                project.trashed_by.is_(None),
            )
        )
        managed = {one.ontology_id for one in using if actor.manages(one, one.id)}
        allowed = []
        for row in rows:
            can = Can.READ
            if actor.owns(row) or actor.leads(row.group_id):
                can |= actor.can_owned(row)
            if row.id in managed:
                can |= Can.ANNOTATE | Can.EDIT
            allowed.append(can)
        return allowed

    # the ladder: what is bound to a project obeys its mode

    async def _bound(self, rows: Sequence[Any]) -> list[Can]:
        """Judge regions and tracks: rows on an image, bound to a project or not."""
        images = await self.rows(Image, {row.image_id for row in rows})
        projects = await self.rows(Project, {row.project_id for row in rows if row.project_id})
        return [
            self._drawn(row, images.get(row.image_id), projects.get(row.project_id or 0))
            for row in rows
        ]

    def _drawn(self, row: Any, image: Any | None, project: Any | None) -> Can:
        if image is None:
            return Can.NOTHING
        actor = self.actor
        given = actor.can(image) & (Can.READ | Can.ANNOTATE)
        # A reviewed copy is the reviewer's, whoever drew what it was made from.
        reviewed = getattr(row, "kind", None) == RoiKind.REVIEWED
        authors = (row.owner_id, None if reviewed else getattr(row, "author_id", None))
        mine = actor.user_id is not None and actor.user_id in authors
        if self._climbs(
            actor.leads(image.group_id),
            project,
            mine=mine and bool(given & Can.ANNOTATE),
            # Owning the image gives no right over what others drew on it.
            given=actor.given(image),
        ):
            given |= Can.EDIT | Can.DELETE
        elif project is not None and (project.closed or project.mode != "classic"):
            given &= Can.READ
        return given

    async def _placements(self, rows: Sequence[Any]) -> list[Can]:
        images = await self.rows(Image, {row.image_id for row in rows})
        projects = await self.rows(Project, {row.project_id for row in rows})
        actor = self.actor
        allowed = []
        for row in rows:
            image, project = images.get(row.image_id), projects.get(row.project_id)
            if image is None or project is None:
                allowed.append(Can.NOTHING)
                continue
            can = actor.can(image) & actor.can(project) & (Can.READ | Can.ANNOTATE)
            mine = actor.user_id is not None and row.added_by == actor.user_id
            climbs = self._climbs(
                actor.leads(project.group_id),
                project,
                mine=mine and bool(actor.can(image) & Can.ANNOTATE),
                given=actor.given(image),
            )
            allowed.append(can | Can.EDIT | Can.DELETE if climbs else can & Can.READ)
        return allowed

    async def _project_datasets(self, rows: Sequence[Any]) -> list[Can]:
        return await self._links(ProjectDataset, rows)

    async def _dataset_images(self, rows: Sequence[Any]) -> list[Can]:
        return await self._links(DatasetImage, rows)

    async def _links(
        self, noun: type[SQLModel], rows: Sequence[Any], *, mine: bool = True
    ) -> list[Can]:
        """Judge links by their upper end; `mine` lets one undo what one linked oneself."""
        if noun is ProjectDataset:
            return await self._into_projects(rows, [row.project_id for row in rows], mine=mine)
        (above, parent), _child = LINK[noun]
        ids = [getattr(row, above) for row in rows]
        allowed = [_inherit(can, Can.EDIT) for can in await self._of_parents(parent, ids)]
        if noun is DatasetImage and not all(can & Can.EDIT for can in allowed):
            return await self._into_inboxes(rows, allowed, mine=mine)
        return allowed

    async def _into_projects(
        self, rows: Sequence[Any], ids: Sequence[int | None], *, mine: bool
    ) -> list[Can]:
        projects = await self.rows(Project, {id for id in ids if id is not None})
        actor = self.actor
        allowed = []
        for row, id in zip(rows, ids, strict=True):
            project = projects.get(id or 0)
            if project is None:
                allowed.append(Can.NOTHING)
                continue
            can = actor.can(project)
            own = mine and actor.user_id is not None and row.owner_id == actor.user_id
            climbs = self._climbs(
                actor.leads(project.group_id),
                project,
                mine=own and bool(can & Can.ANNOTATE),
                given=actor.given(project),
            )
            allowed.append(can | Can.EDIT | Can.DELETE if climbs else can & Can.READ)
        return allowed

    async def _into_inboxes(
        self, rows: Sequence[Any], allowed: Sequence[Can], *, mine: bool
    ) -> list[Can]:
        """The inbox of a project takes images of whoever may place images there."""
        project = cols(Project)
        found = await self._connection.execute(
            select(project.id, project.inbox_dataset_id).where(
                self._database.members(project.inbox_dataset_id, {row.dataset_id for row in rows}),
                project.trashed_by.is_(None),
            )
        )
        inboxes = {inbox: id for id, inbox in found}
        if not inboxes:
            return list(allowed)
        ids = [inboxes.get(row.dataset_id) for row in rows]
        placing = await self._into_projects(rows, ids, mine=mine)
        return [
            can | more if id is not None else can
            for can, more, id in zip(allowed, placing, ids, strict=True)
        ]

    def _climbs(self, overseen: bool, project: Any | None, *, mine: bool, given: Can) -> bool:
        """Ask the ladder: the first line that fits decides.

        `mine`: the row is the actor's own, who may annotate where it lies. `given`: what group
        and grants give there, ownership of the image apart.
        """
        actor = self.actor
        if overseen:
            return True
        if project is not None:
            if actor.manages(project, project.id):
                return True
            if project.closed or project.mode == "read_only":
                return False
        if mine:
            return True
        if project is not None:
            if project.mode == "restricted":
                return False
            if actor.projects.get(project.id) in ("annotate", "write", "manage"):
                return True
        return bool(given & Can.EDIT)

    async def _may_draw(self, row: Any) -> bool:
        image = (await self.rows(Image, [row.image_id])).get(row.image_id)
        if image is None or not self.actor.can(image) & Can.ANNOTATE:
            return False
        if self.actor.within is not None and row.project_id != self.actor.within:
            return False
        if row.owner_id != self.actor.user_id and not self.actor.leads(image.group_id):
            return False
        if row.project_id is None:
            return True
        project = (await self.rows(Project, [row.project_id])).get(row.project_id)
        if project is None or not self.actor.can(project) & Can.READ:
            return False
        barred = project.closed or project.mode == "read_only"
        return not barred or self.actor.manages(project, project.id)


def _external(operation: Any) -> bool:
    """Whether an operation runs elsewhere: anybody may make such a one known to the hub."""
    return bool(operation.source == OperationSource.EXTERNAL.value)


def _inherit(parent: Can, needed: Can, kept: Can = Can.READ) -> Can:
    """A row inside another is changed and removed with one capability on the other.

    Without it, what is `kept` may be done to the row if it may be done to the other.
    """
    return parent | Can.EDIT | Can.DELETE if parent & needed else parent & kept


async def _plates_of_screens(judge: Judge, rows: Sequence[Any]) -> list[Can]:
    return await judge._links(ScreenPlate, rows)


async def _fields_of_wells(judge: Judge, rows: Sequence[Any]) -> list[Can]:
    return await judge._links(WellSample, rows)


# Nouns with a rule of their own.
_JUDGES: dict[type[SQLModel], Judged] = {
    Job: Judge._jobs,
    Roi: Judge._bound,
    Track: Judge._bound,
    Placement: Judge._placements,
    ProjectDataset: Judge._project_datasets,
    DatasetImage: Judge._dataset_images,
    ScreenPlate: _plates_of_screens,
    WellSample: _fields_of_wells,
    Ontology: Judge._ontologies,
    Rendering: Judge._renderings,
    AnnotationLink: Judge._annotation_links,
    Grant: Judge._grants,
}
