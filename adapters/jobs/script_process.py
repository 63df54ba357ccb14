"""The process a script lives in: imports its file, says what it declares, and makes the calls.

Run by `adapters.jobs.script_session` only; it knows neither database nor files of the hub. It ends
when its standard input does, also in the middle of a call, so that none outlives its server. A
process keeps the server from a script's crashes, endless loops and appetite for memory; it is no
cage: whoever may add a script may do whatever the server's account may.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import linecache
import os
import queue
import resource
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.jobs import wire
from adapters.jobs.declaration import part, written
from adapters.jobs.wire import Arena, Packed, Unpacking
from adapters.operations import Blocks, DeclarationError, Operation, registry
from adapters.operations.reporting import listen
from store.errors import Invalid

MODULE = "imagehub_script"
MOST_OPERATIONS = 100
PAUSE = 0.1  # seconds between two reports of progress
_PIECE = 1 << 16


class Process:
    """One side of the conversation: takes requests one by one and answers each."""

    def __init__(self, requests: int, replies: int, arenas: tuple[int, int, int]) -> None:
        self._requests = requests
        self._replies = replies
        self._given, self._made, self._streamed = (Arena(one) for one in arenas)
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._told = 0.0
        self._filename = ""
        self._operations: dict[str, Operation] = {}

    def serve(self) -> None:
        """Answer until nobody asks any more."""
        threading.Thread(target=self._listen, daemon=True).start()
        listen(self._report)
        while True:
            request = json.loads(self._lines.get())
            try:
                answer = self._load(request) if request["do"] == "load" else self._call(request)
            except BaseException as error:  # a script may raise anything at all
                answer = {"error": self._told_of(error, loading=request["do"] == "load")}
            self._say(answer)

    def _listen(self) -> None:
        """Take lines off the pipe; its end is the end of this process, whatever it is doing."""
        rest = b""
        while piece := os.read(self._requests, _PIECE):
            *lines, rest = (rest + piece).split(b"\n")
            for one in lines:
                self._lines.put(one)
        os._exit(0)

    def _say(self, message: dict[str, Any]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        data = memoryview(wire.line(message))
        with self._lock:
            while data:
                data = data[os.write(self._replies, data) :]

    def _report(self, share: float) -> None:
        now = time.monotonic()
        if now - self._told >= PAUSE:
            self._told = now
            self._say({"progress": share})

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run the file and describe what it declared."""
        self._filename, source = request["name"], request["source"]
        lines = source.splitlines(keepends=True)
        linecache.cache[self._filename] = (len(source), None, lines, self._filename)
        module = ModuleType(MODULE)
        module.__file__ = self._filename
        sys.modules[MODULE] = module
        code = compile(source, self._filename, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # to run it is what this process is for
        found = [one for one in registry.declared() if one.source != "builtin"]
        if not found:
            raise DeclarationError("it declares no operation; decorate a function with @operation.")
        if len(found) > MOST_OPERATIONS:
            raise DeclarationError(
                f"it declares {len(found)} operations; at most {MOST_OPERATIONS} go into one file."
            )
        self._operations = {one.name: one for one in found}
        return {"ok": [written(one) for one in found]}

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        operation = self._operations[request["operation"]]
        reading = Unpacking(self._given, copied=False, blocks=self._blocks)
        arguments = reading.unpack(request["arguments"])
        packed = Packed()
        answer = packed.pack(part(operation, request["part"])(*arguments))
        self._made.write(packed.arrays, packed.size)
        return {"ok": answer}

    def _blocks(self, stream: int, dtype: np.dtype[Any], count: int) -> Blocks:
        """Return a stream whose arrays the hub reads one by one, as they are walked."""
        reading = Unpacking(self._streamed, copied=True)

        def walk() -> Iterator[NDArray[Any]]:
            again = True
            while True:
                self._say({"stream": stream, "again": again})
                found = json.loads(self._lines.get())["block"]
                if found is None:
                    return
                again = False
                yield reading.unpack(found)

        return Blocks(walk, dtype, count)

    def _told_of(self, error: BaseException, *, loading: bool) -> dict[str, Any]:
        """Describe an error; its traceback, from the script's own lines on, goes into the log."""
        if isinstance(error, MemoryError):
            return {"kind": "memory", "line": None, "message": "there was not enough memory."}
        line = self._line_of(error)
        if isinstance(error, Invalid):
            return {"kind": "invalid", "field": error.field, "message": error.reason}
        if not loading:
            while error.__traceback__ and not self._mine(error.__traceback__):
                error.__traceback__ = error.__traceback__.tb_next
            traceback.print_exception(error)
        if isinstance(error, SyntaxError) and error.filename == self._filename:
            return {"kind": "failed", "line": error.lineno, "message": f"{error.msg}."}
        if isinstance(error, DeclarationError) and loading:
            return {"kind": "failed", "line": line, "message": str(error)}
        message = traceback.format_exception_only(error)[-1].strip()
        return {"kind": "failed", "line": line, "message": message}

    def _line_of(self, error: BaseException) -> int | None:
        """Return the line of the script that an error passed through last."""
        found = [
            number
            for frame, number in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename == self._filename
        ]
        return found[-1] if found else None

    def _mine(self, at: Any) -> bool:
        return bool(at.tb_frame.f_code.co_filename == self._filename)


def limit(memory: int) -> None:
    """Let this process hold so many bytes beyond what it holds now, and no core dumps."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    held = 0
    with contextlib.suppress(OSError), open("/proc/self/status", encoding="ascii") as status:
        held = next(int(one.split()[1]) * 1024 for one in status if one.startswith("VmData"))
    # Shared memory and libraries do not count as data; where the system has no such limit, the
    # plan of a run still keeps what is in flight within its bounds.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (held + memory, held + memory))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * memory, 2 * memory))


def main(arguments: list[str]) -> None:
    """Take the pipes over, so that whatever the script prints is its log, and serve."""
    replies, memory, *arenas = (int(one) for one in arguments)
    requests = os.dup(0)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    faulthandler.enable()
    given, made, streamed = arenas
    process = Process(requests, replies, (given, made, streamed))
    limit(memory)
    process.serve()


if __name__ == "__main__":
    main(sys.argv[1:])
