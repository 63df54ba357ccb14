"""The five packages are ours alone, and nothing names a registry or a machine."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("schema", "resolvers", "adapters", "store", "web")


def test_no_other_distribution_owns_one_of_our_packages() -> None:
    owners = packages_distributions()
    for name in OURS:
        assert set(owners.get(name, ["imagehub"])) == {"imagehub"}


def test_the_wheel_holds_the_five_packages_and_no_sources_of_the_page(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops - {"imagehub-0.1.0.dist-info"} == set(OURS)
    assert not [name for name in names if name.startswith(("web/src", "web/node_modules"))]
    assert "store/migrations/versions/0001_initial.py" in names
    assert "web/favicon.svg" in names


def test_the_lock_is_hashed_and_holds_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?:|--index|--find-links|--extra-index", lock)
    pinned = re.findall(r"^[a-z0-9][^\s=]*==", lock, re.MULTILINE)
    assert lock.count("--hash=sha256:") >= len(pinned) > 100
