"""A graph of objects to save at once: inputs that nest as the objects do, and what became of each.

In every input, a field that is left out keeps what is stored. An input with nothing but `id` or
`ref` is a placeholder: it names an object and changes nothing of it.
"""

from enum import Enum
from typing import TYPE_CHECKING, Any

import strawberry

from schema.annotations import AnnotationValueInput, KeyValueInput
from schema.containers import ProjectMode
from schema.context import Info
from schema.nodes import Node
from schema.scalars import JSON, DateTime
from schema.shapes import ShapeInput

if TYPE_CHECKING:
    from collections.abc import Mapping

UNSET: Any = strawberry.UNSET
FILTERED = "True: what is not named stays as it is. False: the collection becomes exactly this."


def optional(description: str) -> Any:
    """Declare a field that may be left out."""
    return strawberry.field(default=UNSET, description=description)


def filtered() -> Any:
    """Declare whether a collection only gains."""
    return strawberry.field(default=False, description=FILTERED)


@strawberry.input(
    one_of=True, description="An object that is stored, or one that this graph makes."
)
class GraphReferenceInput:
    id: strawberry.ID | None = optional("The id of an object that is stored.")
    ref: str | None = optional("The `ref` of an object of this graph.")


@strawberry.input(description="What every object of a graph may say of itself.")
class GraphThing:
    id: strawberry.ID | None = optional("Its id, if it is stored; left out, it is made.")
    ref: str | None = optional(
        "A name for it within this graph; others name it by an object with this `ref` alone."
    )
    version: int | None = optional("The version you saw; refused if it was changed since.")


@strawberry.input(description="What every container of a graph may say of itself.")
class GraphContainer(GraphThing):
    group: strawberry.ID | None = optional(
        "The group of a new one; if left out, that of what it is put into, else your default group."
    )
    name: str | None = optional("What to call it; a new one needs it.")
    description: str | None = optional("What it is about; null removes it.")
    annotations: "GraphAnnotationsInput | None" = optional("What is attached to it.")


@strawberry.input(description="A project.")
class GraphProjectInput(GraphContainer):
    mode: ProjectMode | None = optional("How far members may change its contents.")
    closed: bool | None = optional("Whether it is closed.")
    ontology: GraphReferenceInput | None = optional("Its ontology; null removes it.")
    datasets: "GraphDatasetsInput | None" = optional("The datasets in it.")


@strawberry.input(description="A dataset.")
class GraphDatasetInput(GraphContainer):
    projects: "GraphProjectsInput | None" = optional("The projects it is in.")
    images: "GraphImagesInput | None" = optional("The images in it.")


@strawberry.input(description="A screen.")
class GraphScreenInput(GraphContainer):
    type: str | None = optional("Its kind.")
    protocol_id: str | None = optional("The protocol's identifier.")
    protocol_description: str | None = optional("What the protocol is.")
    reagent_id: str | None = optional("The reagent set's identifier.")
    reagent_description: str | None = optional("What the reagents are.")
    plates: "GraphPlatesInput | None" = optional("The plates in it.")


@strawberry.input(description="A plate.")
class GraphPlateInput(GraphContainer):
    rows: int | None = optional("How many rows of wells it has.")
    columns: int | None = optional("How many columns of wells it has.")
    status: str | None = optional("Where its work stands.")
    external_id: str | None = optional("Its identifier elsewhere, such as a barcode.")
    screens: "GraphScreensInput | None" = optional("The screens it is in.")


@strawberry.input(description="An image that is stored; images come by import.")
class GraphImageInput(GraphThing):
    name: str | None = optional("What to call it.")
    description: str | None = optional("What it shows; null removes it.")
    acquired_at: DateTime | None = optional("When it was taken.")
    datasets: "GraphDatasetsInput | None" = optional("The datasets it is in.")
    rois: "GraphRoisInput | None" = optional(
        "The regions on it. Not filtered, all others that you see go to the trash, reviewed copies "
        "apart."
    )
    annotations: "GraphAnnotationsInput | None" = optional("What is attached to it.")


@strawberry.input(description="A region of interest.")
class GraphRoiInput(GraphThing):
    name: str | None = optional("What to call it; null removes it.")
    description: str | None = optional("What it shows; null removes it.")
    image: GraphReferenceInput | None = optional(
        "The image it is on; a new one needs it unless it stands in the `rois` of its image."
    )
    project: GraphReferenceInput | None = optional(
        "The project a new one is bound to, which must hold the image already."
    )
    shapes: "GraphShapesInput | None" = optional("Its shapes; a new one needs one.")
    terms: "GraphTermsInput | None" = optional("Its terms.")
    annotations: "GraphAnnotationsInput | None" = optional("What is attached to it.")


@strawberry.input(
    description="A shape: with an id and a geometry it is redrawn and keeps its id, with an id "
    "alone it stays as it is, without an id it is new."
)
class GraphShapeInput(ShapeInput):
    id: strawberry.ID | None = optional("Its id, if it is stored.")


@strawberry.input(description="An annotation.")
class GraphAnnotationInput(GraphThing):
    group: strawberry.ID | None = optional(
        "The group of a new one; if left out, that of its object if you belong to it."
    )
    value: AnnotationValueInput | None = optional(
        "What it carries, of the kind it has; a new one needs it."
    )
    pairs: "GraphPairsInput | None" = optional("The pairs of a map, in place of `value`.")
    namespace: str | None = optional("Who defines its meaning; null removes it.")
    name: str | None = optional("What to call it; null removes it.")
    description: str | None = optional("What it is about; null removes it.")
    extra: JSON | None = optional("More for clients to read, such as the receivers of a comment.")
    targets: "GraphTargetsInput | None" = optional("The objects it is attached to.")


