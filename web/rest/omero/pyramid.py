"""Which resolutions such clients are shown: all of them of a large image, else the full one alone.

The hub keeps smaller levels of every image, but clients of OMERO take an image with levels for one
that cannot be projected, exported or shown as a whole. So it has levels for them only beyond the
area above which OMERO itself makes a pyramid, 3192 × 3192 pixels. Every address that counts levels
asks here, so that a number means the same in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from store.tables.images import Pixels

MOST_PLANE = 3192 * 3192
TILE = 512  # pixels: what clients fetch when they do not choose


def is_pyramid(pixels: Pixels) -> bool:
    """Whether clients are told that the image is large and tiled."""
    return (pixels.size_x or 0) * (pixels.size_y or 0) > MOST_PLANE


def resolutions(pixels: Pixels) -> Sequence[tuple[int, int]]:
    """Return (size_y, size_x) of every resolution shown, full resolution first."""
    sizes = [(level["shape"][3], level["shape"][4]) for level in pixels.levels]
    return sizes if is_pyramid(pixels) else sizes[:1]
