"""Placements: the closure of project → dataset → image, one row per pair for ever.

A placement is made when a path appears, left when the last path goes, and live again under the same
id when one returns; regions of interest bound to it come back with it. An excluded placement
returns only when somebody makes a new link on a path from that project to that image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.clock import now_ms
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage, Placement, ProjectDataset
from store.tables.images import Image

if TYPE_CHECKING:
    from store.engine import Database
    from store.touched import Touched

_placement, _image, _dataset = cols(Placement), cols(Image), cols(Dataset)
_project_dataset, _dataset_image = cols(ProjectDataset), cols(DatasetImage)


def _paths(*wanted: Any) -> Select[Any]:
    """Live paths from a project to an image."""
    return (
        select(*wanted)
        .select_from(
            table(ProjectDataset)
            .join(table(DatasetImage), _dataset_image.dataset_id == _project_dataset.dataset_id)
            .join(table(Dataset), _dataset.id == _project_dataset.dataset_id)
        )
        .where(
            _project_dataset.trashed_by.is_(None),
            _dataset_image.trashed_by.is_(None),
            _dataset.trashed_by.is_(None),
        )
    )


async def close_paths(
    database: Database, connection: AsyncConnection, touched: Touched, user_id: int
) -> list[int]:
    """Bring the placements of touched images up to date with the links.

    Returns the ids of those that were excluded and are live again.
    """
    images = set(touched.images)
    if touched.datasets:
        images |= set(
            await connection.scalars(
                select(_dataset_image.image_id).where(
                    database.members(_dataset_image.dataset_id, touched.datasets)
                )
            )
        )
    if not images:
        return []
    mine = database.members(_placement.image_id, images)
    path = exists(
        _paths(_dataset_image.image_id).where(
            _dataset_image.image_id == _placement.image_id,
            _project_dataset.project_id == _placement.project_id,
        )
    )
    await _set_state(connection, "left", mine, _placement.state == "live", ~path)
    await _set_state(connection, "live", mine, _placement.state == "left", path)
    back = await _linked_anew(database, connection, touched, images)
    if back:
        await _set_state(connection, "live", database.members(_placement.id, back))
    await _place_new(database, connection, images, user_id)
    return back


async def _set_state(connection: AsyncConnection, state: str, *where: ColumnElement[bool]) -> None:
    await connection.execute(
        update(table(Placement))
        .where(*where)
        .values(state=state, updated_at=now_ms(), version=_placement.version + 1)
    )


async def _linked_anew(
    database: Database, connection: AsyncConnection, touched: Touched, images: set[int]
) -> list[int]:
    """Return the excluded placements with a path over a link that this unit made."""
    if not (touched.linked_datasets or touched.linked_images):
        return []
    paths = await connection.execute(
        _paths(
            _placement.id, _project_dataset.project_id, _dataset_image.dataset_id,
            _dataset_image.image_id,
        )
        .join(
            table(Placement),
            (_placement.project_id == _project_dataset.project_id)
            & (_placement.image_id == _dataset_image.image_id),
        )
        .where(_placement.state == "excluded", database.members(_placement.image_id, images))
    )  # fmt: skip
    return sorted(
        {
            id
            for id, project, dataset, image in paths
            if (project, dataset) in touched.linked_datasets
            or (dataset, image) in touched.linked_images
        }
    )


async def _place_new(
    database: Database, connection: AsyncConnection, images: set[int], user_id: int
) -> None:
    known = table(Placement).alias()
    fresh = await connection.execute(
        _paths(_project_dataset.project_id, _dataset_image.image_id, _image.slice_count)
        .join(table(Image), _image.id == _dataset_image.image_id)
        .distinct()
        .where(
            database.members(_dataset_image.image_id, images),
            ~exists(
                select(known.c.id).where(
                    known.c.project_id == _project_dataset.project_id,
                    known.c.image_id == _dataset_image.image_id,
                )
            ),
        )
        .order_by(_project_dataset.project_id, _dataset_image.image_id)
    )
    rows = fresh.all()
    if not rows:
        return
    first = await database.take_ids(connection, len(rows))
    planes = sum(row.slice_count or 0 for row in rows)
    base = await database.take_ids(connection, planes, kind="plane") if planes else 0
    made = []
    now = now_ms()
    for id, row in enumerate(rows, first):
        own = base if row.slice_count else None
        made.append((id, row.project_id, row.image_id, "live", own, user_id, now))
        base += row.slice_count or 0
    await database.bulk(
        connection,
        table(Placement),
        ("id", "project_id", "image_id", "state", "slice_base", "added_by", "created_at"),
        made,
    )
