"""Adding, changing and taking away scripts."""

import strawberry

from resolvers.mutations.base import mutation
from schema.context import Info
from schema.nodes import DeletePayload, Impact
from schema.scalars import BigInt, decode_id, encode_id
from schema.scripts import (
    AddScriptInput,
    DeleteScriptInput,
    Script,
    ScriptPayload,
    UpdateScriptInput,
)


@strawberry.type
class ScriptMutations:
    @mutation
    async def add_script(self, info: Info, input: AddScriptInput) -> ScriptPayload:
        """Add a Python file of operations; for administrators."""
        found = await info.context.hub.scripts.add(input.name, input.source)
        return ScriptPayload(script=Script.of(found))

    @mutation
    async def update_script(self, info: Info, input: UpdateScriptInput) -> ScriptPayload:
        """Give a script a new version; jobs that ran an older one keep naming it."""
        found = await info.context.hub.scripts.update(
            decode_id(input.id, "Script"), name=input.name, source=input.source
        )
        return ScriptPayload(script=Script.of(found))

    @mutation
    async def delete_script(self, info: Info, input: DeleteScriptInput) -> DeletePayload:
        """Take a script away, or with `dryRun` only count what would go."""
        impact, command = await info.context.hub.scripts.delete(
            decode_id(input.id, "Script"), dry_run=input.dry_run
        )
        return DeletePayload(
            deleted_ids=[input.id],
            dry_run=input.dry_run,
            impact=[
                Impact(noun=name, count=BigInt(count), unreadable=BigInt(0))
                for name, count in impact.counts.items()
            ],
            command_id=None if command is None else strawberry.ID(encode_id("Command", command)),
        )
