"""What somebody copied in this sign-in, to be pasted later: rendering settings.

It lies in the session's row and ends with it. Like everything about sessions it is neither a
command nor undoable. Settings are kept as they were when copied, whatever becomes of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from adapters.images import settings_of, stored_settings
from adapters.render.settings import RenderSettings
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Invalid
from store.statement import cols, table
from store.tables.access import Session
from store.unit import Unit

_RENDERING = "rendering"
_session = cols(Session)


@dataclass(frozen=True, slots=True)
class Copied:
    """Settings on the clipboard, and the image they come from."""

    image_id: int
    settings: RenderSettings


@dataclass(frozen=True, slots=True)
class _Row:
    """A stored look, with the attributes of a row of renderings."""

    model: str
    z: int
    t: int
    projection: str | None
    channels: list[Any]


class Clipboard:
    """What one session of the actor's holds; `session_id` None: a caller without a session."""

    def __init__(self, catalog: Catalog, session_id: int | None) -> None:
        self._catalog = catalog
        self._session_id = session_id

    async def copy(self, image_id: int, settings: RenderSettings) -> None:
        """Keep settings of an image the caller has seen. Raises Invalid without a session."""
        if self._session_id is None:
            raise Invalid(
                "session", "there is no clipboard without a session; sign in with a password."
            )
        kept = {_RENDERING: {"image_id": image_id, **stored_settings(settings)}}
        id, user_id = self._session_id, self._catalog.actor.user_id

        async def work(unit: Unit) -> None:
            await unit.execute(
                update(table(Session))
                .where(_session.id == id, _session.user_id == user_id)
                .values(clipboard=kept)
            )

        await Catalog(self._catalog.database, Actor.system()).write("copy_rendering", work)

    async def copied(self) -> Copied | None:
        """Return what was copied last in this session, if anything. One statement."""
        if self._session_id is None:
            return None
        found = await self._catalog.all(
            Session, self._catalog.select(Session).where(_session.id == self._session_id)
        )
        kept = (found[0].clipboard or {}).get(_RENDERING) if found else None
        if kept is None:
            return None
        look = {name: value for name, value in kept.items() if name != "image_id"}
        return Copied(kept["image_id"], settings_of(_Row(**look)))
