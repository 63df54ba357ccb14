"""The lab's data: a project of two datasets, its images, and the regions drawn on them by two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adapters.colors import pack, parse
from adapters.demo import pictures
from adapters.demo.cells import movie
from adapters.demo.scene import Scene, container, drawn, imported, own
from adapters.demo.tissue import glands
from adapters.drawing import NewRoi
from adapters.geometry.bits import pack_bits
from adapters.hub import Hub
from adapters.shapes import Affine, Draft, Drawn, Kind
from store.errors import Conflict
from store.statement import cols
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.ontologies import Ontology
from store.tables.rois import Track

PROJECT, FLUORESCENCE, HISTOLOGY = "Cell atlas", "Fluorescence", "Histology"
STACK, MOVIE, SECTION = "epithelium.ome.tif", "migration.ome.tif", "section.ome.tif"
STAINED, ORPHAN = "colon-ihc.png", "unsorted-cell.png"
ONTOLOGY = "Tissue and cells"
FOLLOWED = (0, 3, 5, 9)  # cells of the movie with a track; the last is born in it

# name, colour, parent: parents come first
TERMS = (
    ("Tissue", "#8c8c8c", None), ("Gland", "#7b3294", "Tissue"),
    ("Normal gland", "#1a9641", "Gland"), ("Atypical gland", "#d7191c", "Gland"),
    ("Stroma", "#fdae61", "Tissue"),
    ("Artefact", "#404040", None), ("Cell", "#2c7bb6", None), ("Interphase", "#abd9e9", "Cell"),
    ("Mitosis", "#ff00aa", "Cell"), ("Metaphase", "#cc0088", "Mitosis"),
    ("Anaphase", "#ff66cc", "Mitosis"),
)  # fmt: skip


@dataclass(slots=True)
class Lab:
    """What the lab owns, as later acts need it."""

    project: Any
    fluorescence: Any
    histology: Any


async def containers(scene: Scene) -> Lab:
    """Return the project and its datasets, with the ontology in use and both as members."""
    hub, group = await scene.hub("owner"), scene.groups["lab"]
    project = await container(
        hub, Project, PROJECT, group,
        description="Epithelial cells and the tissue they come from.",
    )  # fmt: skip
    datasets = [
        await container(hub, Dataset, name, group, into=project.id, description=text)
        for name, text in (
            (FLUORESCENCE, "Stacks and time series."),
            (HISTOLOGY, "Stained sections."),
        )
    ]
    return Lab(project, *datasets)


async def images(scene: Scene) -> None:
    """Import the lab's images, one of which lies in no dataset."""
    lab, hub = await containers(scene), await scene.hub("owner")
    for name, make, dataset in (
        (STACK, pictures.write_stack, lab.fluorescence),
        (MOVIE, pictures.write_movie, lab.fluorescence),
        (SECTION, pictures.write_section, lab.histology),
        (STAINED, lambda path: pictures.copy_sample("ihc.png", path), lab.histology),
    ):
        await imported(scene, hub, name, make, dataset_id=dataset.id)
    await imported(
        scene, hub, ORPHAN, lambda path: pictures.copy_sample("cell.png", path),
        group_id=scene.groups["lab"],
    )  # fmt: skip


async def image_named(hub: Hub, name: str) -> Image:
    """Return the actor's own image of a name, which an earlier act made. Raises Conflict."""
    found = await own(hub, Image, cols(Image).name == name)
    if not found:
        raise Conflict(f"The demo's image {name} was renamed or deleted; restore it first.")
    image: Image = found[0]
    return image


async def vocabulary(scene: Scene) -> dict[str, int]:
    """Return the terms by name; the project uses their ontology, and the annotator joins it."""
    lab, hub = await containers(scene), await scene.hub("owner")
    found = await own(hub, Ontology, cols(Ontology).name == ONTOLOGY)
    ontology = (
        found[0]
        if found
        else await hub.ontologies.create(
            ONTOLOGY,
            group_id=scene.groups["lab"],
            description="What is drawn on sections and cells.",
            terms=[
                {"name": name, "color": pack(parse(color)), "parent": parent}
                for name, color, parent in TERMS
            ],
        )
    )
    if lab.project.ontology_id is None:
        await hub.ontologies.use(lab.project.id, ontology.id)
    (given,) = await hub.people.grants.of("project", [lab.project.id])
    if not any(grant.user_id == scene.people["annotator"] for grant in given):
        await hub.people.grants.give(
            "project", lab.project.id, "annotate", user_id=scene.people["annotator"]
        )
    terms = (await hub.ontologies.terms_of([ontology.id]))[ontology.id]
    return {term.name: term.id for term in terms}


