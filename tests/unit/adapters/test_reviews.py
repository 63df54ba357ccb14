"""Reviews: one reviewer at a time, copies that outlive nothing, originals that wait for them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from adapters.containers import Containers
from adapters.labelling import Verdict
from adapters.ontologies import Ontologies
from adapters.reviews import Reviews, Which, in_review
from adapters.roi_terms import RoiTerms
from adapters.rois import Rois
from adapters.shapes import Draft, Drawn, Kind
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.tables.containers import Dataset, Placement, Project
from store.tables.people import GroupLevel
from store.tables.rois import Roi
from tests.fixtures.hub import World, statements

BOX = [Draft(Drawn(Kind.RECTANGLE, {"x": 10.1, "y": 20, "width": 0.2, "height": 5}), 0, 1, 1)]


@dataclass
class Scene:
    """A project with an ontology and an image; ada manages it, bob is its member, eve is not."""

    world: World
    ada: int
    bob: int
    eve: int
    project: Project
    image: int
    place: int
    terms: list[int]
    foreign: int

    async def reviews(self, who: int) -> Reviews:
        return Reviews(await self.world.catalog(who))

    async def rois(self, who: int) -> Rois:
        return Rois(await self.world.catalog(who))

    async def drawn(self, who: int, *terms: int, bound: bool = True) -> int:
        made = await (await self.rois(who)).create(
            self.image, BOX, terms=terms, project_id=self.project.id if bound else None
        )
        return made.id


@pytest.fixture
async def scene(world: World) -> Scene:
    lab = await world.group("lab", GroupLevel.private)
    ada, bob = await world.person("ada", lab), await world.person("bob")
    eve = await world.person("eve")
    project = await world.project(ada)
    dataset = await world.dataset(ada)
    await Containers(await world.catalog(ada)).link(Project, project.id, Dataset, [dataset.id])
    image = await world.image(ada, into=dataset.id)
    await world.grant("annotate", "project", project.id, bob)
    ontologies = Ontologies(await world.catalog(ada))
    cells = await ontologies.create("Cells", terms=[{"name": "A"}, {"name": "B"}])
    other = await ontologies.create("Others", terms=[{"name": "C"}])
    await ontologies.use(project.id, cells.id)
    terms = await ontologies.terms_of([cells.id, other.id])
    (place,) = await (await world.catalog(ada)).all(Placement)
    return Scene(
        world, ada, bob, eve, project, image.id, place.id,
        [row.id for row in terms[cells.id]], terms[other.id][0].id,
    )  # fmt: skip


async def test_a_review_is_begun_ended_and_taken_back_by_its_reviewer(scene: Scene) -> None:
    bob, ada, eve = [await scene.reviews(who) for who in (scene.bob, scene.ada, scene.eve)]
    for verb in (bob.stop, bob.cancel):
        with pytest.raises(Conflict, match="not in review"):
            await verb(scene.place)
    begun = await bob.start(scene.place)
    assert (in_review(begun), begun.reviewer_id) == (True, scene.bob)
    assert await bob.start(scene.place) == begun  # Nothing changed.
    with pytest.raises(Conflict, match="somebody else"):
        await ada.start(scene.place)
    with pytest.raises(Forbidden):
        await ada.stop(scene.place)
    for verb in (eve.start, eve.stop, eve.cancel, eve.of, eve.progress):
        with pytest.raises(NotFound):
            await verb(scene.place)
    ended = await bob.stop(scene.place)
    assert not in_review(ended)
    assert ended.review_stopped_at is not None
    with pytest.raises(Conflict, match="reviewed already"):
        await bob.start(scene.place)
    assert in_review(await bob.cancel(scene.place))
    gone = await ada.cancel(scene.place)  # She manages the project.
    assert (gone.review_started_at, gone.reviewer_id) == (None, None)
    await scene.world.undo_last(scene.ada)
    assert in_review(await ada.of(scene.place))


async def test_an_accepted_region_is_copied_with_its_shapes_and_terms(scene: Scene) -> None:
    original = await scene.drawn(scene.ada, scene.terms[0])
    bob, rois = await scene.reviews(scene.bob), await scene.rois(scene.bob)
    with pytest.raises(Conflict, match="not in review"):
        await bob.review(original)
    await bob.start(scene.place)
    with pytest.raises(Forbidden):
        await (await scene.reviews(scene.ada)).review(original)
    copy = await bob.review(original)
    assert (copy.original_id, copy.reviewer_id, copy.owner_id) == (original, scene.bob, scene.bob)
    assert (copy.author_id, copy.kind, copy.project_id) == (scene.ada, "reviewed", scene.project.id)
    shapes = await rois.shapes_of([original, copy.id])
    (first,), (second,) = shapes[original], shapes[copy.id]
    drop = {"id": 0, "roi_id": 0}
    assert first._replace(**drop) == second._replace(**drop)
    given = (await rois.terms_of([copy.id]))[copy.id]
    assert [(one.term_id, one.author_id) for one in given] == [(scene.terms[0], scene.bob)]
    with pytest.raises(Conflict, match="already"):
        await bob.review(original)
    with pytest.raises(Conflict, match="reviewed copy"):
        await (await scene.rois(scene.ada)).delete([original])
    await scene.world.undo_last(scene.bob)
    assert (await bob.copies_of([original]))[original] == []
    await scene.world.redo_last(scene.bob)
    assert [one.id for one in (await bob.copies_of([original]))[original]] == [copy.id]
    gone = await bob.unreview(original)
    assert gone.id == copy.id
    with pytest.raises(NotFound):
        await bob.unreview(original)
    await (await scene.rois(scene.ada)).delete([original])


async def test_a_review_may_give_other_terms_of_the_projects_ontology(scene: Scene) -> None:
    original = await scene.drawn(scene.ada, scene.terms[0], bound=False)
    bob = await scene.reviews(scene.bob)
    await bob.start(scene.place)
    before = await scene.world.catalog(scene.bob)
    with pytest.raises(NotFound):  # He does not see the other ontology.
        await bob.review(original, [scene.foreign])
    assert await bob.count(Which()) == 0
    copy = await bob.review(original, [scene.terms[1]])
    assert copy.project_id == scene.project.id
    terms = (await Rois(before).terms_of([copy.id]))[copy.id]
    assert [one.term_id for one in terms] == [scene.terms[1]]
    with pytest.raises(Invalid, match="cannot be reviewed"):
        await bob.review(copy.id)
    await bob.set_terms(copy.id, [scene.terms[0]])
    terms = (await Rois(before).terms_of([copy.id]))[copy.id]
    assert [one.term_id for one in terms] == [scene.terms[0]]


async def test_only_the_reviewer_and_managers_change_a_copy(scene: Scene) -> None:
    ada, bob = await scene.reviews(scene.ada), await scene.rois(scene.bob)
    await scene.world.project(scene.ada)  # Another one, of no meaning here.
    await Containers(await scene.world.catalog(scene.ada)).update(
        Project, scene.project.id, mode="restricted"
    )
    original = await scene.drawn(scene.bob)
    await ada.start(scene.place)
    copy = await ada.review(original)
    assert copy.author_id == scene.bob
    with pytest.raises(Forbidden):
        await bob.update(copy.id, name="mine")
    with pytest.raises(Forbidden):
        await bob.delete([copy.id])
    await bob.update(original, name="mine")


async def test_whole_layers_are_accepted_and_rejected_at_once(scene: Scene) -> None:
    hers = [await scene.drawn(scene.ada, *scene.terms) for _ in range(3)]
    his = [await scene.drawn(scene.bob) for _ in range(2)]
    bob = await scene.reviews(scene.bob)
    await bob.start(scene.place)
    await bob.review(hers[1])
    found = await bob.progress(scene.place)
    assert [(one.author_id, one.all, one.reviewed) for one in found] == [
        (scene.ada, 3, 1), (scene.bob, 2, 0)
    ]  # fmt: skip
    made = await bob.review_layers(scene.place, [scene.ada])
    assert [one.original_id for one in made] == [hers[0], hers[2]]
    assert await bob.review_layers(scene.place, [scene.ada]) == []
    await bob.review_layers(scene.place)
    found = await bob.progress(scene.place)
    assert [(one.all, one.reviewed) for one in found] == [(3, 3), (2, 2)]
    gone = await bob.unreview_layers(scene.place, [scene.bob])
    assert [one.original_id for one in gone] == his
    assert await bob.count(Which(reviewer_id=scene.bob)) == 3
    await scene.world.undo_last(scene.bob)  # All of a layer come back together.
    assert await bob.count(Which(image_id=scene.image)) == 5
    listed = await bob.copies(Which(project_id=scene.project.id), offset=1, limit=2)
    everything = await bob.copies(Which())
    assert list(listed) == list(everything[1:3])
    assert [one.id for one in everything] == sorted((one.id for one in everything), reverse=True)


async def test_a_layer_of_any_size_costs_the_same(scene: Scene) -> None:
    bob = await scene.reviews(scene.bob)
    await bob.start(scene.place)

    async def count(n: int) -> int:
        for _ in range(n):
            await scene.drawn(scene.ada, scene.terms[0])
        with statements(scene.world.database) as sent:
            await bob.review_layers(scene.place, [scene.ada])
        return len(sent)

    assert await count(2) == await count(9)


async def test_a_term_has_an_author_and_perhaps_a_rate(scene: Scene) -> None:
    roi = await scene.drawn(scene.ada)
    hers, his = [RoiTerms(await scene.world.catalog(who)) for who in (scene.ada, scene.bob)]
    first, second = scene.terms
    given = await hers.give(roi, first)
    assert (given.author_id, given.rate) == (scene.ada, None)
    with pytest.raises(Conflict, match="already"):
        await hers.give(roi, first)
    with pytest.raises(Invalid, match="ontology"):
        await hers.give(roi, scene.foreign)
    with pytest.raises(Invalid, match="between 0 and 1"):
        await hers.give(roi, second, Verdict(1.5))
    sure = await his.give(roi, first, Verdict(0.75, second))
    assert (sure.rate, sure.expected_term_id) == (0.75, second)
    assert await hers.find(roi, first) == given
    assert await hers.find(roi, first, scene.bob) == sure
    await hers.give(roi, second)
    kept = await hers.replace(roi, first)
    assert kept == given
    assert [one.id for one in await hers.of(roi)] == [given.id, sure.id]
    only = await hers.replace(roi, second, everybodys=True)
    assert [one.id for one in await hers.of(roi)] == [only.id]
    with pytest.raises(NotFound):
        await his.take(roi, second)
    await his.take(roi, second, scene.ada)
    assert await hers.of(roi) == []
    await scene.world.undo_last(scene.bob)
    assert [one.id for one in await hers.of(roi)] == [only.id]
    eve = RoiTerms(await scene.world.catalog(scene.eve))
    with pytest.raises(NotFound):
        await eve.give(roi, first)
    assert await (await scene.rois(scene.ada)).count() == 1
    assert len(await (await scene.world.catalog(scene.ada)).all(Roi)) == 1
