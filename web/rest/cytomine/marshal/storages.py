"""Storages and uploaded files as such clients know them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from store.tables.files import FileStatus
from web.rest.cytomine.marshal.users import common

_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"})


def storage(row: Any) -> dict[str, Any]:
    """Write a storage; its owner under both names that clients have for it."""
    written = common("Storage", row.id, row.created_at, row.updated_at)
    return written | {"name": row.name, "user": row.owner_id, "userId": row.owner_id}


def uploaded_file(row: Any, *, projects: list[int] | None = None) -> dict[str, Any]:
    """Write an uploaded file; its place on disk is nobody's business, so its name stands for it."""
    ending = PurePosixPath(row.name).suffix.lower()
    status = status_of(row)
    return common("UploadedFile", row.id, row.created_at, row.updated_at) | {
        "user": row.owner_id,
        "storage": row.storage_id,
        "parent": row.parent_id,
        "root": row.parent_id or row.id,
        "lTree": None,
        "originalFilename": row.name,
        "filename": row.name,
        "ext": ending.removeprefix("."),
        "contentType": row.media_type,
        "size": row.size,
        "path": row.name,
        "isArchive": ending in _ARCHIVES,
        "status": status,
        "statusText": FileStatus(status).name,
        "projects": projects,
    }


def status_of(row: Any) -> int:
    """Return how far a file has come; one of an unknown code counts as received."""
    known: int = row.status if row.status in frozenset(FileStatus) else 0
    return int(known)
