"""Publishing results: one transaction that names what a job made, and ends the job.

A label image of the input's own size becomes a label set of that image; other images become images
of the dataset asked for, or of the input's own dataset. Rows of a table, labels and regions of one
run are joined by their label.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update

from adapters.formats.base import SourceChannel, SourceMetadata
from adapters.geometry.geojson import geojson
from adapters.hub import Hub
from adapters.images import NewImage
from adapters.job_accounts import add_account
from adapters.jobs.execute import NewImage as Made
from adapters.jobs.execute import Results
from adapters.operations import Operation as Declared
from adapters.operations import PortType, Region, Table
from adapters.rois import NewRoi
from adapters.shapes import Draft, GeoJson
from store.access.capabilities import Can
from store.clock import now_ms
from store.errors import Conflict, Forbidden
from store.leases import Lease
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage, Placement
from store.tables.images import Channel, Image, LabelSet, Pixels
from store.tables.jobs import Job, JobIo, JobState
from store.tables.results import ResultRow, ResultTable
from store.unit import Unit


@dataclass(slots=True)
class Publication:
    """What one job's results are published with."""

    hub: Hub
    unit: Unit
    job: Job
    operation: Declared
    source: Image | None
    pixels: Pixels | None
    channels: Sequence[Channel]
    dataset_id: int | None
    rois: dict[tuple[int, int | None, int | None, int | None], int] = field(default_factory=dict)


async def publish_results(
    hub: Hub, lease: Lease, operation: Declared, results: Results, ins: Sequence[JobIo]
) -> None:
    """Publish under the lease; raises Conflict if it was lost, and then nothing is stored."""

    async def work(unit: Unit) -> None:
        # Locked, so that nobody can take the job over while its results are being stored.
        statement = hub.catalog.database.for_update(select(cols(Job).id).where(lease.held))
        held = await unit.scalars(statement)
        if not held:
            raise Conflict(f"Job {lease.job.id} was taken over by another worker.")
        at = await _place(hub, unit, lease.job, operation, ins)
        for name, made in results.images.items():
            await _publish_image(at, name, made)
        for name, regions in results.regions.items():
            await _publish_regions(at, name, regions)
        for name, found in results.tables.items():
            await _publish_table(at, name, found)
        for name, values in results.values.items():
            at.unit.journal.summary = ""
            await _publish_values(at, name, [_row(one) for one in values])
        await unit.change(
            Job, lease.job.id, state=JobState.SUCCEEDED.value, progress=100,
            finished_at=now_ms(), lease_owner=None, lease_until=None,
        )  # fmt: skip
        unit.journal.summary = f"results of {operation.name}"
        unit.journal.undoable = False

    await hub.catalog.write("publish_results", work)


async def _place(
    hub: Hub, unit: Unit, job: Job, operation: Declared, ins: Sequence[JobIo]
) -> Publication:
    source = pixels = None
    channels: Sequence[Channel] = ()
    if ins:
        image_id = ins[0].target_id
        if ins[0].target_type == "label_set":
            image_id = (await unit.one(LabelSet, image_id)).image_id
        source = await unit.one(Image, image_id)
        pixels = await unit.one(Pixels, image_id)
        channel = cols(Channel)
        channels = await unit.all(Channel, channel.image_id == image_id, order=channel.position)
    dataset_id = (job.options or {}).get("dataset_id")
    if dataset_id is None and source is not None:
        dataset_id = await _own_dataset(unit, source)
    return Publication(hub, unit, job, operation, source, pixels, channels, dataset_id)


async def _own_dataset(unit: Unit, source: Image) -> int | None:
    """Return a dataset of the input that the actor may add to; None leaves the result alone."""
    link = cols(DatasetImage)
    for one in await unit.all(DatasetImage, link.image_id == source.id, order=link.id):
        dataset = await unit.one(Dataset, one.dataset_id)
        if unit.actor.can(dataset) & Can.EDIT:
            return dataset.id
    return None


async def _publish_image(at: Publication, port: str, made: Made) -> None:
    plan = made.plan
    if plan.content is PortType.LABELS and at.source is not None and at.pixels is not None:
        same = (at.pixels.size_y, at.pixels.size_x) == (plan.layout.size_y, plan.layout.size_x)
        if same and at.unit.actor.can(at.source) & Can.ANNOTATE:
            labels = await at.unit.add(
                LabelSet(
                    image_id=at.source.id, name=f"{at.operation.label} {at.job.id}",
                    store_key=made.written.store_key, owner_id=at.unit.actor.author_id,
                    group_id=at.source.group_id, made_by_job=at.job.id,
                )
            )  # fmt: skip
            await _made(at, port, "label_set", labels.id)
            return
    image = await at.hub.images.publish(
        at.unit,
        NewImage(
            name=_name(at, port),
            written=made.written,
            layout=plan.layout,
            metadata=_metadata(at, made),
            group_id=at.job.group_id if at.dataset_id is None else None,
            format=None,
            made_by_job=at.job.id,
            dataset_ids=() if at.dataset_id is None else (at.dataset_id,),
        ),
    )
    await _made(at, port, "image", image.id)


