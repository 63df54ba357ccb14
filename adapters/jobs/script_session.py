"""A script's process, seen from the hub: started, asked, listened to, stopped.

Everything here blocks and belongs into a thread. One process serves one run: samples reach it in
shared memory, what it prints is the log, and killing it is how a run is cancelled.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from adapters.jobs import wire
from adapters.jobs.execute import Cancelled
from adapters.jobs.wire import Arena, Packed, Unpacking
from adapters.operations import Blocks
from store.errors import Invalid

LOAD_SECONDS = 30.0
CALL_SECONDS = 3600.0
MOST_LINES = 1000  # of the log of one run
LONGEST_LINE = 2000  # characters of the log
LARGEST_ANSWER = 1 << 26  # bytes without samples
LAST_SECONDS = 5.0  # for a process to end once it says no more
TICK = 0.05  # seconds between looks whether a cancel was asked
_PIECE = 1 << 20

# The numerical libraries would start a thread for each core in each process.
ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}

Log = Callable[[str], None]


class ScriptError(Exception):
    """What a script did wrong, in a sentence; `line` is where, if it is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.message = message
        self.line = line


class ScriptSession:
    """One process of one script; a context manager that ends it whatever happens."""

    def __init__(
        self,
        memory_limit: int,
        *,
        log: Log = lambda line: None,
        cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[float], None] = lambda share: None,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self._log = log
        self._cancelled = cancelled
        self._progress = progress
        self._call_seconds = call_seconds
        self._lock = threading.Lock()  # one call at a time
        self._tail: deque[str] = deque(maxlen=100)
        self._rest = b""
        self._arenas = [Arena.new(name) for name in ("given", "made", "streamed")]
        self._replies, replies = os.pipe()
        shared = [arena.descriptor for arena in self._arenas]
        words = [str(one) for one in (replies, memory_limit, *shared)]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "adapters.jobs.script_process", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(replies, *shared),
                cwd="/",
                env={**ENVIRONMENT, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)},
                start_new_session=True,
                bufsize=0,
            )
        finally:
            os.close(replies)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> ScriptSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, name: str, source: str, seconds: float = LOAD_SECONDS) -> list[dict[str, Any]]:
        """Import a file and return what it declares, as JSON. Raises ScriptError, Cancelled."""
        found = self._ask({"do": "load", "name": name, "source": source}, [], seconds)
        if not isinstance(found, list):
            raise ScriptError("its process answered what it was not asked.")
        return found

    def caller(self, operation: str) -> Callable[[str, list[Any]], Any]:
        """Return the function by which parts of one operation are called.

        It raises ScriptError, Cancelled, MemoryError, and Invalid where the script does.
        """

        def call(part: str, arguments: list[Any]) -> Any:
            with self._lock:
                if self._replies < 0:  # another thread was cancelled or refused
                    raise Cancelled
                given, made, _ = self._arenas
                packed = Packed()
                content = packed.pack(arguments)
                given.write(packed.arrays, packed.size)
                request = {
                    "do": "call", "operation": operation, "part": part, "arguments": content,
                }  # fmt: skip
                answer = self._ask(request, packed.streams, self._call_seconds)
                try:
                    return Unpacking(made, copied=True).unpack(answer)
                except (wire.WireError, LookupError, TypeError, ValueError) as error:
                    raise ScriptError(f"its answer cannot be read: {error}") from error

        return call

    def close(self) -> None:
        """End the process and whatever it started."""
        if self._replies < 0:
            return
        self._kill()
        self._process.wait()
        self._listener.join(5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        os.close(self._replies)
        self._replies = -1
        for arena in self._arenas:
            arena.close()

    def _kill(self) -> None:
        """Kill the process and its children, unless it was reaped: its number is free by then."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    # the conversation

    def _ask(self, request: dict[str, Any], streams: list[Blocks], seconds: float) -> Any:
        deadline = time.monotonic() + seconds
        walks: dict[int, Iterator[Any]] = {}
        self._send(request)
        while True:
            answer = self._receive(deadline, seconds)
            match answer:
                case {"ok": found}:
                    return found
                case {"error": error}:
                    self._raise(error)
                case {"progress": float() | int() as share}:
                    self._progress(float(share))
                case {"stream": int() as number, "again": again} if 0 <= number < len(streams):
                    if again or number not in walks:
                        walks[number] = iter(streams[number])
                    self._send({"block": self._block(walks[number])})
                case _:
                    raise ScriptError("its process answered what it was not asked.")

    def _block(self, walk: Iterator[Any]) -> Any:
        block = next(walk, None)
        if block is None:
            return None
        packed = Packed()
        content = packed.pack(block)
        self._arenas[2].write(packed.arrays, packed.size)
        return content

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        data = memoryview(wire.line(message))
        try:
            while data:
                data = data[self._process.stdin.write(data) or 0 :]
        except OSError:
            raise self._ended() from None

    def _receive(self, deadline: float, seconds: float) -> Any:
        """Wait for a line; look meanwhile for a cancel, the time, and the end of the process."""
        waiting = select.poll()
        waiting.register(self._replies, select.POLLIN)
        while b"\n" not in self._rest:
            if self._cancelled():
                self.close()
                raise Cancelled
            if time.monotonic() > deadline:
                self.close()
                raise ScriptError(f"it took longer than {seconds:g} s.")
            if not waiting.poll(TICK * 1000):
                continue
            piece = os.read(self._replies, _PIECE)
            if not piece:
                raise self._ended()
            self._rest += piece
            if len(self._rest) > LARGEST_ANSWER:
                self.close()
                raise ScriptError(f"it answered more than {LARGEST_ANSWER:,} bytes.")
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            return json.loads(line)
        except ValueError as error:
            raise ScriptError("its process answered what it was not asked.") from error

    def _ended(self) -> ScriptError:
        """Say how the process ended by itself, and end what it left behind."""
        until = time.monotonic() + LAST_SECONDS
        while time.monotonic() < until and not self._is_dead():
            time.sleep(TICK / 5)
        self._kill()
        status = self._process.wait()
        self._listener.join(1)
        if status < 0:
            try:
                how = f"was ended by {signal.Signals(-status).name}"
            except ValueError:
                how = f"was ended by signal {-status}"
        else:
            how = f"ended with status {status}"
        fatal = (line for line in self._tail if line.startswith("Fatal Python error"))
        last = next(fatal, self._tail[-1] if self._tail else "")
        return ScriptError(f"its process {how}.{f' Its last words: {last}' if last else ''}")

    def _is_dead(self) -> bool:
        """Look without reaping, so that its group can still be killed by its number."""
        if self._process.returncode is not None or not hasattr(os, "waitid"):
            return self._process.poll() is not None
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def _raise(self, error: Any) -> None:
        match error:
            case {"kind": "invalid", "field": str() as field, "message": str() as reason}:
                raise Invalid(field, reason)
            case {"kind": "memory"}:
                raise MemoryError
            case {"kind": "failed", "message": str() as message, "line": int() | None as line}:
                raise ScriptError(message, line)
        raise ScriptError("its process answered what it was not asked.")

    def _listen(self) -> None:
        """Pass on what the script prints, within bounds; a pipe that is not read stops it."""
        assert self._process.stdout is not None
        count, rest = 0, b""
        with contextlib.suppress(OSError, ValueError):
            while piece := os.read(self._process.stdout.fileno(), _PIECE):
                *lines, rest = (rest + piece).split(b"\n")
                rest = rest[-LONGEST_LINE:]
                for line in lines:
                    count = self._write(line, count)
        if rest:
            self._write(rest, count)

    def _write(self, line: bytes, count: int) -> int:
        text = line[:LONGEST_LINE].decode("utf-8", "replace").replace("\0", "").rstrip()
        if not text:
            return count
        self._tail.append(text)
        if count < MOST_LINES:
            self._log(text)
        elif count == MOST_LINES:
            self._log(f"It printed more than {MOST_LINES:,} lines; the rest is left out.")
        return count + 1
