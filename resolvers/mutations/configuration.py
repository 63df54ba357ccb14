"""Changing settings of the hub."""

from typing import cast

import strawberry

from adapters.configuration import Audience
from resolvers.mutations.base import mutation
from schema.configuration import (
    RemoveSettingInput,
    RemoveSettingPayload,
    SetSettingInput,
    Setting,
    SettingPayload,
)
from schema.context import Info


@strawberry.type
class ConfigurationMutations:
    @mutation
    async def set_setting(self, info: Info, input: SetSettingInput) -> SettingPayload:
        """Write a setting of the hub, a new one or over what it was. By administrators."""
        audience = None if input.audience is None else Audience(cast(int, input.audience.value))
        row = await info.context.hub.configuration.put(input.key, input.value, audience)
        return SettingPayload(setting=Setting.of(row))

    @mutation
    async def remove_setting(self, info: Info, input: RemoveSettingInput) -> RemoveSettingPayload:
        """Remove a setting of the hub for good. By administrators."""
        await info.context.hub.configuration.remove(input.key)
        return RemoveSettingPayload(removed_key=input.key)
