"""The scripts of `examples/` run against a hub with the demo, as their readers would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.server import RunningHub, environment

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))
SAID = {
    "draw_rois.py": "moved to the trash",
    "draw_there_see_it_here.py": "in GraphQL: ['Ellipse']",
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_runs_and_says_something(running_hub: RunningHub, script: Path) -> None:
    ran = subprocess.run(
        [sys.executable, script],
        cwd=ROOT,
        env=environment(
            IMAGEHUB_URL=running_hub.url,
            IMAGEHUB_TOKEN=running_hub.token(),
            IMAGEHUB_DATA=str(running_hub.data),
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert SAID.get(script.name, "\n") in ran.stdout
    assert ran.stderr == ""


def test_every_example_is_named_in_their_readme() -> None:
    text = (ROOT / "examples" / "README.md").read_text() + (ROOT / "README.md").read_text()
    assert [path.name for path in SCRIPTS if path.name not in text] == []
