"""What a run will do, worked out before it starts: sizes, tiles, memory, and the images it makes.

A plan touches no sample. Whatever would make the run fail for its size or its inputs fails here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapters.jobs.tiles import Tile, count, cut, fitting_tile
from adapters.jobs.views import AXES, ImageInput, View, view_of
from adapters.operations import (
    Bound,
    Calibration,
    Global,
    Neighbourhood,
    ObjectWise,
    Operation,
    Port,
    PortType,
    Projection,
    Reduction,
    Whole,
    resolved,
)
from store.errors import Invalid, TooLarge
from store.pixels.base import Layout

LARGEST_TILE = 2048
Input = ImageInput | Sequence[ImageInput] | Any


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """One image that the run will write.

    `content` is image, labels or mask; `c` are the channels of the source that the channels of the
    result stand for, or nothing where they do not correspond.
    """

    name: str
    content: PortType
    layout: Layout
    axes: str
    calibration: Calibration
    c: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is split: `axes` is what one unit spans, `tile` how a unit is cut.

    `views` are the images cut alike, `aside` those that every call receives whole; a port that
    takes one image has one.
    """

    operation: Operation
    bound: Bound
    views: Mapping[str, tuple[View, ...]]
    aside: Mapping[str, tuple[View, ...]]
    given: Mapping[str, Any]
    axes: str
    sizes: Mapping[str, int]
    tile: Mapping[str, int]
    halo: Mapping[str, int]
    outputs: tuple[OutputPlan, ...]
    workers: int
    scope: str = ""

    @property
    def fixed(self) -> str:
        """Axes that are walked one index after another."""
        return "".join(axis for axis in AXES if axis not in self.axes)

    @property
    def unit_sizes(self) -> dict[str, int]:
        """Sizes of one unit."""
        return {axis: self.sizes[axis] for axis in self.axes}

    @property
    def unit_count(self) -> int:
        """How many units there are."""
        return math.prod(self.sizes[axis] for axis in self.fixed)

    @property
    def tile_count(self) -> int:
        """How many tiles a unit is cut into."""
        return count(self.unit_sizes, self.tile)

    def units(self) -> Iterator[dict[str, int]]:
        """Walk the units: an index for every fixed axis, t slowest."""
        for indexes in itertools.product(*(range(self.sizes[axis]) for axis in self.fixed)):
            yield dict(zip(self.fixed, indexes, strict=True))

    def tiles(self) -> Iterator[Tile]:
        """Walk the tiles of one unit."""
        return cut(self.unit_sizes, self.tile, self.halo)

    def aligned(self) -> list[View]:
        """Every view that is cut like the others."""
        return [view for several in self.views.values() for view in several]

    def place(self, unit: Mapping[str, int]) -> dict[str, int]:
        """Indexes of a unit in the image it belongs to, for t, c and z where the unit has them."""
        found = {}
        for axis in self.fixed:
            if axis in "tcz" and self.views:
                views = self.aligned()
                size = self.sizes[axis]
                owner = next(view for view in views if len(view.indexes(axis)) == size)
                found[axis] = owner.indexes(axis)[unit[axis]]
        return found


def prepare(
    operation: Operation,
    bound: Bound,
    inputs: Mapping[str, Input],
    *,
    memory_limit: int,
    workers: int = 1,
    tile: int = LARGEST_TILE,
) -> Plan:
    """Work out a plan.

    Raises `store.errors.Invalid` naming the port for images that are missing or do not fit one
    another, `store.errors.TooLarge` if the run cannot stay within `memory_limit` bytes.
    """
    views, aside, given = _opened(operation, inputs)
    axes = _unit_axes(operation, bound)
    sizes = _common_sizes(views, axes)
    outputs = tuple(
        _output(operation, port, bound, views, axes, sizes)
        for port in operation.outputs
        if port.is_pixels
    )
    halo = _halo(operation, bound, axes)
    left = memory_limit - sum(_bytes_of(view) for several in aside.values() for view in several)
    draft = Plan(
        operation,
        bound,
        views,
        aside,
        given,
        axes,
        sizes,
        tile={axis: sizes[axis] for axis in axes},
        halo=halo,
        outputs=outputs,
        workers=max(1, workers),
        scope=_scope(operation, bound, axes),
    )
    return _within(draft, left, memory_limit, tile)


def _within(draft: Plan, left: int, memory_limit: int, largest: int) -> Plan:
    """Choose tiles and the number of workers so that everything in flight stays within `left`."""
    operation = draft.operation
    per_sample = _bytes_per_sample(draft)
    sizes = draft.unit_sizes
    streamed = isinstance(operation.locality, Projection) and any(
        port.streamed for port in operation.images
    )
    skipped = draft.axes[0] if streamed else ""
    made = 0
    if isinstance(operation.locality, Whole):
        made = max((_samples_of(output) for output in draft.outputs), default=0)

    def cost(tile: Mapping[str, int]) -> int:
        spans = (
            min(size, tile[axis] + 2 * draft.halo[axis]) if tile[axis] < size else size
            for axis, size in sizes.items()
            if axis != skipped
        )
        return per_sample * max(math.prod(spans), made)

    def fitted(workers: int) -> dict[str, int] | None:
        in_flight = workers + 1 if workers > 1 else 1
        return fitting_tile(
            sizes,
            _splittable(draft),
            draft.halo,
            largest,
            lambda tile: cost(tile) * in_flight <= left,
        )

    for workers in range(draft.workers, 0, -1):
        tile = fitted(workers)
        if tile is not None:
            return replace(draft, tile=tile, workers=workers)
    shape = " × ".join(f"{size:,}" for size in sizes.values())
    raise TooLarge(
        f"{operation.name} needs {shape} samples ({' '.join(draft.axes)}) in memory at once, about "
        f"{cost(sizes):,} bytes, which",
        memory_limit,
        "bytes",
    )


