from __future__ import annotations

import math

import numpy as np
import pytest
import shapely

from adapters.geometry.bits import pack_bits, unpack_bits
from adapters.geometry.drawn import Affine, Drawn, Kind
from adapters.geometry.footprint import footprint, join_shapes
from adapters.geometry.geojson import geojson
from adapters.geometry.incoming import parse_geojson, parse_wkt
from adapters.geometry.measures import calibrate
from adapters.geometry.outlines import outlines
from adapters.geometry.points import number_text, parse_points, points_text
from adapters.geometry.raster import Box, pixel_box, rasterise
from adapters.geometry.slits import with_slits
from adapters.geometry.stored import recall, stored_params
from adapters.geometry.text import wkt
from store.errors import Invalid, TooLarge

WIDTH, HEIGHT = 200, 100
SQUARE = "POLYGON ((0 0, 0 20, 20 20, 20 0, 0 0))"


def made(kind, **params):
    return footprint(Drawn(kind, params), HEIGHT)


def up(text, **options):
    return parse_wkt(text, WIDTH, HEIGHT, y_up=True, **options)


# --- what follows from a drawn shape


def test_a_rectangle_covers_its_pixels():
    found = made("rectangle", x=10, y=20, width=30, height=5)

    assert shapely.from_wkb(found.wkb).equals(shapely.box(10, 20, 40, 25))
    assert (found.area, found.perimeter, found.points) == (150, 70, 4)
    assert (found.cx, found.cy) == (25, 22.5)
    assert (found.x0, found.y0, found.x1, found.y1, found.size) == (10, 20, 40, 25, 30)
    assert found.wkt_up == "POLYGON ((10 80, 40 80, 40 75, 10 75, 10 80))"


def test_an_ellipse_is_a_polygon_of_64_points_with_the_area_of_the_ellipse():
    found = made("ellipse", x=50, y=40, rx=20, ry=10)

    polygon = shapely.from_wkb(found.wkb)
    assert shapely.get_num_coordinates(polygon) == 65
    assert found.points == 64
    x, y = shapely.get_coordinates(polygon).T
    assert ((x - 50) / 20) ** 2 + ((y - 40) / 10) ** 2 == pytest.approx(np.ones(65))
    assert found.area == pytest.approx(math.pi * 200, rel=1e-15)
    assert found.area > polygon.area
    assert polygon.bounds == (30, 30, 70, 50) == (found.x0, found.y0, found.x1, found.y1)


def test_the_perimeter_of_a_circle_is_exact():
    assert made("ellipse", x=0, y=0, rx=7, ry=7).perimeter == pytest.approx(14 * math.pi)


@pytest.mark.parametrize(
    ("kind", "params", "text"),
    [
        ("line", {"x1": 1, "y1": 2, "x2": 3, "y2": 4.5}, "LINESTRING (1 98, 3 95.5)"),
        ("polyline", {"points": [(0, 0), (1, 1), (2, 0)]}, "LINESTRING (0 100, 1 99, 2 100)"),
        ("point", {"x": 0.1, "y": 0.2}, "POINT (0.1 99.8)"),
        ("label", {"x": 5, "y": 6}, "POINT (5 94)"),
        (
            "mask",
            {"x": 5, "y": 6, "width": 2, "height": 1},
            "POLYGON ((5 94, 7 94, 7 93, 5 93, 5 94))",
        ),
        # Degenerate shapes become what is left of them.
        ("rectangle", {"x": 1, "y": 1, "width": 4, "height": 0}, "LINESTRING (1 99, 5 99)"),
        ("rectangle", {"x": 1, "y": 1, "width": 0, "height": 0}, "POINT (1 99)"),
        ("ellipse", {"x": 5, "y": 5, "rx": 0, "ry": 2}, "LINESTRING (5 97, 5 93)"),
        ("line", {"x1": 1, "y1": 1, "x2": 1, "y2": 1}, "POINT (1 99)"),
        ("polyline", {"points": [(3, 3)]}, "POINT (3 97)"),
        ("polygon", {"points": [(3, 3), (3, 3), (3, 3)]}, "POINT (3 97)"),
        ("polygon", {"points": [(0, 0), (4, 0)]}, "LINESTRING (0 100, 4 100)"),
        ("polygon", {"points": [(0, 0), (2, 0), (4, 0)]}, "LINESTRING (0 100, 2 100, 4 100)"),
    ],
)
def test_every_kind_has_a_text_with_y_up(kind, params, text):
    assert made(kind, **params).wkt_up == text


