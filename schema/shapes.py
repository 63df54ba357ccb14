"""Shapes: the eight kinds as types, and the input they are drawn with.

What was drawn is given back as it was drawn; texts, areas and bounds follow from its footprint.
All coordinates are pixels of full resolution, origin top left, y down.
"""

import base64
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.nodes import Node
from schema.scalars import JSON, WKT, Color

if TYPE_CHECKING:
    from schema.rois import ROI, ShapeStatistics

YUp = Annotated[
    bool, strawberry.argument(description="Count y from the bottom of the image instead.")
]


@strawberry.type(description="A point, in pixels of full resolution.")
class Coordinate:
    x: float = strawberry.field(description="From the left.")
    y: float = strawberry.field(description="From the top.")


@strawberry.type(description="A box, in pixels of full resolution.")
class Bounds:
    x: float = strawberry.field(description="Left side.")
    y: float = strawberry.field(description="Upper side.")
    width: float = strawberry.field(description="Width.")
    height: float = strawberry.field(description="Height.")


@strawberry.type(description="x' = a00·x + a01·y + a02, y' = a10·x + a11·y + a12.")
class Transform:
    a00: float = strawberry.field(description="x into x.")
    a10: float = strawberry.field(description="x into y.")
    a01: float = strawberry.field(description="y into x.")
    a11: float = strawberry.field(description="y into y.")
    a02: float = strawberry.field(description="Shift along x.")
    a12: float = strawberry.field(description="Shift along y.")


@strawberry.type(description="How a shape is drawn; null leaves it to the viewer.")
class ShapeStyle:
    stroke_color: Color | None = strawberry.field(default=None, description="Of the line.")
    fill_color: Color | None = strawberry.field(default=None, description="Of the inside.")
    stroke_width: float | None = strawberry.field(default=None, description="Of the line.")
    stroke_width_unit: str | None = strawberry.field(
        default=None, description="Its unit, such as px or µm."
    )
    stroke_dash: str | None = strawberry.field(
        default=None, description="Lengths of dashes and gaps."
    )
    fill_rule: str | None = strawberry.field(default=None, description="EvenOdd or NonZero.")
    font_family: str | None = strawberry.field(default=None, description="Of its text.")
    font_size: float | None = strawberry.field(default=None, description="Of its text.")
    font_size_unit: str | None = strawberry.field(default=None, description="Its unit, such as pt.")
    font_style: str | None = strawberry.field(default=None, description="Such as Bold.")
    marker_start: str | None = strawberry.field(default=None, description="Such as Arrow.")
    marker_end: str | None = strawberry.field(default=None, description="Such as Arrow.")
    locked: bool | None = strawberry.field(
        default=None, description="Whether viewers should refuse to move it."
    )
    visible: bool | None = strawberry.field(
        default=None, description="Whether viewers should show it."
    )


