"""Uploads on both databases: while the sender waits, and without."""

from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest
import tifffile

from adapters.uploads import Destination
from store.errors import NotFound
from store.tables.containers import Project
from tests.fixtures.hub_world import HubWorld


async def test_an_upload_is_placed_now_or_later(hub_world: HubWorld) -> None:
    hub = await hub_world.hub("owner")
    project = await hub.containers.create(Project, name="p")
    (storage, *_) = await hub.storages.mine()
    to = Destination(storage.id, [project.id], [("k", "v")], "test/properties")
    content = io.BytesIO()
    tifffile.imwrite(content, np.full((4, 6), 3, dtype="uint8"))
    content.seek(0)
    done = await hub.uploads.now("a.tif", content, to)
    ((image_id, placements),) = done.images.items()
    (placed,) = await hub.placements.by_ids(placements)
    assert (placed.row.project_id, placed.image.id) == (project.id, image_id)
    assert (done.file.status, done.file.name, done.file.storage_id) == (100, "a.tif", storage.id)
    content.seek(0)
    row = await hub.uploads.later("b.tif", content, to)
    await asyncio.gather(*hub.infrastructure.background)
    assert (await hub.uploaded_files.get(row.id)).status == 100
    assert len((await hub.uploaded_files.images_of([row.id]))[row.id]) == 1
    broken = await hub.uploads.later("c.tif", io.BytesIO(b"nothing"), to)
    await asyncio.gather(*hub.infrastructure.background)
    assert (await hub.uploaded_files.get(broken.id)).status == 11
    with pytest.raises(NotFound):
        await (await hub_world.hub("stranger")).uploads.now("a.tif", content, to)