def test_a_polygon_that_crosses_itself_keeps_its_points_and_gets_a_valid_footprint():
    bow_tie = Drawn("polygon", {"points": [(0, 0), (10, 10), (10, 0), (0, 10)]})

    found = footprint(bow_tie, HEIGHT)

    assert bow_tie.params["points"] == [[0, 0], [10, 10], [10, 0], [0, 10]]
    assert found.geometry.geom_type == "MultiPolygon"
    assert found.area == 50


def test_a_polygon_with_a_spike_loses_the_spike_in_its_footprint():
    found = made("polygon", points=[(0, 0), (10, 0), (10, 10), (20, 20), (10, 10), (0, 10)])

    assert found.geometry.equals(shapely.box(0, 0, 10, 10))


def test_a_hole_is_taken_out_of_the_area_and_added_to_the_perimeter():
    found = made(
        "polygon",
        points=[(0, 0), (10, 0), (10, 10), (0, 10)],
        holes=[[(2, 2), (4, 2), (4, 4), (2, 4)]],
    )

    assert (found.area, found.perimeter, found.points) == (96, 48, 8)


def test_a_transform_moves_the_footprint_and_leaves_the_numbers():
    quarter_turn = Affine(a00=0, a10=1, a01=-1, a11=0, a02=50, a12=10)
    drawn = Drawn("rectangle", {"x": 0, "y": 0, "width": 20, "height": 10}, quarter_turn)

    found = footprint(drawn, HEIGHT)

    assert (found.x0, found.y0, found.x1, found.y1) == (40, 10, 50, 30)
    assert drawn.params["width"] == 20


def test_a_transform_without_area_makes_a_line():
    flat = Affine(a00=1, a10=0, a01=0, a11=0, a02=0, a12=5)

    found = footprint(Drawn("rectangle", {"x": 1, "y": 1, "width": 4, "height": 3}, flat), HEIGHT)

    assert found.geometry.equals(shapely.LineString([(1, 5), (5, 5)]))
    assert (found.area, found.perimeter) == (0, 4)


def test_a_mask_with_bits_has_their_outline():
    bits = pack_bits(np.array([[1, 1, 0], [1, 1, 1]], dtype=bool))

    found = footprint(Drawn("mask", {"x": 10, "y": 20, "width": 3, "height": 2}, bits=bits), HEIGHT)

    assert (found.area, found.perimeter) == (5, 10)
    assert found.geometry.bounds == (10, 20, 13, 22)


def test_a_mask_without_set_bits_counts_with_its_frame():
    found = footprint(
        Drawn("mask", {"x": 1, "y": 2, "width": 4, "height": 4}, bits=bytes(2)), HEIGHT
    )

    assert found.geometry.equals(shapely.box(1, 2, 5, 6))