@strawberry.interface(description="A shape of a region, on one plane or on every plane of an axis.")
class Shape(Node):
    shown: strawberry.Private[Any]

    @classmethod
    def noun(cls) -> str:
        """Return the noun that all kinds of shapes are to others."""
        return "Shape"

    @staticmethod
    def of(shown: Any) -> "Shape":
        """Show a stored shape as the type of its kind."""
        kind: Any = _KINDS[shown.row.kind]
        shape: Shape = kind(key=shown.row.id, shown=shown)
        return shape

    @strawberry.field(description="Its channel; null for all.")
    def c(self) -> int | None:
        return self._row("c")

    @strawberry.field(description="Its focal plane; null for all.")
    def z(self) -> int | None:
        return self._row("z")

    @strawberry.field(description="Its point in time; null for all.")
    def t(self) -> int | None:
        return self._row("t")

    @strawberry.field(description="The words of a label, or the caption of any other shape.")
    def text(self) -> str | None:
        return self._text()

    @strawberry.field(description="How it is drawn; null if nothing is said about it.")
    def style(self) -> ShapeStyle | None:
        style: dict[str, Any] | None = self.shown.row.style
        return None if style is None else ShapeStyle(**style)

    @strawberry.field(description="The pixel value of its object in a label image.")
    def label_value(self) -> int | None:
        return self._row("label")

    @strawberry.field(description="The transform it was drawn with; null for none.")
    def transform(self) -> Transform | None:
        affine = self.shown.drawn.transform
        return None if affine is None else Transform(**affine._asdict())

    @strawberry.field(description="Its place as well-known text, the transform applied.")
    def wkt(self, y_up: YUp = False) -> WKT:
        return WKT(self.shown.wkt(y_up=y_up))

    @strawberry.field(description="Its place as a GeoJSON geometry, the transform applied.")
    def geojson(self) -> JSON:
        return JSON(self.shown.geojson())

    @strawberry.field(description="In square pixels; 0 for lines and points.")
    def area(self) -> float:
        return float(self.shown.row.area)

    @strawberry.field(description="In pixels; of lines the length.")
    def perimeter(self) -> float:
        return float(self.shown.row.perimeter)

    @strawberry.field(description="In µm²; null if the size of a pixel is not known.")
    async def area_um2(self, info: Info) -> float | None:
        measured = await self._calibrated(info)
        return None if measured is None else measured.area

    @strawberry.field(description="In µm; null if the size of a pixel is not known.")
    async def perimeter_um(self, info: Info) -> float | None:
        measured = await self._calibrated(info)
        return None if measured is None else measured.perimeter

    @strawberry.field(description="Its centre of mass.")
    def centroid(self) -> Coordinate:
        return Coordinate(x=self.shown.row.cx, y=self.shown.row.cy)

    @strawberry.field(description="The smallest box that holds it.")
    def bounds(self) -> Bounds:
        row = self.shown.row
        return Bounds(x=row.x0, y=row.y0, width=row.x1 - row.x0, height=row.y1 - row.y0)

    @strawberry.field(
        description="Grey values of the pixels inside it, channel by channel, on its own plane; "
        "where it has none on the plane asked for, or the middle of the stack at the first time."
    )
    async def statistics(
        self,
        info: Info,
        channels: Annotated[
            list[int] | None, strawberry.argument(description="Only these channels, from 0.")
        ] = None,
        z: Annotated[
            int | None, strawberry.argument(description="The plane, if it is on all of them.")
        ] = None,
        t: Annotated[
            int | None, strawberry.argument(description="The time, if it is at all of them.")
        ] = None,
    ) -> list[Annotated["ShapeStatistics", strawberry.lazy("schema.rois")]]:
        asked = (self.key, None if channels is None else tuple(channels), z, t)
        found: list[ShapeStatistics] = await info.context.loaders.statistics_of_shape.load(asked)
        return found

    @strawberry.field(description="The region it is part of.")
    async def roi(self, info: Info) -> Annotated["ROI", strawberry.lazy("schema.rois")] | None:
        found: ROI | None = await info.context.loaders.roi_by_id.load(self.shown.row.roi_id)
        return found

    def _row(self, name: str) -> int | None:
        value: int | None = getattr(self.shown.row, name)
        return value

    def _text(self) -> str | None:
        text: str | None = self.shown.row.text
        return text

    def _number(self, name: str) -> float:
        return float(self.shown.drawn.params[name])

    async def _calibrated(self, info: Info) -> Any:
        pixels = await info.context.loaders.pixels_of_image.load(self.shown.row.image_id)
        if pixels is None:
            return None
        return self.shown.calibrated(pixels.physical_size_x, pixels.physical_size_y)


@strawberry.type(description="A rectangle.")
class Rectangle(Shape):
    @strawberry.field(description="Left side.")
    def x(self) -> float:
        return self._number("x")

    @strawberry.field(description="Upper side.")
    def y(self) -> float:
        return self._number("y")

    @strawberry.field(description="Width.")
    def width(self) -> float:
        return self._number("width")

    @strawberry.field(description="Height.")
    def height(self) -> float:
        return self._number("height")


@strawberry.type(description="An ellipse.")
class Ellipse(Shape):
    @strawberry.field(description="Centre, from the left.")
    def x(self) -> float:
        return self._number("x")

    @strawberry.field(description="Centre, from the top.")
    def y(self) -> float:
        return self._number("y")

    @strawberry.field(description="Half its width.")
    def radius_x(self) -> float:
        return self._number("rx")

    @strawberry.field(description="Half its height.")
    def radius_y(self) -> float:
        return self._number("ry")


@strawberry.type(description="A straight line.")
class Line(Shape):
    @strawberry.field(description="Start, from the left.")
    def x1(self) -> float:
        return self._number("x1")

    @strawberry.field(description="Start, from the top.")
    def y1(self) -> float:
        return self._number("y1")

    @strawberry.field(description="End, from the left.")
    def x2(self) -> float:
        return self._number("x2")

    @strawberry.field(description="End, from the top.")
    def y2(self) -> float:
        return self._number("y2")


