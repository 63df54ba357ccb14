"""The addresses of the viewer."""

from __future__ import annotations

from starlette.routing import Route

from web.rest.omero.iviewer import images, persist, projections, regions
from web.rest.omero.resource import WEBCLIENT, resource

_PATH = "/iviewer"

ROUTES: list[Route] = [
    *resource(f"{_PATH}/persist_rois", post=persist.persist_rois, manner=WEBCLIENT),
    *resource(
        f"{_PATH}/rois_by_plane/{{image:number}}/{{z}}/{{t}}",
        get=regions.rois_by_plane, manner=WEBCLIENT,
    ),
    *resource(
        f"{_PATH}/plane_shape_counts/{{image:number}}",
        get=regions.plane_shape_counts, manner=WEBCLIENT,
    ),
    *resource(f"{_PATH}/shape_stats", get=regions.shape_stats, manner=WEBCLIENT),
    *resource(f"{_PATH}/get_intensity", get=regions.get_intensity, manner=WEBCLIENT),
    *resource(f"{_PATH}/well_images", get=images.well_images, manner=WEBCLIENT),
    *resource(f"{_PATH}/image_data/{{image:number}}", get=images.image_data, manner=WEBCLIENT),
    *resource(f"{_PATH}/image_data/{{image:number}}/delta_t", get=images.delta_t, manner=WEBCLIENT),
    *resource(
        f"{_PATH}/save_projection",
        get=projections.save_projection, post=projections.save_projection, manner=WEBCLIENT,
    ),
    *(
        route
        for noun in ("roi", "shape")
        for route in (
            *resource(
                f"{_PATH}/{noun}/{{id:number}}/page_data",
                get=regions.page_data(noun), manner=WEBCLIENT,
            ),
            *resource(
                f"{_PATH}/{noun}/{{id:number}}/image_data",
                get=images.region_image_data(noun), manner=WEBCLIENT,
            ),
        )
    ),
]  # fmt: skip
