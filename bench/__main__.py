"""``python -m bench [NAME…]``: run the benches and say which goals were met.

Each bench runs in a process of its own, for at most its number of seconds, one after the other; so
none warms or burdens the next, and all together take less than eight minutes. Results go to
``bench/results/<date>.json``, and as Markdown for the README to ``<date>.md`` beside it. A missed
goal is no failure, because this machine may be busy; a bench that breaks is one.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import Row, limit_text, verdict

RESULTS = Path(__file__).parent / "results"
LONGEST = 470.0  # seconds for everything
# Name: the most seconds, and what it is about.
PLANNED = {
    "tiles": (45, "One tile from storage to JPEG; large-image"),
    "region": (100, "Raw regions and tiles over HTTP; Tiled"),
    "render": (30, "Drawing a tile by itself"),
    "codecs": (60, "Codecs and readers of the pixel store; tensorstore, zarr-python"),
    "operations": (45, "Operations through the runner; OpenCV, scipy, scikit-image"),
    "store": (120, "Rows, events and permissions of the database"),
    "omero-list": (150, "A page of images over OMERO's JSON API; a bare Starlette handler"),
    "imports": (200, "Import of a large OME-TIFF; ome-zarr"),
}
BENCHES = {
    name: about
    for name, about in PLANNED.items()
    if Path(__file__).with_name(f"{name.replace('-', '_')}.py").exists()
}
STYLES = {"met": "green", "missed": "bold red", "not run": "yellow"}


def main() -> int:
    """Run what the command line names; return 1 if a bench broke."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the hub.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="benches to run; all if none")
    parser.add_argument("--list", action="store_true", help="list the benches and end")
    parser.add_argument("--rows", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.rows:
        name, file = asked.rows
        # So that temporary folders are removed when time is up.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
        Path(file).write_text(json.dumps(_module(name).main()))
        return 0
    if asked.list:
        for name, (seconds, title) in BENCHES.items():
            print(f"{name:<12}{title} (at most {seconds} s)")
        return 0
    unknown = [name for name in asked.names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no bench {unknown[0]!r}; they are {', '.join(BENCHES)}")
    return run_all(asked.names or list(BENCHES))


def _module(name: str) -> Any:
    return importlib.import_module(f"bench.{name.replace('-', '_')}")


def run_all(names: list[str]) -> int:
    """Run benches in turn, print a table each, write the results."""
    screen = Console(width=None if sys.stdout.isatty() else 160)
    began = time.monotonic()
    report: dict[str, Any] = {"machine": machine(), "benches": []}
    for name in names:
        left = LONGEST - (time.monotonic() - began)
        with screen.status(f"{name}: {BENCHES[name][1]}"):
            result = run_one(name, min(BENCHES[name][0], left))
        report["benches"].append(result)
        screen.print(table(result))
    path = save(report)
    screen.print(f"{time.monotonic() - began:.0f} s in all; written to {path} and {path.stem}.md")
    return int(any(result["error"] for result in report["benches"]))


def run_one(name: str, seconds: float) -> dict[str, Any]:
    """Run one bench in its own process; its servers end with it, also when time is up."""
    load, start = os.getloadavg()[0], time.monotonic()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        error = _child(name, file, seconds) if seconds >= 1 else "no time was left"
        if error is None:
            rows = json.loads(file.read_text())
    return {
        "name": name,
        "title": BENCHES[name][1],
        "seconds": round(time.monotonic() - start, 1),
        "load": round(load, 1),
        "error": error,
        "rows": [one | {"verdict": verdict(one)} for one in rows],
    }


def _child(name: str, file: Path, seconds: float) -> str | None:
    """Return why the bench gave no rows, or None."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "--rows", name, str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"stopped after {seconds:.0f} s"
    finally:
        if process.returncode is None:
            _end(process)
    if process.returncode or not file.exists():
        lines = said.strip().splitlines()
        return lines[-1] if lines else f"ended with status {process.returncode}"
    return None


def _end(process: subprocess.Popen[str]) -> None:
    """End a bench and what it started: the session made for it, and nothing else."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def machine() -> dict[str, Any]:
    """Return what a reader has to know about where this was measured."""
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def table(result: dict[str, Any]) -> Table:
    """Return the table of one bench."""
    grid = Table(
        title=f"{result['name']}: {result['title']}",
        caption=f"{result['seconds']:.0f} s, load {result['load']:.1f} at its start",
        title_justify="left",
        caption_justify="left",
    )
    grid.add_column("what", min_width=30)
    grid.add_column("ratio", justify="right")
    grid.add_column("goal", no_wrap=True)
    grid.add_column("verdict", no_wrap=True)
    grid.add_column("note", ratio=1)
    if result["error"]:
        grid.add_row("", "", "", "[bold red]broke[/]", result["error"])
    for one in result["rows"]:
        said = one["verdict"]
        grid.add_row(
            one["name"],
            ratio_text(one),
            limit_text(one["limit"]),
            f"[{STYLES[said]}]{said}[/]" if said in STYLES else said,
            one["note"],
        )
    return grid


def ratio_text(one: Row) -> str:
    """Return a ratio as people read it."""
    return "–" if one["ratio"] is None else f"{one['ratio']:.2f}"


def save(report: dict[str, Any]) -> Path:
    """Write the results as JSON and as Markdown; return the path of the JSON."""
    RESULTS.mkdir(exist_ok=True)
    stamp = report["machine"]["date"][:19].replace(":", "").replace("T", "-")
    path = RESULTS / f"{stamp}.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(markdown(report))
    return path


def markdown(report: dict[str, Any]) -> str:
    """Return the summary that goes into the README."""
    about = report["machine"]
    loads = [result["load"] for result in report["benches"]]
    lines = [
        f"{about['date'][:10]}, {about['processors']} processors ({about['architecture']}), Python "
        f"{about['python']}, load {min(loads)} to {max(loads)}. Ratios of medians in one run.",
        "",
        "| what | ratio | goal | | |",
        "|---|---|---|---|---|",
    ]
    for result in report["benches"]:
        if result["error"]:
            lines.append(f"| {result['name']} | | | broke | {result['error']} |")
        lines += [
            f"| {one['name']} | {ratio_text(one)} | {limit_text(one['limit'])} "
            f"| {one['verdict']} | {one['note']} |"
            for one in result["rows"]
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
