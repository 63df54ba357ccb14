"""Pixel-exact outlines of labelled regions, with holes.

A region's outline runs along the edges of its pixels, so that drawing it back gives the same
pixels. Pixels touching only at a corner are separate parts, which keeps every polygon valid. All
labels are traced in one pass: edges are directed with their region on the right, and at each end
the next edge is found by looking at two neighbouring pixels.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from store.errors import Invalid

Vertices = NDArray[np.int64]

# Sides of a pixel in the order in which they are walked: top to the right, right side downwards,
# bottom to the left, left side upwards.
_STEP_X = np.array((1, 0, -1, 0))
_STEP_Y = np.array((0, 1, 0, -1))
_START_X = np.array((0, 1, 1, 0))
_START_Y = np.array((0, 0, 1, 1))


def outlines(labels: NDArray[Any], *, x0: float = 0, y0: float = 0) -> dict[int, BaseGeometry]:
    """Outline each label of an image ``(y, x)`` of integers or booleans; 0 is background.

    Returns one Polygon or MultiPolygon per label, in ascending order, in pixels with the image's
    top left corner at `x0`, `y0`. Parts are in the order of their first pixels.
    Raises `Invalid` for another number of axes or for samples that are not whole numbers.
    """
    if labels.ndim != 2 or labels.dtype.kind not in "biu":
        raise Invalid(
            "labels", f"a label image is whole numbers (y, x), not {labels.dtype} {labels.shape}."
        )
    if not labels.any():
        return {}
    parts = _parts(labels)
    edges, following = _edges(parts)
    rings, owners, first = _rings(parts, edges, following)
    polygons, pixels = _polygons(rings, owners, first, (x0, y0))
    return _grouped(labels.ravel()[pixels], pixels, polygons)


def _parts(labels: NDArray[Any]) -> NDArray[np.int32]:
    """Number the 4-connected regions of equal labels from 1.

    Pixels are spread to every other place of a larger grid, with a bridge between equal neighbours;
    ordinary connected components of that grid are the regions.
    """
    rows, columns = labels.shape
    grid = np.zeros((2 * rows - 1, 2 * columns - 1), dtype=np.uint8)
    inside = labels != 0
    grid[::2, ::2] = inside
    grid[1::2, ::2] = inside[1:] & (labels[1:] == labels[:-1])
    grid[::2, 1::2] = inside[:, 1:] & (labels[:, 1:] == labels[:, :-1])
    _, parts = cv2.connectedComponents(grid, connectivity=4, ltype=cv2.CV_32S)
    return np.ascontiguousarray(parts[::2, ::2])


def _edges(parts: NDArray[np.int32]) -> tuple[Vertices, Vertices]:
    """Return all edges as ``4 · pixel + side``, ascending, and the place of each one's next."""
    rows, columns = parts.shape
    padded = np.pad(parts, 1)
    walls = np.empty((rows, columns, 4), dtype=bool)
    inside = parts != 0
    for side, (dy, dx) in enumerate(((-1, 0), (0, 1), (1, 0), (0, -1))):
        neighbour = padded[1 + dy : rows + 1 + dy, 1 + dx : columns + 1 + dx]
        walls[..., side] = inside & (neighbour != parts)
    wall = walls.ravel()
    edges = np.flatnonzero(wall)
    pixel, sides = edges // 4, edges % 4
    step = _STEP_X + _STEP_Y * columns
    right_turn = 4 * pixel + (sides + 1) % 4
    turns_right = wall[right_turn]
    ahead = pixel + step[sides]
    # Without a wall on the right-hand turn the pixel ahead belongs to the same region, and without
    # one straight on, so does the pixel beside it.
    straight = np.where(turns_right, 0, 4 * ahead + sides)
    goes_straight = ~turns_right & wall[straight]
    left_turn = 4 * (ahead + step[(sides + 3) % 4]) + (sides + 3) % 4
    following = np.where(turns_right, right_turn, np.where(goes_straight, straight, left_turn))
    return edges, np.searchsorted(edges, following)