async def eight_shapes(scene: Scene) -> None:
    """Draw one region of each kind of shape on the stack, by its owner."""
    hub = await scene.hub("owner")
    image = await image_named(hub, STACK)
    y, x = np.mgrid[0:40, 0:40]
    disk = np.hypot(x - 19.5, y - 19.5) < 18 - 4 * np.sin(3 * np.arctan2(y - 19.5, x - 19.5))
    shapes = (
        ("A rectangle", Drawn(Kind.RECTANGLE, {"x": 40, "y": 30, "width": 90, "height": 60})),
        (
            "An ellipse, turned",
            Drawn(
                Kind.ELLIPSE, {"x": 0, "y": 0, "rx": 46, "ry": 24},
                transform=Affine(0.866, 0.5, -0.5, 0.866, 230.0, 90.0),
            ),
        ),
        (
            "A polygon with a hole",
            Drawn(
                Kind.POLYGON,
                {
                    "points": [[330, 40], [430, 60], [450, 140], [370, 170], [310, 110]],
                    "holes": [[[360, 80], [400, 85], [385, 120]]],
                },
            ),
        ),
        (
            "A polyline",
            Drawn(Kind.POLYLINE, {"points": [[40, 220], [90, 180], [140, 240], [200, 200]]}),
        ),
        ("A line", Drawn(Kind.LINE, {"x1": 240, "y1": 260, "x2": 320, "y2": 200})),
        ("A point", Drawn(Kind.POINT, {"x": 380.5, "y": 230.5})),
        (
            "A mask",
            Drawn(
                Kind.MASK, {"x": 80, "y": 320, "width": 40, "height": 40}, bits=pack_bits(disk)
            ),
        ),
        ("A label", Drawn(Kind.LABEL, {"x": 250, "y": 340}, text="in focus")),
    )  # fmt: skip
    middle = pictures.STACK_DEPTH // 2
    await drawn(
        hub, image.id, [NewRoi([Draft(what, z=middle)], name=name) for name, what in shapes]
    )


async def outlined_glands(scene: Scene) -> None:
    """Outline glands of the section in the project, by two people, with terms."""
    lab, terms = await containers(scene), await vocabulary(scene)
    owner = await scene.hub("owner")
    image = await image_named(owner, SECTION)
    bottom = pictures.SECTION_SIZE[1] - 200
    inner = [
        outline
        for outline in glands(*pictures.SECTION_SIZE, pictures.SECTION_SEED)
        if outline.min() > 200 and outline[:, 1].max() < bottom
    ]
    for name, chosen, labels in (
        ("owner", inner[:6], ("Normal gland", "Atypical gland")),
        ("annotator", inner[6:11], ("Atypical gland", "Normal gland", "Artefact")),
    ):
        hub = await scene.hub(name)
        news = [
            NewRoi(
                [Draft(Drawn(Kind.POLYGON, {"points": np.round(gland, 1).tolist()}))],
                terms=[terms[labels[number % len(labels)]]],
                name=f"Gland {number + 1} by {name}",
            )
            for number, gland in enumerate(chosen)
        ]
        await drawn(hub, image.id, news, project_id=lab.project.id)


async def tracks(scene: Scene) -> None:
    """Follow some cells of the time series, one region per frame."""
    hub = await scene.hub("owner")
    image = await image_named(hub, MOVIE)
    there = {track.name for track in await own(hub, Track, cols(Track).image_id == image.id)}
    wanted = [cell for cell in FOLLOWED if f"Cell {cell + 1}" not in there]
    if not wanted:
        return
    places = await scene.infrastructure.run(lambda: movie(*pictures.MOVIE).places)
    for cell in wanted:
        name = f"Cell {cell + 1}"
        news = [
            NewRoi(
                [Draft(Drawn(Kind.ELLIPSE, {"x": x, "y": y, "rx": 11, "ry": 9}), c=0, z=0, t=t)],
                name=f"{name}, frame {t + 1}",
            )
            for t, (x, y) in enumerate(places[cell].tolist())
            if np.isfinite(x)
        ]
        ids = await drawn(hub, image.id, news)
        color = pack(parse(("#e41a1c", "#377eb8", "#4daf4a", "#ff7f00")[FOLLOWED.index(cell)]))
        await hub.tracks.create(image.id, name, color=color, roi_ids=ids)
