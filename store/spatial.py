"""Shapes of images in a box, by the spatial index or by the index of sizes, on both databases.

PostgreSQL keeps boxes in a GiST index over an expression, SQLite in an R*Tree beside the table,
whose numbers are 32 bits wide and whose image is an id modulo 2³¹; what either finds is tested
again on the row. The largest shapes of a viewport come from the index of sizes when most of the
image is asked for, since then the largest are soon found, and from the spatial index otherwise; no
planner knows this, so the choice is made here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, column, func, select
from sqlalchemy import table as lightweight

from store.errors import Invalid
from store.migrations.triggers import HIGH, LOW
from store.statement import cols
from store.tables.rois import Shape

if TYPE_CHECKING:
    from store.engine import Database

_shape = cols(Shape)
_boxes = lightweight("shape_box", *map(column, ("id", "x0", "x1", "y0", "y1", "k0", "k1")))
_SHAPE_BOX = func.box(func.point(_shape.x0, _shape.y0), func.point(_shape.x1, _shape.y1))


@dataclass(frozen=True, slots=True)
class Box:
    """A closed box in pixels of full resolution, origin top left, y down."""

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.x0, self.y0, self.x1, self.y1))):
            raise Invalid("viewport", "its sides must be finite numbers.")
        if self.x1 < self.x0 or self.y1 < self.y0:
            raise Invalid("viewport", "its width and height must be 0 or more.")

    def share_of(self, width: float, height: float) -> float:
        """Return which part of an image of this size the box covers, from 0 to 1."""
        wide = min(self.x1, width) - max(self.x0, 0)
        high = min(self.y1, height) - max(self.y0, 0)
        return wide * high / (width * height) if wide > 0 and high > 0 else 0.0


def prefers_size(share: float, total: int, limit: int) -> bool:
    """Whether the `limit` largest of `total` shapes are found sooner by size than by place.

    By size, limit/share rows are read until enough lie in the box; by place, all share·total of it.
    The two are equal at share = √(limit/total).
    """
    return total > 0 and share > math.sqrt(limit / total)


def touches(box: Box) -> ColumnElement[bool]:
    """Return the exact test that a shape's bounding box meets the box; no index serves it."""
    return and_(_shape.x0 <= box.x1, _shape.x1 >= box.x0, _shape.y0 <= box.y1, _shape.y1 >= box.y0)


def in_box(database: Database, image_ids: Iterable[int], box: Box) -> ColumnElement[bool]:
    """Return the test that a live shape of these images meets the box, by the spatial index."""
    ids = list(image_ids)
    if database.dialect == "sqlite":
        image = _shape.image_id + 0 == ids[0] if len(ids) == 1 else None
        if image is None:
            image = database.members(_shape.image_id + 0, ids)
        return and_(_shape.id.in_(_in_tree(database, ids, box)), image, touches(box))
    image = _shape.image_id == ids[0] if len(ids) == 1 else database.members(_shape.image_id, ids)
    corners = func.box(
        func.point(bindparam(None, float(box.x0)), bindparam(None, float(box.y0))),
        func.point(bindparam(None, float(box.x1)), bindparam(None, float(box.y1))),
    )
    return and_(image, _shape.trashed_by.is_(None), _SHAPE_BOX.bool_op("&&")(corners), touches(box))


def rois_in_box(database: Database, image_ids: Iterable[int], box: Box) -> Select[Any]:
    """Return a sub-select of the ids of regions with a live shape that meets the box.

    PostgreSQL is told to work it out once: before it has counted fresh rows it takes them for few,
    and would look into the index again for each region of the image.
    """
    found = select(_shape.roi_id).where(
        in_box(database, image_ids, box), _shape.trashed_by.is_(None)
    )
    if database.dialect == "sqlite":
        return found
    once = found.distinct().cte("in_box").prefix_with("MATERIALIZED")
    return select(once.c.roi_id)


def _in_tree(database: Database, image_ids: list[int], box: Box) -> Select[Any]:
    """Return the ids the R*Tree gives: those meant, and perhaps some of other images."""
    keys = {id & HIGH for id in image_ids}
    place = (
        and_(_boxes.c.k0 <= min(keys), _boxes.c.k1 >= min(keys))
        if len(keys) == 1
        else database.members(_boxes.c.k0, keys)
    )
    x0, y0, x1, y1 = (min(max(side, LOW), HIGH) for side in (box.x0, box.y0, box.x1, box.y1))
    return select(_boxes.c.id).where(
        place, _boxes.c.x0 <= x1, _boxes.c.x1 >= x0, _boxes.c.y0 <= y1, _boxes.c.y1 >= y0
    )


def largest_in_box(
    database: Database,
    statement: Select[Any],
    image_id: int,
    box: Box,
    limit: int,
    *,
    by_size: bool,
) -> Select[Any]:
    """Limit a SELECT over shapes to the largest of an image that meet a box, largest first."""
    place = (
        and_(_shape.image_id == image_id, touches(box))
        if by_size
        else in_box(database, [image_id], box)
    )
    return statement.where(place).order_by(_shape.size.desc(), _shape.id).limit(limit)
