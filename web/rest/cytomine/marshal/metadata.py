"""Properties, attached files, descriptions and tags as such clients know them."""

from __future__ import annotations

from typing import Any

from adapters.attached_files import AttachedFile
from adapters.described import Description
from adapters.properties import Property
from adapters.tags import Tagging
from web.rest.cytomine.marshal.users import common


def property_(row: Property, on: dict[str, Any]) -> dict[str, Any]:
    """Write a property; `on` names its object."""
    written = common("Property", row.id, row.created_at, row.updated_at)
    return written | on | {"key": row.key, "value": row.value}


def attached_file(row: AttachedFile, on: dict[str, Any]) -> dict[str, Any]:
    """Write a file that is on an object."""
    return (
        common("AttachedFile", row.id, row.created_at, row.updated_at)
        | on
        | {
            "url": f"/api/attachedfile/{row.id}/download",
            "filename": row.filename,
            "key": (row.extra or {}).get("key"),
        }
    )


def description(row: Description, on: dict[str, Any]) -> dict[str, Any]:
    """Write a description; its text is kept as it came."""
    return common("Description", row.id, row.created_at, row.updated_at) | on | {"data": row.text}


def tag(row: Any, creator: str | None) -> dict[str, Any]:
    """Write a tag."""
    return common("Tag", row.id, row.created_at, row.updated_at) | {
        "name": row.text,
        "user": row.owner_id,
        "creatorName": creator,
    }


def tagging(row: Tagging, on: dict[str, Any]) -> dict[str, Any]:
    """Write a tag on an object."""
    return (
        common("TagDomainAssociation", row.id, row.created_at)
        | on
        | {"tag": row.tag_id, "tagName": row.name}
    )
