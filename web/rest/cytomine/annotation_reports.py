"""Reports: the annotations of a project as a table that is saved, sent as it is read.

A table goes out in parts, so that it may be as long as it likes. Spreadsheets are the XML form that
office programs open; pages of PDF are set in one of the fonts every reader has.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from adapters.hub import Hub
from adapters.region_lists import Groups, Region, RegionLists
from adapters.region_query import RegionQuery
from store.errors import Invalid
from store.tables.ontologies import Term
from store.tables.rois import RoiKind
from web.rest.cytomine import parameters
from web.rest.cytomine.annotation_lists import query_of
from web.rest.cytomine.annotation_pdf import paged
from web.rest.cytomine.annotations import base_of
from web.rest.cytomine.marshal.annotations import item
from web.rest.cytomine.resource import Answer, resource
from web.transfers import attachment

AT_ONCE = 2000
_WANTED = Groups(text=True, measures=True, terms=True, people=True)
_SHOWN = frozenset({"basic", "meta", "gis", "image", "user"})
_BOOK = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<?mso-application progid="Excel.Sheet"?>\n'
    '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
    'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
    '<Worksheet ss:Name="Annotations"><Table>\n'
)
_BOOK_END = "</Table></Worksheet></Workbook>\n"
Row = Sequence[Any]


def header() -> Row:
    """Return the captions of the columns."""
    return (
        "ID", "Area (pixels² or micron²)", "Perimeter (pixels or mm)", "X", "Y", "Image ID",
        "Image Filename", "User", "Term", "View annotation picture",
        "View annotation on image",
    )  # fmt: skip


async def rows_of(hub: Hub, query: RegionQuery, base: str) -> AsyncIterator[list[Row]]:
    """Give the rows of a report, the newest annotation first, so many at a time."""
    lists, names = RegionLists(hub.catalog), dict[int, str]()
    last: int | None = None
    while True:
        part = replace(query, below_id=last)
        found = (await lists.page(part, _WANTED, limit=AT_ONCE, counted=False)).regions
        if not found:
            return
        fresh = sorted({row.term_id for one in found for row in one.terms} - names.keys())
        if fresh:
            terms = await hub.catalog.by_ids(Term, fresh)
            names |= {row.id: row.name for row in terms if row is not None}
        yield [_row(one, base, names) for one in found]
        last = found[-1].id
        if len(found) < AT_ONCE:
            return


def _row(one: Region, base: str, names: dict[int, str]) -> Row:
    written = item(one, base, _SHOWN)
    terms = dict.fromkeys(names.get(row.term_id, str(row.term_id)) for row in one.terms)
    return (
        one.id, written["area"], written["perimeter"], written["centroid"]["x"],
        written["centroid"]["y"], written["image"], written["instanceFilename"],
        written["creator"], ", ".join(terms), written["cropURL"], written["imageURL"],
    )  # fmt: skip


def csv_lines(rows: Sequence[Row]) -> bytes:
    """Return rows as CSV; texts that a spreadsheet would take for a formula are quoted by '."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerows([[_harmless(cell) for cell in row] for row in rows])
    return out.getvalue().encode()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") else cell


def sheet_rows(rows: Sequence[Row]) -> bytes:
    """Return rows as rows of a spreadsheet in XML."""
    out = []
    for row in rows:
        cells = (
            f'<Cell><Data ss:Type="{"String" if isinstance(cell, str) else "Number"}">'
            f"{escape('' if cell is None else _printable(str(cell)))}</Data></Cell>"
            if cell is not None
            else "<Cell/>"
            for cell in row
        )
        out.append(f"<Row>{''.join(cells)}</Row>\n")
    return "".join(out).encode()


def _printable(text: str) -> str:
    """Return a text without the characters that XML cannot hold."""
    return "".join(one for one in text if one >= " " or one in "\t\n\r")


async def _csv(header: Row, parts: AsyncIterator[list[Row]]) -> AsyncIterator[bytes]:
    yield csv_lines([header])
    async for rows in parts:
        yield csv_lines(rows)


async def _xls(header: Row, parts: AsyncIterator[list[Row]]) -> AsyncIterator[bytes]:
    yield _BOOK.encode() + sheet_rows([header])
    async for rows in parts:
        yield sheet_rows(rows)
    yield _BOOK_END.encode()


async def _pdf(header: Row, parts: AsyncIterator[list[Row]]) -> AsyncIterator[bytes]:
    async def lines() -> AsyncIterator[list[str]]:
        yield [_LINE.format("ID", "Area", "Perimeter", "X", "Y", "User", "Image", "Term"), ""]
        async for rows in parts:
            yield [
                _LINE.format(
                    row[0], *(f"{number:.2f}" for number in row[1:5]), row[7] or "", row[6], row[8]
                )
                for row in rows
            ]

    async for part in paged(lines()):
        yield part


_LINE = "{:<14} {:>12} {:>10} {:>9} {:>9} {:<14.14} {:<20.20} {}"
_FORMATS = {
    "csv": (_csv, "text/csv; charset=utf-8"),
    "xls": (_xls, "application/vnd.ms-excel"),
    "pdf": (_pdf, "application/pdf"),
}


def _report(kind: RoiKind | None) -> Any:
    async def view(request: Request, hub: Hub) -> Answer:
        given = dict(request.query_params) | {"project": request.path_params["id"]}
        format = (parameters.text(given, "format") or "csv").lower()
        if format not in _FORMATS:
            raise Invalid("format", "must be csv, xls or pdf.")
        given.pop("format", None)
        if kind is None and not parameters.flag(given, "reviewed"):
            given.setdefault("includeAlgo", "true")
        query = await query_of(hub, given, None if kind is None else [kind])
        query = replace(query, newest_first=True)
        write, media = _FORMATS[format]
        name = f"annotations-of-project-{request.path_params['id']}.{format}"
        parts = rows_of(hub, query, base_of(request))
        answer: Response = StreamingResponse(write(header(), parts), media_type=media)
        answer.headers.update(attachment(name))
        return answer

    which = "the annotations" if kind is None else f"the {kind.value} annotations"
    view.__doc__ = f"""Save {which} of a project as a table, ``format`` csv, xls or pdf."""
    return view


_OF = (
    ("annotation", None),
    ("userannotation", RoiKind.USER),
    ("algoannotation", RoiKind.ALGO),
    ("reviewedannotation", RoiKind.REVIEWED),
)

ROUTES = [
    route
    for word, kind in _OF
    for route in resource(f"/api/project/{{id:number}}/{word}/download", get=_report(kind))
]
