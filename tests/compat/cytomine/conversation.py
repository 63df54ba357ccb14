"""One working day with the published Cytomine client; run by the interpreter that has it.

``python conversation.py STEP HOST PUBLIC PRIVATE`` holds one step and prints what it saw as JSON.
The same script runs with versions 2.4.1, 3.1.0 and 4.3.0; it uses what all of them have.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path

from cytomine import Cytomine
from cytomine.models import (
    Annotation,
    AnnotationCollection,
    AnnotationTerm,
    AttachedFile,
    CurrentUser,
    Description,
    ImageInstanceCollection,
    Ontology,
    OntologyCollection,
    Project,
    ProjectCollection,
    Property,
    RelationTerm,
    StorageCollection,
    Tag,
    TagDomainAssociation,
    Term,
    TermCollection,
    User,
)

SQUARE = "POLYGON ((0 0, 0 20, 20 20, 20 0, 0 0))"


def account(client: Cytomine) -> dict:
    me = CurrentUser().fetch()
    again = CurrentUser().fetch()
    assert me.to_json() == again.to_json()
    assert client.current_user.username == me.username
    assert User().fetch(me.id).username == me.username
    return {"id": me.id, "username": me.username}


def ontologies(client: Cytomine) -> dict:
    ontology = Ontology("conversation ontology").save()
    assert ontology.id
    term = Term("tumour", ontology.id, "#ff0000").save()
    child = Term("mitosis", ontology.id, "#00ff00").save()
    relation = RelationTerm(id_term1=term.id, id_term2=child.id).save()
    assert relation
    listed = TermCollection().fetch_with_filter("ontology", ontology.id)
    assert {one.name for one in listed} == {"tumour", "mitosis"}
    child.name = "metaphase"
    assert child.update().name == "metaphase"
    assert ontology.id in [one.id for one in OntologyCollection().fetch()]
    tree = Ontology().fetch(ontology.id)
    assert tree.name == "conversation ontology"
    assert child.delete()
    assert term.delete()
    assert ontology.delete()
    return {"ontology": ontology.id}


def projects(client: Cytomine) -> dict:
    ontology = Ontology("conversation project ontology").save()
    project = Project("conversation project", ontology.id).save()
    assert project.id
    assert Project().fetch(project.id).name == "conversation project"
    project.name = "conversation project 2"
    assert project.update().name == "conversation project 2"
    assert project.id in [one.id for one in ProjectCollection().fetch()]
    assert project.delete()
    assert not Project().fetch(project.id)
    assert ontology.delete()
    return {"project": project.id}


def regions(client: Cytomine) -> dict:
    project, image = _an_image()
    drawn = Annotation(location=SQUARE, id_image=image.id, id_project=project.id).save()
    assert drawn.id
    assert drawn.location == SQUARE
    found = Annotation().fetch(drawn.id)
    assert found.location == SQUARE
    whole = found.area
    assert whole > 0
    drawn.location = "POLYGON ((0 0, 0 10, 10 10, 10 0, 0 0))"
    assert drawn.update().location == "POLYGON ((0 0, 0 10, 10 10, 10 0, 0 0))"
    assert abs(Annotation().fetch(drawn.id).area * 4 - whole) < whole * 1e-6
    many = AnnotationCollection()
    many.project, many.image = project.id, image.id
    many.showWKT = True
    assert drawn.id in [one.id for one in many.fetch()]
    assert not Annotation(location="POLYGON ((0 0, 1 1, 0 1, 1 0, 0 0))", id_image=image.id).save()
    bulk = AnnotationCollection()
    for place in range(3):
        square = f"POINT ({place + 1} {place + 2})"
        bulk.append(Annotation(location=square, id_image=image.id, id_project=project.id))
    assert bulk.save()
    assert drawn.delete()
    assert not Annotation().fetch(drawn.id)
    return {"annotation": drawn.id}


def terms(client: Cytomine) -> dict:
    project, image = _an_image()
    term = TermCollection().fetch_with_filter("project", project.id)[0]
    drawn = Annotation(
        location=SQUARE, id_image=image.id, id_project=project.id, id_terms=[term.id]
    ).save()
    assert Annotation().fetch(drawn.id).term == [term.id]
    link = AnnotationTerm().fetch(drawn.id, term.id)
    assert link.term == term.id
    assert link.delete()
    assert Annotation().fetch(drawn.id).term == []
    assert drawn.delete()
    return {"term": term.id}


def metadata(client: Cytomine) -> dict:
    _project, image = _an_image()
    pair = Property(image, key="stain", value="HE").save()
    assert Property(image).fetch(id=pair.id).value == "HE"
    pair.value = "IHC"
    assert pair.update().value == "IHC"
    assert Description(image, data="<p>what it shows</p>").save()
    assert Description(image).fetch().data == "<p>what it shows</p>"
    tag = Tag(name="conversation tag").save()
    tied = TagDomainAssociation(image, tag.id).save()
    assert tied.id
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notes.txt"
        path.write_bytes(b"twelve bytes")
        file = AttachedFile(image, filename=str(path)).upload()
        assert file.id
        back = Path(folder) / "back.txt"
        assert AttachedFile(image).fetch(file.id).download(str(back))
        assert back.read_bytes() == b"twelve bytes"
    assert pair.delete()
    assert Description(image).fetch().delete()
    assert tag.delete()
    return {"image": image.id}


def storages(client: Cytomine) -> dict:
    mine = StorageCollection().fetch()
    assert len(mine) > 0
    return {"storage": mine[0].id}


def pictures(client: Cytomine) -> dict:
    project, image = _an_image()
    drawn = Annotation(
        location="POLYGON ((5 5, 5 45, 45 45, 45 5, 5 5))", id_image=image.id,
        id_project=project.id,
    ).save()  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        thumb = str(Path(folder) / "thumb.png")
        assert image.dump(thumb, max_size=64)
        assert Path(thumb).stat().st_size > 100
        crop = str(Path(folder) / "{id}.png")
        assert drawn.dump(crop, mask=True)
        assert Path(folder, f"{drawn.id}.png").stat().st_size > 50
    assert drawn.delete()
    return {"image": image.id}


def _an_image() -> tuple:
    project = ProjectCollection().fetch()[0]
    images = ImageInstanceCollection().fetch_with_filter("project", project.id)
    return project, images[0]


STEPS = {
    step.__name__: step
    for step in (
        account,
        ontologies,
        projects,
        regions,
        terms,
        metadata,
        storages,
        pictures,
    )
}


def main() -> None:
    """Hold one step."""
    step, host, public, private = sys.argv[1:]
    client = Cytomine.connect(host, public, private, verbose=logging.ERROR)
    assert client.current_user, "the client could not connect"
    print(json.dumps(STEPS[step](client)))


if __name__ == "__main__":
    main()
