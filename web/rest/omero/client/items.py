"""Rows as the tree of the web client writes them: small objects, with what may be done as words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.descriptions import plain
from store.access.capabilities import Can
from store.actor import Actor
from store.tables.images import Image, Pixels
from store.tables.people import Group, GroupLevel, User
from web.rest.omero.client.reading import flags
from web.rest.omero.marshal.details import PERMS


def moment(ms: int | None) -> str | None:
    """Return a time as ``2026-03-18T12:00:00+00:00``, to the second."""
    if ms is None:
        return None
    try:
        return datetime.fromtimestamp(ms // 1000, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None  # Beyond the years 1 to 9999, which such clients cannot read either.


def words(actor: Actor, row: Any, can: Can) -> str:
    """Return ``permsCss``: what the caller may do to a row."""
    return flags(
        (
            ("canEdit", bool(can & Can.EDIT)),
            ("canAnnotate", bool(can & Can.ANNOTATE)),
            ("canDelete", bool(can & Can.DELETE)),
            ("canLink", bool(can & Can.PLACE)),
            ("canChgrp", bool(can & Can.SHARE)),
            ("isOwned", row.owner_id == actor.user_id),
            ("canChown", bool(can & Can.SHARE) and actor.sees_all),
        )
    )


def permissions(can: Can) -> dict[str, bool]:
    """Return what the caller may do, as annotations and links carry it."""
    return {
        "canDelete": bool(can & Can.DELETE),
        "canAnnotate": bool(can & Can.ANNOTATE),
        "canLink": bool(can & Can.PLACE),
        "canEdit": bool(can & Can.EDIT),
    }


def container(actor: Actor, row: Any, can: Can, children: int) -> dict[str, Any]:
    """Return a project, dataset, screen or plate with how much it holds."""
    return {
        "id": row.id,
        "name": row.name,
        "ownerId": row.owner_id,
        "childCount": children,
        "permsCss": words(actor, row, can),
    }


def acquisition(actor: Actor, row: Any, can: Can) -> dict[str, Any]:
    """Return a run of the instrument, named by its times or its id if it has no name."""
    name = row.name
    if name is None and row.started_at is not None and row.ended_at is not None:
        name = f"{_plain_time(row.started_at)} - {_plain_time(row.ended_at)}"
    return {
        "id": row.id,
        "name": name or f"Run {row.id}",
        "ownerId": row.owner_id,
        "permsCss": words(actor, row, can),
    }


def _plain_time(ms: int) -> str:
    return (moment(ms) or "").replace("T", " ").removesuffix("+00:00")


def image(
    actor: Actor,
    row: Image,
    can: Can,
    *,
    pixels: Pixels | None = None,
    sizes: bool = False,
    dates: bool = False,
    version: bool = False,
) -> dict[str, Any]:
    """Return an image; sizes, dates and the version of its thumbnail if they are asked for."""
    found: dict[str, Any] = {
        "id": row.id,
        "archived": row.archived,
        "name": row.name,
        "ownerId": row.owner_id,
        "permsCss": words(actor, row, can),
    }
    if row.file_id is not None:
        found["filesetId"] = row.file_id
    if sizes and pixels is not None:
        found |= {
            "sizeX": pixels.size_x,
            "sizeY": pixels.size_y,
            "sizeZ": pixels.size_z,
            "sizeT": pixels.size_t,
        }
    if dates:
        found["date"] = moment(row.created_at)
        if row.acquired_at is not None:
            found["acqDate"] = moment(row.acquired_at)
    if version and pixels is not None:
        found["thumbVersion"] = pixels.generation
    return found


def tag(actor: Actor, row: Any, can: Can, objects: int) -> dict[str, Any]:
    """Return a tag with how many objects bear it."""
    found: dict[str, Any] = {"id": row.id, "value": row.text}
    about = plain(row.description, row.description_html)
    if about:
        found["description"] = about
    return {
        **found,
        "ownerId": row.owner_id,
        "permsCss": words(actor, row, can),
        "set": False,
        "childCount": objects,
    }


def group(row: Group) -> dict[str, Any]:
    """Return a group with its level."""
    return {"id": row.id, "name": row.name, "perm": PERMS[GroupLevel(row.level)]}


def experimenter(row: User) -> dict[str, Any]:
    """Return a person."""
    return {
        "id": row.id,
        "omeName": row.username,
        "firstName": row.first_name,
        "lastName": row.last_name,
    }


def full_name(row: User | None) -> str:
    """Return a person's name, the user name if no other is known."""
    if row is None:
        return ""
    return f"{row.first_name} {row.last_name}".strip() or row.username
