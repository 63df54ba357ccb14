"""How a subscription is declared: an async generator method over events of the hub.

Before each event is answered its relations are loaded anew, and once `STANDING` seconds have passed
since the last check the credential and the permissions are read again, so that a connection does
not outlive a revoked token or a lost membership.
"""

import functools
import inspect
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, ParamSpec, TypeVar, cast

import strawberry
from strawberry.types.field import StrawberryField

from schema.context import Info

P = ParamSpec("P")
Event = TypeVar("Event")

STANDING = 5.0


def subscription(method: Callable[P, AsyncGenerator[Event, None]]) -> StrawberryField:
    """Declare an async generator method as a subscription; its docstring is the description.

    The generator yields a type of the schema. A `HubError` it raises, or one that reading the
    credential again raises, ends the subscription with that error.
    """
    description = inspect.getdoc(method)
    if not description:
        raise TypeError(f"{method.__qualname__} has no docstring to describe it")

    @functools.wraps(method)
    async def resolver(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Event, None]:
        context = cast("Info", kwargs["info"]).context
        checked = time.monotonic()
        async with aclosing(method(*args, **kwargs)) as events:
            async for event in events:
                if time.monotonic() - checked > STANDING:
                    await context.renew()
                    checked = time.monotonic()
                context.loaders.clear()
                yield event

    field: Any = strawberry.subscription(
        resolver=resolver, description=" ".join(description.split())
    )
    return cast("StrawberryField", field)