@pytest.mark.parametrize(
    ("kind", "params", "field"),
    [
        ("circle", {"x": 1}, "kind"),
        ("rectangle", {"x": math.nan, "y": 0, "width": 1, "height": 1}, "x"),
        ("rectangle", {"x": 0, "y": math.inf, "width": 1, "height": 1}, "y"),
        ("rectangle", {"x": 0, "y": 0, "width": -1, "height": 1}, "width"),
        ("mask", {"x": 0, "y": 0, "width": 1, "height": -0.5}, "height"),
        ("ellipse", {"x": 0, "y": 0, "rx": -3, "ry": 1}, "rx"),
        ("ellipse", {"x": 0, "y": 0, "rx": 3}, "ry"),
        ("point", {"x": "1", "y": 1}, "x"),
        ("point", {"x": True, "y": 1}, "x"),
        ("point", {"x": 10**400, "y": 1}, "x"),
        ("point", {"x": 1e13, "y": 1}, "x"),
        ("point", {"x": 1, "y": 1, "z": 3}, "z"),
        ("line", {"x1": 0, "y1": 0, "x2": 1, "y2": None}, "y2"),
        ("polyline", {"points": []}, "points"),
        ("polyline", {}, "points"),
        ("polygon", {"points": [(0, 0), (1,)]}, "points"),
        ("polygon", {"points": [(0, 0), (math.nan, 1), (2, 2)]}, "points"),
        ("polygon", {"points": [(0, 0), (1, 1), (2, 2e12)]}, "points"),
        ("polygon", {"points": [(0, 0), (1, 1)], "holes": [[]]}, "holes"),
        ("polygon", {"points": [(0, 0)], "x": 3}, "x"),
        ("polygon", {"points": [(0, 10**400)]}, "points"),
    ],
)
def test_impossible_numbers_are_refused_naming_the_field(kind, params, field):
    with pytest.raises(Invalid) as refusal:
        Drawn(kind, params)
    assert refusal.value.field == field


def test_an_impossible_transform_is_refused():
    with pytest.raises(Invalid, match="a12: nan is not a finite number"):
        Drawn("point", {"x": 1, "y": 1}, Affine(1, 0, 0, 1, 0, math.nan))
    with pytest.raises(Invalid, match="a11: this number is missing"):
        Affine.of({"a00": 1, "a10": 0, "a01": 0})
    huge = Drawn("point", {"x": 1e6, "y": 1}, Affine(1e9, 0, 0, 1, 0, 0))
    with pytest.raises(Invalid, match=r"transform: .* farther away"):
        footprint(huge, HEIGHT)


def test_bits_of_a_wrong_length_or_kind_are_refused():
    with pytest.raises(Invalid, match="3 × 3 pixels has 2 bytes, not 3"):
        Drawn("mask", {"x": 0, "y": 0, "width": 3, "height": 2.5}, bits=bytes(3))
    with pytest.raises(Invalid, match="a point has no bits"):
        Drawn("point", {"x": 0, "y": 0}, bits=b"\1")
    with pytest.raises(Invalid, match="which takes 2"):
        unpack_bits(b"1", 3, 3)


def test_the_first_pixel_is_the_highest_bit():
    assert unpack_bits(bytes([0b10000001, 0b10000000]), 9, 1).tolist() == [
        [True, False, False, False, False, False, False, True, True]
    ]


# --- text in and out


def test_the_canonical_text_comes_back_to_the_letter():
    (drawn,) = up(SQUARE)

    assert drawn.kind is Kind.POLYGON
    assert drawn.params == {"points": [[0, 100], [0, 80], [20, 80], [20, 100]]}
    assert footprint(drawn, HEIGHT).wkt_up == SQUARE


@pytest.mark.parametrize("text", ["POINT (19.9 0.1)", "LINESTRING (0.07 12.345678901, 7 19.9)"])
def test_decimals_come_back_to_the_letter_although_y_was_turned_twice(text):
    (drawn,) = parse_wkt(text, 512, 512, y_up=True)

    assert footprint(drawn, 512).wkt_up == text


def test_with_y_down_the_numbers_are_kept():
    (drawn,) = parse_wkt("POINT (0.3 0.7)", WIDTH, HEIGHT, y_up=False)

    assert drawn.params == {"x": 0.3, "y": 0.7}


def test_holes_stay_with_their_polygon():
    text = "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (2 2, 2 3, 3 3, 2 2))"

    (drawn,) = up(text)

    assert footprint(drawn, HEIGHT).wkt_up == text
    assert footprint(drawn, HEIGHT).area == 80.5


