"""Runs one operation over images: planes, tiles with halos, reductions, projections; no database.

The operation's locality decides how the work is split (`adapters.jobs.plan`). Tiles are computed
by a few threads and written in order by the caller's, so nothing but the tiles in flight is in
memory. A run that fails or is cancelled discards every image it had begun.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.jobs.plan import LARGEST_TILE, Input, OutputPlan, Plan, prepare
from adapters.jobs.tiles import Tile, count, cut
from adapters.jobs.views import AXES, View
from adapters.operations import (
    Blocks,
    Bound,
    Frame,
    Global,
    Operation,
    Port,
    PortType,
    Projection,
    Reduction,
    Region,
    Table,
    Whole,
)
from store.pixels.base import PixelWriter, Written

OutputFactory = Callable[[OutputPlan], PixelWriter]
ProgressCallback = Callable[[int, int], None]


class Cancelled(Exception):
    """The run was asked to stop and did; nothing it wrote is left."""


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image that was written and that nothing names yet."""

    plan: OutputPlan
    written: Written


@dataclass(frozen=True, slots=True)
class Value:
    """A single result of one unit; t, c, z are None along axes the unit spans."""

    value: Any
    t: int | None = None
    c: int | None = None
    z: int | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """Everything a run made, by output port.

    Tables of several units stand under one another with their indexes t, c, z in front, which are
    those of the image the rows describe; regions say the same of themselves.
    """

    images: Mapping[str, NewImage] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    regions: Mapping[str, tuple[Region, ...]] = field(default_factory=dict)
    values: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)


def execute(
    operation: Operation,
    bound: Bound,
    inputs: Mapping[str, Input],
    outputs: OutputFactory,
    *,
    progress: ProgressCallback = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
    memory_limit: int,
    workers: int = 1,
    tile: int = LARGEST_TILE,
) -> Results:
    """Run an operation on images.

    `inputs` holds an `ImageInput` for each image port (a sequence for a port that takes many), and
    the value itself for tables and regions. `outputs` is asked for one writer per image to be made,
    after everything that can be refused was. `progress` is called from worker threads too, never
    twice at once, with a number that only grows and ends at the total.

    Raises `Cancelled`, `store.errors.Invalid`, `store.errors.TooLarge`, and whatever the function
    or a writer raises; all writers are discarded first.
    """
    plan = prepare(operation, bound, inputs, memory_limit=memory_limit, workers=workers, tile=tile)
    writers: dict[str, PixelWriter] = {}
    run = Run(plan, progress, cancelled)
    try:
        run.check()
        for output in plan.outputs:
            writers[output.name] = outputs(output)
        gathered = Gathered(plan, writers)
        run.start()
        for unit, part, found in run.results():
            gathered.add(unit, part, found)
        images = {}
        for output in plan.outputs:
            run.check()
            images[output.name] = NewImage(output, writers[output.name].finish())
            run.advance(1)
    except BaseException:
        for writer in writers.values():
            writer.discard()
        raise
    return gathered.results(images)


