"""Projections: several planes of an image made one, along depth or time, into a new image.

The work is a job of the ``project.*`` operations; this service only says it in the words of the
matter and checks it against the image first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.images import Images
from adapters.jobs.service import Jobs, Reference, Request
from adapters.raw_samples import WHOLE, Span
from store.catalog import Catalog
from store.errors import Invalid
from store.tables.images import Image
from store.tables.jobs import Job

METHODS = ("max", "min", "mean", "sum", "deviation")
AXES = ("z", "t")


@dataclass(frozen=True, slots=True)
class ProjectionPlan:
    """What to project. `z` and `t` are the planes and times taken, `channels` None takes all.

    Planes along `axis` become one; along the other axis each stays a plane of the result.
    """

    image_id: int
    method: str = "max"
    axis: str = "z"
    z: Span = WHOLE
    t: Span = WHOLE
    channels: Sequence[int] | None = None
    dataset_id: int | None = None
    name: str | None = None
    priority: int = 0


class Projections:
    """Verbs that project."""

    def __init__(self, catalog: Catalog, images: Images, jobs: Jobs) -> None:
        self._catalog = catalog
        self._images = images
        self._jobs = jobs

    async def submit(self, plan: ProjectionPlan) -> Job:
        """Queue a projection and return its job; the result names the job that made it.

        Raises NotFound, Invalid for planes, times or channels that are not there, Forbidden where
        the result may not go.
        """
        if plan.method not in METHODS:
            raise Invalid("method", f"{plan.method!r} is not one of {', '.join(METHODS)}.")
        if plan.axis not in AXES:
            raise Invalid("axis", f"{plan.axis!r} is not one of {', '.join(AXES)}.")
        pixels = await self._images.pixels(await self._catalog.one(Image, plan.image_id))
        selection = {
            "z": list(plan.z.within("z", pixels.size_z or 0)),
            "t": list(plan.t.within("t", pixels.size_t or 0)),
        }
        if plan.channels is not None:
            size = pixels.size_c or 0
            if not plan.channels:
                raise Invalid("channels", "name at least one.")
            for channel in plan.channels:
                if not 0 <= channel < size:
                    raise Invalid("channels", f"there is no channel {channel}; there are {size}.")
            selection["c"] = list(plan.channels)
        return await self._jobs.submit(
            Request(
                operation=f"project.{plan.method}",
                values={"axis": plan.axis},
                references={"image": Reference("image", plan.image_id)},
                selection=selection,
                dataset_id=plan.dataset_id,
                name=plan.name,
                priority=plan.priority,
            )
        )
