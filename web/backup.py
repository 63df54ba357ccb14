"""Backup and restore: one archive of the database and of everything its rows name.

The database is copied first; pixels and files never change once they are named, so what is read
after it fits it, and the hub may go on running. Folders that no row names stay out.
"""

from __future__ import annotations

import asyncio
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

from store import snapshot
from store.disk import disk_errors, flush, flush_tree, remove_tree
from store.engine import connect
from store.errors import Conflict, Invalid, Unsupported
from store.files import FileStore
from store.inventory import Inventory
from store.migrations.run import head, pending
from store.pixels.zarr import ZarrPixelStore
from store.presence import Presence
from store.sealing import KEY_FILE
from store.settings import Settings
from web.checkup import require_hub

FORMAT = 1
MANIFEST, DATABASE = "imagehub-backup.json", "database"
BESIDE = (KEY_FILE, "demo.json")  # small files of the data folder
FOLDERS = ("pixels", "files")
Report = Callable[[int, int, str], None]


async def write_backup(
    settings: Settings, out: Path, report: Report = lambda done, total, what: None
) -> list[str]:
    """Write an archive of the hub; return the names of what rows name and the disk has lost.

    Raises Conflict if `out` exists or migrations are pending, Unavailable without `pg_dump`.
    """
    require_hub(settings)
    _require_new(out)
    snapshot.require_programs(settings.database_url, "pg_dump")
    if await pending(settings.database_url):
        raise Conflict("The database waits for migrations; run `imagehub migrate` first.")
    with (
        closing(Presence(settings.data)),
        tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.data) as folder,
    ):
        copy = Path(folder) / DATABASE
        report(0, 1, "database")
        before = await _named(settings)
        await snapshot.save(settings.database_url, copy)
        named = sorted({*before, *await _named(settings)})
        return await asyncio.to_thread(_write, settings, out, copy, named, report)


async def read_backup(settings: Settings, archive: Path) -> None:
    """Fill an empty data folder and an empty database from an archive.

    Raises Conflict where something is already, Invalid for an archive that is not one of ours,
    Unsupported for one of another kind of database or of a newer version.
    """
    with _opened(archive) as tar:
        manifest = _manifest(tar, archive)
        _check(manifest, settings)
        snapshot.require_programs(settings.database_url, "pg_restore")
        if settings.data.exists() and any(settings.data.iterdir()):
            raise Conflict(f"{settings.data} is not empty; name another folder with --data.")
        if not await snapshot.is_empty(settings.database_url):
            raise Conflict("The database is not empty; name another one with --database.")
        settings.data.mkdir(parents=True, exist_ok=True)
        try:
            await asyncio.to_thread(_extract, tar, settings.data)
            copy = settings.data / DATABASE
            await snapshot.load(settings.database_url, copy)
            copy.unlink(missing_ok=True)
        except BaseException:
            for path in settings.data.iterdir():
                remove_tree(path) if path.is_dir() else path.unlink()
            raise


def _require_new(out: Path) -> None:
    if out.exists():
        raise Conflict(f"{out} exists already; choose another name or remove it.")
    if not out.resolve().parent.is_dir():
        raise Invalid("out", f"the folder {out.resolve().parent} does not exist.")


async def _named(settings: Settings) -> list[tuple[str, str]]:
    """Return where each stored image and file lies: below the data folder and in the archive."""
    pixels = ZarrPixelStore(settings.data / "pixels")
    files = FileStore(settings.data / "files")
    database = connect(settings.database_url)
    try:
        inventory = Inventory(database)
        paths = [pixels.folder(one.store_key) for one in await inventory.stored()]
        paths += [files.path(one.sha256) for one in await inventory.kept()]
    finally:
        await database.close()
    root = settings.data.resolve()
    return [(path.relative_to(root).as_posix(), path.name) for path in paths]


def _write(
    settings: Settings, out: Path, copy: Path, named: list[tuple[str, str]], report: Report
) -> list[str]:
    draft = out.with_name(f".{out.name}.partial")
    lost: list[str] = []
    manifest = {
        "format": FORMAT,
        "imagehub": version("imagehub"),
        "database": snapshot.kind(settings.database_url),
        "revision": head(),
        "created_at": int(time.time() * 1000),
    }
    try:
        with disk_errors(str(out)):
            # It holds the server's key and every password hash.
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
                _add_json(tar, MANIFEST, manifest)
                for name in BESIDE:
                    if (settings.data / name).exists():
                        tar.add(settings.data / name, name)
                for number, (place, name) in enumerate(named):
                    report(number, len(named) + 1, name)
                    if (settings.data / place).exists():
                        tar.add(settings.data / place, place)
                    else:
                        lost.append(name)
                # Last, so that an archive that was cut off has none.
                tar.add(copy, DATABASE)
            flush(draft)
            draft.rename(out)
            flush(out.resolve().parent)
    finally:
        draft.unlink(missing_ok=True)
    report(1, 1, "")
    return lost


def _add_json(tar: tarfile.TarFile, name: str, content: Any) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(json.dumps(content, indent=1).encode())
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = file.tell(), int(time.time()), 0o600
        file.seek(0)
        tar.addfile(member, file)


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, "r:") as tar:
            yield tar
    except FileNotFoundError as error:
        raise Invalid("archive", f"{archive} does not exist.") from error
    except tarfile.TarError as error:
        raise Invalid("archive", f"{archive} is damaged or no tar file: {error}") from error


def _manifest(tar: tarfile.TarFile, archive: Path) -> dict[str, Any]:
    first = tar.next()
    file = tar.extractfile(first) if first is not None and first.name == MANIFEST else None
    try:
        manifest: dict[str, Any] = json.loads(file.read(65_536)) if file is not None else {}
    except ValueError:
        manifest = {}
    if "format" not in manifest:
        raise Invalid("archive", f"{archive} was not made by `imagehub backup`.")
    return manifest


def _check(manifest: dict[str, Any], settings: Settings) -> None:
    if manifest["format"] != FORMAT:
        raise Unsupported(
            f"The archive is of format {manifest['format']}, this version reads {FORMAT}; restore "
            f"it with imagehub {manifest.get('imagehub')}."
        )
    wanted, given = manifest.get("database"), snapshot.kind(settings.database_url)
    if wanted != given:
        raise Unsupported(
            f"The archive holds a {wanted} database and cannot be put into {given}; name a {wanted}"
            " database with --database."
        )


def _extract(tar: tarfile.TarFile, target: Path) -> None:
    """Write every member below `target`; only plain files and folders with names of ours.

    Raises Invalid for an archive without its last member, the database.
    """
    with disk_errors(str(target)):
        for member in tar:
            parts = PurePosixPath(member.name).parts
            known = len(parts) == 1 and parts[0] in (DATABASE, *BESIDE)
            if member.name == MANIFEST or member.isdir():
                continue
            if not (known or (parts[0] in FOLDERS and ".." not in parts)) or not member.isreg():
                raise Invalid("archive", f"{member.name[:200]!r} does not belong into a backup.")
            source, path = tar.extractfile(member), target.joinpath(*parts)
            assert source is not None
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = 0o600 if known else 0o644
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                while piece := source.read(1 << 20):
                    file.write(piece)
        if not (target / DATABASE).is_file():
            raise Invalid("archive", "it has no database: it was cut off while it was written.")
        flush_tree(target)