def test_collections_become_one_shape_per_part_in_order():
    shapes = up(
        "GEOMETRYCOLLECTION (POINT (1 1),"
        " MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5))),"
        " LINESTRING (0 0, 1 1), LINESTRING (0 0, 1 1, 2 0), MULTIPOINT (3 3, 4 4), POINT EMPTY)"
    )

    assert [shape.kind.value for shape in shapes] == [
        *("point", "polygon", "polygon", "line", "polyline", "point", "point")
    ]
    assert shapes[3].params == {"x1": 0, "y1": 100, "x2": 1, "y2": 99}


def test_heights_in_the_text_are_dropped():
    assert up("POINT Z (1 2 3)")[0].params == {"x": 1, "y": 98}


def test_what_reaches_beyond_the_image_is_cut_off():
    (drawn,) = up("POLYGON ((190 90, 210 90, 210 110, 190 110, 190 90))")

    assert footprint(drawn, HEIGHT).geometry.equals(shapely.box(190, 0, 200, 10))


def test_a_polygon_cut_into_two_becomes_two_shapes():
    text = "POLYGON ((10 95, 10 105, 50 105, 50 95, 40 95, 40 102, 20 102, 20 95, 10 95))"

    assert len(up(text)) == 2


def test_parts_outside_or_only_touching_the_border_are_left_out():
    text = "MULTIPOLYGON (((0 0, 5 0, 5 5, 0 0)), ((200 0, 210 0, 210 10, 200 0)))"

    assert len(up(text)) == 1


def test_cutting_can_be_switched_off():
    (drawn,) = up("POINT (500 -500)", clip=False)

    assert drawn.params == {"x": 500, "y": 600}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "this is empty"),
        ("   ", "this is empty"),
        ("hello", "this is not WKT: ParseException: Unknown type: 'HELLO'"),
        ("POLYGON ((0 0, 1 1", "this is not WKT"),
        ("POLYGON ((0 0, 0 20, 20 20, 20 0))", "do not form a closed linestring"),
        ("POLYGON EMPTY", "the Polygon has no points"),
        ("GEOMETRYCOLLECTION EMPTY", "the GeometryCollection has no points"),
        ("POINT (nan nan)", "not a finite number"),
        ("POINT (1e400 0)", "not a finite number"),
        ("POINT (1e13 0)", "farther away"),
        ("POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))", "not valid: Self-intersection[5 5]"),
        ("POLYGON ((0 0, 10 0, 5 0, 0 0))", "not valid"),
        ("LINESTRING (1 1, 1 1)", "not valid: Too few points"),
        ("CIRCULARSTRING (0 0, 1 1, 2 0)", "curves are not supported"),
        ("POINT (300 5)", "lies outside the image of 200 × 100 pixels"),
        ("POLYGON ((200 0, 210 0, 210 10, 200 0))", "lies outside the image"),
    ],
)
def test_text_that_is_no_drawing_is_refused_with_the_reason(text, reason):
    with pytest.raises(Invalid) as refusal:
        up(text)
    assert refusal.value.field == "location"
    assert reason in refusal.value.reason


def test_geojson_is_written_with_lists():
    assert geojson(shapely.from_wkt("GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))")) == {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "Point", "coordinates": [1.0, 2.0]},
            {"type": "LineString", "coordinates": [[0.0, 0.0], [1.0, 1.0]]},
        ],
    }


def test_geojson_features_are_read_with_y_down():
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}

    shapes = parse_geojson({"type": "FeatureCollection", "features": [feature]}, WIDTH, HEIGHT)

    assert shapes == [Drawn("point", {"x": 1, "y": 2})]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "not a GeoJSON object"),
        ({"type": 3}, "not a GeoJSON object"),
        ({"type": "Circle"}, "'Circle' is not a GeoJSON geometry"),
        ({"type": "Point"}, "the Point has no coordinates"),
        ({"type": "Point", "coordinates": []}, "do not make a Point"),
        ({"type": "Point", "coordinates": ["a", 1]}, "do not make a Point"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, "do not make a Polygon"),
        ({"type": "Polygon", "coordinates": []}, "has no points"),
        ({"type": "Polygon", "coordinates": 5}, "do not make a Polygon"),
        ({"type": "LineString", "coordinates": [[0, 0], [1, None]]}, "not a finite number"),
        ({"type": "GeometryCollection", "geometries": 5}, "needs a list of geometries"),
        ({"type": "Feature"}, "not a GeoJSON object"),
        ({"type": "Point", "coordinates": [0, 10**400]}, "do not make a Point"),
    ],
)
def test_geojson_that_is_no_drawing_is_refused_with_the_reason(value, reason):
    with pytest.raises(Invalid) as refusal:
        parse_geojson(value, WIDTH, HEIGHT)
    assert refusal.value.field == "geometry"
    assert reason in refusal.value.reason


