"""Polygons with holes as one ring, for formats whose polygons have none.

The ring leaves its outline along a slit of no width, walks round a hole and comes back. Its area is
that of the polygon, and closing the slits (a buffer of width zero) gives the polygon back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

# A vertex: the number of its ring (0 is the outline) and its place in it.
_Vertex = tuple[int, int]
_Point = tuple[float, float]


def with_slits(polygon: BaseGeometry) -> NDArray[np.float64]:
    """Return one ring ``(n, 2)`` that visits the holes of a valid polygon; not closed.

    The outline keeps its vertices and its start. Slits run between vertices, inside the polygon,
    and do not cross: they are edges of its constrained Delaunay triangulation, the shortest ones
    that connect all rings.
    """
    rings = _rings(polygon)
    if len(rings) == 1:
        return np.array(rings[0])
    slits = _slits(polygon, rings)
    ring: list[_Point] = []
    for number, place in _walk(rings, slits):
        point = rings[number][place]
        if not ring or ring[-1] != point:
            ring.append(point)
    if ring[0] == ring[-1]:
        ring.pop()
    return np.array(ring)


def _rings(polygon: BaseGeometry) -> list[list[_Point]]:
    """Return the outline as it runs and the holes in the opposite direction, not closed."""
    outline = polygon.exterior
    rings = [outline, *polygon.interiors]
    points = [[tuple(point) for point in shapely.get_coordinates(ring)[:-1]] for ring in rings]
    return [
        list(reversed(ring_points)) if number and ring.is_ccw == outline.is_ccw else ring_points
        for number, (ring, ring_points) in enumerate(zip(rings, points, strict=True))
    ]


def _slits(polygon: BaseGeometry, rings: list[list[_Point]]) -> dict[_Vertex, list[_Vertex]]:
    """Choose one slit less than there are rings; each appears at both of its ends."""
    at: dict[_Point, list[_Vertex]] = defaultdict(list)
    for number, ring in enumerate(rings):
        for place, point in enumerate(ring):
            at[point].append((number, place))
    joined = list(range(len(rings)))

    def root(number: int) -> int:
        while joined[number] != number:
            joined[number] = joined[joined[number]]
            number = joined[number]
        return number

    slits: dict[_Vertex, list[_Vertex]] = defaultdict(list)
    for one, other in _candidates(polygon, at):
        if root(one[0]) != root(other[0]):
            joined[root(one[0])] = root(other[0])
            slits[one].append(other)
            slits[other].append(one)
    return slits


def _candidates(
    polygon: BaseGeometry, at: dict[_Point, list[_Vertex]]
) -> Iterator[tuple[_Vertex, _Vertex]]:
    """Yield possible slits, touching rings first, then by length."""
    for vertices in at.values():
        yield from pairwise(vertices)
    triangles = shapely.constrained_delaunay_triangles(polygon)
    corners = shapely.get_coordinates(triangles.geoms).reshape(-1, 4, 2)
    edges = np.concatenate([corners[:, side : side + 2] for side in range(3)])
    lengths = np.hypot(*(edges[:, 0] - edges[:, 1]).T)
    for edge in edges[np.argsort(lengths, kind="stable")]:
        start, end = (at[tuple(point)] for point in edge)
        if start and end and start[0][0] != end[0][0]:
            yield start[0], end[0]


def _walk(rings: list[list[_Point]], slits: dict[_Vertex, list[_Vertex]]) -> Iterator[_Vertex]:
    """Walk the outline and, at each slit, round the ring behind it and back.

    The walk is a stack of iterators, since rings may hang on rings thousands deep.
    """
    visited = {0}

    def vertices(number: int, start: int) -> Iterator[_Vertex]:
        count = len(rings[number])
        return ((number, (start + step) % count) for step in range(count + 1))

    stack = [vertices(0, 0)]
    behind: list[Iterator[_Vertex]] = [iter(())]
    here: list[_Vertex] = [(0, 0)]
    while stack:
        target = next((end for end in behind[-1] if end[0] not in visited), None)
        if target is not None:
            visited.add(target[0])
            stack.append(vertices(*target))
            behind.append(iter(()))
            here.append(target)
            continue
        vertex = next(stack[-1], None)
        if vertex is None:
            for level in (stack, behind, here):
                level.pop()
            if here:
                yield here[-1]
            continue
        here[-1] = vertex
        behind[-1] = iter(slits.get(vertex, ()))
        yield vertex