class Run:
    """Computes the tiles of a plan, in order."""

    def __init__(
        self, plan: Plan, progress: ProgressCallback, cancelled: Callable[[], bool]
    ) -> None:
        self.plan = plan
        self._progress = progress
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._done = 0
        self._total = total_steps(plan)
        self._aside: dict[str, Any] = {}
        self._reduced: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def check(self) -> None:
        """Stop here if asked to."""
        if self._cancelled():
            raise Cancelled

    def start(self) -> None:
        """Report the total and read what every call receives whole."""
        self.advance(0)
        for port in self.plan.operation.images:
            if port.name in self.plan.aside:
                arrays = [_read_whole(view, port.axes) for view in self.plan.aside[port.name]]
                self._aside[port.name] = arrays if port.many else arrays[0]

    def advance(self, steps: int) -> None:
        """Count finished steps."""
        with self._lock:
            self._done += steps
            self._progress(self._done, self._total)

    def results(self) -> Iterator[tuple[dict[str, int], Tile, dict[str, Any]]]:
        """Give what each tile answered, units and tiles in order."""
        if self.plan.workers == 1:
            for unit, part in self._parts():
                self.check()
                yield unit, part, self._compute(unit, part, self._reduction(unit))
            return
        with ThreadPoolExecutor(self.plan.workers, "operation") as pool:
            waiting: deque[tuple[dict[str, int], Tile, Future[dict[str, Any]]]] = deque()
            try:
                for unit, part in self._parts():
                    self.check()
                    future = pool.submit(self._compute, unit, part, self._reduction(unit))
                    waiting.append((unit, part, future))
                    if len(waiting) > self.plan.workers:
                        yield self._oldest(waiting)
                while waiting:
                    yield self._oldest(waiting)
            finally:
                for _, _, future in waiting:
                    future.cancel()

    def _oldest(
        self, waiting: deque[tuple[dict[str, int], Tile, Future[dict[str, Any]]]]
    ) -> tuple[dict[str, int], Tile, dict[str, Any]]:
        unit, part, future = waiting.popleft()
        found = future.result()
        self.check()
        return unit, part, found

    def _parts(self) -> Iterator[tuple[dict[str, int], Tile]]:
        whole = isinstance(self.plan.operation.locality, Reduction)
        for unit in self.plan.units():
            if whole:
                span = {axis: slice(0, size) for axis, size in self.plan.unit_sizes.items()}
                yield unit, Tile(span, span)
            else:
                for part in self.plan.tiles():
                    yield unit, part

    def _compute(self, unit: dict[str, int], part: Tile, reduced: Any) -> dict[str, Any]:
        """Read one tile, call the function, and bring results into the form they are stored in."""
        self.check()
        plan, operation = self.plan, self.plan.operation
        arguments: dict[str, Any] = {**plan.bound.values, **plan.given, **self._aside}
        allowance = Allowance(self, steps_of_part(plan))
        for port in operation.images:
            if port.name in plan.views:
                views = plan.views[port.name]
                arrays = [self._array(port, view, unit, part, allowance) for view in views]
                arguments[port.name] = arrays if port.many else arrays[0]
        if (frame := operation.injected(PortType.FRAME)) is not None:
            arguments[frame] = self._frame(unit, part)
        if (target := operation.injected(PortType.REDUCED)) is not None:
            arguments[target] = reduced
        found = operation.call(arguments)
        for output in plan.outputs:
            found[output.name] = _as_stored(plan, output, found[output.name], part)
        allowance.spend()
        return found

    def _array(
        self, port: Port, view: View, unit: dict[str, int], part: Tile, allowance: Allowance
    ) -> Any:
        plan = self.plan
        if not port.streamed:
            return view.read(plan.axes, unit, part.outer)
        tick = allowance if view is plan.aligned()[0] else None
        if isinstance(plan.operation.locality, Projection):
            return self._planes(view, unit, part, tick)
        return self._blocks(view, plan.axes, unit, tick)

    def _planes(
        self, view: View, unit: dict[str, int], part: Tile, tick: Allowance | None
    ) -> Blocks:
        """Stream the planes of a projection, cut to one tile."""
        axis = self.plan.axes[0]
        size = self.plan.sizes[axis]

        def walk() -> Iterator[NDArray[Any]]:
            for index in range(size):
                self.check()
                yield view.read("yx", {**unit, axis: index}, part.outer)
                if tick:
                    tick.step()

        return Blocks(walk, view.dtype, size)

    def _blocks(
        self, view: View, scope: str, unit: Mapping[str, int], tick: Allowance | None
    ) -> Blocks:
        """Stream everything in a scope, plane by plane and tile by tile."""
        plan = self.plan
        flat = {axis: plan.sizes[axis] for axis in "yx"}
        tile = {axis: min(plan.tile[axis], plan.sizes[axis]) for axis in "yx"}
        walked = [axis for axis in scope if axis not in "yx"]

        def walk() -> Iterator[NDArray[Any]]:
            for indexes in itertools.product(*(range(plan.sizes[axis]) for axis in walked)):
                fixed = {**unit, **dict(zip(walked, indexes, strict=True))}
                for part in cut(flat, tile, {"y": 0, "x": 0}):
                    self.check()
                    yield view.read("yx", fixed, part.core)
                    if tick:
                        tick.step()

        return Blocks(walk, view.dtype, blocks_in(plan, scope))

    def _reduction(self, unit: dict[str, int]) -> Any:
        """Reduce the scope a unit lies in once, and keep what the order of units needs again."""
        plan, locality = self.plan, self.plan.operation.locality
        if not isinstance(locality, Global):
            return None
        key = tuple(index for axis, index in unit.items() if axis not in plan.scope)
        if key not in self._reduced:
            allowance = Allowance(self, locality.passes * blocks_in(plan, plan.scope))
            streams = [
                self._blocks(view, plan.scope, unit, allowance if at == 0 else None)
                for at, view in enumerate(plan.aligned())
            ]
            self._reduced[key] = locality.reduce(*streams, plan.bound.values)
            allowance.spend()
            while len(self._reduced) > plan.sizes["c"]:
                self._reduced.popitem(last=False)
        return self._reduced[key]

    def _frame(self, unit: dict[str, int], part: Tile) -> Frame:
        first = next(iter(self.plan.aligned()), None)
        if first is None:
            return Frame()
        return Frame(
            first.calibration,
            y=first.y + part.outer["y"].start,
            x=first.x + part.outer["x"].start,
            **self.plan.place(unit),
        )


class Allowance:
    """Steps that one tile or reduction may count; what it did not use is counted at its end."""

    def __init__(self, run: Run, steps: int) -> None:
        self._run = run
        self._left = steps

    def step(self) -> None:
        """Count one, unless only the last is left."""
        if self._left > 1:
            self._left -= 1
            self._run.advance(1)

    def spend(self) -> None:
        """Count the rest."""
        self._run.advance(self._left)
        self._left = 0