def test_geojson_nested_without_end_is_refused():
    value = {"type": "Point", "coordinates": [0, 0]}
    for _ in range(2000):
        value = {"type": "GeometryCollection", "geometries": [value]}

    with pytest.raises(Invalid, match="nested more than eight deep"):
        parse_geojson(value, WIDTH, HEIGHT)


def test_points_are_written_short():
    assert points_text([(0, 1.5), (0.1, -2.0)]) == "0,1.5 0.1,-2"
    assert number_text(1e20) == "1e+20"


@pytest.mark.parametrize("text", ["1,2 3,4.5", "1,2, 3,4.5", " 1.0,2.0  3,4.5\n", "1 2 3 4.5,"])
def test_points_are_read_in_the_spellings_that_clients_use(text):
    assert parse_points(text) == [[1, 2], [3, 4.5]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "empty"), ("1,2 3", "3 numbers"), ("1,x", "'x' is not a number"), ("1,nan", "finite")],
)
def test_points_that_make_no_sense_are_refused(text, reason):
    with pytest.raises(Invalid, match=f"points: .*{reason}"):
        parse_points(text)


# --- storing


@pytest.mark.parametrize(
    "drawn",
    [
        Drawn("polygon", {"points": [(0.1, 0.2), (5, 1), (3, 4)]}),
        Drawn("polyline", {"points": [(0, 0), (1, 1), (2, 0)]}),
        Drawn("line", {"x1": 3, "y1": 2, "x2": 1, "y2": 0.3}),
        Drawn("point", {"x": 0.1, "y": 0.7}),
        Drawn("label", {"x": 1, "y": 2}, text="mitosis"),
    ],
)
def test_what_the_footprint_gives_back_is_not_stored_again(drawn):
    found = footprint(drawn, HEIGHT)

    assert stored_params(drawn, found) is None
    assert recall(drawn.kind, None, found.wkb, drawn.text) == drawn


@pytest.mark.parametrize(
    "drawn",
    [
        Drawn("rectangle", {"x": 0.1, "y": 0.2, "width": 0.3, "height": 1}),
        Drawn("ellipse", {"x": 5, "y": 5, "rx": 2, "ry": 3}),
        Drawn("polygon", {"points": [(0, 0), (10, 10), (10, 0), (0, 10)]}),
        Drawn("polygon", {"points": [(0, 0), (1, 0), (1, 1), (0, 0)]}),
        Drawn("point", {"x": 1, "y": 2}, Affine(1, 0, 0, 1, 0.5, 0.5)),
        Drawn("mask", {"x": 1, "y": 2, "width": 2, "height": 2}, bits=b"\xf0"),
    ],
)
def test_what_the_footprint_cannot_give_back_is_stored(drawn):
    found = footprint(drawn, HEIGHT)

    stored = stored_params(drawn, found)

    assert stored is not None
    assert ("transform" in stored) == (drawn.transform is not None)
    assert recall(drawn.kind, stored, found.wkb, bits=drawn.bits) == drawn


# --- the shapes of one plane together


def join(*shapes):
    drawn = [Drawn(kind, params) for kind, params in shapes]
    return join_shapes([(shape.kind, footprint(shape, HEIGHT)) for shape in drawn], HEIGHT)


def rectangle(x, width=2):
    return ("rectangle", {"x": x, "y": 0, "width": width, "height": 2})


def test_one_shape_alone_is_itself():
    ellipse = Drawn("ellipse", {"x": 5, "y": 5, "rx": 2, "ry": 2})
    found = footprint(ellipse, HEIGHT)

    assert join_shapes([(ellipse.kind, found)], HEIGHT) is found


