"""A screen with one plate of 96 wells: some are empty, one column has two fields."""

from __future__ import annotations

from adapters.demo import pictures
from adapters.demo.scene import Scene, container, own
from adapters.hub import Hub
from adapters.imports import ImportOptions
from adapters.screens import NewField
from store.statement import cols
from store.tables.files import StoredFile
from store.tables.images import Image
from store.tables.screens import Plate, Screen

SCREEN, PLATE, RUN = "Dose response", "Plate 1", "Run 1"
FILE = "plate-1.ome.tif"
RAN = (1_718_100_000_000, 1_718_103_600_000)  # ms UTC


async def plate(scene: Scene) -> None:
    """Make the screen, import the fields of the plate and put them into their wells."""
    hub, group = await scene.hub("owner"), scene.groups["lab"]
    screen = await container(
        hub, Screen, SCREEN, group, type="primary", reagent_description="Compound 12, 0 to 10 µM"
    )
    found = await own(hub, Plate, cols(Plate).name == PLATE)
    made = (
        found[0]
        if found
        else await hub.screens.create_plate(
            name=PLATE, screen_id=screen.id, rows=pictures.PLATE_ROWS,
            columns=pictures.PLATE_COLUMNS, row_naming="letter", column_naming="number",
        )
    )  # fmt: skip
    if (await hub.screens.count_wells([made.id])).get(made.id):
        return
    (runs,) = await hub.screens.acquisitions_of([made.id])
    run = (
        runs[0]
        if runs
        else await hub.screens.create_acquisition(
            made.id, name=RUN, max_fields=2, started_at=RAN[0], ended_at=RAN[1]
        )
    )
    images = await _images(scene, hub, group)
    await hub.screens.add_fields(
        made.id,
        [
            NewField(
                row, column, image.id, position=field, acquisition_id=run.id,
                x=column * 9000.0 + field * 220.0, y=row * 9000.0, unit="µm",
            )
            for (row, column, field), image in zip(pictures.plate_fields(), images, strict=True)
        ],
    )  # fmt: skip


async def _images(scene: Scene, hub: Hub, group_id: int) -> list[Image]:
    """Return the images of the plate's file in its order, imported if they are not there."""
    files = await own(hub, StoredFile, cols(StoredFile).name == FILE)
    if files:
        there: list[Image] = list(await own(hub, Image, cols(Image).file_id == files[0].id))
        return sorted(there, key=lambda image: image.series)
    path = scene.folder / FILE
    await scene.infrastructure.run(pictures.write_plate, path)
    try:
        return await hub.imports.files([path], ImportOptions(group_id=group_id))
    finally:
        path.unlink(missing_ok=True)
