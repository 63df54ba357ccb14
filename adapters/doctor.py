"""The doctor: what is wrong with a hub, in sentences, and what of it can be cleared away.

Rows and the two stores are compared both ways. Only what no row names is ever removed. A process at
work has such things too, for as long as it works: while one has the hub open, only those that were
left untouched for long count.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from adapters.infrastructure import Infrastructure
from store.clock import now_ms
from store.disk import remove_tree
from store.drafts import DraftStore
from store.inventory import Inventory, Kept, Stored

PACKAGES = ("schema", "resolvers", "adapters", "store", "web")
DISTRIBUTION = "imagehub"
WORK = ("export-*", "demo-*", ".backup-*")  # folders of the data folder that die with their work
BEGUN_MS = 3_600_000  # a writer touches what it fills more often than once an hour
UNNAMED_MS = 24 * 3_600_000  # finished, but its transaction waits for others of the same import


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and whether it has been mended."""

    kind: str
    message: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class _Rubbish:
    """Something no row names, and how to remove it."""

    finding: Finding
    remove: Callable[[], None]


def package_clashes(owners: Mapping[str, Sequence[str]] | None = None) -> list[Finding]:
    """Return which of the hub's packages another distribution installs under the same name.

    `owners` maps import names to distributions; those installed here when it is not given.
    """
    installed = importlib.metadata.packages_distributions() if owners is None else owners
    return [
        Finding(
            "package clash",
            f"The distribution {other} also installs a package named {package}, so parts of either "
            f"are overwritten. Install imagehub into an environment of its own.",
        )
        for package in PACKAGES
        for other in sorted(set(installed.get(package, ())) - {DISTRIBUTION})
    ]


