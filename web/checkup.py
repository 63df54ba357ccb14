"""What ``imagehub doctor`` opens: the stores of a hub as they are, without migrating anything."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url

from adapters.doctor import Doctor, Finding, package_clashes
from store.errors import Invalid
from store.migrations.run import pending
from store.presence import alone
from store.settings import Settings
from web.bootstrap import open_infrastructure


async def check(settings: Settings, *, deep: bool = False, repair: bool = False) -> list[Finding]:
    """Return what is wrong with the hub of these settings; with `repair`, clear rubbish away.

    Raises Invalid where there is no hub. A database that waits for migrations is not looked into.
    """
    require_hub(settings)
    findings = package_clashes()
    behind = await pending(settings.database_url)
    if behind:
        return [
            *findings,
            Finding(
                "pending migration",
                f"The database waits for {', '.join(behind)}. Run `imagehub migrate`.",
            ),
        ]
    infrastructure = open_infrastructure(settings, present=False)
    try:
        doctor = Doctor(infrastructure)
        findings += await doctor.examine(deep=deep)
        # Only now, so that a server need not wait for its start until every chunk is read.
        with alone(settings.data) as nobody_else:
            return findings + await doctor.clear(alone=nobody_else, repair=repair)
    finally:
        await infrastructure.close()


def require_hub(settings: Settings) -> None:
    """Raise Invalid unless the data folder, and a database in a file, are there."""
    missing = None if settings.data.is_dir() else settings.data
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        missing = missing or Path(url.database or "")
    if missing is not None:
        raise Invalid(
            "data", f"{missing} does not exist, so there is no hub; `imagehub serve` makes one."
        )
