"""The demo: a little of everything the hub holds, made through the same services as anything else.

It can be repeated: what is there stays, what is missing is added. Its accounts get their passwords
last, after the marker that keeps a hub with the well-known password off the network.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from adapters.demo.lab import eight_shapes, images, outlined_glands, tracks
from adapters.demo.notes import notes, replies
from adapters.demo.others import others
from adapters.demo.plate import plate
from adapters.demo.runs import runs
from adapters.demo.scene import PEOPLE, WELL_KNOWN, Scene
from adapters.infrastructure import Infrastructure
from adapters.passwords import accepted
from store.disk import flush

MARKER = "demo.json"
WORK = "demo-"  # folders for files that are about to be imported; a crash leaves one

# Weights are seconds on two quiet cores, for an honest progress bar.
_ACTS: tuple[tuple[str, int, Callable[[Scene], Awaitable[object]]], ...] = (
    ("people", 1, Scene.cast),
    ("images of the lab", 8, images),
    ("other groups", 2, others),
    ("a plate", 4, plate),
    ("eight shapes", 1, eight_shapes),
    ("glands and terms", 2, outlined_glands),
    ("tracks", 1, tracks),
    ("notes", 1, notes),
    ("replies", 1, replies),
    ("jobs", 3, runs),
)


async def fill(infrastructure: Infrastructure, report: Callable[[int, int, str], None]) -> str:
    """Fill a migrated hub; return one line that says how to sign in.

    Raises Invalid for a demo password that is too short.
    """
    accepted(infrastructure.settings.demo_password)
    total, done = sum(weight for _, weight, _ in _ACTS), 0
    data = infrastructure.settings.data
    with tempfile.TemporaryDirectory(prefix=WORK, dir=data, ignore_cleanup_errors=True) as folder:
        scene = Scene(infrastructure, Path(folder))
        for name, weight, act in _ACTS:
            report(done, total, name)
            await act(scene)
            done += weight
    known = await scene.known()
    _mark(data, known)
    await scene.open_doors()
    report(total, total, "")
    word = WELL_KNOWN if known else "that of IMAGEHUB_DEMO_PASSWORD"
    return f"The demo is ready: sign in as {', '.join(PEOPLE)}, password {word}."


def _mark(data: Path, default_password: bool) -> None:
    """Write the marker that says the demo is complete, in one step."""
    draft = data / f".{MARKER}"
    draft.write_text(json.dumps({"default_password": default_password}) + "\n")
    flush(draft)
    draft.replace(data / MARKER)
    flush(data)
