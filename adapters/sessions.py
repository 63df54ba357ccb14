"""Sign-ins of one account as its holder sees them: which are open, and closing them.

Sessions are made and found again by `adapters.credentials`; they are neither commands nor undoable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete

from adapters.tokens import require_free
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import NotFound
from store.statement import cols, table
from store.tables.access import Session
from store.unit import Unit

_session = cols(Session)


class Sessions:
    """The open sessions of one account."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def all(self) -> Sequence[Session]:
        """Return the actor's open sessions, the one used last first."""
        mine = self._catalog.select(Session).where(
            _session.user_id == self._catalog.actor.user_id, _session.expires_at > now_ms()
        )
        return await self._catalog.all(
            Session, mine.order_by(_session.seen_at.desc(), _session.id.desc())
        )

    async def close(self, id: int) -> None:
        """Close one of the actor's sessions at once. Raises NotFound for any other."""
        user_id = require_free(self._catalog.actor, "close a session of")

        async def work(unit: Unit) -> None:
            closed = await end_sessions(unit, _session.user_id == user_id, _session.id == id)
            if not closed:
                raise NotFound("session", id)

        await Catalog(self._catalog.database, Actor.system()).write("close_session", work)

    async def close_others(self, kept_id: int | None = None) -> int:
        """Close the actor's sessions but one; return how many were open."""
        user_id = require_free(self._catalog.actor, "close the sessions of")

        async def work(unit: Unit) -> int:
            others = () if kept_id is None else (_session.id != kept_id,)
            return await end_sessions(unit, _session.user_id == user_id, *others)

        return await Catalog(self._catalog.database, Actor.system()).write("close_sessions", work)


async def end_sessions(unit: Unit, *where: Any) -> int:
    """Delete sessions inside a unit of work, told to every process; return how many there were."""
    ended = await unit.rows(delete(table(Session)).where(*where).returning(_session.id))
    for row in ended:
        unit.tell("removed", Session, row)
    return len(ended)
