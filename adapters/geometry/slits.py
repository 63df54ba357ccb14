"""Polygons with holes as one ring, for formats whose polygons have none.

The ring leaves its outline along a slit of no width, walks round a hole and comes back. Its area is
that of the polygon, and closing the slits (a buffer of width zero) gives the polygon back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

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
    and do not cross.
    """
    rings = _rings(polygon)
    if len(rings) == 1:
        return np.array(rings[0])
    slits = _slits(rings)
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


def _slits(rings: list[list[_Point]]) -> dict[_Vertex, list[_Vertex]]:
    """Choose one slit less than there are rings; each appears at both of its ends.

    Rings that touch in a vertex need no length of slit. Of what is left, the leftmost group comes
    first, so that the rings to the left of a group are connected already.
    """
    slits: dict[_Vertex, list[_Vertex]] = defaultdict(list)
    groups = _touching(rings, slits)
    reached = _Reached(sum(map(len, rings)) + len(groups))
    reached.add_rings(rings, groups.pop(0))
    leftmost = [
        (min((point, (n, place)) for n in group for place, point in enumerate(rings[n])), group)
        for group in groups
    ]
    for (point, vertex), group in sorted(leftmost):
        other = reached.visible_from(point)
        slits[vertex].append(other)
        slits[other].append(vertex)
        reached.add_rings(rings, group)
        reached.add_edge(point, vertex, rings[other[0]][other[1]], other)
    return slits


def _touching(rings: list[list[_Point]], slits: dict[_Vertex, list[_Vertex]]) -> list[list[int]]:
    """Group rings that share vertices, connecting them there; the outline's group comes first."""
    group = list(range(len(rings)))

    def root(number: int) -> int:
        while group[number] != number:
            group[number] = group[group[number]]
            number = group[number]
        return number

    at: dict[_Point, _Vertex] = {}
    for number, ring in enumerate(rings):
        for place, point in enumerate(ring):
            other = at.setdefault(point, (number, place))
            one, two = sorted((root(number), root(other[0])))
            if one != two:
                group[two] = one
                slits[other].append((number, place))
                slits[(number, place)].append(other)
    members: dict[int, list[int]] = defaultdict(list)
    for number in range(len(rings)):
        members[root(number)].append(number)
    return list(members.values())


class _Reached:
    """The edges of rings and slits that are connected so far."""

    def __init__(self, capacity: int) -> None:
        self._start = np.empty((capacity, 2))
        self._end = np.empty((capacity, 2))
        self._vertices: list[tuple[_Vertex, _Vertex]] = []

    def add_rings(self, rings: list[list[_Point]], numbers: list[int]) -> None:
        for number in numbers:
            ring, count = np.array(rings[number]), len(rings[number])
            first = len(self._vertices)
            self._start[first : first + count] = ring
            self._end[first : first + count] = np.roll(ring, -1, axis=0)
            self._vertices += [((number, k), (number, (k + 1) % count)) for k in range(count)]

    def add_edge(self, start: _Point, one: _Vertex, end: _Point, other: _Vertex) -> None:
        self._start[len(self._vertices)], self._end[len(self._vertices)] = start, end
        self._vertices.append((one, other))

    def visible_from(self, point: _Point) -> _Vertex:
        """Return a vertex that sees `point`, which has nothing unconnected to its left.

        A ray to the left meets an edge. Its end farther left sees the point unless vertices lie in
        the triangle between them; then the one at the smallest angle to the ray does (the bridge of
        Eberly's "Triangulation by Ear Clipping").
        """
        edge, meet = self._hit(point)
        ends = self._start[edge], self._end[edge]
        for end, place in enumerate(ends):
            if tuple(place) == meet:
                return self._vertices[edge][end]
        far = min(map(tuple, ends))
        vertices = self._start[: len(self._vertices)]
        near = np.flatnonzero((vertices[:, 0] >= far[0]) & (vertices[:, 0] < point[0]))
        near = near[_in_triangle(vertices[near], point, meet, far)]
        if not near.size:
            # The point lies on an upright edge: the slit runs along it.
            return self._vertices[edge][0 if tuple(ends[0]) == far else 1]
        run, rise = np.abs(vertices[near] - point).T
        return self._vertices[int(near[np.lexsort((run, rise / run))[0]])][0]

    def _hit(self, point: _Point) -> tuple[int, _Point]:
        """Return the edge that a ray from `point` to the left meets first, and where."""
        px, py = point
        count = len(self._vertices)
        (ax, ay), (bx, by) = self._start[:count].T, self._end[:count].T
        # Edges along the ray are left to the neighbours that share their ends.
        rows = np.flatnonzero((np.minimum(ay, by) <= py) & (py <= np.maximum(ay, by)) & (ay != by))
        ax, ay, bx, by = ax[rows], ay[rows], bx[rows], by[rows]
        meet = ax + (py - ay) * ((bx - ax) / (by - ay))
        meet = np.where(ay == py, ax, np.where(by == py, bx, meet))
        meet[meet > px] = -np.inf
        # Of edges met in the same place, one that ends there tells a vertex.
        first = np.lexsort(((ay != py) & (by != py), -meet))[0]
        return int(rows[first]), (float(meet[first]), py)


def _in_triangle(points: NDArray[np.float64], a: _Point, b: _Point, c: _Point) -> NDArray[np.bool_]:
    """Tell which points lie in a triangle or on its border."""
    sides = []
    for (x0, y0), (x1, y1) in ((a, b), (b, c), (c, a)):
        sides.append((x1 - x0) * (points[:, 1] - y0) - (y1 - y0) * (points[:, 0] - x0))
    return np.asarray((np.min(sides, axis=0) >= 0) | (np.max(sides, axis=0) <= 0))


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
