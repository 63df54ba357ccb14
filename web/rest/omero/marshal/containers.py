"""Projects, datasets and screens as OMERO's JSON."""

from __future__ import annotations

from typing import Any

from adapters.descriptions import plain
from store.access.capabilities import Can
from store.tables.containers import Dataset, Project
from store.tables.screens import Screen
from web.rest.omero.marshal.details import Frame
from web.rest.omero.marshal.values import present, typed


def project(row: Project, frame: Frame, can: Can) -> dict[str, Any]:
    """Return a project alone."""
    return _container("Project", row, frame, can)


def dataset(row: Dataset, frame: Frame, can: Can) -> dict[str, Any]:
    """Return a dataset alone."""
    return _container("Dataset", row, frame, can)


def screen(row: Screen, frame: Frame, can: Can) -> dict[str, Any]:
    """Return a screen alone."""
    return _container(
        "Screen",
        row,
        frame,
        can,
        ProtocolIdentifier=row.protocol_id,
        ProtocolDescription=row.protocol_description,
        ReagentSetIdentifier=row.reagent_id,
        ReagentSetDescription=row.reagent_description,
        Type=row.type,
    )


def _container(kind: str, row: Any, frame: Frame, can: Can, **more: Any) -> dict[str, Any]:
    return present(
        {
            "@id": row.id,
            "@type": typed(kind),
            "Name": row.name,
            "Description": plain(row.description, row.description_html),
            **more,
            "omero:details": frame.details(row.owner_id, row.group_id, can),
        }
    )
