"""A script in its process: what it declares comes back, what it does wrong stays there."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from scipy import ndimage

from adapters.jobs import declaration
from adapters.jobs.execute import Cancelled, execute
from adapters.jobs.script_session import ScriptError, ScriptSession
from adapters.jobs.views import ImageInput
from adapters.jobs.wire import Arena, Packed, Unpacking, WireError
from adapters.operations import (
    Calibration,
    Column,
    DeclarationError,
    Frame,
    Operation,
    Region,
    Table,
    registry,
)
from store.errors import Invalid
from tests.fixtures.memory_pixels import MemoryOutputs, MemoryReader

LIMIT = 256 << 20
GRANULES = Path(__file__).parents[3] / "examples" / "scripts" / "granules.py"
HEAD = """
from typing import Annotated, Any
import numpy as np
from adapters.operations import *
from store.errors import Invalid
"""


def script(body: str) -> str:
    return HEAD + textwrap.dedent(body)


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def session(log: list[str]) -> Iterator[ScriptSession]:
    with ScriptSession(LIMIT, log=log.append) as found:
        yield found


def loaded(session: ScriptSession, source: str) -> dict[str, Operation]:
    """Load a script and return its operations, ready to be called."""
    return {
        one["name"]: declaration.read(one, "7", 5, session.caller(one["name"]))
        for one in session.load("lab.py", source)
    }


def run(operation: Operation, samples: np.ndarray, **options: Any) -> tuple[MemoryOutputs, Any]:
    arguments = options.pop("arguments", {})
    outputs = MemoryOutputs()
    bound = operation.bind({**arguments, "image": "here"})
    reader = {"image": ImageInput(MemoryReader(samples))}
    found = execute(operation, bound, reader, outputs, memory_limit=LIMIT, **options)
    return outputs, found


def test_every_builtin_operation_survives_being_written_and_read() -> None:
    for one in registry:
        read = declaration.read(declaration.written(one), one.version, 5, None)
        assert read.describe() | {"source": ""} == one.describe() | {"source": ""}
        assert [port.type for port in read.ports] == [port.type for port in one.ports]


def test_the_example_declares_what_its_signatures_say(session: ScriptSession) -> None:
    found = loaded(session, GRANULES.read_text())
    assert sorted(found) == ["granules.find", "granules.project", "granules.top_hat"]
    described = found["granules.top_hat"].describe()
    assert described["source"] == "script"
    assert described["version"] == "7"
    assert described["menu"] == ["Process", "Granules", "Top Hat"]
    assert described["summary"] == "Keep what is brighter than the mean of its surroundings."
    (_, radius) = described["inputs"]
    assert radius["summary"] == "Radius of the largest granule."
    assert (radius["minimum"], radius["maximum"], radius["default"]) == (1, 50, 5)
    assert [port.name for port in found["granules.find"].outputs] == ["labels", "table"]


@pytest.mark.parametrize(("tile", "workers"), [(2048, 1), (7, 1), (9, 2)])
def test_a_script_is_run_plane_by_plane_and_in_tiles_like_any_operation(
    session: ScriptSession, tile: int, workers: int
) -> None:
    rng = np.random.default_rng(4)
    samples = rng.integers(0, 4000, (2, 1, 3, 40, 33)).astype("uint16")
    operation = loaded(session, GRANULES.read_text())["granules.top_hat"]
    outputs, _ = run(operation, samples, tile=tile, workers=workers, arguments={"radius": 2})
    for t, z in np.ndindex(2, 3):
        plane = samples[t, 0, z].astype(float)
        mean = ndimage.uniform_filter(plane, 5, mode="nearest")
        expected = np.clip(np.rint(plane - mean), 0, None).astype("uint16")
        np.testing.assert_array_equal(outputs["image"][t, 0, z], expected)


@pytest.mark.parametrize("axis", ["z", "t"])
def test_a_script_meets_a_stream_plane_by_plane(session: ScriptSession, axis: str) -> None:
    samples = np.random.default_rng(5).integers(0, 255, (4, 2, 5, 12, 9)).astype("uint8")
    operation = loaded(session, GRANULES.read_text())["granules.project"]
    outputs, _ = run(operation, samples, arguments={"axis": axis}, tile=5)
    expected = samples.max("tczyx".index(axis), keepdims=True)
    np.testing.assert_array_equal(outputs["image"], expected)


def test_labels_tables_and_frames_come_back_from_each_plane(
    session: ScriptSession, log: list[str]
) -> None:
    samples = np.zeros((1, 1, 2, 20, 20), "uint8")
    samples[0, 0, 0, 2:5, 2:5] = 200
    samples[0, 0, 1, 1:3, 1:3] = 120
    samples[0, 0, 1, 10:12, 10:14] = 250
    samples[0, 0, 1, 18, 18] = 250  # too small
    operation = loaded(session, GRANULES.read_text())["granules.find"]
    outputs, found = run(operation, samples)
    table = found.tables["table"]
    assert table["area"].tolist() == [9, 4, 8]
    assert table["total"].tolist() == [1800.0, 480.0, 2000.0]
    assert table["z"].tolist() == [0, 1, 1]
    assert outputs["labels"].dtype == np.int32
    assert np.unique(outputs["labels"][0, 0, 1]).tolist() == [0, 1, 2]
    session.close()
    assert log == ["c 0, z 0: 1 of 1 objects", "c 0, z 1: 2 of 3 objects"]


def test_a_global_operation_reduces_in_the_script(session: ScriptSession) -> None:
    source = script('''
        def _mean(blocks, values):
            total = [np.array([block.sum(dtype=float), block.size]) for block in blocks]
            return {"mean": np.sum(total, 0)}

        @operation("lab.above", locality=Global(_mean, scope="zyx"))
        def above(image: Plane, mean: Annotated[Any, REDUCED]) -> Mask:
            """Mark what is above the mean of the stack."""
            return image > mean["mean"][0] / mean["mean"][1]
    ''')
    samples = np.random.default_rng(6).integers(0, 255, (1, 2, 3, 11, 13)).astype("uint8")
    outputs, _ = run(loaded(session, source)["lab.above"], samples, tile=4)
    for c in range(2):
        expected = (samples[0, c] > samples[0, c].mean()) * np.uint8(255)
        np.testing.assert_array_equal(outputs["mask"][0, c], expected)


def test_rules_sizes_and_sample_types_are_asked_of_the_script(session: ScriptSession) -> None:
    source = script('''
        def _rule(values):
            if values["low"] > values["high"]:
                raise Invalid("low", "must not be above high.")

        @operation(
            "lab.bin", rule=_rule,
            locality=Whole(lambda values, shape: (shape[0] // 2, shape[1] // 2)),
        )
        def bin(
            image: Plane,
            low: Annotated[int, Port("Least.")] = 0,
            high: Annotated[int, Port("Most.")] = 9,
        ) -> Annotated[Plane, Port(dtype=lambda values, dtype: "float32")]:
            """Take the mean of two by two."""
            y, x = image.shape[0] // 2, image.shape[1] // 2
            return image[:2*y, :2*x].reshape(y, 2, x, 2).mean((1, 3)).astype("float32")
    ''')
    operation = loaded(session, source)["lab.bin"]
    samples = np.arange(60, dtype="uint8").reshape(1, 1, 1, 6, 10)
    outputs, _ = run(operation, samples)
    expected = samples[0, 0, 0].reshape(3, 2, 5, 2).mean((1, 3)).astype("float32")
    np.testing.assert_array_equal(outputs["image"][0, 0, 0], expected)
    with pytest.raises(Invalid, match="must not be above high"):
        operation.bind({"image": "here", "low": 10})


def test_a_result_of_a_wrong_shape_is_refused(session: ScriptSession) -> None:
    source = script('''
        @operation("lab.crop", locality=Pointwise())
        def crop(image: Plane) -> Plane:
            """Lose a row."""
            return image[1:]
    ''')
    with pytest.raises(
        TypeError, match=r"lab.crop answered samples of shape \(5, 6\), not \(6, 6\)"
    ):
        run(loaded(session, source)["lab.crop"], np.zeros((1, 1, 1, 6, 6), "uint8"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("\n\nx = (\n", r"line 3: '\(' was never closed"),
        ("import numpy\nimport nothing_of_this_name\n", "line 2: ModuleNotFoundError"),
        ("x = 1\n\n\nx = 1 / 0\n", "line 4: ZeroDivisionError"),
        ("x = 1\n", "declares no operation"),
        ("import sys\nsys.exit(0)\n", "line 2: SystemExit"),
        ("import os\nprint('bye')\nos._exit(3)\n", "ended with status 3. Its last words: bye"),
        ("import os, signal\nos.kill(os.getpid(), 9)\n", "was ended by SIGKILL"),
        ("import ctypes\nctypes.string_at(0)\n", "SIGSEGV.*Segmentation fault"),
    ],
)
def test_a_file_that_cannot_be_imported_is_explained(
    session: ScriptSession, source: str, message: str
) -> None:
    with pytest.raises(ScriptError, match=message):
        session.load("bad.py", source)


TWICE = script('''
    @operation("lab.twice", locality=Pointwise())
    def twice(image: Plane) -> Plane:
        """Double."""
        return image

    @operation("lab.{name}", locality=Pointwise())
    def {function}(image: Plane, by: {type} = 1) -> Plane:
        """Double again."""
        return image
''')  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"name": "twice", "function": "again", "type": 'Annotated[int, Port("By.")]'},
         "line 12: lab.twice is declared twice"),
        ({"name": "again", "function": "again", "type": "complex"},
         "line 12: .*by has the unknown type <class 'complex'>"),
        ({"name": "again", "function": "again", "type": "int"}, "parameter by has no summary"),
        ({"name": "AGAIN", "function": "again", "type": 'Annotated[int, Port("By.")]'},
         "is no operation name"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_refused_with_its_line(
    session: ScriptSession, words: dict[str, str], message: str
) -> None:
    source = TWICE
    for word, text in words.items():
        source = source.replace("{" + word + "}", text)
    with pytest.raises(ScriptError, match=message):
        session.load("bad.py", source)


def test_an_endless_import_ends_in_time(session: ScriptSession) -> None:
    began = time.monotonic()
    with pytest.raises(ScriptError, match=r"took longer than 0\.5 s"):
        session.load("endless.py", "while True: pass", seconds=0.5)
    assert time.monotonic() - began < 10


def test_a_hungry_import_ends_at_its_limit(session: ScriptSession) -> None:
    with pytest.raises(MemoryError):
        session.load("hungry.py", "import numpy\nx = numpy.ones(1 << 30, 'uint8')")


BEHAVIOUR = script('''
    import os, subprocess, sys, time

    @operation("lab.behave", locality=ObjectWise())
    def behave(image: Plane, how: Annotated[str, Port("How.")]) -> Plane:
        """Behave."""
        print("behaving", how)
        if how == "raise":
            raise ValueError("no cells\\nat all")
        if how == "crash":
            os.kill(os.getpid(), 11)
        if how == "eat":
            np.ones(1 << 31, "uint8")
        if how == "answer":
            return object()
        if how == "talk":
            for number in range(5000):
                print("line", number)
        if how == "sleep":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            print("pids", os.getpid(), child.pid)
            time.sleep(600)
        if how == "look":
            print("sees", sorted(name for name in os.environ if "HUB" in name), sys.stdin.read())
        return image
''')  # fmt: skip


@pytest.fixture
def behave(session: ScriptSession) -> Operation:
    return loaded(session, BEHAVIOUR)["lab.behave"]


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("raise", ScriptError, "^line 14: ValueError: no cells\nat all$"),
        ("crash", ScriptError, "SIGSEGV"),
        ("eat", MemoryError, "^$"),
        ("answer", ScriptError, "a object cannot be handed over"),
    ],
)
def test_what_goes_wrong_in_a_call_is_told_and_the_log_is_kept(
    behave: Operation,
    session: ScriptSession,
    log: list[str],
    how: str,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        behave(image=np.zeros((4, 4), "uint8"), how=how)
    session.close()
    assert log[0] == f"behaving {how}"
    if how == "raise":
        assert 'File "lab.py", line 14, in behave' in log[2]
        assert 'raise ValueError("no cells' in log[3]
        assert not any("script_process" in line for line in log)


def test_the_process_goes_on_after_an_error(behave: Operation) -> None:
    image = np.arange(16, dtype="uint8").reshape(4, 4)
    with pytest.raises(ScriptError):
        behave(image=image, how="raise")
    np.testing.assert_array_equal(behave(image=image, how="well")["image"], image)


def test_a_script_sees_neither_the_settings_of_the_hub_nor_its_input(
    monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    monkeypatch.setenv("IMAGEHUB_ROOT_PASSWORD", "a secret")
    with ScriptSession(LIMIT, log=log.append) as session:
        loaded(session, BEHAVIOUR)["lab.behave"](image=np.zeros((2, 2), "uint8"), how="look")
    assert log[1:] == ["sees []"]


def test_a_talkative_script_is_cut_short(
    behave: Operation, session: ScriptSession, log: list[str]
) -> None:
    behave(image=np.zeros((2, 2), "uint8"), how="talk")
    session.close()
    assert len(log) == 1001
    assert log[-1] == "It printed more than 1,000 lines; the rest is left out."


def test_a_cancel_kills_the_process_and_what_it_started() -> None:
    log: list[str] = []
    with ScriptSession(
        LIMIT, log=log.append, cancelled=lambda: any(line.startswith("pids") for line in log)
    ) as session:
        behave = loaded(session, BEHAVIOUR)["lab.behave"]
        with pytest.raises(Cancelled):
            behave(image=np.zeros((2, 2), "uint8"), how="sleep")
    pids = [int(word) for word in log[1].split()[1:]]
    assert not any(alive(pid) for pid in pids)


def test_a_process_ends_with_the_server_that_started_it(tmp_path: Path) -> None:
    import subprocess
    import sys

    starter = tmp_path / "starter.py"
    starter.write_text(
        "import os, sys, threading, time\n"
        "from adapters.jobs.script_session import ScriptSession\n"
        "def tell(line):\n"
        "    print(line, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "session = ScriptSession(1 << 28, log=tell)\n"
        "session.load('x.py', 'import os, time; print(os.getpid()); time.sleep(600)')\n"
    )
    found = subprocess.run([sys.executable, starter], capture_output=True, text=True, check=False)
    pid = int(found.stdout)
    until = time.monotonic() + 10
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_values_of_every_kind_cross_unchanged() -> None:
    import shapely

    table = Table(
        (Column("area", np.array([1.5, np.nan]), "µm²"), Column("n", np.array(["a", "b"])))
    )
    region = Region(3, shapely.box(0, 0, 2, 3), t=None, c=1, z=2)
    frame = Frame(Calibration(0.5, None, 2.0, None), t=None, c=1, z=0, y=5, x=6)
    value = [
        None, True, 2**60, -0.5, float("inf"), "µ", (1, (2.0, "x")), {"a": [1], 2: None}, b"\0\1",
        np.arange(6, dtype=">u2").reshape(2, 3)[:, ::2], np.zeros((0, 3)), np.bool_(True),
        np.array([None, "x"], object), table, region, frame,
    ]  # fmt: skip
    arena = Arena.new("test")
    packed = Packed()
    content = packed.pack(value)
    arena.write(packed.arrays, packed.size)
    found = Unpacking(Arena(os.dup(arena.descriptor)), copied=True).unpack(content)
    assert found[:9] == value[:9]
    np.testing.assert_array_equal(found[9], value[9])
    assert found[9].dtype == ">u2"
    assert found[10].shape == (0, 3)
    assert found[11] is True
    assert found[12].tolist() == [None, "x"]
    assert found[13].names == ("area", "n")
    np.testing.assert_array_equal(found[13]["area"], table["area"])
    assert found[13].column("area").unit == "µm²"
    assert found[14] == region
    assert found[15] == frame


@pytest.mark.parametrize(
    "content",
    [
        {"_": "array", "of": "|O", "shape": [1], "at": 0},
        {"_": "array", "of": "<f8", "shape": [1 << 40], "at": 0},
        {"_": "array", "of": "<f8", "shape": [-1], "at": 0},
        {"_": "array", "of": "<f8", "shape": [1], "at": -8},
        {"_": "blocks", "of": 0, "dtype": "<f8", "count": 1},
        {"_": "nothing", "of": 0},
        {"of": 0},
    ],
)
def test_an_answer_that_means_nothing_is_refused(content: Any) -> None:
    with pytest.raises((WireError, LookupError)):
        Unpacking(Arena.new("test"), copied=True).unpack(content)


def test_what_is_no_data_is_not_handed_over() -> None:
    with pytest.raises(WireError, match="a set cannot be handed over"):
        Packed().pack([{1, 2}])
    assert issubclass(DeclarationError, TypeError)
