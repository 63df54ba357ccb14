"""Reading stored files, and the images and files one is making."""

from collections.abc import Mapping
from typing import Any

import strawberry

from resolvers.loaders import relation
from resolvers.nodes import one
from schema.annotations import StoredFile
from schema.context import Info
from schema.drafts import FileDraft, ImageDraft
from store.tables import files


@relation(node=StoredFile)
async def stored_file_by_id(hub: Any, keys: list[int]) -> Mapping[int, StoredFile]:
    found = await hub.file_access.many(keys)
    allowed = await hub.catalog.capabilities(files.StoredFile, list(found.values()))
    return {
        row.id: StoredFile.of(row, can) for row, can in zip(found.values(), allowed, strict=True)
    }


def show_file(info: Info, row: Any) -> StoredFile:
    """Show a file that was just kept by whoever asks."""
    return StoredFile.of(row, info.context.hub.actor.can_owned(row))


@strawberry.type
class DraftQueries:
    @strawberry.field(
        description="One stored file: your own, or one that an annotation or image you see names."
    )
    async def stored_file(self, info: Info, id: strawberry.ID) -> StoredFile | None:
        return await one(info, id, StoredFile)

    @strawberry.field(description="The images you are making, those touched last first.")
    async def image_drafts(self, info: Info) -> list[ImageDraft]:
        return [ImageDraft.of(one) for one in await info.context.hub.image_drafts.mine()]

    @strawberry.field(description="The files you are sending, those touched last first.")
    async def file_drafts(self, info: Info) -> list[FileDraft]:
        return [FileDraft.of(one) for one in await info.context.hub.file_drafts.mine()]