def test_separate_areas_become_a_multipolygon_in_their_order_with_exact_areas():
    found = join(rectangle(10), ("ellipse", {"x": 50, "y": 50, "rx": 3, "ry": 2}), rectangle(0))

    assert [part.bounds[0] for part in found.geometry.geoms] == [10, 47, 0]
    assert found.area == pytest.approx(8 + 6 * math.pi, rel=1e-12)


def test_overlapping_areas_become_their_union():
    found = join(rectangle(0, 4), rectangle(2, 4))

    assert found.geometry.equals(shapely.box(0, 0, 6, 2))
    assert found.area == 12


def test_mixed_shapes_become_a_collection():
    found = join(rectangle(0), ("point", {"x": 9, "y": 9}))

    assert found.wkt_up == (
        "GEOMETRYCOLLECTION (POLYGON ((0 100, 2 100, 2 98, 0 98, 0 100)), POINT (9 91))"
    )


def test_a_label_counts_only_alone():
    label = ("label", {"x": 9, "y": 9})

    assert join(rectangle(0), label).geometry.equals(shapely.box(0, 0, 2, 2))
    assert join(label).wkt_up == "POINT (9 91)"


def test_nothing_cannot_be_joined():
    with pytest.raises(Invalid, match="no shape to join"):
        join()


# --- measures


def test_measures_are_converted_by_the_size_of_a_pixel():
    found = made("rectangle", x=0, y=0, width=10, height=20)

    assert calibrate(found, 0.5, 0.5).area == pytest.approx(50)
    assert calibrate(found, 0.5, None).perimeter == pytest.approx(30)
    oblong = calibrate(found, 0.5, 0.1)
    assert (oblong.area, oblong.perimeter) == pytest.approx((10, 14))


@pytest.mark.parametrize("sizes", [(None, None), (None, 1.0), (0.0, 1.0)])
def test_without_a_pixel_size_there_are_no_physical_measures(sizes):
    measures = calibrate(made("rectangle", x=0, y=0, width=1, height=1), *sizes)

    assert (measures.area, measures.perimeter) == (None, None)


# --- slits


def test_a_ring_with_a_slit_visits_the_hole_and_comes_back():
    polygon = shapely.Polygon(
        [(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 4), (6, 4), (6, 6), (4, 6)]]
    )

    ring = with_slits(polygon)

    assert len(ring) == 4 + 4 + 2
    assert tuple(ring[0]) == (0, 0)
    assert shapely.Polygon(ring).area == 96
    assert shapely.Polygon(ring).buffer(0).equals(polygon)


def test_a_polygon_without_holes_is_its_own_ring():
    polygon = shapely.Polygon([(3, 1), (4, 5), (0, 2)])

    assert with_slits(polygon).tolist() == [[3, 1], [4, 5], [0, 2]]


@pytest.mark.parametrize(
    "holes",
    [
        [[(0, 5), (3, 4), (3, 6)]],  # touches the middle of an upright edge
        [[(5, 0), (3, 4), (7, 4)]],  # touches the middle of a level edge
        [[(0, 5), (3, 4), (3, 6)], [(3, 4.5), (6, 4), (6, 6)]],  # and another hole touches it
        [[(2, 2), (4, 3), (2, 4)], [(4, 3), (6, 2), (6, 4)], [(6, 4), (8, 8), (5, 8)]],
    ],
)
def test_slits_cope_with_holes_that_touch(holes):
    polygon = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], holes)
    assert polygon.is_valid

    ring = shapely.Polygon(with_slits(polygon))

    assert ring.area == pytest.approx(polygon.area)
    assert ring.buffer(0).equals(polygon)


# --- pixels


def test_a_pixel_whose_centre_is_on_the_left_or_upper_edge_is_in():
    mask = rasterise(shapely.box(0.5, 0.5, 2.5, 1.5), Box(0, 0, 4, 3))

    assert mask.astype(int).tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_only_the_box_is_drawn_wherever_the_shape_lies():
    assert not rasterise(shapely.box(-50, -50, -10, -10), Box(0, 0, 3, 3)).any()
    assert rasterise(shapely.box(-1e9, -1e9, 1e9, 1e9), Box(-2, 5, 3, 3)).all()