@strawberry.type(description="A point.")
class Point(Shape):
    @strawberry.field(description="From the left.")
    def x(self) -> float:
        return self._number("x")

    @strawberry.field(description="From the top.")
    def y(self) -> float:
        return self._number("y")


@strawberry.type(description="A text at a point.")
class Label(Shape):
    @strawberry.field(description="From the left.")
    def x(self) -> float:
        return self._number("x")

    @strawberry.field(description="From the top.")
    def y(self) -> float:
        return self._number("y")


@strawberry.type(description="A closed outline, perhaps with holes.")
class Polygon(Shape):
    @strawberry.field(description="The corners as pairs of x and y; the first is not repeated.")
    def points(self) -> list[list[float]]:
        return _pairs(self.shown.drawn.params["points"])

    @strawberry.field(description="The corners of each hole.")
    def holes(self) -> list[list[list[float]]]:
        return [_pairs(hole) for hole in self.shown.drawn.params.get("holes", ())]


@strawberry.type(description="An open line of several points.")
class Polyline(Shape):
    @strawberry.field(description="The points as pairs of x and y.")
    def points(self) -> list[list[float]]:
        return _pairs(self.shown.drawn.params["points"])


@strawberry.type(description="A picture of one bit per pixel, in a frame.")
class Mask(Shape):
    @strawberry.field(description="Left side of the frame.")
    def x(self) -> float:
        return self._number("x")

    @strawberry.field(description="Upper side of the frame.")
    def y(self) -> float:
        return self._number("y")

    @strawberry.field(description="Width of the frame.")
    def width(self) -> float:
        return self._number("width")

    @strawberry.field(description="Height of the frame.")
    def height(self) -> float:
        return self._number("height")

    @strawberry.field(
        description="The bits in base64: row by row without padding, highest bit first. Null if "
        "the whole frame counts."
    )
    def bits(self) -> str | None:
        bits = self.shown.row.bits
        return None if bits is None else base64.b64encode(bits).decode()


def _pairs(points: Any) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in points]


_KINDS: dict[str, type[Shape]] = {
    kind.__name__.lower(): kind
    for kind in (Rectangle, Ellipse, Polygon, Polyline, Line, Point, Mask, Label)
}


SHAPE_TYPES: tuple[type, ...] = tuple(_KINDS.values())


@strawberry.input(description="A plane; an axis that is left out stands for all of it.")
class PlaneInput:
    c: int | None = strawberry.field(default=None, description="Channel, from 0.")
    z: int | None = strawberry.field(default=None, description="Focal plane, from 0.")
    t: int | None = strawberry.field(default=None, description="Point in time, from 0.")

    def axes(self) -> dict[str, int | None]:
        """Return the axes that are given."""
        axes = {"c": self.c, "z": self.z, "t": self.t}
        return {axis: place for axis, place in axes.items() if place is not None}

    def holds(self, shape: Shape) -> bool:
        """Whether a shape is on this plane, or on all planes of an axis."""
        return all(
            getattr(shape.shown.row, axis) in (None, place) for axis, place in self.axes().items()
        )


@strawberry.input(description="A rectangle.")
class RectangleInput:
    x: float = strawberry.field(description="Left side.")
    y: float = strawberry.field(description="Upper side.")
    width: float = strawberry.field(description="Width, 0 or more.")
    height: float = strawberry.field(description="Height, 0 or more.")


@strawberry.input(description="An ellipse.")
class EllipseInput:
    x: float = strawberry.field(description="Centre, from the left.")
    y: float = strawberry.field(description="Centre, from the top.")
    radius_x: float = strawberry.field(description="Half its width.")
    radius_y: float = strawberry.field(description="Half its height.")


@strawberry.input(description="A polygon.")
class PolygonInput:
    points: list[list[float]] = strawberry.field(description="Its corners as pairs of x and y.")
    holes: list[list[list[float]]] = strawberry.field(
        default_factory=list, description="The corners of each hole."
    )


@strawberry.input(description="A line of several points.")
class PolylineInput:
    points: list[list[float]] = strawberry.field(description="Pairs of x and y.")


