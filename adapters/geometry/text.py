"""Geometries as WKT, with y up or down.

Numbers are written as short as they can be and still be read back the same, without ``.0``. Turning
y around rounds to nine decimals: a decimal fraction such as 19.9 then survives being turned twice,
and a billionth of a pixel is far below anything drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from adapters.geometry.valid import checked
from store.errors import Invalid

_DECIMALS = 9


def wkt(geometry: BaseGeometry) -> str:
    """Write canonical WKT, y as it is: ``POLYGON ((0 0, 0 20, 20 20, 20 0, 0 0))``."""
    return str(shapely.to_wkt(geometry, rounding_precision=17, trim=True, output_dimension=2))


def wkt_up(geometry: BaseGeometry, image_height: float) -> str:
    """Write canonical WKT, y up, of a geometry with y down."""
    return wkts_up([geometry], image_height)[0]


def wkts_up(geometries: Sequence[BaseGeometry], image_height: float) -> list[str]:
    """Write canonical WKT, y up, of many geometries with y down."""
    turned = _turned(geometries, image_height)
    return list(shapely.to_wkt(turned, rounding_precision=17, trim=True, output_dimension=2))


def turn(geometry: BaseGeometry, image_height: float) -> BaseGeometry:
    """Turn y around at the middle of the image: y down to y up, or back."""
    return _turned(geometry, image_height)


def _turned(geometries: Any, image_height: float) -> Any:
    def turned(points: NDArray[np.float64]) -> NDArray[np.float64]:
        out = points.copy()
        out[:, 1] = np.round(image_height - points[:, 1], _DECIMALS) + 0.0
        return out

    return shapely.transform(geometries, turned)


def read_wkt(text: str, field: str = "location") -> BaseGeometry:
    """Read WKT as it stands, checked: not empty, finite, valid, flat.

    Raises `Invalid` for `field` with the reason.
    """
    if not text or not text.strip():
        raise Invalid(field, "this is empty; send a geometry as WKT.")
    try:
        with np.errstate(all="ignore"):
            geometry = shapely.from_wkt(text)
    except shapely.errors.GEOSException as error:
        raise Invalid(field, f"this is not WKT: {first_line(error)}") from error
    except NotImplementedError as error:
        raise Invalid(field, "curves are not supported; send straight lines.") from error
    return checked(geometry, field)


def first_line(error: Exception) -> str:
    """Return what a library says about a text, short enough for a message."""
    return str(error).strip().splitlines()[0][:200]
