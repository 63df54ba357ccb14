"""Giving objects to people together, and taking them back."""

import strawberry

from resolvers.mutations.base import mutation
from resolvers.mutations.containers import LABELLED
from schema.context import Info
from schema.scalars import decode_id, decode_ids, split_id
from schema.shares import (
    CloseShareInput,
    CloseSharePayload,
    ExtendShareInput,
    Share,
    ShareInput,
    SharePayload,
)
from store.errors import Invalid


def targets_of(ids: list[strawberry.ID]) -> list[tuple[str, int]]:
    """Return type and number of what is to be given. Raises Invalid."""
    targets = [split_id(id, "objects") for id in ids]
    for noun, _ in targets:
        if noun not in LABELLED:
            raise Invalid("objects", f"{noun} is not one of {', '.join(LABELLED)}.")
    return [(noun.lower(), id) for noun, id in targets]


@strawberry.type
class ShareMutations:
    @mutation
    async def share(self, info: Info, input: ShareInput) -> SharePayload:
        """Let people and groups in to objects, in one go. Who has more already keeps it."""
        share = await info.context.hub.shares.give(
            targets_of(input.objects),
            user_ids=decode_ids(input.users, "User", field="users"),
            group_ids=decode_ids(input.groups, "Group", field="groups"),
            level=input.level.value,
            expires_at=input.expires_at,
            message=input.message,
        )
        return SharePayload(share=Share.of(share))

    @mutation
    async def extend_share(self, info: Info, input: ExtendShareInput) -> SharePayload:
        """Let a share end at another moment, or never."""
        share = await info.context.hub.shares.extend(decode_id(input.id, "Share"), input.expires_at)
        return SharePayload(share=Share.of(share))

    @mutation
    async def close_share(self, info: Info, input: CloseShareInput) -> CloseSharePayload:
        """Take back at once everything that a share gave."""
        revoked = await info.context.hub.shares.close(decode_id(input.id, "Share"))
        return CloseSharePayload(closed_id=input.id, revoked=revoked)
