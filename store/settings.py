"""Every option of the hub, read once at start-up (``web/bootstrap.py``) and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of one server process; each is also an ``IMAGEHUB_*`` variable.

    data: folder for pixels, files, the key and, by default, the SQLite database.
    database: ``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``; short forms are completed.
    host, port: where the server listens.
    workers: server processes; more than one needs PostgreSQL or a local disk.
    job_workers: jobs that run at the same time in one process.
    memory_limit: bytes that one running operation may hold.
    upload_limit: bytes of one uploaded file.
    body_limit: bytes of one GraphQL or JSON request.
    session_hours: how long an unused password session lives.
    public_user: account that answers for requests without a credential; None refuses them.
    trusted_proxies: addresses whose forwarded headers are believed.
    cors_origins: browser origins that may call with credentials.
    root_password: password the first administrator gets when it is created.
    demo_password: password of the demo accounts.
    debug: more log lines; never more in answers.
    """

    data: Path
    database: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    job_workers: int = 2
    memory_limit: int = 512 * 2**20
    upload_limit: int = 64 * 2**30
    body_limit: int = 1 * 2**20
    session_hours: int = 24
    public_user: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    root_password: str | None = field(default=None, repr=False)
    demo_password: str = field(default="imagehub-demo", repr=False)
    debug: bool = False

    @property
    def database_url(self) -> str:
        """The URL with its driver; SQLite in the data folder when none is set."""
        if not self.database:
            return f"sqlite+aiosqlite:///{(self.data / 'imagehub.sqlite').resolve()}"
        scheme, _, rest = self.database.partition("://")
        driver = {
            "sqlite": "sqlite+aiosqlite",
            "postgres": "postgresql+asyncpg",
            "postgresql": "postgresql+asyncpg",
        }
        return f"{driver.get(scheme, scheme)}://{rest}"
