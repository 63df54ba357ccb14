"""Reading scripts."""

from collections.abc import Mapping
from typing import Any

import strawberry

from resolvers.loaders import relation
from resolvers.nodes import one
from schema.context import Info
from schema.scripts import Script, ScriptVersion


@relation(node=Script)
async def script_by_id(hub: Any, keys: list[int]) -> Mapping[int, Script]:
    return {id: Script.of(found) for id, found in (await hub.scripts.many(keys)).items()}


@relation()
async def script_of_file(hub: Any, keys: list[int]) -> Mapping[int, Script]:
    return {id: Script.of(found) for id, found in (await hub.scripts.of_files(keys)).items()}


@relation(missing=list)
async def versions_of_script(hub: Any, keys: list[int]) -> Mapping[int, list[ScriptVersion]]:
    found = await hub.scripts.versions(keys)
    return {id: [ScriptVersion.of(each) for each in versions] for id, versions in found.items()}


@strawberry.type
class ScriptQueries:
    @strawberry.field(description="One script.")
    async def script(self, info: Info, id: strawberry.ID) -> Script | None:
        return await one(info, id, Script)

    @strawberry.field(description="The scripts that administrators added, by name.")
    async def scripts(self, info: Info) -> list[Script]:
        return [Script.of(found) for found in await info.context.hub.scripts.all()]
