"""A hub in a folder of its own for the time of a bench: in this process, or as a server.

Images come in by the command line, as users bring them, so benches see what users get.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tifffile
from numpy.typing import NDArray

STARTING = 60.0  # seconds


def write_tiff(path: Path, samples: NDArray[Any]) -> None:
    """Write ``(c, y, x)`` as an uncompressed OME-TIFF."""
    tifffile.imwrite(path, samples, ome=True, metadata={"axes": "CYX"}, photometric="minisblack")


def command(folder: Path, *arguments: str | Path) -> str:
    """Run `imagehub` on a data folder and return what it prints."""
    name, *rest = [str(part) for part in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "web.cli", name, *rest, "--data", str(folder)],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"imagehub {name} failed: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()


def import_image(folder: Path, file: Path) -> int:
    """Import a file and return the image's number."""
    return int(command(folder, "import", file).split("\t")[0])


def stored_group(folder: Path) -> Path:
    """Return the OME-Zarr group of the only image of a hub."""
    (group,) = (folder / "pixels" / "images").glob("*/*.zarr")
    return group


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Serve a data folder on a free port of this machine: yields the port and the process."""
    port = free_port()
    line = [sys.executable, "-m", "web.cli", "serve", "--data", str(folder), "--port", str(port)]
    with running(line, port, "/healthz") as process:
        yield port, process


@contextmanager
def running(line: Sequence[str | Path], port: int, path: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until it answers `path`, and end it afterwards."""
    process = subprocess.Popen(
        [str(part) for part in line],
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(process, port, path)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status < 500:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError(f"no answer from {path} within {STARTING:.0f} s")


def _environment() -> dict[str, str]:
    """Return the environment without settings of the hub, which would reach another hub."""
    return {name: text for name, text in os.environ.items() if not name.startswith("IMAGEHUB_")}
