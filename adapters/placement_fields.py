"""What lists of images in projects can be narrowed and sorted by, as columns of one statement.

A value that the project says about the image wins over the image's own. Where a blind project hides
names from the actor, an image has none to search or sort by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, false, func, null, or_, select

from store.actor import Actor
from store.catalog import Catalog
from store.errors import Invalid
from store.statement import cols, table
from store.tables.annotations import AnnotationLink
from store.tables.columns import name_key
from store.tables.containers import Placement, PlacementState, Project
from store.tables.images import Image, Pixels
from store.tables.rois import Roi, RoiKind

_placement, _image, _pixels = cols(Placement), cols(Image), cols(Pixels)
_project, _roi, _link = cols(Project), cols(Roi), cols(AnnotationLink)
OPERATORS = ("equals", "nequals", "like", "ilike", "lte", "gte", "in")
_BITS = {"uint8": 8, "int8": 8, "uint16": 16, "int16": 16, "uint32": 32, "int32": 32,
         "uint64": 64, "int64": 64, "float32": 32, "float64": 64, "bool": 8}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One filter: a field, an operator of `OPERATORS`, and the value as text."""

    field: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Column:
    """What a field is in a statement; texts also have a folded form."""

    kind: str  # number, flag or text
    plain: Any
    folded: Any = None


def bits_of(dtype: str | None) -> int | None:
    """Return the bits of one sample; None where no type is known."""
    return None if dtype is None else _BITS.get(dtype, 8)


def hides_names(actor: Actor, project: Any) -> bool:
    """Whether a project keeps the names of its images from the actor."""
    return bool(project.blind) and not actor.oversees(project, project.id)


def _hidden(actor: Actor) -> Any:
    if actor.sees_all:
        return false()
    led = [group for group, standing in actor.groups.items() if standing.leader]
    managed = [id for id, level in actor.projects.items() if level == "manage"]
    overseen = [_project.group_id.in_(led), _project.id.in_(managed)]
    if actor.user_id is not None:
        overseen.append(
            and_(_project.owner_id == actor.user_id, _project.group_id.in_(list(actor.groups)))
        )
    return and_(_project.blind, ~or_(*overseen))


def fields(catalog: Catalog) -> Mapping[str, Callable[[], Column]]:
    """Return the columns of a list by plain names; each is made when it is asked for."""
    hidden = _hidden(catalog.actor)

    def name(own: bool) -> Column:
        plain = func.coalesce(_placement.name, _image.name) if own else _image.name
        folded = func.coalesce(_placement.name_key, _image.name_key) if own else _image.name_key
        return Column(
            "text", case((hidden, null()), else_=plain), case((hidden, null()), else_=folded)
        )

    def number(column: Any) -> Callable[[], Column]:
        return lambda: Column("number", column)

    def flag(predicate: Any) -> Callable[[], Column]:
        return lambda: Column("flag", predicate)

    def drawn(*kinds: RoiKind) -> Callable[[], Column]:
        return lambda: Column("number", _drawn(catalog, kinds))

    started, stopped = _placement.review_started_at, _placement.review_stopped_at
    return {
        "id": number(_placement.id),
        "created_at": number(_placement.created_at),
        "updated_at": number(_placement.updated_at),
        "name": lambda: name(True),
        "image_name": lambda: name(False),
        "image_id": number(_placement.image_id),
        "project_id": number(_placement.project_id),
        "project_name": lambda: Column("text", _project.name, _project.name_key),
        "added_by": number(_placement.added_by),
        "reviewer_id": number(_placement.reviewer_id),
        "review_started_at": number(started),
        "review_stopped_at": number(stopped),
        "reviewed": flag(stopped.is_not(None)),
        "in_review": flag(and_(started.is_not(None), stopped.is_(None))),
        "size_x": number(_pixels.size_x),
        "size_y": number(_pixels.size_y),
        "size_z": number(_pixels.size_z),
        "size_t": number(_pixels.size_t),
        "channels": number(case((_pixels.rgb, 1), else_=_pixels.size_c)),
        "extrinsic_channels": number(_pixels.size_c),
        "samples": number(case((_pixels.rgb, 3), else_=1)),
        "bits": number(case(_BITS, value=_pixels.dtype)),
        # As many levels as the longer side has: sorting by one sorts by the other.
        "longer_side": number(
            case((_pixels.size_x > _pixels.size_y, _pixels.size_x), else_=_pixels.size_y)
        ),
        "physical_size_x": number(
            func.coalesce(_placement.physical_size_x, _pixels.physical_size_x)
        ),
        "physical_size_y": number(
            func.coalesce(_placement.physical_size_y, _pixels.physical_size_y)
        ),
        "physical_size_z": number(
            func.coalesce(_placement.physical_size_z, _pixels.physical_size_z)
        ),
        "fps": number(func.coalesce(_placement.fps, _image.fps)),
        "magnification": number(func.coalesce(_placement.magnification, _image.magnification)),
        "drawn_by_people": drawn(RoiKind.USER),
        "drawn_by_jobs": drawn(RoiKind.ALGO),
        "drawn_reviewed": drawn(RoiKind.REVIEWED),
    }


