"""How a mutation is declared: a method that returns its payload and may raise any `HubError`.

`@mutation` makes the field's type the union of the payload and every error type, named after the
payload (``CreateProjectPayload`` → ``CreateProjectResult``), turns a raised `HubError` into its
object and forgets what was loaded, so that the payload and the next mutation see the new state.
"""

import dataclasses
import functools
import inspect
import operator
import typing
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ParamSpec, TypeVar

import strawberry
from strawberry.types.field import StrawberryField

from resolvers.errors import error_object
from schema.context import Info
from schema.errors import ERRORS, Error
from store.errors import HubError

P = ParamSpec("P")
Payload = TypeVar("Payload")

_UNIONS: dict[type, Any] = {}


def mutation(method: Callable[P, Awaitable[Payload]]) -> StrawberryField:
    """Declare an async method as a mutation field; its docstring is the field's description.

    The method takes `info: Info` and returns a type whose name ends in ``Payload``.
    """
    payload = typing.get_type_hints(method)["return"]
    description = inspect.getdoc(method)
    if not description:
        raise TypeError(f"{method.__qualname__} has no docstring to describe it")

    @functools.wraps(method)
    async def resolver(*args: P.args, **kwargs: P.kwargs) -> Payload | Error:
        info = typing.cast("Info", kwargs["info"])
        try:
            return await method(*args, **kwargs)
        except HubError as error:
            return error_object(error)
        finally:
            info.context.loaders.clear()

    field: Any = strawberry.mutation(
        resolver=resolver,
        description=" ".join(description.split()),
        graphql_type=result_of(payload),
    )
    return typing.cast("StrawberryField", field)


def result_of(payload: type) -> Any:
    """Return the named union of a payload and all error types; the same object each time."""
    if payload not in _UNIONS:
        stem = payload.__name__.removesuffix("Payload")
        if stem == payload.__name__:
            raise TypeError(f"{payload.__name__} must be named …Payload")
        union = strawberry.union(
            f"{stem}Result", description=f"{payload.__name__}, or why it was not done."
        )
        members = functools.reduce(operator.or_, ERRORS, payload)
        _UNIONS[payload] = Annotated[members, union]
    return _UNIONS[payload]


def given(input: Any, **renamed: str) -> dict[str, Any]:
    """Return the fields of an input that were sent, null ones included, by the service's names.

    Fields that may be left out have the default `strawberry.UNSET`. ``given(input, id="")`` drops
    `id`; ``given(input, colour="color")`` passes `colour` on as `color`.
    """
    return {
        renamed.get(one.name, one.name): getattr(input, one.name)
        for one in dataclasses.fields(input)
        if getattr(input, one.name) is not strawberry.UNSET and renamed.get(one.name) != ""
    }
