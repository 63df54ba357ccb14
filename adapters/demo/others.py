"""What lies in the other groups, so that each refusal can be seen: readers, vault, outside."""

from __future__ import annotations

from functools import partial

from adapters.demo import pictures
from adapters.demo.scene import Scene, container, imported, noted
from store.tables.annotations import AnnotationKind
from store.tables.containers import Dataset, Project

# group, who owns its data, project, dataset, and images: name → seed of a small stack
HOLDINGS = (
    ("readers", "root", "Course", "Week 1", {"course-stack.ome.tif": 11}),
    ("vault", "root", "Unpublished", "Draft", {"unpublished.ome.tif": 12}),
    ("outside", "stranger", "Elsewhere", "Visit", {"visitor.ome.tif": 13}),
)
FUNDUS = "fundus.jpg"


async def others(scene: Scene) -> None:
    """Make a project with a dataset and an image in each of the other groups."""
    for group, name, project_name, dataset_name, images in HOLDINGS:
        hub, group_id = await scene.hub(name), scene.groups[group]
        project = await container(hub, Project, project_name, group_id)
        dataset = await container(hub, Dataset, dataset_name, group_id, into=project.id)
        for image_name, seed in images.items():
            write = partial(pictures.write_stack, seed=seed, size=256, depth=3)
            image = await imported(scene, hub, image_name, write, dataset_id=dataset.id)
            await noted(
                hub, AnnotationKind.TAG, f"of {group}", group, [("image", image.id)],
                group_id=group_id,
            )  # fmt: skip
        if group == "readers":
            copy = partial(pictures.copy_sample, "retina.jpg")
            await imported(scene, hub, FUNDUS, copy, dataset_id=dataset.id)
