"""The only wiring: from the environment to settings, from settings to a running hub."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from adapters.credentials import Credentials
from adapters.hub import Hub
from adapters.infrastructure import Infrastructure
from adapters.jobs.catalogue import write_operations
from adapters.jobs.worker import Workers
from adapters.people import ensure_root
from store import leases
from store.access.cache import VerdictCache
from store.actor import Actor
from store.catalog import Catalog
from store.engine import Database, connect
from store.files import FileStore
from store.migrations.run import upgrade
from store.pixels.zarr import ZarrPixelStore
from store.presence import Presence, alone
from store.sealing import Sealing, open_sealing
from store.settings import Settings

PREFIX = "IMAGEHUB_"
_LISTS = frozenset({"trusted_proxies", "cors_origins"})


def read_settings(environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Return settings from ``IMAGEHUB_*`` variables, with what was given (not None) on top.

    Raises ValueError naming a variable that cannot be read.
    """
    source = os.environ if environment is None else environment
    chosen: dict[str, Any] = {}
    for one in fields(Settings):
        text = source.get(PREFIX + one.name.upper())
        if text is not None:
            chosen[one.name] = _read(one.name, text)
    chosen.update({name: value for name, value in given.items() if value is not None})
    chosen["data"] = Path(chosen.get("data", "imagehub-data"))
    settings = Settings(**chosen)
    if not settings.database_url.startswith(("sqlite+aiosqlite:///", "postgresql+asyncpg://")):
        raise ValueError(
            f"The database URL {settings.database!r} is neither sqlite:///FILE nor "
            "postgresql://USER@HOST/NAME."
        )
    return settings


def _read(name: str, text: str) -> Any:
    default = getattr(Settings(data=Path()), name)
    if name in _LISTS:
        parts = tuple(part.strip() for part in text.split(",") if part.strip())
        if name == "cors_origins" and "*" in parts:
            raise ValueError(
                f"{PREFIX}CORS_ORIGINS names origins such as https://lab.example; with * every "
                "page on the net could act for whoever is signed in."
            )
        return parts
    if isinstance(default, bool):
        return text.strip().casefold() in ("1", "true", "yes", "on")
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise ValueError(
                f"{PREFIX}{name.upper()} must be a whole number, not {text!r}."
            ) from None
    return text


def export_settings(settings: Settings) -> None:
    """Put settings into the environment, for further processes of the same server."""
    for one in fields(Settings):
        value = getattr(settings, one.name)
        if value is None:
            os.environ.pop(PREFIX + one.name.upper(), None)
            continue
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        os.environ[PREFIX + one.name.upper()] = text


def open_infrastructure(settings: Settings, *, present: bool = True) -> Infrastructure:
    """Open the stores that settings name; folders are made, the database is not migrated.

    `present` shows others that this process may write (`store.presence`).
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    return Infrastructure(
        settings=settings,
        database=connect(settings.database_url),
        pixels=ZarrPixelStore(settings.data / "pixels"),
        files=FileStore(settings.data / "files"),
        presence=Presence(settings.data) if present else None,
    )


@dataclass(slots=True)
class Services:
    """Everything one server process keeps, as ``app.state.services``."""

    settings: Settings
    infrastructure: Infrastructure
    sealing: Sealing
    credentials: Credentials
    verdicts: VerdictCache
    views: VerdictCache
    workers: Workers

    @property
    def database(self) -> Database:
        """The database of the process."""
        return self.infrastructure.database

    def hub(self, actor: Actor) -> Hub:
        """Return the hub as an actor sees it."""
        return Hub(self.infrastructure, actor, self.views)

    async def start(self) -> None:
        """Start workers, and forget verdicts whenever anything commits, here or elsewhere."""
        self.infrastructure.feed.start(self._changed)
        if self.settings.job_workers:
            self.workers.start()

    async def stop(self) -> None:
        """Stop gracefully: running jobs are queued again, every unit of work ends."""
        await self.infrastructure.feed.stop()
        await self.workers.stop()
        await self.credentials.settle()
        await self.infrastructure.close()

    def _changed(self) -> None:
        self.verdicts.clear()
        self.views.clear()
        self.workers.wake()


def assemble(settings: Settings) -> Services:
    """Make the services of a process; call `start` inside its event loop."""
    infrastructure = open_infrastructure(settings)
    sealing = open_sealing(settings.data)
    return Services(
        settings=settings,
        infrastructure=infrastructure,
        sealing=sealing,
        credentials=Credentials(
            infrastructure.database, sealing, session_hours=settings.session_hours
        ),
        verdicts=VerdictCache(),
        views=VerdictCache(),
        workers=Workers(infrastructure, settings.job_workers),
    )


async def prepare(settings: Settings, *, operations: bool = True) -> str | None:
    """Migrate the database, make root, register operations; return root's new password, if any.

    Commands that run no operation leave them out: loading scipy and its like takes a second.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    await upgrade(settings.database_url)
    database = connect(settings.database_url)
    try:
        with alone(settings.data) as nobody_else:
            if nobody_else:
                # Whoever held a lease is gone: nobody need wait for it to run out.
                await leases.recover(database, at_once=True)
        password = await ensure_root(database, settings.root_password)
        if operations:
            await write_operations(Catalog(database, Actor.system()))
    finally:
        await database.close()
    return password
