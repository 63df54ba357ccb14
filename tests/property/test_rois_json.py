"""Shapes as clients of OMERO write them: what is drawn comes back, both ways, whatever it is."""

from __future__ import annotations

import contextlib
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.geometry.drawn import Affine, Drawn, Kind
from adapters.geometry.points import parse_points
from adapters.plain_shapes import plain_shapes, points_text
from adapters.shapes import Canvas, Columns, Draft, prepared, stored_drawn
from web.rest.omero.marshal import rois, shape_input
from web.rest.omero.marshal.units import _SYMBOLS, name_of, stored

CANVAS = Canvas(600, 400, 3, 5, 4)
UNITS = sorted(_SYMBOLS)

numbers = st.floats(-1e9, 1e9, allow_nan=False)
lengths = st.floats(0, 1e6, allow_nan=False)
pairs = st.lists(st.tuples(numbers, numbers).map(list), min_size=1, max_size=12)
colors = st.integers(-(2**31), 2**31 - 1)
words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)
affines = st.none() | st.builds(Affine, *[numbers] * 6)


def frame(**extra: Any) -> Any:
    return st.fixed_dictionaries(
        {"x": numbers, "y": numbers, "width": lengths, "height": lengths, **extra}
    )


PARAMS: dict[Kind, Any] = {
    Kind.RECTANGLE: frame(),
    Kind.MASK: frame(),
    Kind.ELLIPSE: st.fixed_dictionaries({"x": numbers, "y": numbers, "rx": lengths, "ry": lengths}),
    Kind.LINE: st.fixed_dictionaries(dict.fromkeys(("x1", "y1", "x2", "y2"), numbers)),
    Kind.POINT: st.fixed_dictionaries({"x": numbers, "y": numbers}),
    Kind.LABEL: st.fixed_dictionaries({"x": numbers, "y": numbers}),
    Kind.POLYGON: st.fixed_dictionaries({"points": pairs}),
    Kind.POLYLINE: st.fixed_dictionaries({"points": pairs}),
}
styles = st.fixed_dictionaries(
    {},
    optional={
        "stroke_color": colors, "fill_color": colors, "fill_rule": words, "font_family": words,
        "font_style": words, "stroke_dash": words, "locked": st.booleans(), "stroke_width": lengths,
        "font_size": lengths, "visible": st.booleans(), "stroke_width_unit": st.sampled_from(
            ["px", "µm", "pt", "nm"]
        ),
    },
)  # fmt: skip


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    kind = draw(st.sampled_from(list(Kind)))
    drawn = Drawn(kind, draw(PARAMS[kind]), draw(affines))
    style = draw(styles)
    if "stroke_width" not in style:
        style.pop("stroke_width_unit", None)
    if kind in (Kind.LINE, Kind.POLYLINE):
        style |= draw(
            st.fixed_dictionaries({}, optional={"marker_start": words, "marker_end": words})
        )
    c, z, t = (draw(st.none() | st.integers(0, size - 1)) for size in (3, 5, 4))
    return Draft(drawn, c, z, t, style or None, draw(st.none() | words))


def row_of(columns: Columns) -> Any:
    return SimpleNamespace(id=7, roi_id=3, image_id=1, **columns._asdict())


def stored_row(draft: Draft) -> Any | None:
    """Return the row of a draft; None where a transform throws it out of reach."""
    try:
        ((columns,),) = prepared([draft], CANVAS)
    except shape_input.Invalid:
        return None
    return row_of(columns)


def written(row: Any) -> dict[str, Any]:
    """Return what clients get, through JSON."""
    (plain,) = plain_shapes([row])
    found: dict[str, Any] = orjson.loads(orjson.dumps(rois.shape(row, plain, None, None)))
    return found


