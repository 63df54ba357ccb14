"""Fixtures for all tests; databases come from `tests/fixtures/databases.py`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.databases",
    "tests.fixtures.hub",
    "tests.fixtures.hub_world",
    "tests.fixtures.app",
    "tests.fixtures.omero_lists",
    "tests.fixtures.commands",
    "tests.fixtures.server",
    "tests.fixtures.compat",
]

# Continuous integration tries the same examples each time; everywhere else they differ by run.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

SHARED_DATA = Path(__file__).parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real sample files that lies beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no sample files: {SHARED_DATA} does not exist")
    return SHARED_DATA.resolve()
