"""Which rows exist for an actor, as predicates that every statement gets before its LIMIT.

`visible` looks at the tables a SELECT reads from and adds the rule of each. A table without a rule
here cannot be read by anybody but the hub itself: a new table is unreadable until somebody decides.
Containers and images ask their label; what hangs on them asks its parent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy import (
    Alias,
    ColumnElement,
    FromClause,
    Join,
    Select,
    Table,
    and_,
    false,
    or_,
    select,
)
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.actor import Actor
from store.statement import table
from store.tables.access import Grant, Label, LabelObject, Session, Token
from store.tables.activity import Activity
from store.tables.annotations import Annotation, AnnotationLink, KeyValue
from store.tables.containers import (
    Dataset,
    DatasetImage,
    DefaultLayer,
    Placement,
    PlacementState,
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
from store.tables.operations import Operation, Port
from store.tables.people import Group, Membership, Role, User, UserRole
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

Criterion: TypeAlias = ColumnElement[bool]
Rule: TypeAlias = Callable[[Any, Actor, "Database"], Iterator[Criterion]]
S = TypeVar("S", bound=Select[Any])

ANNOTATABLE: dict[str, type[SQLModel]] = {
    "project": Project, "dataset": Dataset, "image": Image, "screen": Screen, "plate": Plate,
    "acquisition": Acquisition, "well": Well, "roi": Roi, "job": Job,
}  # fmt: skip


LABELLED: dict[str, type[SQLModel]] = {
    name: ANNOTATABLE[name] for name in ("project", "dataset", "image", "screen", "plate")
}


def visible(statement: S, actor: Actor, database: Database, settled: Collection[str] = ()) -> S:
    """Add to a SELECT the rule of every table it reads from; sub-selects carry their own.

    `settled` names link tables whose ends the caller settles otherwise: the parent by an earlier
    read in the same request, the child because it is in the same statement.
    """
    for source in _froms(statement):
        for table_, columns in _leaves(source):
            if table_.name in settled:
                if "trashed_by" in columns:
                    statement = statement.where(columns.trashed_by.is_(None))
                continue
            rule = RULES.get(table_.name)
            if rule is None:
                if not actor.full:
                    statement = statement.where(false())
                continue
            for criterion in rule(columns, actor, database):
                statement = statement.where(criterion)
    return statement


def _froms(statement: Select[Any]) -> Sequence[FromClause]:
    """Return what a SELECT reads from.

    The public way compiles the whole statement first, a millisecond each time, which is more than
    most take to run; the state it then asks needs no compiler unless mapped classes are selected.
    """
    if statement._propagate_attrs:
        return statement.get_final_froms()
    return statement._compile_state_factory(statement, None)._get_display_froms()  # type: ignore[arg-type]  # unused for tables


def visible_ids(noun: type[SQLModel], actor: Actor, database: Database) -> Select[tuple[int]]:
    """Return a sub-select of the ids of a noun that the actor may read."""
    return _ids(noun, actor, database, "visible", RULES[table(noun).name])


def _ids(
    noun: type[SQLModel], actor: Actor, database: Database, word: str, rule: Rule
) -> Select[tuple[int]]:
    """Return the sub-select of a rule, built once per actor: the same ones are asked all day."""
    key = (word, noun, database.form)
    known: Select[tuple[int]] | None = actor.memo.get(key)
    if known is None:
        source = aliased(noun)
        # Nothing in it refers to the statement around it, which may read from the same alias.
        known = select(source.c.id).where(*rule(source.c, actor, database)).correlate(None)
        actor.memo[key] = known
    return known


@cache
def aliased(noun: type[SQLModel]) -> Any:
    """Return the alias of a table that rules use; making one anew takes most of a millisecond."""
    return table(noun).alias()


def _leaves(source: FromClause) -> Iterator[tuple[Table, Any]]:
    if isinstance(source, Join):
        yield from _leaves(source.left)
        yield from _leaves(source.right)
    elif isinstance(source, Alias) and isinstance(source.element, Table):
        yield source.element, source.c
    elif isinstance(source, Table):
        yield source, source.c


def own(row: Any, actor: Actor) -> Criterion:
    """The actor owns the row and is still a member of its group."""
    if actor.user_id is None:
        return false()
    return and_(row.owner_id == actor.user_id, row.group_id.in_(list(actor.groups)))


def broad(row: Any, actor: Actor) -> Criterion | None:
    """Group and ownership alone; None stands for everything."""
    if actor.sees_all:
        return None
    groups = [group for group in actor.groups if actor.in_group(group) & Can.READ]
    return or_(row.group_id.in_(groups), own(row, actor))


def _labelled(noun: type[SQLModel]) -> Rule:
    """A live row whose label is worth reading to the actor, or that is the actor's own."""
    standing = _standing(noun)

    def rule(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
        yield row.trashed_by.is_(None)
        yield from standing(row, actor, database)

    return rule


def _standing(noun: type[SQLModel]) -> Rule:
    def rule(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
        if not actor.sees_all:
            yield or_(database.members(row.label_id, _readable(actor)), own(row, actor))
        if actor.within is not None:
            yield _within(noun, row, actor.within)

    return rule


def _within(noun: type[SQLModel], row: Any, project_id: int) -> Criterion:
    """A project itself, a dataset linked to it, an image placed in it: all that its jobs reach."""
    if noun is Project:
        found: Criterion = row.id == project_id
        return found
    if noun is Dataset:
        link = aliased(ProjectDataset).c
        below = select(link.dataset_id).where(
            link.project_id == project_id, link.trashed_by.is_(None)
        )
    elif noun is Image:
        placed = aliased(Placement).c
        below = select(placed.image_id).where(
            placed.project_id == project_id, placed.state == PlacementState.LIVE.value
        )
    else:
        return false()
    inside: Criterion = row.id.in_(below.correlate(None))
    return inside


def _readable(actor: Actor) -> list[int]:
    known: list[int] | None = actor.memo.get("readable")
    if known is None:
        known = sorted(label for label, can in actor.labels.items() if can & Can.READ)
        actor.memo["readable"] = known
    return known


def _inside(column: str, parent: type[SQLModel]) -> Rule:
    """A row that borrows its parent's permissions."""

    def rule(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
        if "trashed_by" in row:
            yield row.trashed_by.is_(None)
        yield row[column].in_(visible_ids(parent, actor, database))

    return rule


def _link(*sides: tuple[str, type[SQLModel]]) -> Rule:
    """A link is seen by whoever sees both its ends."""

    def rule(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
        yield row.trashed_by.is_(None)
        for column, noun in sides:
            yield row[column].in_(visible_ids(noun, actor, database))

    return rule


def _roi(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield row.trashed_by.is_(None)
    yield row.image_id.in_(visible_ids(Image, actor, database))
    if actor.sees_all:
        return
    if actor.within is not None:
        yield or_(row.project_id.is_(None), row.project_id == actor.within)
    bound = [
        row.project_id.is_(None),
        row.image_id.in_(_ids(Image, actor, database, "broad", _broad)),
        row.project_id.in_(visible_ids(Project, actor, database)),
    ]
    if actor.user_id is not None:
        bound.append(row.owner_id == actor.user_id)
    yield or_(*bound)
    for project in actor.hiding:
        managing = row.author_id.in_(project.manager_ids)
        hidden = {
            (True, True): None,
            (True, False): ~managing,
            (False, True): managing,
        }[project.members, project.managers]
        layer = [row.project_id == project.project_id, row.kind == "user"]
        if actor.user_id is not None:
            layer.append(row.author_id != actor.user_id)
        yield ~and_(*layer, *_some(hidden)) | row.project_id.is_(None)


def _broad(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield from _some(broad(row, actor))


def _some(criterion: Criterion | None) -> list[Criterion]:
    return [] if criterion is None else [criterion]


def _annotation(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield row.trashed_by.is_(None)
    everything = broad(row, actor)
    if everything is None:
        return
    link = aliased(AnnotationLink)
    reached = [
        and_(link.c.target_type == name, link.c.target_id.in_(visible_ids(noun, actor, database)))
        for name, noun in ANNOTATABLE.items()
    ]
    linked = select(link.c.annotation_id).where(link.c.trashed_by.is_(None), or_(*reached))
    yield _besides(everything, row.id.in_(linked.correlate(None)), actor)


def _annotation_link(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield row.trashed_by.is_(None)
    yield or_(
        *(
            and_(row.target_type == name, row.target_id.in_(visible_ids(noun, actor, database)))
            for name, noun in ANNOTATABLE.items()
        )
    )


def _ontology(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield row.trashed_by.is_(None)
    everything = broad(row, actor)
    if everything is None:
        return
    project = aliased(Project)
    rule = RULES[table(Project).name](project.c, actor, database)
    used = row.id.in_(select(project.c.ontology_id).where(*rule).correlate(None))
    yield _besides(everything, used, actor)


def _besides(everything: Criterion, reached: Criterion, actor: Actor) -> Criterion:
    """What group and ownership give, or what something visible leads to; jobs get only that."""
    return reached if actor.within is not None else or_(everything, reached)


def _job(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    """Of one's group, or of a project one sees."""
    yield row.trashed_by.is_(None)
    everything = broad(row, actor)
    if everything is not None:
        reached = row.project_id.in_(visible_ids(Project, actor, database))
        yield _besides(everything, reached, actor)


def _result_table(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield row.trashed_by.is_(None)
    everything = broad(row, actor)
    if everything is not None:
        yield _besides(everything, row.image_id.in_(visible_ids(Image, actor, database)), actor)


def _stored_file(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield row.trashed_by.is_(None)
    if actor.sees_all:
        return
    if actor.within is not None:
        data = aliased(JobData).c
        rule = RULES[table(JobData).name](data, actor, database)
        yield row.id.in_(select(data.file_id).where(*rule).correlate(None))
        return
    yield or_(row.storage_id.in_(visible_ids(Storage, actor, database)), *_kept(row, actor))


def _storage(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield row.trashed_by.is_(None)
    if actor.within is not None:
        # Where a job's files are put; what else lies there is not listed to it.
        yield row.owner_id == actor.user_id
    elif not actor.sees_all:
        yield or_(row.id.in_(list(actor.storages)), *_kept(row, actor))


def _kept(row: Any, actor: Actor) -> list[Criterion]:
    """One's own, also after leaving the group: a storage is a person's; or of a group one leads."""
    led = [group for group, standing in actor.groups.items() if standing.leader]
    mine = [] if actor.user_id is None else [row.owner_id == actor.user_id]
    return [*mine, row.group_id.in_(led)]


def _group_owned(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield row.trashed_by.is_(None)
    yield false() if actor.within is not None else and_(True, *_some(broad(row, actor)))


def _grant(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    if actor.sees_all:
        return
    targets = [
        and_(row.target_type == name, row.target_id.in_(visible_ids(noun, actor, database)))
        for name, noun in LABELLED.items()
    ]
    yield or_(*targets)


def _signed_in(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    if "trashed_by" in row:
        yield row.trashed_by.is_(None)
    if not actor.signed_in:
        yield false()


def _mine(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    if not actor.full:
        personal = actor.user_id is not None and actor.within is None
        yield row.user_id == actor.user_id if personal else false()


def _touching(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    """Commands and activity: one's own, or about a project or image one sees."""
    if actor.sees_all:
        return
    if actor.within is not None:
        yield row.project_id == actor.within
        return
    mine = [] if actor.user_id is None else [row.user_id == actor.user_id]
    yield or_(
        *mine,
        row.project_id.in_(visible_ids(Project, actor, database)),
        row.image_id.in_(visible_ids(Image, actor, database)),
    )


def _command(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    """The history of a project tells what was there before; it is not for its jobs."""
    yield from [false()] if actor.within is not None else _touching(row, actor, database)


def _event(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    """Events outlive what they tell of, so liveness is not asked: a deletion must be seen too."""
    if actor.sees_all:
        return
    project, image = (_standing_ids(noun, actor, database) for noun in (Project, Image))
    yield or_(row.project_id.is_(None), row.project_id.in_(project))
    yield or_(row.image_id.is_(None), row.image_id.in_(image))
    targets = [
        and_(row.target_type == name, row.target_id.in_(_standing_ids(noun, actor, database)))
        for name, noun in LABELLED.items()
    ]
    targets.append(
        and_(row.target_type == "job", row.target_id.in_(visible_ids(Job, actor, database)))
    )
    yield or_(row.project_id.is_not(None), row.image_id.is_not(None), *targets)


def _standing_ids(noun: type[SQLModel], actor: Actor, database: Database) -> Select[tuple[int]]:
    return _ids(noun, actor, database, "standing", _standing(noun))


def _setting(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    if not actor.sees_all:
        yield row.reading_role <= (Role.user if actor.user_id is not None else 0)


def _placement(row: Any, actor: Actor, database: Database) -> Iterator[Criterion]:
    yield row.state == "live"
    yield row.project_id.in_(visible_ids(Project, actor, database))
    yield row.image_id.in_(visible_ids(Image, actor, database))


_ASSIGNED: tuple[tuple[type[SQLModel], Rule], ...] = (
    *((noun, _labelled(noun)) for noun in LABELLED.values()),
    (ProjectDataset, _link(("project_id", Project), ("dataset_id", Dataset))),
    (DatasetImage, _link(("dataset_id", Dataset), ("image_id", Image))),
    (ScreenPlate, _link(("screen_id", Screen), ("plate_id", Plate))),
    *(
        (noun, _inside("project_id", Project))
        for noun in (ProjectRepresentative, DefaultLayer, ProjectOperation)
    ),
    *(
        (noun, _inside("image_id", Image))
        for noun in (Pixels, Channel, Rendering, ImageSlice, ImageFile, LabelSet, Track)
    ),
    *((noun, _inside("plate_id", Plate)) for noun in (Acquisition, Well)),
    (WellSample, _inside("well_id", Well)),
    (Roi, _roi),
    *((noun, _inside("roi_id", Roi)) for noun in (Shape, RoiTerm, RoiTrack)),
    (Annotation, _annotation),
    (AnnotationLink, _annotation_link),
    (KeyValue, _inside("annotation_id", Annotation)),
    (Ontology, _ontology),
    (Term, _inside("ontology_id", Ontology)),
    (RelationTerm, _inside("parent_term_id", Term)),
    *((noun, _job) for noun in (Job, ImageGroup, RoiGroup)),
    *((noun, _inside("job_id", Job)) for noun in (JobParameter, JobData, JobIo, JobLog)),
    (ResultTable, _result_table),
    (ResultRow, _inside("table_id", ResultTable)),
    (StoredFile, _stored_file),
    (Storage, _storage),
    (StorageMember, _inside("storage_id", Storage)),
    *((noun, _group_owned) for noun in (SavedSearch, Source)),
    (ExternalRef, _inside("source_id", Source)),
    (ImageGroupItem, _link(("image_group_id", ImageGroup), ("image_id", Image))),
    (RoiGroupItem, _link(("roi_group_id", RoiGroup), ("roi_id", Roi))),
    (Grant, _grant),
    *((noun, _signed_in) for noun in (User, Group, Membership, UserRole, Operation, Port)),
    *((noun, _mine) for noun in (Session, Token, WorkspaceObject)),
    (Command, _command),
    (Activity, _touching),
    (Change, _inside("command_id", Command)),
    (Event, _event),
    (Setting, _setting),
    (Placement, _placement),
)

# Tables read by nobody but the hub: the interned rule itself.
UNREADABLE: frozenset[str] = frozenset(table(noun).name for noun in (Label, LabelObject))

RULES: dict[str, Rule] = {table(noun).name: rule for noun, rule in _ASSIGNED}
