"""Taking commands back and doing them again."""

import strawberry

from adapters.history import TakenBack
from resolvers.mutations.base import mutation
from resolvers.queries.history import show
from schema.context import Info
from schema.history import RedoInput, UndoInput, UndoPayload
from schema.scalars import decode_id
from store.actor import Actor


def command_of(id: strawberry.ID | None) -> int | None:
    """Return the number of an optional command."""
    return None if id is None else decode_id(id, "Command", field="commandId")


def taken_back(found: TakenBack, actor: Actor) -> UndoPayload:
    """Show what was undone or redone."""
    return UndoPayload(command=show(found.command, actor), affected=show(found.affected, actor))


@strawberry.type
class HistoryMutations:
    @mutation
    async def undo(self, info: Info, input: UndoInput) -> UndoPayload:
        """Take one of your commands back, all of it; refused if things changed since."""
        found = await info.context.hub.history.undo(command_of(input.command_id))
        return taken_back(found, info.context.actor)

    @mutation
    async def redo(self, info: Info, input: RedoInput) -> UndoPayload:
        """Do one of your commands again that was undone."""
        found = await info.context.hub.history.redo(command_of(input.command_id))
        return taken_back(found, info.context.actor)
