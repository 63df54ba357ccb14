"""What follows from a unit of work, settled once at its end: placements, labels, groups, counts.

None of it is history: it is derived from rows that are, and is derived again when those are undone.
The one exception is an excluded placement that a new link brought back, which undo must exclude
again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from store.access.labels import relabel
from store.placements import close_paths
from store.statement import cols, table
from store.tables.images import Image, LabelSet
from store.tables.rois import Track
from store.tables.screens import Acquisition, Plate, Well, WellSample
from store.touched import Touched

if TYPE_CHECKING:
    from store.engine import Database

_image, _well, _sample = cols(Image), cols(Well), cols(WellSample)


async def settle(
    database: Database, connection: AsyncConnection, touched: Touched, user_id: int
) -> list[int]:
    """Bring everything derived up to date; return the excluded placements that are live again."""
    back: list[int] = []
    if touched.anything:
        await database.order_labels(connection)
        back = await close_paths(database, connection, touched, user_id)
        await relabel(database, connection, touched)
        await _follow_groups(database, connection, touched)
    await _count_regions(database, connection, touched)
    return back


async def _follow_groups(database: Database, connection: AsyncConnection, touched: Touched) -> None:
    """Give rows that stand in the group of another its new group."""
    for noun, parent, column, ids in (
        (LabelSet, Image, "image_id", touched.moved_images),
        (Track, Image, "image_id", touched.moved_images),
        (Acquisition, Plate, "plate_id", touched.moved_plates),
        (Well, Plate, "plate_id", touched.moved_plates),
    ):
        if ids:
            above = cols(noun)[column]
            await _assign(connection, noun, database.members(above, ids), _group_of(parent, above))
    if touched.moved_plates:
        wells = select(_well.id).where(database.members(_well.plate_id, touched.moved_plates))
        await _assign(
            connection, WellSample, _sample.well_id.in_(wells), _group_of(Well, _sample.well_id)
        )


def _group_of(noun: type[SQLModel], id: Any) -> Select[Any]:
    above = cols(noun)
    return select(above.group_id).where(above.id == id)


async def _assign(
    connection: AsyncConnection, noun: type[SQLModel], where: Any, group: Select[Any]
) -> None:
    await connection.execute(
        update(table(noun)).where(where).values(group_id=group.scalar_subquery())
    )


async def _count_regions(database: Database, connection: AsyncConnection, touched: Touched) -> None:
    """Keep the number of regions per image, a hint that chooses between two indexes."""
    steps: dict[int, list[int]] = {}
    for id, step in touched.drawn.items():
        if step:
            steps.setdefault(step, []).append(id)
    for step, ids in sorted(steps.items()):
        now = _image.roi_count + step
        await connection.execute(
            update(table(Image))
            .where(database.members(_image.id, ids))
            .values(roi_count=case((now < 0, 0), else_=now))
        )
