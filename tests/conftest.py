"""Fixtures for all tests; databases come from `tests/fixtures/databases.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.databases",
    "tests.fixtures.hub",
    "tests.fixtures.hub_world",
    "tests.fixtures.app",
    "tests.fixtures.commands",
    "tests.fixtures.server",
]

SHARED_DATA = Path(__file__).parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real sample files that lies beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no sample files: {SHARED_DATA} does not exist")
    return SHARED_DATA.resolve()