def _name(at: Publication, port: str) -> str:
    asked = (at.job.options or {}).get("name")
    if asked:
        return str(asked)
    suffix = (
        at.operation.label if len(at.operation.outputs) == 1 else f"{at.operation.label} {port}"
    )
    stem = at.source.name if at.source is not None else "image"
    return f"{stem} – {suffix}"[:255]


def _metadata(at: Publication, made: Made) -> SourceMetadata:
    scale = made.plan.calibration
    by_position = {channel.position: channel for channel in at.channels}
    channels = tuple(
        SourceChannel(
            name=by_position[position].name,
            emission_nm=by_position[position].emission_nm,
            excitation_nm=by_position[position].excitation_nm,
            fluor=by_position[position].fluor,
        )
        for position in made.plan.c
        if position in by_position
    )
    return SourceMetadata(
        physical_size_x=scale.physical_size_x,
        physical_size_y=scale.physical_size_y,
        physical_size_z=scale.physical_size_z,
        time_increment=scale.time_increment,
        channels=channels if len(channels) == made.plan.layout.size_c else (),
    )


async def _publish_regions(at: Publication, port: str, regions: Sequence[Region]) -> None:
    if at.source is None:
        raise Conflict("Regions need an image to lie on.")
    if not at.unit.actor.can(at.source) & Can.ANNOTATE:
        raise Forbidden("draw on", "image", at.source.id)
    news = [
        NewRoi([Draft(GeoJson(geojson(one.geometry)), one.c, one.z, one.t, label=one.label)])
        for one in regions
    ]
    ids = await at.hub.rois.draw_many(
        at.unit,
        at.source.id,
        news,
        project_id=await _project_of(at),
        author_id=await _account_of(at),
    )
    for region, id in zip(regions, ids, strict=True):
        at.rois[region.label, region.c, region.z, region.t] = id
    await at.unit.add_many(
        JobIo,
        ("job_id", "direction", "port", "target_type", "target_id"),
        [(at.job.id, "out", port, "roi", id) for id in ids],
    )


async def _account_of(at: Publication) -> int:
    """Return the account that the job draws under, made with the first region it draws."""
    if at.job.user_job_id is not None:
        return at.job.user_job_id
    unit = at.unit
    made = await add_account(unit, at.job.id)
    await unit.execute(update(table(Job)).where(cols(Job).id == at.job.id).values(user_job_id=made))
    return made


async def _project_of(at: Publication) -> int | None:
    """Return the project of the job if the image still lies there."""
    if at.job.project_id is None or at.source is None:
        return None
    placement = cols(Placement)
    there = await at.unit.all(
        Placement,
        placement.project_id == at.job.project_id,
        placement.image_id == at.source.id,
    )
    return at.job.project_id if there else None


async def _publish_table(at: Publication, port: str, found: Table) -> None:
    columns = [
        {"name": one.name, "unit": one.unit, "type": one.values.dtype.kind}
        for one in found.columns
        if one.name not in "tcz"
    ]
    rows = [dict(zip(found.names, cells, strict=True)) for cells in found.rows()]
    await _store_table(at, port, columns, rows)


async def _publish_values(at: Publication, port: str, rows: list[dict[str, Any]]) -> None:
    columns = [{"name": "value", "unit": None, "type": "O"}]
    await _store_table(at, port, columns, rows)


async def _store_table(
    at: Publication, port: str, columns: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    stored = await at.unit.add(
        ResultTable(
            name=_name(at, port), owner_id=at.unit.actor.author_id, group_id=at.job.group_id,
            image_id=None if at.source is None else at.source.id, made_by_job=at.job.id,
            columns=columns,
        )
    )  # fmt: skip
    await at.unit.add_rows(
        ResultRow,
        ("table_id", "row_no", "roi_id", "label", "c", "z", "t", "cells"),
        [
            (
                stored.id, number, _roi(at, row), row.get("label"), row.get("c"), row.get("z"),
                row.get("t"), [_cell(row[column["name"]]) for column in columns],
            )
            for number, row in enumerate(rows)
        ],
    )  # fmt: skip
    await _made(at, port, "result_table", stored.id)


def _roi(at: Publication, row: Mapping[str, Any]) -> int | None:
    label = row.get("label")
    if label is None:
        return None
    return at.rois.get((label, row.get("c"), row.get("z"), row.get("t")))


def _cell(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def _row(value: Any) -> dict[str, Any]:
    return {"value": value.value, "t": value.t, "c": value.c, "z": value.z}


async def _made(at: Publication, port: str, noun: str, id: int) -> None:
    await at.unit.add(
        JobIo(job_id=at.job.id, direction="out", port=port, target_type=noun, target_id=id),
        tell=False,
    )