class Gathered:
    """Takes results as they come: samples to the writers, the rest into lists."""

    def __init__(self, plan: Plan, writers: Mapping[str, PixelWriter]) -> None:
        self.plan = plan
        self._writers = writers
        self._tables: dict[str, list[Table]] = {}
        self._regions: dict[str, list[Region]] = {}
        self._values: dict[str, list[Value]] = {}
        for port in plan.operation.outputs:
            if port.type is PortType.TABLE:
                self._tables[port.name] = []
            elif port.type is PortType.REGIONS:
                self._regions[port.name] = []
            elif not port.is_pixels:
                self._values[port.name] = []

    def add(self, unit: dict[str, int], part: Tile, found: Mapping[str, Any]) -> None:
        """Keep what one tile answered; all but samples is taken from the first tile of a unit."""
        for output in self.plan.outputs:
            self._write(output, unit, part, found[output.name])
        if any(span.start for span in part.core.values()):
            return
        place = self.plan.place(unit)
        for name, tables in self._tables.items():
            tables.append(found[name].at(place.items()))
        for name, regions in self._regions.items():
            plane = (place.get("t"), place.get("c"), place.get("z"))
            regions += [region.on(*plane) for region in found[name]]
        for name, values in self._values.items():
            values.append(Value(_plain(found[name]), **place))

    def results(self, images: Mapping[str, NewImage]) -> Results:
        """Everything together."""
        return Results(
            images,
            {name: Table.stacked(tables) for name, tables in self._tables.items()},
            {name: tuple(regions) for name, regions in self._regions.items()},
            {name: tuple(values) for name, values in self._values.items()},
        )

    def _write(
        self, output: OutputPlan, unit: Mapping[str, int], part: Tile, samples: NDArray[Any]
    ) -> None:
        writer = self._writers[output.name]
        deep = [axis for axis in output.axes if axis not in "yx"]
        origin = {axis: part.core[axis].start if axis in part.core else 0 for axis in AXES}
        for index in np.ndindex(samples.shape[: len(deep)]):
            at = {axis: unit.get(axis, 0) if axis in self.plan.fixed else 0 for axis in "tcz"}
            at |= {axis: origin[axis] + i for axis, i in zip(deep, index, strict=True)}
            writer.write(samples[index], **at, y=origin["y"], x=origin["x"])


def total_steps(plan: Plan) -> int:
    """How many steps a run reports: tiles of every pass, and the finishing of each image."""
    locality = plan.operation.locality
    parts = 1 if isinstance(locality, Reduction) else plan.tile_count
    steps = plan.unit_count * parts * steps_of_part(plan) + len(plan.outputs)
    if isinstance(locality, Global):
        scopes = [plan.sizes[axis] for axis in plan.fixed if axis not in plan.scope]
        steps += int(np.prod(scopes)) * locality.passes * blocks_in(plan, plan.scope)
    return steps


def steps_of_part(plan: Plan) -> int:
    """How many steps one call counts."""
    locality = plan.operation.locality
    if isinstance(locality, Reduction):
        return locality.passes * blocks_in(plan, plan.axes)
    if isinstance(locality, Projection) and any(port.streamed for port in plan.operation.images):
        return plan.sizes[plan.axes[0]]
    return 1


def blocks_in(plan: Plan, scope: str) -> int:
    """How many blocks a stream over a scope has."""
    flat = {axis: plan.sizes[axis] for axis in "yx"}
    tile = {axis: min(plan.tile[axis], plan.sizes[axis]) for axis in "yx"}
    deep = [plan.sizes[axis] for axis in scope if axis not in "yx"]
    return count(flat, tile) * int(np.prod(deep, dtype=np.int64))


def _read_whole(view: View, axes: str) -> NDArray[Any]:
    fixed = {axis: 0 for axis in "tcz" if axis not in axes}
    return view.read(axes, fixed, {axis: slice(0, size) for axis, size in view.sizes.items()})


def _as_stored(plan: Plan, output: OutputPlan, samples: Any, part: Tile) -> NDArray[Any]:
    """Cut the halo off and answer what the writer takes; a mask becomes 0 and 255."""
    name, array = plan.operation.name, np.asarray(samples)
    if any(part.outer[axis] != part.core[axis] for axis in part.core):
        array = array[tuple(part.inner(axis) for axis in output.axes)]
    expected = _stored_shape(plan, output, part)
    if array.shape != expected:
        raise TypeError(f"{name} answered samples of shape {array.shape}, not {expected}.")
    if output.content is PortType.MASK:
        return array.astype(bool, copy=False).view(np.uint8) * np.uint8(255)
    if output.content is PortType.LABELS:
        return array.astype(output.layout.dtype, copy=False)
    if array.dtype != np.dtype(output.layout.dtype):
        raise TypeError(f"{name} answered {array.dtype} where it declares {output.layout.dtype}.")
    return array


def _stored_shape(plan: Plan, output: OutputPlan, part: Tile) -> tuple[int, ...]:
    """Return the shape a result of one tile must have: the tile's, or all of another size."""
    sizes = dict(zip(AXES, output.layout.shape, strict=True))
    if not isinstance(plan.operation.locality, Whole):
        sizes |= {
            axis: span.stop - span.start for axis, span in part.core.items() if axis in output.axes
        }
    return tuple(sizes[axis] for axis in output.axes)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
