"""Companion files as such clients know them."""

from __future__ import annotations

from typing import Any

from store.tables.files import ImageFile, StoredFile
from web.rest.cytomine.marshal.users import common


def companion_file(row: ImageFile, file: StoredFile | None) -> dict[str, Any]:
    """Write a companion file; the state of a stored file one may not have is null."""
    return common("CompanionFile", row.id, row.created_at) | {
        "image": row.image_id,
        "uploadedFile": row.file_id,
        "originalFilename": row.name,
        "filename": row.name,
        "path": row.name,
        "type": row.type,
        "progress": row.progress,
        "status": None if file is None else file.status,
        "statusText": None if file is None else _state(file.status),
    }


def _state(status: int) -> str:
    """Return in a word whether a file is being worked on, has failed, or is ready."""
    if status % 2:
        return "ERROR"
    return "SUCCESS" if status >= 100 else "PROGRESS"