def _opened(
    operation: Operation, inputs: Mapping[str, Input]
) -> tuple[dict[str, tuple[View, ...]], dict[str, tuple[View, ...]], dict[str, Any]]:
    """Split inputs into aligned views, views given whole, and data that is no image."""
    ports = {port.name: port for port in operation.inputs if port.is_data}
    for name in inputs:
        if name not in ports:
            raise Invalid(name, f"is no image, table or regions input of {operation.name}.")
    views: dict[str, tuple[View, ...]] = {}
    aside: dict[str, tuple[View, ...]] = {}
    given: dict[str, Any] = {}
    for name, port in ports.items():
        value: Any = inputs.get(name)
        if value is None:
            if port.required:
                raise Invalid(name, f"is required by {operation.name}.")
        elif not port.is_pixels:
            given[name] = value
        else:
            images = value if port.many else (value,)
            (views if port.aligned else aside)[name] = tuple(
                view_of(name, port.type, image) for image in images
            )
    return views, aside, given


def _unit_axes(operation: Operation, bound: Bound) -> str:
    if isinstance(operation.locality, Projection):
        axis = resolved(operation.locality.axis, bound.values)
        return "".join(a for a in AXES if a in f"{axis}yx")
    if isinstance(operation.locality, Reduction):
        return resolved(operation.locality.scope, bound.values)
    aligned = [port.axes for port in operation.images if port.aligned]
    if aligned:
        return aligned[0]
    outputs = [port.axes for port in operation.outputs if port.is_pixels]
    return outputs[0] if outputs else "yx"


def _common_sizes(views: Mapping[str, tuple[View, ...]], axes: str) -> dict[str, int]:
    """Sizes of the run: an axis that is walked may be 1 in some images and repeats for them."""
    sizes = dict.fromkeys(AXES, 1)
    names = [(name, view) for name, several in views.items() for view in several]
    for axis in AXES:
        counts = {view.sizes[axis] for _, view in names}
        sizes[axis] = max(counts, default=1)
        allowed = {sizes[axis]} | ({1} if axis not in axes else set())
        if not counts <= allowed:
            first_name, first = names[0]
            name, view = next(
                (n, v) for n, v in reversed(names) if v.sizes[axis] != first.sizes[axis]
            )
            raise Invalid(
                name,
                f"has {view.sizes[axis]} along {axis}, but {first_name} has {first.sizes[axis]}; "
                "select parts of equal size.",
            )
    return sizes


def _output(
    operation: Operation,
    port: Port,
    bound: Bound,
    views: Mapping[str, tuple[View, ...]],
    axes: str,
    common: Mapping[str, int],
) -> OutputPlan:
    sizes = dict(common)
    first = next((view for several in views.values() for view in several), None)
    for axis in axes:
        if axis not in port.axes:
            sizes[axis] = 1
    calibration = first.calibration if first else Calibration()
    locality = operation.locality
    if isinstance(locality, Whole) and locality.shape is not None:
        shape = locality.shape(bound.values, tuple(common[axis] for axis in axes))
        sizes.update(zip(port.axes, shape, strict=True))
        if (sizes["y"], sizes["x"]) != (common["y"], common["x"]):
            calibration = Calibration(time_increment=calibration.time_increment)
    if callable(port.dtype):
        dtype = port.dtype(bound.values, str(first.dtype) if first else "float32")
    elif port.dtype == "same":
        dtype = str(first.dtype) if first else "float32"
    else:
        dtype = port.dtype
    kept = first is not None and sizes["c"] == len(first.c)
    rgb = kept and first is not None and first.reader.layout.rgb and sizes["c"] == 3
    layout = Layout(
        sizes["t"],
        sizes["c"],
        sizes["z"],
        sizes["y"],
        sizes["x"],
        dtype,
        rgb=rgb and port.type is PortType.IMAGE and dtype == "uint8",
    )
    channels = first.c if kept and first is not None else ()
    return OutputPlan(port.name, port.type, layout, port.axes, calibration, channels)


def _halo(operation: Operation, bound: Bound, axes: str) -> dict[str, int]:
    if not isinstance(operation.locality, Neighbourhood):
        return dict.fromkeys(axes, 0)
    halo = operation.locality.halo(bound.values)
    if isinstance(halo, int):
        return dict.fromkeys(axes, halo)
    return dict(zip(axes, halo, strict=True))


def _scope(operation: Operation, bound: Bound, axes: str) -> str:
    if not isinstance(operation.locality, Global):
        return axes
    return resolved(operation.locality.scope, bound.values)


def _splittable(plan: Plan) -> str:
    """Axes along which a unit may be cut: channels never, others if every result has them."""
    locality = plan.operation.locality
    if isinstance(locality, ObjectWise | Whole):
        return ""
    if isinstance(locality, Reduction):
        return plan.axes
    if isinstance(locality, Projection):
        return "yx"
    kept = [output.axes for output in plan.outputs]
    deep = "".join(axis for axis in "tz" if axis in plan.axes and all(axis in k for k in kept))
    return deep + "yx"


def _bytes_per_sample(plan: Plan) -> int:
    read = sum(view.stored_dtype.itemsize + view.dtype.itemsize for view in plan.aligned())
    made = sum(np.dtype(output.layout.dtype).itemsize for output in plan.outputs)
    return read + made + plan.operation.working_bytes


def _samples_of(output: OutputPlan) -> int:
    """Samples of one unit of a result."""
    shape = dict(zip(AXES, output.layout.shape, strict=True))
    return math.prod(shape[axis] for axis in output.axes)


def _bytes_of(view: View) -> int:
    return math.prod(view.sizes.values()) * view.dtype.itemsize
