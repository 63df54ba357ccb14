"""Ontologies: unique names, a tree without circles, and terms that cannot vanish from regions."""

from __future__ import annotations

import pytest

from adapters.containers import Containers
from adapters.ontologies import Ontologies
from adapters.rois import Rois
from adapters.shapes import Draft, Drawn, Kind
from store.access.capabilities import Can
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.paging import Keyset, OrderKey
from store.tables.containers import Project
from store.tables.ontologies import SYNONYM, Ontology, Term
from store.tables.people import GroupLevel
from store.tables.rois import Roi
from tests.fixtures.hub import ROOT, World, statements

BY_NAME = Keyset((OrderKey("name_key", str), OrderKey("id", int)), 100)
POINT = [Draft(Drawn(Kind.POINT, {"x": 1, "y": 2}))]


async def ontologies(world: World, user_id: int | None) -> Ontologies:
    return Ontologies(await world.catalog(user_id))


@pytest.fixture
async def ada(world: World) -> int:
    return await world.person("ada", await world.group("lab", GroupLevel.read_annotate))


async def test_an_ontology_is_made_with_its_tree(world: World, ada: int) -> None:
    service = await ontologies(world, ada)
    made = await service.create(
        "Cell cycle",
        description="Phases",
        terms=[
            {"name": "Mitosis", "color": -65281},
            {"name": "Metaphase", "parent": "mitosis"},
            {"name": "Anaphase", "parent": "Mitosis", "comment": "Sisters part."},
        ],
    )
    terms = {row.name: row for row in (await service.terms_of([made.id]))[made.id]}
    assert list(terms) == ["Anaphase", "Metaphase", "Mitosis"]
    assert (terms["Mitosis"].color, terms["Anaphase"].comment) == (-65281, "Sisters part.")
    related = (await service.relations_of([terms["Mitosis"].id]))[terms["Mitosis"].id]
    assert {(row.parent_term_id, row.child_term_id) for row in related} == {
        (terms["Mitosis"].id, terms["Metaphase"].id),
        (terms["Mitosis"].id, terms["Anaphase"].id),
    }
    await world.undo_last(ada)
    with pytest.raises(NotFound):
        await service.get(made.id)
    with pytest.raises(Invalid, match="must come before"):
        await service.create("Order", terms=[{"name": "A", "parent": "B"}, {"name": "B"}])
    assert await service.count() == 0


async def test_names_are_unique_whatever_their_case(world: World, ada: int) -> None:
    service = await ontologies(world, ada)
    made, other = await service.create("Cells"), await service.create("Tissues")
    term = await service.create_term(made.id, "Metaphase")
    with pytest.raises(Conflict) as taken:
        await service.create("CELLS")
    assert taken.value.fields["id"] == made.id
    with pytest.raises(Conflict):
        await service.update(other.id, name="cells")
    with pytest.raises(Conflict) as held:
        await service.create_term(made.id, "metaphase")
    assert held.value.fields["id"] == term.id
    await service.create_term(other.id, "metaphase")
    assert (await service.update(made.id, name="cells")).name == "cells"  # Its own name.
    elsewhere = await world.person("bob", await world.group("other", GroupLevel.private))
    assert (await (await ontologies(world, elsewhere)).create("Cells")).name == "Cells"


async def test_trash_frees_a_name_and_coming_back_onto_it_is_refused(
    world: World, ada: int
) -> None:
    catalog = await world.catalog(ada)
    service, containers = Ontologies(catalog), Containers(catalog)
    made = await service.create("Cells")
    await containers.delete(Ontology, [made.id])
    await service.create("Cells")
    with pytest.raises(Conflict):
        await containers.restore(Ontology, [made.id])


async def test_a_term_cannot_be_above_itself(world: World, ada: int) -> None:
    service = await ontologies(world, ada)
    made, other = await service.create("Cells"), await service.create("Others")
    a = await service.create_term(made.id, "A")
    b = await service.create_term(made.id, "B", parent_id=a.id)
    c = await service.create_term(made.id, "C", parent_id=b.id)
    with pytest.raises(Conflict, match="is above"):
        await service.relate(c.id, a.id)
    with pytest.raises(Invalid):
        await service.relate(a.id, a.id)
    foreign = await service.create_term(other.id, "D")
    with pytest.raises(Invalid, match="different ontologies"):
        await service.relate(a.id, foreign.id)
    assert (await service.relate(c.id, a.id, SYNONYM)).relation == SYNONYM
    first = await service.relate(a.id, c.id)
    assert (await service.relate(a.id, c.id)).id == first.id
    assert await service.unrelate(a.id, c.id) == 1
    assert await service.unrelate(a.id, c.id) == 0