@strawberry.input(description="A link by itself; nothing happens if it is there already.")
class GraphLinkInput:
    parent: GraphReferenceInput = strawberry.field(
        description="A project, dataset or screen, or the object of an annotation."
    )
    child: GraphReferenceInput = strawberry.field(
        description="A dataset, image or plate, or an annotation."
    )


@strawberry.input(description="Projects that a dataset is in.")
class GraphProjectsInput:
    items: list[GraphProjectInput] = strawberry.field(description="The projects.")
    filtered: bool = filtered()


@strawberry.input(description="Datasets of a project, or that an image is in.")
class GraphDatasetsInput:
    items: list[GraphDatasetInput] = strawberry.field(description="The datasets.")
    filtered: bool = filtered()


@strawberry.input(description="Images of a dataset.")
class GraphImagesInput:
    items: list[GraphImageInput] = strawberry.field(description="The images.")
    filtered: bool = filtered()


@strawberry.input(description="Screens that a plate is in.")
class GraphScreensInput:
    items: list[GraphScreenInput] = strawberry.field(description="The screens.")
    filtered: bool = filtered()


@strawberry.input(description="Plates of a screen.")
class GraphPlatesInput:
    items: list[GraphPlateInput] = strawberry.field(description="The plates.")
    filtered: bool = filtered()


@strawberry.input(description="Regions of an image.")
class GraphRoisInput:
    items: list[GraphRoiInput] = strawberry.field(description="The regions.")
    filtered: bool = filtered()


@strawberry.input(description="Shapes of a region.")
class GraphShapesInput:
    items: list[GraphShapeInput] = strawberry.field(description="The shapes.")
    filtered: bool = filtered()


@strawberry.input(description="Terms of a region.")
class GraphTermsInput:
    items: list[strawberry.ID] = strawberry.field(description="The terms.")
    filtered: bool = filtered()


@strawberry.input(description="Annotations of an object.")
class GraphAnnotationsInput:
    items: list[GraphAnnotationInput] = strawberry.field(description="The annotations.")
    filtered: bool = filtered()


@strawberry.input(description="Objects of an annotation.")
class GraphTargetsInput:
    items: list[GraphReferenceInput] = strawberry.field(description="The objects.")
    filtered: bool = filtered()


@strawberry.input(description="Pairs of a map.")
class GraphPairsInput:
    items: list[KeyValueInput] = strawberry.field(description="The pairs, in order.")
    filtered: bool = filtered()


@strawberry.input(one_of=True, description="One object of a graph, with what it holds.")
class GraphObjectInput:
    project: GraphProjectInput | None = optional("A project.")
    dataset: GraphDatasetInput | None = optional("A dataset.")
    screen: GraphScreenInput | None = optional("A screen.")
    plate: GraphPlateInput | None = optional("A plate.")
    image: GraphImageInput | None = optional("An image.")
    roi: GraphRoiInput | None = optional("A region.")
    annotation: GraphAnnotationInput | None = optional("An annotation.")
    link: GraphLinkInput | None = optional("A link between two objects.")


@strawberry.input(description="New and changed objects, to be saved together.")
class SaveGraphInput:
    objects: list[GraphObjectInput] = strawberry.field(
        description="The objects; those inside others need not be named again."
    )
    dry_run: bool = strawberry.field(
        default=False, description="Only say what would happen; change nothing."
    )


@strawberry.input(description="Objects of any kinds for the trash.")
class DeleteGraphInput:
    ids: list[strawberry.ID] = strawberry.field(description="The objects.")
    dry_run: bool = strawberry.field(
        default=False, description="Only count what would go; change nothing."
    )


@strawberry.enum(description="What became of an object of a graph.")
class SaveOutcome(Enum):
    CREATED = strawberry.enum_value("created", description="It is new.")
    CHANGED = strawberry.enum_value("changed", description="It, or what it holds, was changed.")
    UNCHANGED = strawberry.enum_value("unchanged", description="It was so already.")


@strawberry.type(description="What became of an object of a graph.")
class SavedObject:
    path: str = strawberry.field(description="Where it stands in the request.")
    ref: str | None = strawberry.field(description="Its `ref` in the request.")
    outcome: SaveOutcome = strawberry.field(description="What was done.")
    id: strawberry.ID | None = strawberry.field(
        description="Its id; null for what a dry run would make."
    )
    loader: strawberry.Private[str]
    key: strawberry.Private[int]

    @strawberry.field(description="The object as it is now; null for what a dry run would make.")
    async def object(self, info: Info) -> Node | None:
        if self.id is None:
            return None
        found: Node | None = await getattr(info.context.loaders, self.loader).load(self.key)
        return found


@strawberry.type(description="What became of a graph.")
class SaveGraphPayload:
    saved: list[SavedObject] = strawberry.field(
        description="Every object that is not a placeholder, in the order of the request."
    )
    dry_run: bool = strawberry.field(description="Whether nothing was changed.")
    command_id: strawberry.ID | None = strawberry.field(
        description="The command to send to `undo`; null if nothing was changed."
    )


LOADERS: "Mapping[str, str]" = {
    "Project": "project_by_id",
    "Dataset": "dataset_by_id",
    "Screen": "screen_by_id",
    "Plate": "plate_by_id",
    "Image": "image_by_id",
    "ROI": "roi_by_id",
    "Annotation": "annotation_by_id",
}
