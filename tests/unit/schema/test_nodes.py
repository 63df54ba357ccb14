"""What objects share: owner, group and permissions, and the shape of the error types."""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest
import strawberry

from resolvers.context import Context
from resolvers.hub_schema import HubSchema
from resolvers.loaders import RELATIONS, Relation
from schema.errors import ERRORS, Error
from schema.nodes import Node, Owned, Permissions
from schema.scalars import DateTime
from store import errors
from store.access.capabilities import Can
from store.actor import Actor


def test_permissions_spell_out_the_capabilities() -> None:
    assert Permissions.of(Can.READ | Can.ANNOTATE) == Permissions(
        can_annotate=True, can_edit=False, can_delete=False, can_link=False, can_share=False
    )
    assert Permissions.of(Can.READ | Can.PLACE | Can.SHARE) == Permissions(
        can_annotate=False, can_edit=False, can_delete=False, can_link=True, can_share=True
    )


@strawberry.type(name="User")
class Person(Node):
    username: str = strawberry.field(description="Signs in with it.")


@strawberry.type(name="Group")
class Lab(Node):
    name: str = strawberry.field(description="Its name.")


@strawberry.type
class Jar(Owned):
    label: str = strawberry.field(description="On the lid.")


@strawberry.type
class JarQueries:
    @strawberry.field(description="Some jars.")
    def jars(self) -> list[Jar]:
        return [
            Jar(
                key=key,
                owner_key=owner,
                group_key=9,
                can=Can.READ | Can.EDIT,
                created_at=DateTime(1000),
                updated_at=None,
                version=4,
                label="Jam",
            )
            for key, owner in ((21, 2), (22, 3), (23, 2))
        ]


async def test_owners_and_groups_of_a_list_are_one_statement_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = ModuleType("schema.people")
    people.User, people.Group = Person, Lab  # type: ignore[attr-defined]  # a stand-in module
    monkeypatch.setitem(sys.modules, "schema.people", people)
    calls: list[tuple[str, list[int]]] = []

    async def users(hub: Any, keys: list[int]) -> Mapping[int, Person]:
        calls.append(("users", keys))
        return {2: Person(key=2, username="ada")}

    async def groups(hub: Any, keys: list[int]) -> Mapping[int, Lab]:
        calls.append(("groups", keys))
        return {key: Lab(key=key, name="lab") for key in keys}

    monkeypatch.setitem(RELATIONS, "user_by_id", Relation(users, lambda: None))
    monkeypatch.setitem(RELATIONS, "group_by_id", Relation(groups, lambda: None))
    result = await HubSchema((JarQueries,)).execute(
        "{ jars { owner { username } group { name } createdAt updatedAt version permissions "
        "{ canEdit canDelete } } }",
        context_value=Context(request=None, hub=None, actor=Actor.nobody()),
    )
    assert result.errors is None
    assert result.data is not None
    assert [jar["owner"] for jar in result.data["jars"]] == [
        {"username": "ada"},
        None,
        {"username": "ada"},
    ]
    assert result.data["jars"][0] == {
        "owner": {"username": "ada"},
        "group": {"name": "lab"},
        "createdAt": "1970-01-01T00:00:01.000Z",
        "updatedAt": None,
        "version": 4,
        "permissions": {"canEdit": True, "canDelete": False},
    }
    assert sorted(calls) == [("groups", [9]), ("users", [2, 3])]


def _leaves(kind: type[errors.HubError]) -> list[type[errors.HubError]]:
    below = [leaf for child in kind.__subclasses__() for leaf in _leaves(child)]
    return below or [kind]


def test_every_error_of_the_domain_has_a_type_of_its_name() -> None:
    named = {f"{kind.__name__}Error" for kind in errors.HubError.__subclasses__()}
    assert {kind.__name__ for kind in ERRORS} == named
    assert all(issubclass(kind, Error) for kind in ERRORS)
