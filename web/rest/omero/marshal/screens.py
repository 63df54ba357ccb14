"""Plates, runs of the instrument, wells and their fields as such clients see them.

Screens are written beside the other containers. Fields borrow the details of their well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.descriptions import plain
from store.access.capabilities import Can
from store.tables.screens import Acquisition, Plate
from web.rest.omero.marshal.details import Frame
from web.rest.omero.marshal.values import length, present, signed, typed

_PLATE, _ACQUISITION = typed("Plate"), typed("PlateAcquisition")
_WELL, _FIELD = typed("Well"), typed("WellSample")
STAGE = "REFERENCEFRAME"  # the unit of a position whose unit nobody told


def plate(row: Plate, frame: Frame, can: Can) -> dict[str, Any]:
    """Return a plate alone."""
    return present(
        {
            "@id": row.id,
            "@type": _PLATE,
            "Name": row.name,
            "Description": plain(row.description, row.description_html),
            "Columns": row.columns,
            "Rows": row.rows,
            "ColumnNamingConvention": row.column_naming,
            "RowNamingConvention": row.row_naming,
            "FieldIndex": row.field_index,
            "ExternalIdentifier": row.external_id,
            "Status": row.status,
            "WellOriginX": length(row.origin_x, row.origin_unit or STAGE),
            "WellOriginY": length(row.origin_y, row.origin_unit or STAGE),
            "omero:details": frame.details(row.owner_id, row.group_id, can),
        }
    )


def acquisition(row: Acquisition, frame: Frame, can: Can) -> dict[str, Any]:
    """Return a run of the instrument alone."""
    return present(
        {
            "@id": row.id,
            "@type": _ACQUISITION,
            "Name": row.name,
            "Description": plain(row.description, row.description_html),
            "MaximumFieldCount": row.max_fields,
            "StartTime": row.started_at,
            "EndTime": row.ended_at,
            "omero:details": frame.details(row.owner_id, row.group_id, can),
        }
    )


def well(
    row: Any, details: Mapping[str, Any], fields: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Return a well with its fields, if there are any; rows and columns count from 0."""
    return present(
        {
            "@id": row.id,
            "@type": _WELL,
            "Column": row.column,
            "Row": row.row,
            "ExternalDescription": row.external_description,
            "ExternalIdentifier": row.external_id,
            "Type": row.type,
            "Color": None if row.color is None else signed(row.color),
            "omero:status": row.status,
            "WellSamples": list(fields) or None,
            "omero:details": details,
        }
    )


def field(
    row: Any,
    details: Mapping[str, Any],
    image: Mapping[str, Any],
    run: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return a field: an image at a place in a well, and the run that took it if it is known."""
    return present(
        {
            "@id": row.id,
            "@type": _FIELD,
            "PositionX": length(row.x, row.unit or STAGE),
            "PositionY": length(row.y, row.unit or STAGE),
            "Timepoint": row.timepoint,
            "Image": image,
            "PlateAcquisition": run,
            "omero:details": details,
        }
    )
