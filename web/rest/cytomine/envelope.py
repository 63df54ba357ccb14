"""Answers of the dialect: lists with their totals, and what a command did.

Commands answer 200 whatever they did. A list gives its total over all pages; ``max=0`` means all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from store.catalog import Receipt
from store.errors import HubError
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import Domain

VERBS = {"Add": "added", "Edit": "edited", "Delete": "deleted"}


@dataclass(frozen=True, slots=True)
class Slice:
    """Which rows of a list: `limit` None means all."""

    offset: int
    limit: int | None


def slice_of(given: Any) -> Slice:
    """Return offset and max of a request's parameters. Raises Invalid."""
    offset = parameters.whole(given, "offset", 0) or 0
    limit = parameters.whole(given, "max", 0) or 0
    return Slice(max(0, offset), limit if limit > 0 else None)


def collection(items: Sequence[Any], total: int, which: Slice) -> dict[str, Any]:
    """Return one page of a list."""
    per_page = total if which.limit is None else min(which.limit, total)
    return {
        "collection": list(items),
        "offset": which.offset,
        "perPage": per_page,
        "totalPages": math.ceil(total / per_page) if per_page else 0,
        "size": total,
    }


def sliced(request: Request, rows: Sequence[Any], write: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the asked page of rows that are all here; only those of the page are written."""
    which = slice_of(request.query_params)
    stop = None if which.limit is None else which.offset + which.limit
    return collection([write(row) for row in rows[which.offset : stop]], len(rows), which)


def done(
    verb: str,
    domain: Domain,
    written: Mapping[str, Any],
    receipt: Receipt,
    text: str,
    **ids: int | None,
) -> dict[str, Any]:
    """Return the answer of a command.

    `verb` is Add, Edit or Delete; `ids` such as ``projectID`` go into the callback as texts.
    """
    callback = {"method": f"be.cytomine.{verb}{domain.name}Command"}
    callback[f"{domain.name.lower()}ID"] = str(written["id"])
    callback |= {name: str(id) for name, id in ids.items() if id is not None}
    return {
        "message": text,
        "callback": callback,
        "printMessage": True,
        domain.key: dict(written),
        "command": receipt.command_id,
    }


async def each(
    items: Sequence[Any], create: Callable[[Any], Any], plural: str
) -> tuple[dict[str, Any], int]:
    """Create every item of an array by itself; return the answer and its status.

    An empty array is a success: a client that splits its work sends one.
    """
    made: list[int] = []
    errors: list[dict[str, Any]] = []
    for item in items:
        try:
            made.append(await create(item))
        except HubError as error:
            errors.append({"data": item, "message": error.message})
    status = 200 if not errors else 206 if made else 400
    text = f"{plural} {','.join(map(str, made))} added"
    data: dict[str, Any] = {"message": text}
    if errors:
        data = {"success": False, "message": text, "errors": errors}
    return {"status": status, "data": data}, status
