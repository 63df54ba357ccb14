"""Taking commands back: the inverse of each of their steps, in reverse order, in a new command.

An undo lies on no stack: what it undid moves to the redo stack of its author, and back when that
undo is undone. It needs today's rights, obeys today's rules of deletion, and stores nothing if
anything it would touch was changed since. What it puts back into the trash bears the stamp it bore
before, so that the commands before it can be undone as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.errors import Conflict, Forbidden, NotFound
from store.journal import from_json
from store.statement import cols, key, table, word
from store.tables import ALL
from store.tables.containers import DatasetImage, Placement, ProjectDataset
from store.tables.history import Change, Command
from store.tables.people import User

if TYPE_CHECKING:
    from store.unit import Unit

_NOUNS: dict[str, type[SQLModel]] = {table(noun).name: noun for noun in ALL}
_LINKS = frozenset(table(noun).name for noun in (DatasetImage, ProjectDataset))
_command, _change, _user = cols(Command), cols(Change), cols(User)


async def undo(unit: Unit, command_id: int) -> None:
    """Do the inverse of a command. Raises NotFound, Forbidden, or Conflict and stores nothing."""
    command = await _own(unit, "undo", command_id)
    if command.undoes_id is not None:
        raise Conflict(f"Command {command_id} took another back; redo that one instead.")
    if not command.undoable:
        raise Conflict(f"Command {command_id} ({command.verb}) cannot be undone.")
    if command.stack != "undo":
        raise Conflict(f"Command {command_id} was undone already.")
    await _take_back(unit, command_id)
    await _put_on(unit, command_id, "redo")
    unit.journal.summary = f"undo of {command.summary}"


async def redo(unit: Unit, command_id: int) -> None:
    """Do a command again that was undone, by undoing that. Raises as `undo`."""
    command = await _own(unit, "redo", command_id)
    if command.stack != "redo":
        raise Conflict(f"Command {command_id} was not undone.")
    (latest,) = await unit.scalars(
        select(func.max(_command.id)).where(_command.undoes_id == command_id)
    )
    await _take_back(unit, latest)
    await _put_on(unit, command_id, "undo")
    unit.journal.summary = f"redo of {command.summary}"


async def _own(unit: Unit, action: str, command_id: int) -> Command:
    command = await unit.one(Command, command_id)
    if command.user_id != unit.actor.user_id and not unit.actor.full:
        raise Forbidden(action, "command", command_id, "it is another person's.")
    return command


async def _put_on(unit: Unit, command_id: int, stack: str) -> None:
    await unit.execute(update(table(Command)).where(_command.id == command_id).values(stack=stack))


async def _take_back(unit: Unit, steps_of: int) -> None:
    """Invert the steps of a command."""
    steps = await unit.rows(
        select(table(Change))
        .where(_change.command_id == steps_of)
        .order_by(_change.position.desc())
    )
    linking = any(step.noun in _LINKS for step in steps)
    for step in steps:
        noun = _NOUNS[step.noun]
        if step.kind == "show":
            await _hide(unit, noun, step)
        elif step.kind == "hide":
            await _show(unit, noun, step)
        else:
            # A link brought the image back into the project: the rights on links are enough.
            judged = not (linking and noun is Placement)
            await _set_back(unit, noun, step, judged=judged)
    unit.journal.undoes = steps_of


async def _hide(unit: Unit, noun: type[SQLModel], step: Any) -> None:
    ids = range(step.first_id, step.last_id + 1)
    rows: Any = await unit.stored(noun, ids)
    live = [row for row in rows if row.trashed_by is None]
    gone = [row for row in rows if row.trashed_by is not None]
    # What an earlier step took along is gone by this very undo.
    if len(rows) != len(ids) or any((noun, row.id) not in unit.hidden for row in gone):
        raise Conflict(f"Some {word(noun)} of this command are already in the trash.")
    rows = live
    for row, can in zip(rows, await unit.judge.capabilities(noun, rows), strict=True):
        if not can & Can.DELETE:
            raise Forbidden("undo the creation of", word(noun), row.id)
    await unit.discard(noun, rows, by=(step.before or {}).get("trashed_by"))


async def _show(unit: Unit, noun: type[SQLModel], step: Any) -> None:
    ids = range(step.first_id, step.last_id + 1)
    stamp = (step.after or {}).get("trashed_by", step.command_id)
    rows: Any = await unit.stored(noun, ids)
    if len(rows) != len(ids) or any(row.trashed_by != stamp for row in rows):
        raise Conflict(f"Some {word(noun)} of this command are no longer in the trash by it.")
    for row, can in zip(rows, await unit.judge.capabilities(noun, rows), strict=True):
        if not can & Can.DELETE:
            raise Forbidden("undo the deletion of", word(noun), row.id)
    await unit.bring_back(noun, rows)


async def _set_back(unit: Unit, noun: type[SQLModel], step: Any, *, judged: bool) -> None:
    seen = await _to_set(unit, noun, step.first_id, judged=judged)
    after = from_json(step.after)
    stale = sorted(name for name, value in after.items() if getattr(seen, name) != value)
    if stale:
        by = await _changed_by(unit, step, set(stale))
        raise Conflict(
            f"{word(noun)} {getattr(seen, key(noun).name)} was changed since{by}: "
            f"{', '.join(stale)}.",
            noun=word(noun), id=step.first_id, fields=stale,
        )  # fmt: skip
    await unit.put(noun, seen, from_json(step.before))


async def _to_set(unit: Unit, noun: type[SQLModel], id: int, *, judged: bool) -> Any:
    """Return the row whose fields are to be set back, judged unless the caller did."""
    # A row that was renamed and restored by one command is in the trash again by now, and an
    # excluded placement is seen by nobody.
    if judged and (noun, id) not in unit.hidden and noun is not Placement:
        return await unit.one(noun, id, can=Can.EDIT)
    found = await unit.stored(noun, [id])
    if not found:
        raise NotFound(word(noun), id)
    if judged:
        (can,) = await unit.judge.capabilities(noun, found)
        if not can & Can.READ:
            raise NotFound(word(noun), id)
        await unit.require(noun, found[0], Can.EDIT)
    return found[0]


async def _changed_by(unit: Unit, step: Any, fields: set[str]) -> str:
    """Return who changed these fields after a step, as the end of a sentence; perhaps nothing."""
    later = await unit.rows(
        select(_change.after, _user.username, _command.id)
        .join(table(Command), _command.id == _change.command_id)
        .join(table(User), _user.id == _command.user_id)
        .where(
            _change.noun == step.noun,
            _change.first_id == step.first_id,
            _change.kind == "set",
            _change.command_id > step.command_id,
        )
        .order_by(_change.command_id.desc(), _change.position.desc())
    )
    found = next((row for row in later if fields & set(row.after or ())), None)
    return "" if found is None else f" by {found.username} (command {found.id})"