def test_holes_and_parts_are_drawn():
    shape = (
        shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 2)).union(shapely.box(4, 0, 5, 1))
    )

    assert rasterise(shape, Box(0, 0, 5, 3)).astype(int).tolist() == [
        [1, 1, 1, 0, 1],
        [1, 0, 1, 0, 0],
        [1, 1, 1, 0, 0],
    ]


def test_a_turned_ellipse_is_drawn_by_its_equation():
    turned = Drawn(
        "ellipse", {"x": 0, "y": 0, "rx": 8, "ry": 2}, Affine(0.6, 0.8, -0.8, 0.6, 10, 10)
    )

    mask = rasterise(turned, Box(0, 0, 20, 20))

    y, x = np.mgrid[0.5:20, 0.5:20] - 10
    along, across = 0.6 * x + 0.8 * y, -0.8 * x + 0.6 * y
    assert np.array_equal(mask, (along / 8) ** 2 + (across / 2) ** 2 <= 1)


def test_lines_and_points_mark_the_pixels_they_pass():
    line = Drawn("line", {"x1": 0.5, "y1": 0.5, "x2": 3.5, "y2": 0.5})

    assert rasterise(line, Box(0, 0, 5, 2)).astype(int).tolist() == [[1, 1, 1, 1, 0], [0] * 5]
    assert rasterise(Drawn("point", {"x": 1.9, "y": 1}), Box(1, 1, 2, 2)).tolist() == [
        [True, False],
        [False, False],
    ]


def test_a_mask_between_pixels_is_drawn_from_its_outline():
    bits = pack_bits(np.array([[1, 0], [1, 1]], dtype=bool))
    shifted = Drawn("mask", {"x": 0.25, "y": 0.25, "width": 2, "height": 2}, bits=bits)

    assert rasterise(shifted, Box(0, 0, 3, 3)).astype(int).tolist() == [
        [1, 0, 0],
        [1, 1, 0],
        [0, 0, 0],
    ]


def test_the_box_of_a_shape_holds_whole_pixels():
    assert pixel_box(0.2, 1, 3.1, 1) == Box(0, 1, 4, 1)


def test_boxes_without_pixels_or_with_too_many_are_refused():
    with pytest.raises(Invalid, match="width: 0 pixels"):
        Box(0, 0, 0, 5)
    with pytest.raises(TooLarge):
        Box(0, 0, 1 << 15, 1 << 15)


def test_outlines_follow_the_pixels():
    labels = np.array([[7, 7, 0, 2], [7, 0, 0, 2]], dtype=np.uint16)

    found = outlines(labels, x0=10, y0=20)

    assert list(found) == [2, 7]
    assert wkt(found[2]) == "POLYGON ((13 20, 14 20, 14 22, 13 22, 13 20))"
    assert found[7].equals(shapely.box(10, 20, 12, 21).union(shapely.box(10, 21, 11, 22)))


def test_pixels_touching_at_a_corner_are_two_parts():
    found = outlines(np.eye(2, dtype=bool))

    assert wkt(found[1]) == (
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 1, 0 0)), ((1 1, 2 1, 2 2, 1 2, 1 1)))"
    )


def test_a_ring_of_pixels_open_at_a_corner_has_a_hole_that_touches_its_outline():
    found = outlines(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]]))[1]

    assert found.is_valid
    assert len(found.interiors) == 1
    assert found.area == 7


def test_no_labels_have_no_outlines():
    assert outlines(np.zeros((3, 3), dtype=np.uint8)) == {}


@pytest.mark.parametrize("labels", [np.zeros((2, 2)), np.zeros((1, 2, 2), dtype=int)])
def test_what_is_no_label_image_is_refused(labels):
    with pytest.raises(Invalid, match="a label image is whole numbers"):
        outlines(labels)
