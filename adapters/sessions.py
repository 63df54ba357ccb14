"""Sign-ins: which are open, where they work, how long they last unused, and closing them.

Sessions are made and found again by `adapters.credentials`; they are neither commands nor undoable.
Everybody keeps their own; administrators see and close those of others too. Hashes of keys never
leave this class. How long a session lasts unused is the distance between its last use and its end,
which each use keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import delete, select, update

from adapters.roles import is_administrator, require_rank
from adapters.tokens import require_free
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from store.paging import Keyset, OrderKey, Page
from store.statement import cols, table
from store.tables.access import Session
from store.tables.people import SYSTEM_GROUP, USER_GROUP, Group, Membership
from store.unit import Unit

LAST_USED = (OrderKey("seen_at", int, descending=True), OrderKey("id", int, descending=True))
# The last use is noted to the minute, so a shorter life would end sessions that are in use.
SHORTEST_IDLE_MS = 2 * 60_000
_session = cols(Session)
_membership = cols(Membership)


class Sessions:
    """Verbs on open sessions."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        # Others' sessions are read by the hub itself: this class says for whom.
        self._as_hub = Catalog(catalog.database, Actor.system())

    # reading

    async def all(self) -> Sequence[Session]:
        """Return the actor's open sessions, the one used last first."""
        return await self._catalog.all(
            Session,
            self._open(self._catalog.actor.user_id).order_by(
                _session.seen_at.desc(), _session.id.desc()
            ),
        )

    async def page(self, keyset: Keyset, *, user_id: int | None = None) -> Page[Session]:
        """Return one page of the open sessions of everybody, or of one person: order `LAST_USED`.

        Raises Forbidden for others' sessions to all but administrators.
        """
        self._require_sight(user_id)
        page = await self._as_hub.page(Session, self._listed(user_id), keyset)
        return Page(
            [_bare(row) for row in page.rows],
            page.has_next,
            page.has_previous,
            keyset,
            keyset.position_of,
        )

    async def count(self, *, user_id: int | None = None) -> int:
        """Count what `page` goes through."""
        self._require_sight(user_id)
        return await self._as_hub.count(self._listed(user_id))

    async def many(self, ids: Sequence[int]) -> dict[int, Session]:
        """Return those of some sessions that are the actor's own and open. One statement."""
        mine = self._open(self._catalog.actor.user_id)
        found = await self._catalog.all(
            Session, mine.where(self._catalog.members(_session.id, set(ids)))
        )
        return {row.id: _bare(row) for row in found}

    def _listed(self, user_id: int | None) -> Any:
        if user_id is not None:
            return self._open(user_id)
        return self._catalog.select(Session).where(_session.expires_at > now_ms())

    def _open(self, user_id: int | None) -> Any:
        return self._catalog.select(Session).where(
            _session.user_id == user_id, _session.expires_at > now_ms()
        )

    def _require_sight(self, user_id: int | None) -> None:
        actor = self._catalog.actor
        if not actor.signed_in:
            raise Unauthenticated
        if (user_id is None or user_id != actor.user_id) and not is_administrator(actor):
            whose = "everybody" if user_id is None else user_id
            raise Forbidden("list the sessions of", "user", whose, "only an administrator may.")

    # changing

    async def change(
        self,
        id: int,
        *,
        group_id: int | None = None,
        idle_ms: int | None = None,
        longest_ms: int | None = None,
    ) -> Session:
        """Let one of the actor's sessions work in another group, or end after other idle time.

        The idle time counts from now on; it is at least two minutes, at most `longest_ms`. Raises
        NotFound for any other session, Invalid, Conflict for a group without the actor or data.
        """
        user_id = require_free(self._catalog.actor, "change a session of")
        _check_idle(idle_ms, longest_ms)

        async def work(unit: Unit) -> Session:
            await self._own(unit, user_id, id)
            values: dict[str, int] = {}
            if group_id is not None:
                await _check_group(unit, user_id, group_id)
                values["group_id"] = group_id
            if idle_ms is not None:
                now = now_ms()
                values |= {"seen_at": now, "expires_at": now + idle_ms}
            if values:
                await unit.execute(update(table(Session)).where(_session.id == id).values(**values))
            (row,) = await unit.all(Session, _session.id == id)
            unit.tell("changed", Session, row)
            return _bare(row)

        return await self._catalog.write("change_session", work)

    async def _own(self, unit: Unit, user_id: int, id: int) -> None:
        there = await unit.all(
            Session,
            _session.id == id,
            _session.user_id == user_id,
            _session.expires_at > now_ms(),
        )
        if not there:
            raise NotFound("session", id)

    # closing

    async def close(self, id: int) -> None:
        """Close a session at once: one's own, or for administrators anybody's.

        Raises NotFound for any other, Forbidden for a super-administrator's to all but their like.
        """
        actor = self._catalog.actor
        user_id = require_free(actor, "close a session of")

        async def work(unit: Unit) -> None:
            holders = await unit.scalars(select(_session.user_id).where(_session.id == id))
            if not holders or not (holders[0] == user_id or is_administrator(actor)):
                raise NotFound("session", id)
            await require_rank(unit, "close a session of", holders[0])
            await end_sessions(unit, _session.id == id)

        await self._catalog.write("close_session", work)

    async def close_all(self, user_id: int, kept_id: int | None = None) -> int:
        """Close the sessions of a person, but for one; return how many were open.

        Raises Forbidden for others' sessions to all but administrators.
        """
        actor = self._catalog.actor
        require_free(actor, "close the sessions of")
        if user_id != actor.user_id and not is_administrator(actor):
            raise Forbidden("close the sessions of", "user", user_id, "only an administrator may.")

        async def work(unit: Unit) -> int:
            await require_rank(unit, "close the sessions of", user_id)
            others = () if kept_id is None else (_session.id != kept_id,)
            return await end_sessions(unit, _session.user_id == user_id, *others)

        return await self._catalog.write("close_sessions", work)

    async def close_others(self, kept_id: int | None = None) -> int:
        """Close the actor's sessions but one; return how many were open."""
        mine = require_free(self._catalog.actor, "close the sessions of")
        return await self.close_all(mine, kept_id)


async def end_sessions(unit: Unit, *where: Any) -> int:
    """Delete sessions inside a unit of work, told to every process; return how many there were."""
    ended = await unit.rows(delete(table(Session)).where(*where).returning(_session.id))
    for row in ended:
        unit.tell("removed", Session, row)
    return len(ended)


async def _check_group(unit: Unit, user_id: int, group_id: int) -> None:
    group = await unit.one(Group, group_id)
    if group_id in (SYSTEM_GROUP, USER_GROUP):
        raise Conflict(f"Group {group.name} holds no data; choose another.")
    inside = await unit.all(
        Membership, _membership.user_id == user_id, _membership.group_id == group_id
    )
    if not inside:
        raise Conflict(f"You are not a member of {group.name}.")


def _check_idle(idle_ms: int | None, longest_ms: int | None) -> None:
    if idle_ms is None:
        return
    if idle_ms < SHORTEST_IDLE_MS:
        raise Invalid("idle", f"must be at least {SHORTEST_IDLE_MS // 60_000} minutes.")
    if longest_ms is not None and idle_ms > longest_ms:
        raise Invalid("idle", f"must be at most {longest_ms // 60_000} minutes.")


def _bare(row: Session) -> Session:
    """Return a session without what it is opened by."""
    blank: Session = cast("Any", row)._replace(key_hash="")
    return blank
