"""The accounts and groups that the rows of one answer name: two statements, however many rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from web.rest.omero.links import Links
from web.rest.omero.marshal.details import Frame


async def frame_of(request: Request, hub: Hub, rows: Iterable[Any]) -> Frame:
    """Return what is needed to write rows that have an owner and a group."""
    pairs = {(row.owner_id, row.group_id) for row in rows}
    if not pairs:
        return Frame(Links(request), [], [])
    people, groups = await asyncio.gather(
        hub.people.by_ids(sorted({owner for owner, _ in pairs})),
        hub.people.groups.by_ids(sorted({group for _, group in pairs})),
    )
    return Frame(
        Links(request),
        [one for one in people if one is not None],
        [one for one in groups if one is not None],
    )
