"""The bench's command line and its judgement; the measurements themselves are not tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import limit_text, not_installed, row, take_turns, verdict

ROOT = Path(__file__).parents[2]


def test_the_list_names_every_bench_and_each_has_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--list"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert {"tiles", "region", "render", "codecs", "operations", "imports"} <= set(names)
    for name in names:
        file = ROOT / "bench" / f"{name.replace('-', '_')}.py"
        assert re.search(r"^def main\(.*\) -> list\[", file.read_text(), re.M)


def test_an_unknown_bench_is_refused_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "speed"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no bench 'speed'" in done.stderr


@pytest.mark.parametrize(
    ("ratio", "limit", "expected"),
    [
        (1.3, 1.3, "met"),
        (1.31, 1.3, "missed"),
        (1.31, "≤ 1.3", "missed"),
        (5.0, "≥ 5", "met"),
        (4.9, "≥ 5", "missed"),
        (9.0, None, ""),
        (None, "≥ 5", "not run"),
    ],
)
def test_a_verdict_follows_the_direction_of_the_limit(
    ratio: float | None, limit: float | str | None, expected: str
) -> None:
    assert verdict(row("x", ratio, limit, "")) == expected


def test_a_missing_peer_says_how_to_install_it() -> None:
    one = not_installed("x", "≥ 5")
    assert "make bench-peers" in one["note"]
    assert verdict(one) == "not run"
    assert limit_text(1.3) == "≤ 1.3"


def test_turns_alternate_and_leave_out_the_warm_rounds() -> None:
    called: list[tuple[str, int]] = []

    def work(name: str) -> float:
        called.append((name, len(called)))
        return float(len(called))

    medians = take_turns({"a": lambda _: work("a"), "b": lambda _: work("b")}, 3, warm=1)
    assert [name for name, _ in called] == ["a", "b"] * 4
    assert medians == {"a": 5.0, "b": 6.0}
