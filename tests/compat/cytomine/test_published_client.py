"""The published Python client, unmodified, in three versions against one hub with the demo."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.published_clients import client_python
from tests.fixtures.server import RunningHub, environment, run

HERE = Path(__file__).parent
VERSIONS = ("4.3.0", "3.1.0", "2.4.1")
STEPS = (
    "account", "ontologies", "projects", "regions", "terms", "metadata", "storages", "pictures",
)  # fmt: skip


@pytest.fixture(scope="session", params=VERSIONS)
def client(request: pytest.FixtureRequest) -> Path:
    """The interpreter of an environment with one version of the client."""
    return client_python(HERE / "clients" / f"{request.param}.txt")


@pytest.fixture(scope="session")
def keys(running_hub: RunningHub) -> tuple[str, str]:
    """The key pair of the demo's owner."""
    made = run("keys", "owner", "--data", running_hub.data)
    assert made.returncode == 0, made.stderr
    public, private = made.stdout.split()
    return public, private


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_a_working_day(
    running_hub: RunningHub, client: Path, keys: tuple[str, str], step: str
) -> None:
    held = subprocess.run(
        [client, HERE / "conversation.py", step, running_hub.url, *keys],
        env=environment(), capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert held.returncode == 0, held.stdout[-2000:] + held.stderr[-4000:]
    assert json.loads(held.stdout.splitlines()[-1])
