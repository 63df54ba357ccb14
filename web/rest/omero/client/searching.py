"""``webclient/load_searching/form/``: search hits as rows of an HTML table.

A client reads the rows by regular expressions: the order of cells, the quotes, and each cell on one
line are part of the contract.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse

from adapters.hub import Hub
from adapters.search import Hit, Query
from store.errors import Invalid
from store.tables.images import Image
from web.rest.omero.client.actions import CONTAINERS
from web.rest.omero.client.items import words
from web.rest.omero.client.reading import chosen
from web.rest.omero.resource import WEBCLIENT, Answer, resource

DATATYPES = {
    "images": "image",
    "datasets": "dataset",
    "projects": "project",
    "wells": "well",
    "plates": "plate",
    "screens": "screen",
}
FIELDS = {"name": "name", "description": "description", "annotation": "annotations"}
MOST_HITS = 500
MOST_IDS = 50
_IDS = re.compile(r"[0-9 ,]+", re.ASCII)
# Java's dot stops at these, also inside a cell.
_LINE_ENDS = re.compile("[\r\n\u0085\u2028\u2029]")
_WILDCARDS = str.maketrans("", "", "*?~")
NOTHING = '<div><p class="searching_info">No results found</p></div>'


async def search(request: Request, hub: Hub) -> Answer:
    """Find objects by words, or by numbers, and show them as a table."""
    typed = request.query_params.get("query")
    if typed is None:
        return PlainTextResponse("No search '?query' included")
    nouns = [DATATYPES[one] for one in _listed(request, "datatype") if one in DATATYPES]
    hits, more = await _found(request, hub, typed, nouns or ["image"])
    if not hits:
        return HTMLResponse(NOTHING)
    named = sorted({one.group_id for one in hits})
    groups = {one.id: one.name for one in await hub.people.groups.by_ids(named) if one is not None}
    return HTMLResponse(_table(request, hub, hits, groups, more=more))


def _listed(request: Request, name: str) -> Sequence[str]:
    return request.query_params.getlist(name)


async def _found(
    request: Request, hub: Hub, typed: str, nouns: Sequence[str]
) -> tuple[list[Hit], bool]:
    numbered = await _by_number(hub, typed, nouns)
    try:
        query = _query(request, typed, nouns)
    except Invalid:
        # Nothing to look for, such as a lone wildcard; the other client shows an empty list.
        return numbered, False
    of_nouns = await hub.search.find(query, limit=MOST_HITS)
    known = {(one.noun, one.id) for one in numbered}
    hits = [hit for one in of_nouns for hit in one.hits if (hit.noun, hit.id) not in known]
    return [*numbered, *hits], any(one.has_more for one in of_nouns)


def _query(request: Request, typed: str, nouns: Sequence[str]) -> Query:
    places = [FIELDS[one] for one in _listed(request, "field") if one in FIELDS]
    first, last = _day(request, "startdateinput"), _day(request, "enddateinput")
    until = None if last is None else last + timedelta(days=1)
    kind = "acquired" if request.query_params.get("useAcquisitionDate") == "true" else "created"
    times = {f"{kind}_from": _ms(first), f"{kind}_to": _ms(until)}
    return Query(
        typed.translate(_WILDCARDS),
        nouns=nouns,
        places=places or tuple(FIELDS.values()),
        owner_id=chosen(request, "ownedBy"),
        group_id=chosen(request, "searchGroup"),
        **times,
    )


def _day(request: Request, name: str) -> datetime | None:
    try:
        return datetime.strptime(request.query_params.get(name, ""), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


async def _by_number(hub: Hub, typed: str, nouns: Sequence[str]) -> list[Hit]:
    """Return the objects whose numbers were typed, and nothing else."""
    if _IDS.fullmatch(typed) is None:
        return []
    ids = [int(one) for one in re.split("[ ,]+", typed) if one and len(one) < 19][:MOST_IDS]
    found = []
    for noun in nouns:
        if noun not in CONTAINERS or not ids:
            continue
        rows = [one for one in await hub.catalog.by_ids(CONTAINERS[noun], ids) if one is not None]
        allowed = await hub.catalog.capabilities(CONTAINERS[noun], rows)
        found += [
            Hit(
                noun, row, can, row.name, row.description, row.created_at,
                getattr(row, "acquired_at", None), row.owner_id, row.group_id,
            )
            for row, can in zip(rows, allowed, strict=True)
        ]  # fmt: skip
    return found


def _table(
    request: Request, hub: Hub, hits: Iterable[Hit], groups: Mapping[int, str], *, more: bool
) -> str:
    root = html.escape(request.scope.get("root_path", ""))
    rows = [_row(hub, one, groups.get(one.group_id, ""), root) for one in hits]
    further = ' data-more-results="true"' if more else ""
    return (
        f'<div><table id="dataTable" data-result-count="{len(rows)}"{further}>\n'
        "<thead><tr><th>Name</th><th>Acquired</th><th>Imported</th><th>Group</th><th>Link</th></tr>"
        "</thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table></div>\n"
    )


def _row(hub: Hub, hit: Hit, group: str, root: str) -> str:
    which = f"{hit.noun}-{hit.id}"
    acquired = hit.acquired_at
    if hit.noun == Image.__tablename__ and acquired is None:
        acquired = hit.created_at
    return (
        f'<tr id="{which}" class="{words(hub.actor, hit.row, hit.can)}">\n'
        f'  <td class="desc"><a>{_cell(hit.name)}</a></td>\n'
        f"  {_date(acquired)}\n"
        f"  {_date(hit.created_at)}\n"
        f'  <td class="group">{_cell(group)}</td>\n'
        f'  <td><a href="{root}/webclient/?show={which}" title="Show in hierarchy view">Browse</a>'
        "</td>\n</tr>"
    )


def _cell(text: str) -> str:
    return html.escape(_LINE_ENDS.sub(" ", text))


def _date(ms: int | None) -> str:
    if ms is None:
        return '<td class="date"></td>'
    try:
        told = format_datetime(datetime.fromtimestamp(ms // 1000, UTC))
    except (OverflowError, ValueError, OSError):
        return '<td class="date"></td>'
    return f"<td class=\"date\" data-isodate='{told}'></td>"


ROUTES = [*resource("/webclient/load_searching/form", get=search, manner=WEBCLIENT)]
