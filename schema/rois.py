"""Regions of interest, their shapes, and what is done to them."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.filters import MomentFilter, NumberFilter, TextFilter
from schema.nodes import Annotatable, Owned
from schema.paging import OrderDirection
from schema.scalars import BigInt, DateTime, finite
from schema.shapes import PlaneInput, Shape, ShapeInput

if TYPE_CHECKING:
    from schema.annotations import AnnotationWhere
    from schema.containers import Project
    from schema.images import Image
    from schema.ontologies import Term
    from schema.people import User
    from schema.tracks import Track


@strawberry.enum(description="Where a region comes from.")
class RoiKind(Enum):
    USER = strawberry.enum_value("user", description="Drawn by a person.")
    ALGO = strawberry.enum_value("algo", description="Made by a job.")
    REVIEWED = strawberry.enum_value("reviewed", description="A copy that a reviewer accepted.")
    REGION = strawberry.enum_value("region", description="A part of the image to work in.")


@strawberry.enum(description="What regions may be ordered by.")
class RoiOrderField(Enum):
    ID = strawberry.enum_value("ID", description="Their number, which grows with time.")
    CREATED = strawberry.enum_value("CREATED", description="When they were drawn.")


@strawberry.input(description="How to order regions.")
class RoiOrder:
    field: RoiOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


@strawberry.input(description="A box in pixels of full resolution, origin top left, y down.")
class ViewportInput:
    x: float = strawberry.field(description="Left side.")
    y: float = strawberry.field(description="Upper side.")
    width: float = strawberry.field(description="Width, 0 or more.")
    height: float = strawberry.field(description="Height, 0 or more.")


@strawberry.enum(description="Kinds of shapes.")
class ShapeKind(Enum):
    RECTANGLE = strawberry.enum_value("rectangle", description="Rectangles.")
    ELLIPSE = strawberry.enum_value("ellipse", description="Ellipses.")
    POLYGON = strawberry.enum_value("polygon", description="Polygons.")
    POLYLINE = strawberry.enum_value("polyline", description="Open lines of several points.")
    LINE = strawberry.enum_value("line", description="Lines.")
    POINT = strawberry.enum_value("point", description="Points.")
    MASK = strawberry.enum_value("mask", description="Masks.")
    LABEL = strawberry.enum_value("label", description="Words at a point.")


@strawberry.input(description="Tests on one shape; all that is given must hold of the same.")
class ShapeWhere:
    kinds: list[ShapeKind] | None = strawberry.field(
        default=None, description="Of one of these kinds."
    )
    text: TextFilter | None = strawberry.field(default=None, description="Tests on its words.")
    area: NumberFilter | None = strawberry.field(default=None, description="In square pixels.")
    perimeter: NumberFilter | None = strawberry.field(default=None, description="In pixels.")
    label_value: NumberFilter | None = strawberry.field(
        default=None, description="The pixel value of its object in a label image."
    )


@strawberry.input(description="Which regions; all that is given must hold.")
class RoiWhere:
    name: TextFilter | None = strawberry.field(default=None, description="Tests on the name.")
    description: TextFilter | None = strawberry.field(
        default=None, description="Tests on the description."
    )
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they were drawn."
    )
    kinds: list[RoiKind] | None = strawberry.field(
        default=None, description="Of one of these kinds; all but reviewed copies if left out."
    )
    image: strawberry.ID | None = strawberry.field(default=None, description="On this image.")
    author: strawberry.ID | None = strawberry.field(
        default=None, description="Drawn by this person, or by this job's account."
    )
    project: strawberry.ID | None = strawberry.field(
        default=None, description="Bound to this project."
    )
    bound: bool | None = strawberry.field(
        default=None, description="True: bound to a project; false: shown in every project."
    )
    terms: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Carrying one of these terms."
    )
    plane: PlaneInput | None = strawberry.field(
        default=None, description="With a shape on this plane."
    )
    updated_at: MomentFilter | None = strawberry.field(
        default=None, description="When they were last changed."
    )
    shape: ShapeWhere | None = strawberry.field(
        default=None, description="With a shape for which this holds."
    )
    dataset: strawberry.ID | None = strawberry.field(
        default=None, description="On an image of this dataset."
    )
    annotations: Annotated["AnnotationWhere", strawberry.lazy("schema.annotations")] | None = (
        strawberry.field(default=None, description="Carrying an annotation for which this holds.")
    )
    and_: list["RoiWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["RoiWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "RoiWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.type(description="A term on a region, and who gave it.")
class RoiTerm:
    term_key: strawberry.Private[int]
    author_key: strawberry.Private[int]
    rate: float | None = strawberry.field(
        description="How sure a classifier is, from 0 to 1; null for a person."
    )
    expected_key: strawberry.Private[int | None]
    created_at: DateTime = strawberry.field(description="When it was given.")

    @classmethod
    def of(cls, row: Any) -> "RoiTerm":
        """Show a row."""
        return cls(
            term_key=row.term_id,
            author_key=row.author_id,
            rate=row.rate,
            expected_key=row.expected_term_id,
            created_at=DateTime(row.created_at),
        )

    @strawberry.field(description="The term; null if you may not see its ontology.")
    async def term(
        self, info: Info
    ) -> Annotated["Term", strawberry.lazy("schema.ontologies")] | None:
        found: Term | None = await info.context.loaders.term_by_id.load(self.term_key)
        return found

    @strawberry.field(description="The term that a classifier was told to expect; null if none.")
    async def expected_term(
        self, info: Info
    ) -> Annotated["Term", strawberry.lazy("schema.ontologies")] | None:
        if self.expected_key is None:
            return None
        found: Term | None = await info.context.loaders.term_by_id.load(self.expected_key)
        return found

    @strawberry.field(description="Who gave it; null if you may not see them.")
    async def author(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.author_key)
        return person


@strawberry.type(description="Grey values of one channel inside a shape.")
class ShapeStatistics:
    shape_key: strawberry.Private[int]
    channel: int = strawberry.field(description="The channel, from 0.")
    z: int = strawberry.field(description="The focal plane that was measured.")
    t: int = strawberry.field(description="The point in time that was measured.")
    count: BigInt = strawberry.field(description="Pixels inside; those that are NaN are left out.")
    minimum: float | None = strawberry.field(description="Smallest sample; null without pixels.")
    maximum: float | None = strawberry.field(description="Greatest sample.")
    mean: float | None = strawberry.field(description="Mean.")
    std: float | None = strawberry.field(description="Standard deviation, over n.")
    sum: float | None = strawberry.field(description="Sum.")

    @classmethod
    def of(cls, measured: Any) -> "ShapeStatistics":
        """Show what was measured."""
        figures = measured.statistics
        return cls(
            shape_key=measured.shape_id,
            channel=measured.channel,
            z=measured.z,
            t=measured.t,
            count=BigInt(figures.count),
            minimum=finite(figures.minimum),
            maximum=finite(figures.maximum),
            mean=finite(figures.mean),
            std=finite(figures.std),
            sum=finite(figures.sum),
        )

    @strawberry.field(description="The shape.")
    async def shape(self, info: Info) -> Shape | None:
        found: Shape | None = await info.context.loaders.shape_by_id.load(self.shape_key)
        return found


@strawberry.federation.type(
    keys=["id"], description="A region of interest: one or more shapes on planes of an image."
)
class ROI(Owned, Annotatable):
    image_key: strawberry.Private[int]
    project_key: strawberry.Private[int | None]
    author_key: strawberry.Private[int]
    original_key: strawberry.Private[int | None]
    reviewer_key: strawberry.Private[int | None]
    kind: RoiKind = strawberry.field(description="Where it comes from.")
    name: str | None = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What it shows.")

    @classmethod
    def of(cls, seen: Any) -> "ROI":
        """Show a row with its capabilities and the group of its image."""
        row = seen.row
        return cls(
            key=row.id,
            owner_key=row.owner_id,
            group_key=seen.group_id,
            can=seen.can,
            created_at=DateTime(row.created_at),
            updated_at=None if row.updated_at is None else DateTime(row.updated_at),
            version=row.version,
            image_key=row.image_id,
            project_key=row.project_id,
            author_key=row.author_id,
            original_key=row.original_id,
            reviewer_key=row.reviewer_id,
            kind=RoiKind(row.kind),
            name=row.name,
            description=row.description,
        )

    @strawberry.field(description="Its shapes, in the order they were drawn.")
    async def shapes(
        self,
        info: Info,
        plane: Annotated[
            PlaneInput | None,
            strawberry.argument(description="Only those on this plane, or on all planes of it."),
        ] = None,
    ) -> list[Shape]:
        found: list[Shape] = await info.context.loaders.shapes_of_roi.load(self.key)
        return found if plane is None else [shape for shape in found if plane.holds(shape)]

    @strawberry.field(description="The terms it carries, and who gave them.")
    async def terms(self, info: Info) -> list[RoiTerm]:
        found: list[RoiTerm] = await info.context.loaders.terms_of_roi.load(self.key)
        return found

    @strawberry.field(description="The image it is on.")
    async def image(
        self, info: Info
    ) -> Annotated["Image", strawberry.lazy("schema.images")] | None:
        found: Image | None = await info.context.loaders.image_by_id.load(self.image_key)
        return found

    @strawberry.field(
        description="The project it is bound to; null if it is shown in every project, or in one "
        "you may not see."
    )
    async def project(
        self, info: Info
    ) -> Annotated["Project", strawberry.lazy("schema.containers")] | None:
        if self.project_key is None:
            return None
        found: Project | None = await info.context.loaders.project_by_id.load(self.project_key)
        return found

    @strawberry.field(description="Who drew it: a person, or the account of a job.")
    async def author(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.author_key)
        return person

    @strawberry.field(description="The tracks it is in.")
    async def tracks(
        self, info: Info
    ) -> list[Annotated["Track", strawberry.lazy("schema.tracks")]]:
        found: list[Track] = await info.context.loaders.tracks_of_roi.load(self.key)
        return found

    @strawberry.field(description="The copies of it that reviewers accepted, one per project.")
    async def reviewed_copies(self, info: Info) -> list["ROI"]:
        found: list[ROI] = await info.context.loaders.copies_of_roi.load(self.key)
        return found

    @strawberry.field(
        description="Who accepted this reviewed copy; null for what is none, or if you may not see "
        "them."
    )
    async def reviewer(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        if self.reviewer_key is None:
            return None
        person: User | None = await info.context.loaders.user_by_id.load(self.reviewer_key)
        return person

    @strawberry.field(description="The region that this reviewed copy was made from.")
    async def original(self, info: Info) -> "ROI | None":
        if self.original_key is None:
            return None
        found: ROI | None = await info.context.loaders.roi_by_id.load(self.original_key)
        return found


@strawberry.type(description="The largest shapes in a viewport.")
class ShapesInView:
    shapes: list[Shape] = strawberry.field(description="Largest first.")
    truncated: bool = strawberry.field(
        description="Whether smaller ones were left out; come closer to see them."
    )


@strawberry.input(description="A region to draw.")
class NewRoiInput:
    shapes: list[ShapeInput] = strawberry.field(description="Its shapes, at least one.")
    terms: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Terms to give it, of the project's ontology."
    )
    name: str | None = strawberry.field(default=None, description="What to call it.")
    description: str | None = strawberry.field(default=None, description="What it shows.")


@strawberry.input(description="A region to draw on an image.")
class CreateRoiInput(NewRoiInput):
    image: strawberry.ID = strawberry.field(description="The image.")
    project: strawberry.ID | None = strawberry.field(
        default=None,
        description="Bind it to this project, which must hold the image; it is then shown in no "
        "other project.",
    )


@strawberry.input(description="Regions to draw on one image, all or none.")
class CreateRoisInput:
    image: strawberry.ID = strawberry.field(description="The image.")
    rois: list[NewRoiInput] = strawberry.field(description="The regions.")
    project: strawberry.ID | None = strawberry.field(
        default=None, description="Bind them to this project."
    )


@strawberry.input(description="What to change of a region.")
class UpdateRoiInput:
    id: strawberry.ID = strawberry.field(description="The region.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new description; null removes it."
    )
    shapes: list[ShapeInput] | None = strawberry.field(
        default=None,
        description="All its shapes. Those that are as they were keep their ids; the others are "
        "replaced.",
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="Where to move a region; what is left out stays.")
class MoveRoiInput:
    id: strawberry.ID = strawberry.field(description="The region.")
    dx: float = strawberry.field(default=0.0, description="Pixels to the right.")
    dy: float = strawberry.field(default=0.0, description="Pixels down.")
    plane: PlaneInput | None = strawberry.field(default=None, description="The new plane.")
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="Terms to give to regions, or to take off them.")
class RoiTermsInput:
    rois: list[strawberry.ID] = strawberry.field(description="The regions.")
    terms: list[strawberry.ID] = strawberry.field(description="The terms.")


@strawberry.input(description="A term for a region, with a classifier's verdict.")
class RateTermInput:
    roi: strawberry.ID = strawberry.field(description="The region.")
    term: strawberry.ID = strawberry.field(description="The term.")
    rate: float = strawberry.field(description="How sure the classifier is, from 0 to 1.")
    expected: strawberry.ID | None = strawberry.field(
        default=None, description="The term it was told to expect."
    )


@strawberry.type(description="The new or changed region.")
class RoiPayload:
    roi: ROI = strawberry.field(description="As it is now.")


@strawberry.type(description="The new regions.")
class RoisPayload:
    rois: list[ROI] = strawberry.field(description="In the order they were sent.")


@strawberry.type(description="How many terms were given or taken off, and the regions.")
class RoiTermsPayload:
    changed: int = strawberry.field(description="Terms that are new or gone.")
    rois: list[ROI] = strawberry.field(description="The regions as they are now.")
