"""Annotations of all nine kinds, by two people, and the files that some of them carry."""

from __future__ import annotations

from adapters.annotations import Target
from adapters.demo.lab import SECTION, STACK, containers, image_named
from adapters.demo.scene import Scene, noted, own
from adapters.hub import Hub
from store.statement import cols
from store.tables.annotations import AnnotationKind
from store.tables.files import StoredFile

NAMESPACE = "imagehub.org/demo"
PROTOCOL = """Fixation and staining
1. Fix in 4 % paraformaldehyde, 15 min.
2. Permeabilise in 0.1 % Triton X-100, 10 min.
3. Stain: primary antibody 1:200 over night at 4 °C, secondary 1:500 for 1 h.
4. Counterstain with DAPI, mount, let dry in the dark.
"""
READINGS = "channel,exposure_ms,laser_percent\n405,80,4\n488,120,6\n594,150,8\n"
XML = '<environment><temperature unit="°C">37</temperature><co2 unit="%">5</co2></environment>'
RECORDED = 1_718_000_000_000  # ms UTC


async def notes(scene: Scene) -> None:
    """Attach something of every kind to the lab's project, datasets and images."""
    lab, hub = await containers(scene), await scene.hub("owner")
    stack, section = await image_named(hub, STACK), await image_named(hub, SECTION)
    on_stack: list[Target] = [("image", stack.id)]
    project: Target = ("project", lab.project.id)
    kind = AnnotationKind
    pairs = [("cell line", "MDCK II"), ("passage", "14"), ("medium", "DMEM"), ("stain", "ZO-1")]
    await noted(hub, kind.TAG, "published", "published", [project, *on_stack])
    await noted(hub, kind.TAG, "in focus", "in focus", [*on_stack, ("image", section.id)])
    await noted(hub, kind.MAP, "Sample", pairs, on_stack, ns=NAMESPACE)
    await noted(hub, kind.LONG, "passage", 14, on_stack, ns=NAMESPACE)
    await noted(hub, kind.DOUBLE, "z step in µm", 0.5, on_stack, ns=NAMESPACE)
    await noted(hub, kind.BOOLEAN, "deconvolved", False, on_stack, ns=NAMESPACE)
    await noted(hub, kind.TIMESTAMP, "recorded", RECORDED, on_stack, ns=NAMESPACE)
    await noted(hub, kind.XML, "environment", XML, on_stack, ns=NAMESPACE)
    protocol = await _file(hub, "protocol.txt", PROTOCOL, scene.groups["lab"])
    await noted(
        hub, kind.FILE, "protocol", protocol.id, [project, ("dataset", lab.fluorescence.id)]
    )
    readings = await _file(hub, "exposure.csv", READINGS, scene.groups["lab"])
    await noted(hub, kind.FILE, "exposure", readings.id, on_stack)


async def replies(scene: Scene) -> None:
    """Let the annotator tag and comment on what the owner has."""
    owner, hub = await scene.hub("owner"), await scene.hub("annotator")
    stack, section = await image_named(owner, STACK), await image_named(owner, SECTION)
    await noted(
        hub, AnnotationKind.COMMENT, "first look",
        "Membranes are crisp in the middle; the lowest planes are out of focus.",
        [("image", stack.id)],
    )  # fmt: skip
    await noted(
        hub, AnnotationKind.TAG, "second opinion", "second opinion", [("image", section.id)]
    )
    await noted(
        hub, AnnotationKind.MAP, "Scores", [("glands", "11"), ("atypical", "5")],
        [("image", section.id)],
    )  # fmt: skip


async def _file(hub: Hub, name: str, text: str, group_id: int) -> StoredFile:
    found = await own(hub, StoredFile, cols(StoredFile).name == name)
    if found:
        file: StoredFile = found[0]
        return file
    return await hub.files.keep(name, [text.encode()], group_id=group_id)
