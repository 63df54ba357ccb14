"""Laws of shapes: text and back, pixels and back, footprints that are always valid."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from adapters.geometry.bits import pack_bits, unpack_bits
from adapters.geometry.drawn import Affine, Drawn, Kind
from adapters.geometry.footprint import footprint, footprints
from adapters.geometry.geojson import geojson
from adapters.geometry.incoming import parse_geojson, parse_wkt
from adapters.geometry.outlines import outlines
from adapters.geometry.points import parse_points, points_text
from adapters.geometry.raster import Box, rasterise
from adapters.geometry.slits import with_slits
from adapters.geometry.stored import recall, stored_params
from store.errors import Invalid

WIDTH, HEIGHT = 400, 300

coordinate = st.one_of(
    st.integers(-50, 450).map(float),
    st.integers(-5000, 45_000).map(lambda n: n / 100),
    st.floats(-1e6, 1e6, allow_nan=False),
)
length = st.one_of(st.integers(0, 60).map(float), st.floats(0, 1e4, allow_subnormal=False))
pairs = st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=9)
factor = st.one_of(st.sampled_from([0.0, 1.0, -1.0]), st.floats(-3, 3, allow_subnormal=False))


@st.composite
def drawings(draw):
    """Any shape, degenerate and self-crossing ones included."""
    kind = draw(st.sampled_from(list(Kind)))
    names = {
        Kind.RECTANGLE: "x y width height",
        Kind.ELLIPSE: "x y rx ry",
        Kind.LINE: "x1 y1 x2 y2",
        Kind.MASK: "x y width height",
    }.get(kind, "x y")
    bits = None
    if kind in (Kind.POLYGON, Kind.POLYLINE):
        params = {"points": draw(pairs)}
        if kind is Kind.POLYGON and draw(st.booleans()):
            params["holes"] = draw(st.lists(pairs, max_size=2))
    else:
        lengths = {"width", "height", "rx", "ry"}
        params = {n: draw(length if n in lengths else coordinate) for n in names.split()}
    if kind is Kind.MASK:
        params |= {
            "width": float(draw(st.integers(1, 7))),
            "height": float(draw(st.integers(1, 5))),
        }
        if draw(st.booleans()):
            shape = (int(params["height"]), int(params["width"]))
            bits = pack_bits(draw(arrays.arrays(bool, shape)))
    affine = Affine(*(draw(factor) for _ in range(4)), draw(coordinate), draw(coordinate))
    return Drawn(kind, params, draw(st.none() | st.just(affine)), bits=bits)


@st.composite
def stars(draw, decimals=3, center=(200, 150), reach=140):
    """A simple polygon around a centre, with a hole around it or not; coordinates are decimals."""
    count = draw(st.integers(3, 12))
    angles = sorted(
        draw(st.lists(st.integers(0, 359), min_size=count, max_size=count, unique=True))
    )
    assume(max(np.diff([*angles, angles[0] + 360])) < 179)
    radii = [draw(st.integers(20, reach)) for _ in angles]
    shell = [
        (
            round(center[0] + r * math.cos(math.radians(a)), decimals),
            round(center[1] + r * math.sin(math.radians(a)), decimals),
        )
        for a, r in zip(angles, radii, strict=True)
    ]
    hole = [tuple((np.array(p) - center) * 0.4 + center) for p in shell]
    hole = [(round(x, decimals), round(y, decimals)) for x, y in hole]
    polygon = shapely.Polygon(shell, [hole] if draw(st.booleans()) else [])
    assume(polygon.is_valid)
    return polygon


def written(polygon):
    """Canonical text, written without the code under test."""

    def number(value):
        return str(int(value)) if value == int(value) else repr(value)

    def ring(line):
        return "(" + ", ".join(f"{number(x)} {number(y)}" for x, y in line.coords) + ")"

    return f"POLYGON ({', '.join(map(ring, [polygon.exterior, *polygon.interiors]))})"


@settings(max_examples=100, deadline=None)
@given(stars())
def test_text_inside_the_image_comes_back_to_the_letter_after_turning_y_twice(polygon):
    text = written(polygon)

    (drawn,) = parse_wkt(text, WIDTH, HEIGHT, y_up=True)

    assert footprint(drawn, HEIGHT).wkt_up == text
    assert footprint(drawn, HEIGHT).area == pytest.approx(polygon.area, rel=1e-9)
    assert drawn.params["points"][0][1] == pytest.approx(HEIGHT - polygon.exterior.coords[0][1])


@settings(max_examples=100, deadline=None)
@given(stars())
def test_geojson_comes_back_as_the_same_shape(polygon):
    (drawn,) = parse_geojson(geojson(polygon), WIDTH, HEIGHT)

    assert footprint(drawn, HEIGHT).geometry.equals_exact(polygon)


@settings(max_examples=200, deadline=None)
@given(drawings())
def test_every_footprint_is_valid_finite_and_inside_its_box(drawn):
    made = footprint(drawn, HEIGHT)

    geometry = shapely.from_wkb(made.wkb)
    assert geometry.is_valid
    assert not geometry.is_empty
    numbers = (made.area, made.perimeter, made.cx, made.cy, made.size)
    assert all(math.isfinite(number) for number in numbers)
    assert made.area >= 0
    assert made.points >= 1
    x0, y0, x1, y1 = geometry.bounds
    assert made.x0 <= x0 <= x1 <= made.x1
    assert made.y0 <= y0 <= y1 <= made.y1
    assert made.size == pytest.approx(max(made.x1 - made.x0, made.y1 - made.y0))
    turned = shapely.from_wkt(made.wkt_up)
    assert turned.geom_type == geometry.geom_type
    assert shapely.get_coordinates(turned)[:, 1] == pytest.approx(
        HEIGHT - shapely.get_coordinates(geometry)[:, 1], abs=1e-8
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(drawings(), max_size=6))
def test_many_footprints_at_once_are_those_made_one_by_one(shapes):
    assert footprints(shapes, HEIGHT) == [footprint(drawn, HEIGHT) for drawn in shapes]


@settings(max_examples=200, deadline=None)
@given(drawings())
def test_a_stored_shape_comes_back_verbatim(drawn):
    made = footprint(drawn, HEIGHT)

    stored = stored_params(drawn, made)

    assert recall(drawn.kind, stored, made.wkb, drawn.text, drawn.bits) == drawn


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.integers(1, 80), st.floats(0, 6.3), st.floats(0.2, 3))
def test_the_area_and_length_of_an_ellipse_are_those_of_a_very_fine_polygon(rx, ry, turn, scale):
    cosine, sine = math.cos(turn) * scale, math.sin(turn) * scale
    affine = Affine(cosine, sine, -sine, cosine, 7.0, -3.0)

    made = footprint(Drawn(Kind.ELLIPSE, {"x": 200, "y": 150, "rx": rx, "ry": ry}, affine), HEIGHT)

    angle = np.linspace(0, 2 * math.pi, 20_000, endpoint=False)
    x, y = 200 + rx * np.cos(angle), 150 + ry * np.sin(angle)
    fine = shapely.Polygon(np.stack((cosine * x - sine * y + 7, sine * x + cosine * y - 3), axis=1))
    assert made.area == pytest.approx(fine.area, rel=1e-6)
    assert made.perimeter == pytest.approx(fine.length, rel=2e-3)
    assert (made.cx, made.cy) == pytest.approx(fine.centroid.coords[0], abs=1e-6)
    assert (made.x0, made.y0, made.x1, made.y1) == pytest.approx(fine.bounds, abs=1e-3)


@settings(max_examples=80, deadline=None)
@given(stars(center=(20, 15), reach=28), st.integers(-20, 10), st.integers(-20, 10))
def test_a_pixel_is_in_a_polygon_when_its_centre_is(polygon, x, y):
    mask = rasterise(polygon, Box(x, y, 45, 35))

    column, row = np.meshgrid(np.arange(x, x + 45) + 0.5, np.arange(y, y + 35) + 0.5)
    inside = shapely.contains_xy(polygon, column, row)
    near = shapely.distance(polygon.boundary, shapely.points(column, row)) < 1e-9
    assert np.array_equal(mask[~near], inside[~near])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 10)), min_size=4, max_size=20))
def test_polygons_that_tile_a_box_cover_each_pixel_once(points):
    halves = [(x / 2 + 3, y / 2 + 2) for x, y in points]
    triangles = shapely.delaunay_triangles(
        shapely.MultiPoint([*halves, (0, 0), (12, 0), (0, 9), (12, 9)])
    )

    masks = [rasterise(triangle, Box(0, 0, 12, 9)) for triangle in triangles.geoms]

    assert np.array_equal(np.sum(masks, axis=0), np.ones((9, 12)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 90), st.integers(1, 90))
def test_a_pixel_is_in_an_ellipse_when_its_centre_is(x, y, rx, ry):
    x, y, rx, ry = x / 10, y / 10, rx / 10, ry / 10

    mask = rasterise(Drawn(Kind.ELLIPSE, {"x": x, "y": y, "rx": rx, "ry": ry}), Box(3, 5, 30, 25))

    for row, column in np.ndindex(25, 30):
        distance = math.hypot((column + 3.5 - x) / rx, (row + 5.5 - y) / ry)
        if abs(distance - 1) > 1e-9:
            assert mask[row, column] == (distance < 1)


label_images = arrays.arrays(
    np.int32,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.sampled_from([0, 0, 1, 1, 1, 2, 70_000]),
)


@settings(max_examples=200, deadline=None)
@given(label_images, st.integers(-5, 5))
def test_outlines_of_labels_drawn_back_are_the_same_pixels(labels, shift):
    found = outlines(labels, x0=shift, y0=2 * shift)

    assert list(found) == [n for n in np.unique(labels).tolist() if n]
    rows, columns = labels.shape
    for label, polygon in found.items():
        pixels = np.argwhere(labels == label) + np.array((2 * shift, shift))
        squares = [shapely.box(x, y, x + 1, y + 1) for y, x in pixels]
        assert polygon.is_valid
        assert polygon.equals(shapely.union_all(squares))
        drawn = rasterise(polygon, Box(shift, 2 * shift, columns, rows))
        assert np.array_equal(drawn, labels == label)


@settings(max_examples=100, deadline=None)
@given(label_images)
def test_a_mask_covers_its_bits_and_its_footprint_has_their_area(labels):
    bits = labels > 0
    assume(bits.any())
    rows, columns = bits.shape
    mask = Drawn(
        Kind.MASK, {"x": 4, "y": 6, "width": columns, "height": rows}, bits=pack_bits(bits)
    )

    assert np.array_equal(unpack_bits(pack_bits(bits), columns, rows), bits)
    assert footprint(mask, HEIGHT).area == bits.sum()
    assert np.array_equal(rasterise(mask, Box(4, 6, columns, rows)), bits)
    assert np.array_equal(
        rasterise(footprint(mask, HEIGHT).geometry, Box(2, 5, 13, 14)),
        rasterise(mask, Box(2, 5, 13, 14)),
    )


def _check_slits(polygon):
    ring = shapely.Polygon(with_slits(polygon))
    assert ring.area == pytest.approx(polygon.area, rel=1e-12)
    assert len(ring.interiors) == 0
    assert shapely.buffer(ring, 0).equals(polygon)


@settings(max_examples=150, deadline=None)
@given(label_images)
def test_slits_through_any_outline_of_pixels_keep_the_area_and_close_again(labels):
    for polygon in outlines(labels).values():
        for part in shapely.get_parts(polygon):
            _check_slits(part)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 25))
def test_slits_to_many_round_holes_keep_the_area_and_close_again(seed, count):
    random = np.random.default_rng(seed)
    cut = shapely.union_all(
        shapely.buffer(shapely.points(random.uniform(8, 92, (count, 2))), 3, quad_segs=3)
    )
    polygon = shapely.box(0, 0, 100, 100).difference(cut)

    for part in shapely.get_parts(polygon):
        _check_slits(part)


@settings(max_examples=100, deadline=None)
@given(pairs)
def test_points_written_as_text_are_read_back_the_same(points):
    assert parse_points(points_text(points)) == [list(point) for point in points]


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.text(max_size=30),
        st.from_regex(
            r"(MULTI)?(POINT|LINESTRING|POLYGON)( Z)? \(\(?"
            r"-?[0-9]{1,4}( -?[0-9.e]{1,4},?){1,6}\)?\)",
            fullmatch=True,
        ),
    )
)
def test_any_text_becomes_shapes_in_the_image_or_is_refused_for_its_location(text):
    field, shapes = "location", []
    try:
        shapes = parse_wkt(text, WIDTH, HEIGHT, y_up=True)
    except Invalid as refusal:
        field = refusal.field

    assert field == "location"
    for made in footprints(shapes, HEIGHT):
        assert made.x0 >= 0
        assert made.y0 >= -1e-6
        assert made.x1 <= WIDTH
        assert made.y1 <= HEIGHT + 1e-6