class Doctor:
    """Examines one hub."""

    def __init__(self, infrastructure: Infrastructure) -> None:
        self._infrastructure = infrastructure
        self._inventory = Inventory(infrastructure.database)

    async def examine(self, *, deep: bool = False) -> list[Finding]:
        """Return which rows are wrong or name what is not as it was written.

        `deep` also decodes every chunk and reads every file.
        """
        stored, kept = await self._inventory.stored(), await self._inventory.kept()
        findings = [one async for one in self._pixels(stored, deep=deep)]
        findings += [one async for one in self._files(kept, deep=deep)]
        findings += [one async for one in self._labels()]
        return findings

    async def clear(self, *, alone: bool, repair: bool = False) -> list[Finding]:
        """Return what no row names and the jobs nobody runs; with `repair`, remove the former.

        `alone` says that no other process has the hub open, nor can open it meanwhile.
        """
        run = self._infrastructure.run
        # What is there is listed before what is named: a unit of work that commits in between
        # then names more than was listed, never less.
        keys = set(await run(self._infrastructure.pixels.keys))
        blobs = set(await run(lambda: list(self._infrastructure.files.keys())))
        keys -= {one.store_key for one in await self._inventory.stored()}
        blobs -= {one.sha256 for one in await self._inventory.kept()}
        findings = []
        for rubbish in (
            *await run(lambda: list(self._leftovers(alone))),
            *await run(lambda: list(self._drafts(alone))),
            *self._orphan_images(keys, alone),
            *self._orphan_files(blobs, alone),
        ):
            if repair:
                await run(rubbish.remove)
            findings.append(replace(rubbish.finding, repaired=repair))
        return findings + await self._lost_jobs(alone)

    async def _pixels(self, stored: Sequence[Stored], *, deep: bool) -> AsyncIterator[Finding]:
        for one in stored:
            for problem in await self._infrastructure.run(
                self._infrastructure.pixels.verify, one.store_key, deep=deep
            ):
                yield Finding(
                    "damaged pixels",
                    f"{one.noun} {one.id} ({one.name}): {problem} Restore the folder of "
                    f"{one.store_key} from a backup, or import the original again.",
                )

    async def _files(self, kept: Sequence[Kept], *, deep: bool) -> AsyncIterator[Finding]:
        checked: dict[str, Sequence[str]] = {}
        for one in kept:
            if one.sha256 not in checked:
                checked[one.sha256] = await self._infrastructure.run(self._file, one, deep)
            for problem in checked[one.sha256]:
                kind = "missing file" if "missing" in problem else "changed file"
                yield Finding(
                    kind,
                    f"stored file {one.id} ({one.name}): {problem} Restore {one.sha256} from a "
                    "backup.",
                )

    def _file(self, one: Kept, deep: bool) -> Sequence[str]:
        files = self._infrastructure.files
        if not files.exists(one.sha256):
            return ["The file is missing."]
        size = files.size(one.sha256)
        if size != one.size:
            return [f"The file has {size} bytes, {one.size} were kept."]
        return files.verify(one.sha256) if deep else []

    async def _labels(self) -> AsyncIterator[Finding]:
        async for noun, row in self._inventory.mislabelled():
            yield Finding(
                "wrong label",
                f"{noun} {row.id} stands under access label {row.found or 'none'}, and should stand"
                f" under {row.right}; linking it anew or moving it sets the label.",
            )

    async def _lost_jobs(self, alone: bool) -> list[Finding]:
        return [
            Finding(
                "lost job",
                f"job {id} is marked as running, and no worker holds it; a server that starts "
                "queues it again.",
            )
            for id in await self._inventory.lost_jobs(alone=alone)
        ]

    def _leftovers(self, alone: bool) -> Iterable[_Rubbish]:
        """List what was begun and never published, and folders of work that was cut off."""
        why = "no process has the hub open" if alone else "nobody wrote to it for an hour"
        pixels, files = self._infrastructure.pixels, self._infrastructure.files
        begun: list[tuple[str, int | None, Callable[[], None]]] = [
            (f"{place}/{one.name}", one.modified_ms, partial(store.clear, one.name))
            for place, store in (("pixels/incoming", pixels), ("files/incoming", files))
            for one in store.incoming()
        ]
        begun += [
            (folder.name, _modified(folder), partial(remove_tree, folder))
            for pattern in WORK
            for folder in sorted(self._infrastructure.settings.data.glob(pattern))
        ]
        for place, modified, remove in begun:
            if alone or _is_older(modified, BEGUN_MS):
                message = f"{place} was begun and never finished ({why})."
                yield _Rubbish(Finding("leftover", message), remove)

    def _drafts(self, alone: bool) -> Iterable[_Rubbish]:
        """List images and files that were begun by a program and not touched for a day."""
        drafts = DraftStore(self._infrastructure.settings.data / "drafts")
        for name in drafts.ended(alone=alone):
            message = f"drafts/{name} was begun and never finished."
            yield _Rubbish(Finding("leftover", message), partial(drafts.clear, name))

    def _orphan_images(self, keys: Iterable[str], alone: bool) -> Iterable[_Rubbish]:
        pixels = self._infrastructure.pixels
        for key in sorted(keys):
            if alone or _is_older(_modified(pixels.folder(key)), UNNAMED_MS):
                finding = Finding("orphan image", f"image folder {key} is named by no row.")
                yield _Rubbish(finding, partial(pixels.delete, key))

    def _orphan_files(self, hashes: Iterable[str], alone: bool) -> Iterable[_Rubbish]:
        files = self._infrastructure.files
        for sha256 in sorted(hashes):
            if alone or _is_older(_modified(files.path(sha256)), UNNAMED_MS):
                finding = Finding("orphan file", f"file {sha256} is named by no row.")
                yield _Rubbish(finding, partial(files.delete, sha256))


def _is_older(modified_ms: int | None, limit: int) -> bool:
    """Whether it was left untouched for so long; what is gone since it was listed was not."""
    return modified_ms is not None and now_ms() - modified_ms > limit


def _modified(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return None
