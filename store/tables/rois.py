"""ROIs with their shapes, terms and tracks: the shape as drawn is the truth, the rest derived."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlmodel import Field

from store.tables.columns import (
    Described,
    Json,
    Keyed,
    Link,
    MaybeNamed,
    Named,
    Owned,
    Row,
    index,
    live_index,
    live_unique,
    one_of,
)


class RoiKind(StrEnum):
    """Drawn by a person, made by a job, a reviewed copy, or a region to work in."""

    USER = "user"
    ALGO = "algo"
    REVIEWED = "reviewed"
    REGION = "region"


class ShapeKind(StrEnum):
    """The eight shapes of the field."""

    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    POLYGON = "polygon"
    POLYLINE = "polyline"
    LINE = "line"
    POINT = "point"
    MASK = "mask"
    LABEL = "label"


class Roi(Described, MaybeNamed, Row, table=True):
    """A region of an image, in the image's group; bound to a project or shown in all of them."""

    __tablename__ = "roi"
    __table_args__ = (
        one_of("kind", RoiKind),
        live_index("image_id", "project_id", "kind", "id"),
        live_index("project_id", "id"),
        live_index("author_id", "project_id"),
    )

    owner_id: int = Field(foreign_key="user_.id")
    author_id: int = Field(foreign_key="user_.id")
    image_id: int = Field(foreign_key="image.id")
    project_id: int | None = Field(default=None, foreign_key="project.id")
    kind: str = RoiKind.USER.value
    original_id: int | None = Field(default=None, foreign_key="roi.id")
    reviewer_id: int | None = Field(default=None, foreign_key="user_.id")
    status: int | None = None


class Shape(Keyed, table=True):
    """One shape of a ROI on one plane, or on every plane where c, z or t is null.

    `footprint` is WKB in image pixels, y down, valid, after the transform; `wkt` is the same
    geometry with y up, as one dialect writes it. `size` is the longer side of the box in pixels,
    `area` px², `perimeter` px, (cx, cy) the centroid. `params` hold what the footprint cannot give
    back. A shape replaced by another is trashed, so that undo finds it under its own id.
    """

    __tablename__ = "shape"
    __table_args__ = (
        one_of("kind", ShapeKind),
        index("roi_id", "id"),
        index("image_id", text("size DESC"), "id", name="desc_shape_image_id_size"),
    )

    roi_id: int = Field(foreign_key="roi.id")
    # A copy of the ROI's, whose foreign key is enough: a second one here makes bulk loads on
    # PostgreSQL take 1.6 times as long.
    image_id: int
    kind: str
    c: int | None = None
    z: int | None = None
    t: int | None = None
    footprint: bytes
    wkt: str
    params: dict[str, Any] | None = Field(default=None, sa_type=Json)
    style: dict[str, Any] | None = Field(default=None, sa_type=Json)
    text: str | None = None
    bits: bytes | None = None
    label: int | None = None
    area: float
    perimeter: float
    cx: float
    cy: float
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    points: int
    trashed_by: int | None = None


class RoiTerm(Link, table=True):
    """A term given to a ROI by an author; a classifier also says how sure it is."""

    __tablename__ = "roi_term"
    __table_args__ = (live_unique("roi_id", "term_id", "author_id"),)

    roi_id: int = Field(foreign_key="roi.id")
    term_id: int = Field(foreign_key="term.id")
    author_id: int = Field(foreign_key="user_.id")
    rate: float | None = None
    expected_term_id: int | None = Field(default=None, foreign_key="term.id")


class Track(Named, Owned, table=True):
    """One object followed through time or depth: an ordered set of ROIs of an image."""

    __tablename__ = "track"
    __table_args__ = (
        live_unique("image_id", "project_id", "name_key"),
        live_unique(
            "image_id", "name_key", where="project_id IS NULL", name="ux_track_unbound_live"
        ),
    )

    image_id: int = Field(foreign_key="image.id")
    project_id: int | None = Field(default=None, foreign_key="project.id")
    color: int = -1


class RoiTrack(Link, table=True):
    """A ROI in a track; `rank` is the rank of its plane in the image."""

    __tablename__ = "roi_track"
    __table_args__ = (live_unique("track_id", "rank"),)

    roi_id: int = Field(foreign_key="roi.id")
    track_id: int = Field(foreign_key="track.id")
    rank: int