async def test_a_term_on_a_live_region_stays(world: World, ada: int) -> None:
    catalog = await world.catalog(ada)
    service, containers, rois = Ontologies(catalog), Containers(catalog), Rois(catalog)
    made = await service.create("Cells")
    parent = await service.create_term(made.id, "Mitosis")
    term = await service.create_term(made.id, "Metaphase", parent_id=parent.id)
    image = await world.image(ada)
    roi = await rois.create(image.id, POINT, terms=[term.id])
    with pytest.raises(Conflict, match="labels regions"):
        await containers.delete(Term, [term.id])
    with pytest.raises(Conflict, match="labels regions"):
        await containers.delete(Ontology, [made.id])
    await containers.delete(Roi, [roi.id])
    await containers.delete(Term, [term.id])
    assert (await service.relations_of([parent.id]))[parent.id] == []
    assert await containers.restore(Term, [term.id]) == 1
    assert len((await service.relations_of([parent.id]))[parent.id]) == 1
    await containers.delete(Term, [term.id])
    await world.undo_last(ada)
    assert len((await service.relations_of([parent.id]))[parent.id]) == 1


async def test_an_ontology_in_use_stays_and_its_terms_go_and_come_with_it(
    world: World, ada: int
) -> None:
    catalog = await world.catalog(ada)
    service, containers = Ontologies(catalog), Containers(catalog)
    made = await service.create("Cells", terms=[{"name": "A"}, {"name": "B", "parent": "A"}])
    project = await world.project(ada)
    await service.use(project.id, made.id)
    with pytest.raises(Conflict, match="used by 1 project"):
        await containers.delete(Ontology, [made.id])
    await service.use(project.id, None)
    await containers.delete(Ontology, [made.id])
    assert (await catalog.all(Term), await service.count()) == ([], 0)
    await containers.restore(Ontology, [made.id])
    terms = (await service.terms_of([made.id]))[made.id]
    assert [row.name for row in terms] == ["A", "B"]
    assert len((await service.relations_of([terms[0].id]))[terms[0].id]) == 1


async def test_owner_oversight_and_managers_of_its_projects_write_it(
    world: World, ada: int
) -> None:
    peer = await world.person("peer", (await world.actor(ada)).default_group or 0)
    manager, member = await world.person("manager"), await world.person("member")
    stranger = await world.person("stranger")
    service = await ontologies(world, ada)
    made = await service.create("Cells")
    project = await world.project(ada)
    await service.use(project.id, made.id)
    await world.grant("manage", "project", project.id, manager)
    await world.grant("annotate", "project", project.id, member)
    for name, user_id, may in (
        ("ada", ada, True), ("root", ROOT, True), ("manager", manager, True),
        ("member", member, False), ("peer", peer, False),
    ):  # fmt: skip
        his = await ontologies(world, user_id)
        (can,) = await his.capabilities([await his.get(made.id)])
        assert bool(can & Can.EDIT) == may, name
        if may:
            term = await his.create_term(made.id, name)
            await his.update_term(term.id, name=f"{name}'s", color=-1)
            await Containers(await world.catalog(user_id)).delete(Term, [term.id])
        else:
            with pytest.raises(Forbidden):
                await his.create_term(made.id, name)
            with pytest.raises(Forbidden):
                await his.update(made.id, name=name)
    with pytest.raises(NotFound):
        await (await ontologies(world, stranger)).get(made.id)
    with pytest.raises(Forbidden):
        await Containers(await world.catalog(manager)).delete(Ontology, [made.id])


async def test_a_project_takes_an_ontology_its_editor_can_see(world: World, ada: int) -> None:
    stranger = await world.person("stranger")
    hidden = await (await ontologies(world, stranger)).create("Hidden")
    project = await world.project(ada)
    with pytest.raises(NotFound):
        await (await ontologies(world, ada)).use(project.id, hidden.id)
    with pytest.raises(NotFound):
        await (await ontologies(world, stranger)).use(project.id, hidden.id)
    assert (await Containers(await world.catalog(ada)).get(Project, project.id)).ontology_id is None


async def test_colours_are_signed_32_bit(world: World, ada: int) -> None:
    service = await ontologies(world, ada)
    made = await service.create("Cells")
    for color in (-(2**31), 2**31 - 1):
        assert (await service.create_term(made.id, f"t{color}", color=color)).color == color
    with pytest.raises(Invalid, match="32-bit"):
        await service.create_term(made.id, "too far", color=2**31)


async def test_trees_of_many_ontologies_cost_constant_statements(world: World, ada: int) -> None:
    service = await ontologies(world, ada)

    async def read() -> int:
        with statements(world.database) as sent:
            page = await service.page(BY_NAME)
            await service.capabilities(page.rows)
            terms = await service.terms_of([row.id for row in page.rows])
            await service.relations_of([row.id for rows in terms.values() for row in rows])
        return len(sent)

    await service.create("First", terms=[{"name": "A"}])
    few = await read()
    for n in range(10):
        await service.create(f"More {n}", terms=[{"name": "A"}, {"name": "B", "parent": "A"}])
    assert await read() == few