@settings(max_examples=200)
@given(drafts())
def test_what_is_written_and_read_again_draws_the_same_shape(draft: Draft) -> None:
    row = stored_row(draft)
    if row is None:
        return
    sent = shape_input.read(written(row))
    drawn = stored_drawn(row)
    assert drawn is not None
    assert (sent.kind, sent.transform) == (drawn.kind, drawn.transform)
    assert sent.draft().what.params == drawn.params  # type: ignore[union-attr]  # drawn, not text
    assert sent.planes == {"c": draft.c, "z": draft.z, "t": draft.t}
    assert sent.text == draft.text
    known = {name: value for name, value in (draft.style or {}).items() if name != "visible"}
    told = {name: value for name, value in sent.style.items() if not name.endswith("_unit")}
    assert told == {name: value for name, value in known.items() if not name.endswith("_unit")}


@settings(max_examples=100)
@given(drafts())
def test_an_echo_is_no_change(draft: Draft) -> None:
    row = stored_row(draft)
    if row is not None:
        assert shape_input.redrawn(shape_input.read(written(row)), row, None) is None


@settings(max_examples=100)
@given(drafts(), words)
def test_a_new_caption_changes_nothing_else(draft: Draft, caption: str) -> None:
    row = stored_row(draft)
    if row is None or row.text == caption:
        return
    changed = shape_input.redrawn(shape_input.read({**written(row), "Text": caption}), row, None)
    assert changed is not None
    ((columns,),) = prepared([changed], CANVAS)
    assert columns._replace(text=row.text) == Columns.of(row)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30))
def test_points_are_read_back_the_same(points: list[tuple[float, float]]) -> None:
    text = points_text(np.array(points))
    assert parse_points(text) == [list(point) for point in points]
    assert all(len(pair.split(",")) == 2 for pair in text.split(" "))
    assert not any(number.endswith(".0") for pair in text.split(" ") for number in pair.split(","))


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_holes_survive_as_slits(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    holes = []
    for n in range(count):
        angle = np.sort(random.uniform(0, 2 * math.pi, 5))
        hole = np.stack((np.cos(angle), np.sin(angle)), axis=1) * 8 + (20 * n + 20, 20)
        holes.append(hole.round(3).tolist())
    shell = [[0, 0], [20 * count + 40, 0], [20 * count + 40, 40], [0, 40]]
    whole = shapely.Polygon(shell, holes)
    if not whole.is_valid:
        return
    row = stored_row(Draft(Drawn(Kind.POLYGON, {"points": shell, "holes": holes})))
    assert row is not None
    ring = parse_points(written(row)["Points"])
    assert shapely.Polygon(ring).buffer(0).symmetric_difference(whole).area < 1e-6
    assert shape_input.redrawn(shape_input.read(written(row)), row, None) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = [
    "@id", "@type", "X", "Y", "Width", "Height", "Points", "TheZ", "Text", "FillColor", "FontSize",
    "StrokeWidth", "Transform", "Locked", "oldId", "X1", "RadiusX", "MarkerEnd",
]  # fmt: skip


@settings(max_examples=300)
@given(
    st.sampled_from(list(rois.TYPES.values())),
    st.dictionaries(st.sampled_from(KEYS), values, max_size=8),
)
def test_nothing_that_is_sent_fails_but_by_being_refused(kind: str, wrong: dict[str, Any]) -> None:
    schema = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
    good = {"X": 1, "Y": 2, "Width": 3, "Height": 4, "RadiusX": 1, "RadiusY": 1, "X1": 0, "Y1": 0,
            "X2": 1, "Y2": 1, "Points": "1,2 3,4"}  # fmt: skip
    with contextlib.suppress(shape_input.Invalid):
        draft = shape_input.read({"@type": schema + kind, **good, **wrong}).draft()
        assert prepared([draft], CANVAS)


def test_every_unit_is_kept_by_its_symbol() -> None:
    for unit in UNITS:
        kept = stored(unit)
        assert kept is not None
        assert name_of(kept, "PIXEL") == unit
