"""The demo holds one of everything, can be repeated, and is closed until it is complete."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

import adapters.demo
from adapters.demo import cells, pictures, tissue
from adapters.demo.scene import PEOPLE
from adapters.hub import Hub
from adapters.passwords import PASSWORDS
from adapters.render.encode import Format
from store.access.capabilities import Can
from store.access.load import load_actor
from store.engine import connect
from store.errors import Forbidden, NotFound
from store.statement import cols, table
from store.tables import ALL
from store.tables.annotations import Annotation, AnnotationKind
from store.tables.containers import Dataset, DatasetImage, Project
from store.tables.images import Image, LabelSet, Pixels
from store.tables.jobs import Job, JobIo
from store.tables.ontologies import RelationTerm, Term
from store.tables.people import User
from store.tables.results import ResultTable
from store.tables.rois import Roi, RoiTerm, RoiTrack, Shape, ShapeKind, Track
from store.tables.screens import Acquisition, WellSample
from tests.fixtures.commands import row_counts, rows, stored_paths
from tests.fixtures.databases import wait
from tests.fixtures.server import run
from web.bootstrap import Services, assemble, prepare, read_settings

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

# Rows that a person's visit makes, and nouns no service makes yet.
EMPTY = {
    "activity", "default_layer", "external_ref", "image_group", "image_group_item", "image_slice",
    "job_data", "project_operation", "project_representative", "roi_group", "roi_group_item",
    "saved_search", "session_", "setting", "source", "storage_member", "token", "workspace_object",
}  # fmt: skip


@pytest.fixture
async def services(demo_data: Path) -> AsyncIterator[Services]:
    """The filled demo, to be read only."""
    opened = assemble(read_settings({}, data=demo_data, job_workers=0))
    yield opened
    await opened.stop()


async def hub_of(services: Services, name: str) -> Hub:
    async with services.database.reading() as connection:
        user = cols(User)
        id = await connection.scalar(select(user.id).where(user.username == name))
    return services.hub(await load_actor(services.database, id))


def test_every_noun_has_rows(demo_data):
    counted = row_counts(demo_data)
    assert {table(noun).name for noun in ALL if not counted[table(noun).name]} <= EMPTY


def test_a_second_run_adds_no_row_and_no_file(demo_data, tmp_path):
    data = Path(shutil.copytree(demo_data, tmp_path / "again"))
    before = row_counts(data), stored_paths(data)
    again = run("demo", "--data", data)
    assert again.returncode == 0, again.stderr
    assert "owner, annotator, reader, stranger" in again.stderr
    assert (row_counts(data), stored_paths(data)) == before


def test_nothing_is_wrong_with_it_and_nothing_is_left_over(demo_data):
    checked = run("doctor", "--deep", "--data", demo_data)
    assert checked.stderr == "Nothing is wrong.\n"
    assert [path.name for path in demo_data.glob("demo-*")] == []


async def test_the_accounts_have_the_known_password_and_the_marker_says_so(demo_data, services):
    assert json.loads((demo_data / "demo.json").read_text()) == {"default_password": True}
    async with services.database.reading() as connection:
        user = cols(User)
        hashes = await connection.execute(
            select(user.username, user.password_hash).where(user.username.in_(PEOPLE))
        )
        kept = dict(hashes.all())
    assert set(kept) == {"owner", "annotator", "reader", "stranger"}
    for hash in kept.values():
        assert (await PASSWORDS.check(hash, "imagehub-demo")).right


async def test_the_lab_holds_a_stack_a_series_a_slide_and_labels(services):
    hub = await hub_of(services, "owner")
    (project,) = await hub.catalog.all(Project)
    assert await hub.containers.count_children(Project, Dataset, [project.id]) == {project.id: 2}
    image, pixels = cols(Image), cols(Pixels)
    found = await hub.catalog.rows(
        select(image.name, *table(Pixels).c)
        .join(table(Pixels), pixels.image_id == image.id)
        .where(image.format.is_not(None))
    )
    by_name = {row.name: row for row in found}
    stack, movie = by_name["epithelium.ome.tif"], by_name["migration.ome.tif"]
    assert (stack.size_c, stack.size_z, stack.physical_size_z) == (3, 13, 0.5)
    assert (movie.size_c, movie.size_t, movie.time_increment) == (2, 24, 600.0)
    slide = by_name["section.ome.tif"]
    assert slide.rgb
    assert [level["shape"][3:] for level in slide.levels][:3] == [
        [3072, 4096], [1536, 2048], [768, 1024],
    ]  # fmt: skip
    (labels,) = await hub.catalog.all(LabelSet)
    assert labels.made_by_job is not None
    linked = set(await _column(hub, cols(DatasetImage).image_id, DatasetImage))
    placed = set(await _column(hub, cols(WellSample).image_id, WellSample))
    orphans = [row.name for row in found if row.image_id not in linked | placed]
    assert orphans == ["unsorted-cell.png"]


async def _column(hub: Hub, column, noun) -> list[int]:
    return [row[0] for row in await hub.catalog.rows(select(column).select_from(table(noun)))]


async def test_the_plate_has_empty_wells_wells_of_two_fields_and_one_run(services):
    hub = await hub_of(services, "owner")
    with rows(services.settings.data) as database:
        fields = database.execute("SELECT count(*) FROM well_sample GROUP BY well_id").fetchall()
        ((high, wide),) = database.execute('SELECT "rows", "columns" FROM plate').fetchall()
    assert high * wide == 96
    assert 0 < len(fields) < 96
    assert sorted({count for (count,) in fields}) == [1, 2]
    assert len(await hub.catalog.all(Acquisition)) == 1


async def test_all_eight_shapes_are_drawn_and_two_people_outlined_glands(services):
    hub = await hub_of(services, "owner")
    shapes = await hub.catalog.all(Shape)
    assert {shape.kind for shape in shapes} == {kind.value for kind in ShapeKind}
    (project,) = await hub.catalog.all(Project)
    drawn = await hub.catalog.all(
        Roi, hub.catalog.select(Roi).where(cols(Roi).project_id == project.id)
    )
    by_author = {roi.author_id for roi in drawn}
    assert len(by_author) == 2
    terms = await hub.catalog.all(RoiTerm)
    assert {term.roi_id for term in terms} == {roi.id for roi in drawn}
    outlines = {shape.roi_id: shape for shape in shapes}
    assert {outlines[roi.id].kind for roi in drawn} == {"polygon"}


async def test_the_ontology_is_a_tree_of_coloured_terms_in_use(services):
    hub = await hub_of(services, "owner")
    (project,) = await hub.catalog.all(Project)
    terms = {term.id: term for term in await hub.catalog.all(Term)}
    assert {term.ontology_id for term in terms.values()} == {project.ontology_id}
    assert len({term.color for term in terms.values()}) == len(terms)
    below = {one.child_term_id: one.parent_term_id for one in await hub.catalog.all(RelationTerm)}
    mitosis = next(term.id for term in terms.values() if term.name == "Metaphase")
    assert terms[below[below[mitosis]]].name == "Cell"


async def test_annotations_are_of_all_nine_kinds_and_a_file_reads_back(services):
    hub = await hub_of(services, "owner")
    notes = await hub.catalog.all(Annotation)
    assert {note.kind for note in notes} == {kind.value for kind in AnnotationKind}
    protocol = next(note for note in notes if note.name == "protocol")
    file = (await hub.annotations.files_of([protocol.id]))[protocol.id]
    content = b"".join(services.infrastructure.files.open_range(file.sha256))
    assert content.startswith(b"Fixation and staining")
    assert file.media_type == "text/plain"


async def test_tracks_follow_cells_frame_by_frame(services):
    hub = await hub_of(services, "owner")
    tracks = await hub.catalog.all(Track)
    members = await hub.catalog.all(RoiTrack)
    ranks = {
        track.name: sorted(one.rank for one in members if one.track_id == track.id)
        for track in tracks
    }
    whole = [2 * frame for frame in range(24)]  # channel 0 of two, one plane in z
    assert ranks == {"Cell 1": whole, "Cell 4": whole, "Cell 6": whole, "Cell 10": whole[12:]}


async def test_jobs_made_one_of_each_kind_of_result(services):
    hub = await hub_of(services, "owner")
    jobs = await hub.catalog.all(Job)
    assert {job.state for job in jobs} == {"succeeded"}
    made = [one for one in await hub.catalog.all(JobIo) if one.direction == "out"]
    assert {one.target_type for one in made} == {"image", "label_set", "result_table", "roi"}
    values = next(one for one in made if one.port == "threshold")
    tables = {one.id: one for one in await hub.catalog.all(ResultTable)}
    assert [column["name"] for column in tables[values.target_id].columns] == ["value"]
    measured = next(
        one for one in tables.values() if "area" in {column["name"] for column in one.columns}
    )
    regions = [one for one in made if one.target_type == "roi"]
    rows_of = await hub.jobs.row_counts([measured.id])
    assert rows_of[measured.id] == len(regions) > 30


async def test_each_refusal_can_be_seen(services):
    owner, annotator = await hub_of(services, "owner"), await hub_of(services, "annotator")
    (project,) = await owner.catalog.all(Project)
    (again,) = await annotator.catalog.all(Project)
    (allowed,) = await annotator.catalog.capabilities(Project, [again])
    assert allowed & Can.ANNOTATE
    with pytest.raises(Forbidden):
        await annotator.containers.update(Project, project.id, name="mine now")
    for name in ("reader", "stranger"):
        with pytest.raises(NotFound):
            await (await hub_of(services, name)).containers.get(Project, project.id)
    reader = await hub_of(services, "reader")
    (course,) = await reader.catalog.all(Project)
    assert await reader.catalog.capabilities(Project, [course]) == [Can.READ]
    (elsewhere,) = await (await hub_of(services, "stranger")).catalog.all(Project)
    assert {project.name, course.name, elsewhere.name} == {"Cell atlas", "Course", "Elsewhere"}
    with rows(services.settings.data) as database:
        groups = database.execute(
            "SELECT DISTINCT group_.name FROM image JOIN group_ ON group_.id = group_id ORDER BY 1"
        ).fetchall()
    assert [name for (name,) in groups] == ["lab", "outside", "readers", "vault"]


async def test_every_picture_shows_something(services):
    hub = await hub_of(services, "owner")
    for image in await hub.catalog.all(Image):
        view = await hub.pixels.view(image.id)
        picture = await hub.pixels.thumbnail(view, view.settings, 96, Format.PNG)
        assert len(picture.data) > 800, image.name


async def test_an_interrupted_demo_lets_nobody_in(tmp_path, monkeypatch):
    settings = read_settings({}, data=tmp_path / "hub", root_password="root's password")
    await prepare(settings)
    services = assemble(settings)

    async def fails(_scene) -> None:
        raise RuntimeError("the power went")

    acts = (adapters.demo._ACTS[0], ("break", 1, fails))
    monkeypatch.setattr(adapters.demo, "_ACTS", acts)
    try:
        with pytest.raises(RuntimeError, match="the power went"):
            await adapters.demo.fill(services.infrastructure, lambda done, total, what: None)
        people = await _accounts(services)
        assert people == dict.fromkeys(PEOPLE)
        assert not (tmp_path / "hub/demo.json").exists()
        monkeypatch.setattr(adapters.demo, "_ACTS", acts[:1])
        line = await adapters.demo.fill(services.infrastructure, lambda done, total, what: None)
        assert "imagehub-demo" in line
        assert None not in (await _accounts(services)).values()
    finally:
        await services.stop()


async def _accounts(services: Services) -> dict[str, str | None]:
    user = cols(User)
    async with services.database.reading() as connection:
        found = await connection.execute(
            select(user.username, user.password_hash).where(user.username.in_(PEOPLE))
        )
        return dict(found.all())


async def test_a_password_of_ones_own_is_used_and_not_printed(tmp_path, monkeypatch):
    settings = read_settings({}, data=tmp_path / "hub", demo_password="quite another one")
    await prepare(settings)
    services = assemble(settings)
    monkeypatch.setattr(adapters.demo, "_ACTS", adapters.demo._ACTS[:1])
    try:
        line = await adapters.demo.fill(services.infrastructure, lambda done, total, what: None)
        kept = await _accounts(services)
    finally:
        await services.stop()
    assert json.loads((tmp_path / "hub/demo.json").read_text()) == {"default_password": False}
    assert "quite another one" not in line
    assert (await PASSWORDS.check(kept["owner"], "quite another one")).right


def test_pictures_are_the_same_each_time():
    assert np.array_equal(cells.stack(64, 3, 7), cells.stack(64, 3, 7))
    assert not np.array_equal(cells.stack(64, 3, 7), cells.stack(64, 3, 8))
    one, two = (tissue.section(700, 600, 5) for _ in range(2))
    assert np.array_equal(one, two)
    assert one.std() > 20


def test_a_dividing_cell_is_born_beside_its_mother():
    places = cells.movie(*pictures.MOVIE).places
    half = pictures.MOVIE[1] // 2
    assert np.isnan(places[-1, :half]).all()
    assert np.linalg.norm(places[-1, half] - places[0, half]) < 15


@pytest.mark.timeout(300)
def test_postgresql_holds_the_demo_too(demo_data, postgres_url, tmp_path):
    here = ("--data", tmp_path / "hub", "--database", postgres_url)
    filled = run("demo", *here)
    assert filled.returncode == 0, filled.stderr
    checked = run("doctor", *here)
    assert checked.stderr == "Nothing is wrong.\n"

    async def count() -> dict[str, int]:
        database = connect(postgres_url)
        try:
            async with database.reading() as connection:
                return {
                    table(noun).name: await connection.scalar(
                        select(func.count()).select_from(table(noun))
                    )
                    for noun in ALL
                }
        finally:
            await database.close()

    on_sqlite = row_counts(demo_data)
    different = {
        name: (number, on_sqlite[name])
        for name, number in wait(count()).items()
        if number != on_sqlite[name] and name not in ("event", "job_log")
    }
    assert different == {}