def _drawn(catalog: Catalog, kinds: Sequence[RoiKind]) -> Any:
    """Return how many visible regions an image has in its project, unbound ones included."""
    return (
        select(func.count())
        .select_from(table(Roi))
        .where(
            _roi.image_id == _placement.image_id,
            or_(_roi.project_id.is_(None), _roi.project_id == _placement.project_id),
            _roi.kind.in_([kind.value for kind in kinds]),
            _roi.id.in_(catalog.visible_ids(Roi)),
        )
        .correlate(table(Placement))
        .scalar_subquery()
    )


def predicate(catalog: Catalog, test: Narrowing) -> Any:
    """Return the condition of a filter. Raises Invalid for a field or a value that is not there."""
    name = f"{test.field}[{test.op}]"
    if test.field == "tag":
        return _tagged(catalog, name, test)
    known = fields(catalog)
    if test.field not in known:
        raise Invalid(name, "there is no such field to filter by.")
    return condition(known[test.field](), test)


def condition(column: Column, test: Narrowing) -> Any:
    """Return the condition that a column meets a filter. Raises Invalid for a value."""
    if column.kind == "text":
        return _of_text(column, test)
    if column.kind == "flag":
        wanted = test.value.strip().lower() == "true"
        return column.plain if wanted == (test.op != "nequals") else ~column.plain
    return _of_number(column.plain, f"{test.field}[{test.op}]", test)


def _of_text(column: Column, test: Narrowing) -> Any:
    value = test.value
    match test.op:
        case "equals":
            return column.plain == value
        case "nequals":
            return column.plain.is_distinct_from(value)
        case "in":
            return column.plain.in_([part.strip() for part in value.split(",")])
        case "like":
            return column.plain.like(_pattern(value), escape="\\")
        case "ilike":
            return column.folded.like(_pattern(name_key(value)), escape="\\")
        case _:
            raise Invalid(f"{test.field}[{test.op}]", "texts have no order; use like.")


def _of_number(column: Any, name: str, test: Narrowing) -> Any:
    value = test.value.strip()
    if test.op == "in":
        parts = [part.strip() for part in value.split(",")]
        numbers = [_number(name, part) for part in parts if not _is_null(part)]
        found = column.in_(numbers)
        return or_(found, column.is_(None)) if len(numbers) < len(parts) else found
    if test.op in ("equals", "nequals") and _is_null(value):
        return column.is_(None) if test.op == "equals" else column.is_not(None)
    if test.op in ("like", "ilike"):
        raise Invalid(name, "numbers are compared by equals, lte and gte.")
    number = _number(name, value)
    match test.op:
        case "equals":
            return column == number
        case "nequals":
            return column.is_distinct_from(number)
        case "lte":
            return column <= number
        case _:
            return column >= number


def _number(name: str, text: str) -> int | float:
    try:
        number = float(text)
    except ValueError as error:
        raise Invalid(name, f"{text[:40]!r} is not a number.") from error
    if not abs(number) < 2**53:
        raise Invalid(name, "the number is too large.")
    return int(number) if number.is_integer() else number


def _is_null(text: str) -> bool:
    return text.lower() in ("null", "none", "")


def _tagged(catalog: Catalog, name: str, test: Narrowing) -> Any:
    parts = [part.strip() for part in test.value.split(",") if part.strip()]
    ids = [int(_number(name, part)) for part in parts if not _is_null(part)]
    bearing = select(_link.target_id).where(
        _link.target_type == "image",
        _link.trashed_by.is_(None),
        catalog.members(_link.annotation_id, ids),
    )
    found = _placement.image_id.in_(bearing)
    return ~found if test.op == "nequals" else found


def _pattern(wanted: str) -> str:
    """Return the LIKE pattern of a text in which ``*`` and ``%`` stand for anything."""
    parts = [
        part.replace("\\", "\\\\").replace("_", "\\_")
        for part in wanted.replace("*", "%").split("%")
    ]
    return "%".join(parts) if len(parts) > 1 else f"%{parts[0]}%"


def live() -> Any:
    """Return the condition that an image is in its project now."""
    return _placement.state == PlacementState.LIVE.value


def order(catalog: Catalog, field: str | None, *, descending: bool) -> tuple[Any, ...]:
    """Return what sorts a list; a field that no image has sorts nothing. Ties go by id."""
    known = fields(catalog)
    chosen = known[field] if field is not None and field in known else known["created_at"]
    return sorting(chosen(), _placement.id, descending=descending)


def sorting(column: Column, id: Any, *, descending: bool) -> tuple[Any, ...]:
    """Return what sorts a list by a column, absent values lowest; ties go by id."""
    by = column.folded if column.kind == "text" else column.plain
    if column.kind == "flag":
        by = case((by, 1), else_=0)
    if descending:
        return by.desc().nulls_last(), id.desc()
    return by.asc().nulls_first(), id.asc()
