"""May they? One judge for every write and for the capability flags that travel with rows.

Rows are judged a page at a time: group and ownership from memory, parents by one statement each.
Reads never come here; they are limited by `store.access.visible`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.access.visible import ANNOTATABLE, LABELLED
from store.actor import Actor
from store.statement import cols, key, table
from store.tables.access import Grant, Session, Token
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
from store.tables.images import Channel, Image, ImageSlice, LabelSet, Pixels, Rendering
from store.tables.jobs import Job, JobData, JobIo, JobLog, JobParameter
from store.tables.ontologies import Ontology, RelationTerm, Term
from store.tables.operations import Operation, Port
from store.tables.people import Group, Membership, User, UserRole
from store.tables.results import ResultRow, ResultTable, WorkspaceObject
from store.tables.rois import Roi, RoiTerm, RoiTrack, Shape, Track
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
    Track: ("image_id", Image, Can.ANNOTATE),
    Placement: ("project_id", Project, Can.EDIT),
    ProjectRepresentative: ("project_id", Project, Can.EDIT),
    DefaultLayer: ("project_id", Project, Can.EDIT),
    ProjectOperation: ("project_id", Project, Can.EDIT),
    Acquisition: ("plate_id", Plate, Can.EDIT),
    Well: ("plate_id", Plate, Can.EDIT),
    WellSample: ("well_id", Well, Can.EDIT),
    Shape: ("roi_id", Roi, Can.EDIT),
    RoiTerm: ("roi_id", Roi, Can.EDIT),
    RoiTrack: ("roi_id", Roi, Can.EDIT),
    KeyValue: ("annotation_id", Annotation, Can.EDIT),
    Term: ("ontology_id", Ontology, Can.EDIT),
    RelationTerm: ("parent_term_id", Term, Can.EDIT),
    JobParameter: ("job_id", Job, Can.EDIT),
    JobData: ("job_id", Job, Can.EDIT),
    JobIo: ("job_id", Job, Can.EDIT),
    JobLog: ("job_id", Job, Can.EDIT),
    ResultRow: ("table_id", ResultTable, Can.EDIT),
    StorageMember: ("storage_id", Storage, Can.SHARE),
    ImageGroupItem: ("group_id", ImageGroup, Can.EDIT),
    RoiGroupItem: ("group_id", RoiGroup, Can.EDIT),
}

# A link is made with PLACE on what is linked and EDIT on where it goes; unmade with EDIT there.
LINK: dict[type[SQLModel], tuple[tuple[str, type[SQLModel]], tuple[str, type[SQLModel]]]] = {
    ProjectDataset: (("project_id", Project), ("dataset_id", Dataset)),
    DatasetImage: (("dataset_id", Dataset), ("image_id", Image)),
    ScreenPlate: (("screen_id", Screen), ("plate_id", Plate)),
}

OWNED = (Annotation, Job, ResultTable, SavedSearch, ImageGroup, RoiGroup)
PERSONAL = (Session, Token, WorkspaceObject, Activity)
ADMINISTERED = (User, Group, UserRole, Operation, Port, Source, ExternalRef, Setting)


class Judge:
    """Capabilities of one actor towards rows, over one connection."""

    def __init__(self, database: Database, connection: AsyncConnection, actor: Actor) -> None:
        self._database = database
        self._connection = connection
        self.actor = actor

    async def capabilities(self, noun: type[SQLModel], rows: Sequence[Any]) -> list[Can]:
        """Return what the actor may do to each row of one noun, in their order."""
        if self.actor.full:
            return [self.actor.capped(Can.ALL)] * len(rows)
        if noun in LABELLED.values():
            return [self.actor.can(row) for row in rows]
        if noun is Roi:
            return await self._rois(rows)
        if noun is Ontology:
            return await self._ontologies(rows)
        if noun in OWNED:
            return [self.actor.can_owned(row) for row in rows]
        if noun in PARENT:
            column, parent, needed = PARENT[noun]
            allowed = await self._of_parents(parent, [getattr(row, column) for row in rows])
            return [_inherit(can, needed) for can in allowed]
        if noun in LINK:
            (column, parent), _child = LINK[noun]
            allowed = await self._of_parents(parent, [getattr(row, column) for row in rows])
            return [_inherit(can, Can.EDIT) for can in allowed]
        return [await self._other(noun, row) for row in rows]

    async def may_add(self, noun: type[SQLModel], row: Any) -> bool:
        """Whether the actor may insert this row."""
        actor = self.actor
        if actor.full and not actor.read_only:
            return True
        if actor.read_only and noun not in (Activity, Session):
            return False
        if noun in LINK:
            (above, parent), (below, child) = LINK[noun]
            (place,) = await self._of_parents(child, [getattr(row, below)])
            (edit,) = await self._of_parents(parent, [getattr(row, above)])
            return bool(place & Can.PLACE and edit & Can.EDIT)
        if noun is AnnotationLink:
            (target,) = await self._of_parents(ANNOTATABLE[row.target_type], [row.target_id])
            return bool(target & Can.ANNOTATE)
        if noun is Roi:
            return await self._may_draw(row)
        if noun in PARENT:
            column, parent, needed = PARENT[noun]
            (can,) = await self._of_parents(parent, [getattr(row, column)])
            return bool(can & needed)
        if hasattr(row, "group_id") and hasattr(row, "owner_id"):
            return row.group_id in actor.groups or actor.leads(row.group_id)
        return bool(await self._other(noun, row) & Can.EDIT)

    async def _other(self, noun: type[SQLModel], row: Any) -> Can:
        actor = self.actor
        if noun in PERSONAL:
            mine = actor.user_id is not None and row.user_id == actor.user_id
            return Can.ALL if mine else Can.NOTHING
        if noun is Rendering:
            (image,) = await self._of_parents(Image, [row.image_id])
            if row.user_id is not None and row.user_id == actor.user_id and image & Can.READ:
                return Can.ALL
            return _inherit(image, Can.EDIT) if row.user_id is None else image & Can.READ
        if noun is AnnotationLink:
            (target,) = await self._of_parents(ANNOTATABLE[row.target_type], [row.target_id])
            own = row.owner_id == actor.user_id and target & Can.ANNOTATE
            return actor.capped(Can.ALL if own or target & Can.EDIT else target & Can.READ)
        if noun is Grant:
            noun_of_target = LABELLED[row.target_type]
            (target,) = await self._of_parents(noun_of_target, [row.target_id])
            managed = actor.projects.get(row.target_id) == "manage"
            return actor.capped(Can.ALL if managed or target & Can.SHARE else target & Can.READ)
        if noun is Membership:
            return actor.capped(Can.ALL if actor.leads(row.group_id) else Can.READ)
        if noun is StoredFile:
            writes = actor.storages.get(row.storage_id) == "write"
            return actor.capped(Can.ALL if row.owner_id == actor.user_id or writes else Can.READ)
        if noun is Storage:
            return actor.capped(Can.ALL if row.owner_id == actor.user_id else Can.READ)
        if noun is User and row.id == actor.user_id:
            return actor.capped(Can.READ | Can.EDIT)
        if noun in ADMINISTERED:
            return actor.capped(Can.ALL if actor.sees_all else Can.READ)
        return Can.NOTHING

    async def _of_parents(self, parent: type[SQLModel], ids: Sequence[int | None]) -> list[Can]:
        rows = await self.rows(parent, (id for id in ids if id is not None))
        judged = dict(zip(rows, await self.capabilities(parent, list(rows.values())), strict=True))
        return [judged.get(id or 0, Can.NOTHING) for id in ids]

    async def rows(self, noun: type[SQLModel], ids: Iterable[int]) -> Mapping[int, Any]:
        """Return live rows by id, whoever may see them: for judging only."""
        row = cols(noun)
        statement = select(table(noun)).where(self._database.members(key(noun), set(ids)))
        if "trashed_by" in row:
            statement = statement.where(row.trashed_by.is_(None))
        return {found.id: found for found in await self._connection.execute(statement)}

    async def _rois(self, rows: Sequence[Any]) -> list[Can]:
        images = await self.rows(Image, {row.image_id for row in rows})
        projects = await self.rows(Project, {row.project_id for row in rows if row.project_id})
        return [
            self._roi(row, images.get(row.image_id), projects.get(row.project_id or 0))
            for row in rows
        ]

    def _roi(self, row: Any, image: Any | None, project: Any | None) -> Can:
        if image is None:
            return Can.NOTHING
        given = self.actor.can(image) & (Can.READ | Can.ANNOTATE)
        if self._may_redraw(row, image, project):
            given |= Can.EDIT | Can.DELETE
        elif project is not None and (project.closed or project.mode != "classic"):
            # What is bound to a project obeys its mode: metadata on a region too.
            given &= Can.READ
        return self.actor.capped(given)

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
            allowed.append(actor.capped(can))
        return allowed

    def _may_redraw(self, row: Any, image: Any, project: Any | None) -> bool:
        """The ladder: the first line that fits decides whether a region may be changed.

        Owning the image gives no right over what others drew on it.
        """
        actor = self.actor
        if actor.leads(image.group_id):
            return True
        if project is not None:
            if actor.manages(project, project.id):
                return True
            if project.closed or project.mode == "read_only":
                return False
        mine = actor.user_id is not None and actor.user_id in (row.owner_id, row.author_id)
        if mine and actor.can(image) & Can.ANNOTATE:
            return True
        if project is not None and project.mode == "restricted":
            return False
        classic = project is not None and actor.projects.get(project.id) in (
            "annotate", "write", "manage",
        )  # fmt: skip
        return classic or bool(actor.given(image) & Can.EDIT)

    async def _may_draw(self, row: Any) -> bool:
        (image,) = await self._of_parents(Image, [row.image_id])
        if not image & Can.ANNOTATE:
            return False
        if row.project_id is None:
            return True
        projects = await self.rows(Project, [row.project_id])
        project = projects.get(row.project_id)
        if project is None or not self.actor.can(project) & Can.READ:
            return False
        barred = project.closed or project.mode == "read_only"
        return not barred or self.actor.manages(project, project.id)


def _inherit(parent: Can, needed: Can) -> Can:
    """A row inside another is changed and removed with one capability on the other."""
    return parent | Can.EDIT | Can.DELETE if parent & needed else parent & Can.READ