@strawberry.input(description="A straight line.")
class LineInput:
    x1: float = strawberry.field(description="Start, from the left.")
    y1: float = strawberry.field(description="Start, from the top.")
    x2: float = strawberry.field(description="End, from the left.")
    y2: float = strawberry.field(description="End, from the top.")


@strawberry.input(description="A point.")
class PointInput:
    x: float = strawberry.field(description="From the left.")
    y: float = strawberry.field(description="From the top.")


@strawberry.input(description="A mask.")
class MaskInput(RectangleInput):
    bits: str | None = strawberry.field(
        default=None,
        description="One bit per pixel in base64: row by row without padding, highest bit first.",
    )


@strawberry.input(description="How points are moved: x' = a00·x + a01·y + a02, and so on.")
class TransformInput:
    a00: float = strawberry.field(description="x into x.")
    a10: float = strawberry.field(description="x into y.")
    a01: float = strawberry.field(description="y into x.")
    a11: float = strawberry.field(description="y into y.")
    a02: float = strawberry.field(description="Shift along x.")
    a12: float = strawberry.field(description="Shift along y.")


@strawberry.input(description="How a shape is drawn; what is left out is left to the viewer.")
class ShapeStyleInput:
    stroke_color: Color | None = strawberry.field(default=None, description="Of the line.")
    fill_color: Color | None = strawberry.field(default=None, description="Of the inside.")
    stroke_width: float | None = strawberry.field(default=None, description="Of the line.")
    stroke_width_unit: str | None = strawberry.field(
        default=None, description="Its unit, such as px or µm."
    )
    stroke_dash: str | None = strawberry.field(
        default=None, description="Lengths of dashes and gaps."
    )
    fill_rule: str | None = strawberry.field(default=None, description="EvenOdd or NonZero.")
    font_family: str | None = strawberry.field(default=None, description="Of its text.")
    font_size: float | None = strawberry.field(default=None, description="Of its text.")
    font_size_unit: str | None = strawberry.field(default=None, description="Its unit, such as pt.")
    font_style: str | None = strawberry.field(default=None, description="Such as Bold.")
    marker_start: str | None = strawberry.field(default=None, description="Such as Arrow.")
    marker_end: str | None = strawberry.field(default=None, description="Such as Arrow.")
    locked: bool | None = strawberry.field(
        default=None, description="Whether viewers should refuse to move it."
    )
    visible: bool | None = strawberry.field(
        default=None, description="Whether viewers should show it."
    )


@strawberry.input(
    description="A shape to draw: exactly one of the geometries, and the plane it is on. A "
    "geometry of several parts becomes several shapes."
)
class ShapeInput:
    rectangle: RectangleInput | None = strawberry.field(default=None, description="A rectangle.")
    ellipse: EllipseInput | None = strawberry.field(default=None, description="An ellipse.")
    polygon: PolygonInput | None = strawberry.field(default=None, description="A polygon.")
    polyline: PolylineInput | None = strawberry.field(
        default=None, description="A line of several points."
    )
    line: LineInput | None = strawberry.field(default=None, description="A straight line.")
    point: PointInput | None = strawberry.field(default=None, description="A point.")
    mask: MaskInput | None = strawberry.field(default=None, description="A mask.")
    label: PointInput | None = strawberry.field(
        default=None, description="Where the text stands that `text` gives."
    )
    wkt: WKT | None = strawberry.field(
        default=None, description="Well-known text; it must be valid."
    )
    geojson: JSON | None = strawberry.field(
        default=None, description="A GeoJSON geometry, Feature or FeatureCollection, y down."
    )
    y_up: bool = strawberry.field(
        default=False, description="Whether `wkt` and `geojson` count y from the bottom."
    )
    clip: bool = strawberry.field(
        default=False, description="Whether to cut `wkt` and `geojson` at the image's borders."
    )
    c: int | None = strawberry.field(default=None, description="Channel; all if left out.")
    z: int | None = strawberry.field(default=None, description="Focal plane; all if left out.")
    t: int | None = strawberry.field(default=None, description="Point in time; all if left out.")
    text: str | None = strawberry.field(
        default=None, description="The words of a label, or a caption."
    )
    style: ShapeStyleInput | None = strawberry.field(default=None, description="How it is drawn.")
    transform: TransformInput | None = strawberry.field(
        default=None, description="Applied to the geometry; not with wkt or geojson."
    )
    label_value: int | None = strawberry.field(
        default=None, description="The pixel value of its object in a label image."
    )
