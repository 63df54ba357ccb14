"""Reading commands, their changes, and the trash."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from adapters.filters import Condition, Filter, Not
from adapters.history import Step
from resolvers.filters import Translate, tree
from resolvers.loaders import NODES, relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from schema.context import Info
from schema.history import (
    Change,
    ChangeKind,
    Command,
    CommandWhere,
    FieldChange,
    TrashedObject,
    TrashNoun,
)
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import JSON, BigInt, decode_id, encode_id
from store.actor import Actor
from store.paging import OrderKey

COMMANDS = Ordering({}, default=(OrderKey("id", int, descending=True),))
TRASH = Ordering({}, default=(OrderKey("trashed_by", int, descending=True),))


def noun_of(word: str) -> str:
    """Return the noun in global ids of a table's word: ``well_sample`` → ``WellSample``."""
    return "ROI" if word == "roi" else "".join(part.capitalize() for part in word.split("_"))


def id_of(word: str, number: int) -> strawberry.ID | None:
    """Return the global id of a row, None if its noun has none."""
    noun = noun_of(word)
    return strawberry.ID(encode_id(noun, number)) if noun in NODES else None


def show(row: Any, actor: Actor) -> Command:
    """Show a command to whoever asks."""
    own = actor.user_id is not None and row.user_id == actor.user_id
    return Command.of(row, (own or actor.full) and not actor.read_only)


def show_step(step: Step) -> Change:
    """Show one change of a command."""
    fields = None
    if step.after is not None:
        before = step.before or {}
        fields = [
            FieldChange(
                field=re.sub(r"_(\w)", lambda match: match[1].upper(), name),
                before=_json(before.get(name)),
                after=_json(value),
            )
            for name, value in step.after.items()
        ]
    single = step.first_id == step.last_id
    return Change(
        kind=ChangeKind(step.kind),
        noun=step.noun,
        count=BigInt(step.last_id - step.first_id + 1),
        id=id_of(step.noun, step.first_id) if single else None,
        fields=fields,
    )


def _json(value: Any) -> JSON | None:
    return None if value is None else JSON(value)


@relation(node=Command)
async def command_by_id(hub: Any, keys: list[int]) -> Mapping[int, Command]:
    found = await hub.history.many(keys)
    return {id: show(row, hub.actor) for id, row in found.items()}


@relation(missing=list)
async def changes_of_command(hub: Any, keys: list[int]) -> Mapping[int, list[Change]]:
    found = await hub.history.changes(keys)
    return {id: [show_step(step) for step in steps] for id, steps in found.items()}


@relation(missing=int)
async def change_count_of_command(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.history.change_counts(keys)
    return found


def command_filter(where: CommandWhere | None, actor: Actor) -> Filter | None:
    """Return the filter tree of a `CommandWhere` as an actor means it."""

    def mine(wanted: bool) -> Filter:
        own = Condition("user_id", "eq", -1 if actor.user_id is None else actor.user_id)
        return own if wanted else Not(own)

    def of(column: str, noun: str, field: str) -> Translate:
        return lambda id: Condition(column, "eq", decode_id(id, noun, field=field))

    return tree(
        where,
        {
            "mine": mine,
            "user": of("user_id", "User", "user"),
            "project": of("project_id", "Project", "project"),
            "image": of("image_id", "Image", "image"),
            "state": lambda state: Condition("stack", "eq", state.value),
        },
    )


@strawberry.type
class HistoryQueries:
    @strawberry.field(description="One command.")
    async def command(self, info: Info, id: strawberry.ID) -> Command | None:
        return await one(info, id, Command)

    @strawberry.field(
        description="What was done, the newest first: by you, and about projects and images you "
        "may see."
    )
    async def history(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: CommandWhere | None = None,
    ) -> Connection[Command]:
        hub, actor = info.context.hub, info.context.actor
        keyset = to_keyset(PageArguments(first, after, last, before), COMMANDS.by(None))
        narrowed = command_filter(where, actor)
        return connection(
            await hub.history.page(keyset, narrowed),
            lambda row: show(row, actor),
            lambda: hub.history.count(narrowed),
        )

    @strawberry.field(description="What you may take back out of the trash, the newest first.")
    async def trash(
        self,
        info: Info,
        noun: Annotated[TrashNoun, strawberry.argument(description="Of which kind.")],
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[TrashedObject]:
        history = info.context.hub.history
        keyset = to_keyset(PageArguments(first, after, last, before), TRASH.by(None))
        word = str(noun.value)
        return connection(
            await history.trash(word, keyset),
            lambda trashed: TrashedObject.of(trashed, noun_of(word)),
            lambda: history.count_trash(word),
        )
