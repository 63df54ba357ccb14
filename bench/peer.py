"""Peers: programs installed in environments of their own by ``make bench-peers``.

A peer that is measured inside its process reads one JSON line per question and answers with one;
it times itself, so that the pipe is not counted.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
ANSWERERS = Path(__file__).parent / "peers"


def program(peer: str, name: str = "python") -> Path | None:
    """Return a program of a peer's environment, or None if the peer is not installed."""
    home = ROOT / ".peers" / peer
    path = home / "bin" / name
    return path if path.exists() and (home / "installed.txt").exists() else None


class Conversation:
    """Questions and answers, one JSON line each."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **question: Any) -> dict[str, Any]:
        """Return the peer's answer. Raises RuntimeError if it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def conversation(command: Sequence[str | Path]) -> Iterator[Conversation]:
    """Start a peer that answers questions, and end it."""
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Conversation(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