def _rings(
    parts: NDArray[np.int32], edges: Vertices, following: Vertices
) -> tuple[list[Vertices], Vertices, Vertices]:
    """Walk the edges; return the corners of each ring, its region, and its first pixel."""
    columns = parts.shape[1]
    pixel, side = edges // 4, edges % 4
    vertices = np.stack(
        (pixel % columns + _START_X[side], pixel // columns + _START_Y[side]), axis=1
    )
    before = np.empty_like(following)
    before[following] = np.arange(len(following))
    corner = side[before] != side
    order, starts = _walk(following)
    ends = np.append(starts[1:], len(order))
    first = order[starts]
    rings = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        walked = order[start:end]
        rings.append(vertices[walked[corner[walked]]])
    return rings, parts.ravel()[pixel[first]].astype(np.int64), pixel[first]


def _walk(following: Vertices) -> tuple[Vertices, Vertices]:
    """Follow a permutation; return its members cycle by cycle and where each cycle starts."""
    ahead = following.tolist()
    seen = bytearray(len(ahead))
    order: list[int] = []
    starts: list[int] = []
    for first in range(len(ahead)):
        if seen[first]:
            continue
        starts.append(len(order))
        edge = first
        while not seen[edge]:
            seen[edge] = 1
            order.append(edge)
            edge = ahead[edge]
    return np.array(order), np.array(starts)


def _polygons(
    rings: list[Vertices], owners: Vertices, first: Vertices, origin: tuple[float, float]
) -> tuple[NDArray[np.object_], Vertices]:
    """Make one polygon per region, and return it with the region's first pixel.

    Rings are in the order of their first pixels, and the first pixel of a region lies on its outer
    ring; every other ring of it is a hole. A ring that meets itself at a corner is cut there into
    loops, of which the one that runs clockwise on the screen, if any, is the outer ring.
    """
    loops: list[Vertices] = []
    keys: list[tuple[int, bool, int]] = []
    first_pixel: dict[int, int] = {}
    for ring, owner, pixel in zip(rings, owners.tolist(), first.tolist(), strict=True):
        is_first = owner not in first_pixel
        first_pixel.setdefault(owner, pixel)
        pieces = _simple_loops(ring)
        for piece in pieces:
            hole = not is_first or (len(pieces) > 1 and _signed_area(piece) < 0)
            keys.append((owner, hole, len(loops)))
            loops.append(piece)
    keys.sort()
    ordered = [loops[place] for _, _, place in keys]
    lengths = np.array([len(loop) for loop in ordered])
    points = np.concatenate(ordered) + np.array(origin)
    made = shapely.linearrings(points, indices=np.repeat(np.arange(len(ordered)), lengths))
    region = np.array([owner for owner, _, _ in keys])
    numbers, index = np.unique(region, return_inverse=True)
    pixels = np.array([first_pixel[owner] for owner in numbers.tolist()])
    return shapely.polygons(made, indices=index), pixels


def _simple_loops(ring: Vertices) -> list[Vertices]:
    """Cut a ring at corners it passes twice."""
    keys = [tuple(vertex) for vertex in ring.tolist()]
    if len(set(keys)) == len(keys):
        return [ring]
    loops: list[Vertices] = []
    path: list[tuple[int, int]] = []
    place: dict[tuple[int, int], int] = {}
    for key in keys:
        if key in place:
            start = place[key]
            loops.append(np.array(path[start:]))
            for gone in path[start:]:
                del place[gone]
            del path[start:]
        place[key] = len(path)
        path.append(key)
    loops.append(np.array(path))
    return loops


def _signed_area(loop: Vertices) -> int:
    """Twice the area; positive if the loop runs clockwise on a screen with y down."""
    x, y = loop[:, 0], loop[:, 1]
    return int(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def _grouped(label: NDArray[Any], pixels: Vertices, polygons: Any) -> dict[int, BaseGeometry]:
    """Gather the polygons of each label, in the order of their first pixels."""
    order = np.lexsort((pixels, label))
    sorted_labels, sorted_polygons = label[order], polygons[order]
    edges = [0, *(np.flatnonzero(sorted_labels[1:] != sorted_labels[:-1]) + 1).tolist(), len(order)]
    grouped: dict[int, BaseGeometry] = {}
    for start, end in pairwise(edges):
        members = sorted_polygons[start:end]
        whole = members[0] if len(members) == 1 else shapely.multipolygons(members)
        grouped[int(sorted_labels[start])] = whole
    return grouped
