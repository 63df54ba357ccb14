"""Annotations: nine kinds of metadata that can be attached to objects."""

import base64
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.containers import shared
from schema.context import Info
from schema.filters import MomentFilter, NumberFilter, TextFilter
from schema.nodes import AnnotationKind, Node, Owned
from schema.paging import (
    After,
    Before,
    Connection,
    First,
    Last,
    OrderDirection,
    PageArguments,
)
from schema.scalars import JSON, BigInt, DateTime
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.people import User


@strawberry.enum(description="What annotations may be ordered by.")
class AnnotationOrderField(Enum):
    CREATED = strawberry.enum_value("CREATED", description="When they came into being.")
    ID = strawberry.enum_value("ID", description="Their number, which grows with time.")


@strawberry.input(description="How to order annotations.")
class AnnotationOrder:
    field: AnnotationOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


@strawberry.enum(description="What tags may be ordered by.")
class TagOrderField(Enum):
    TEXT = strawberry.enum_value("TEXT", description="Their word; upper and lower case are alike.")
    CREATED = strawberry.enum_value("CREATED", description="When they came into being.")
    ID = strawberry.enum_value("ID", description="Their number, which grows with time.")


@strawberry.input(description="How to order tags.")
class TagOrder:
    field: TagOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


@strawberry.input(description="A pair of a map; all that is given must hold of the same pair.")
class PairWhere:
    key: str | None = strawberry.field(default=None, description="With exactly this key.")
    value: str | None = strawberry.field(default=None, description="With exactly this value.")


@strawberry.input(description="Which annotations; all that is given must hold.")
class AnnotationWhere:
    kinds: list[AnnotationKind] | None = strawberry.field(
        default=None, description="Of one of these kinds."
    )
    namespace: TextFilter | None = strawberry.field(
        default=None, description="Tests on the namespace."
    )
    name: TextFilter | None = strawberry.field(default=None, description="Tests on the name.")
    text: TextFilter | None = strawberry.field(
        default=None, description="Tests on the text of tags, comments and XML."
    )
    number: NumberFilter | None = strawberry.field(
        default=None, description="Tests on the value of double annotations."
    )
    whole: NumberFilter | None = strawberry.field(
        default=None, description="Tests on the value of long annotations, such as ratings."
    )
    flag: bool | None = strawberry.field(
        default=None, description="The value of boolean annotations."
    )
    moment: MomentFilter | None = strawberry.field(
        default=None, description="Tests on the value of timestamp annotations."
    )
    description: TextFilter | None = strawberry.field(
        default=None, description="Tests on the description."
    )
    pair: PairWhere | None = strawberry.field(
        default=None, description="Maps that have such a pair."
    )
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they came into being."
    )
    owner: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="Of this group.")
    and_: list["AnnotationWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["AnnotationWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "AnnotationWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.enum(description="What annotations can be attached to.")
class AnnotatableType(Enum):
    PROJECT = strawberry.enum_value("project", description="Projects.")
    DATASET = strawberry.enum_value("dataset", description="Datasets.")
    IMAGE = strawberry.enum_value("image", description="Images.")
    SCREEN = strawberry.enum_value("screen", description="Screens.")
    PLATE = strawberry.enum_value("plate", description="Plates.")
    ACQUISITION = strawberry.enum_value("acquisition", description="Runs of the instrument.")
    WELL = strawberry.enum_value("well", description="Wells.")
    ROI = strawberry.enum_value("roi", description="Regions of interest.")
    JOB = strawberry.enum_value("job", description="Jobs.")


@strawberry.type(description="An annotation on an object, and who attached it.")
class AnnotationLink:
    key: strawberry.Private[int]
    owner_key: strawberry.Private[int]
    annotation_key: strawberry.Private[int]
    target: strawberry.Private[tuple[str, int]]
    shown: strawberry.Private[Any] = None
    created_at: DateTime = strawberry.field(description="When it was attached.")

    @strawberry.field(description="The number that OMERO and Cytomine clients know the link by.")
    def legacy_id(self) -> BigInt:
        return BigInt(self.key)

    @strawberry.field(description="Who attached it; null if you may not see them.")
    async def owner(self, info: Info) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.owner_key)
        return person

    @strawberry.field(description="The annotation.")
    async def annotation(self, info: Info) -> "Annotation | None":
        if self.shown is not None:
            known: Annotation = self.shown
            return known
        found: Annotation | None = await info.context.loaders.annotation_by_id.load(
            self.annotation_key
        )
        return found

    @strawberry.field(description="The object it is on.")
    async def object(self, info: Info) -> Node | None:
        noun, id = self.target
        found: Node | None = await getattr(info.context.loaders, f"{noun}_by_id").load(id)
        return found


@strawberry.type(description="What is attached to one object.")
class ObjectAnnotations:
    id: strawberry.ID = strawberry.field(description="The object.")
    links: list[AnnotationLink] = strawberry.field(description="Oldest first.")


@strawberry.type(description="How often a namespace is used.")
class NamespaceUse:
    namespace: str | None = strawberry.field(
        description="The namespace; null for annotations without one."
    )
    kind: AnnotationKind = strawberry.field(description="The kind of annotations counted.")
    count: BigInt = strawberry.field(description="How many there are.")


@strawberry.interface(description="A piece of metadata that can be on any number of objects.")
class Annotation(Owned):
    kind: AnnotationKind = strawberry.field(description="What it carries.")
    namespace: str | None = strawberry.field(
        description="Who defines its meaning, usually as an address."
    )
    name: str | None = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What it is about.")
    row: strawberry.Private[Any]

    @strawberry.field(description="Where it is attached, by whom: objects that you see.")
    async def links(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        types: Annotated[
            list[AnnotatableType] | None,
            strawberry.argument(description="Only to objects of these kinds."),
        ] = None,
    ) -> Connection["AnnotationLink"]:
        page = PageArguments(first, after, last, before)
        nouns = None if types is None else tuple(sorted(str(one.value) for one in types))
        found: Connection[AnnotationLink] = await info.context.connect(
            "links_of_annotation", self.key, page, None, nouns
        )
        return found

    @classmethod
    def noun(cls) -> str:
        """Return the noun that all kinds of annotations are to others."""
        return "Annotation"

    @staticmethod
    def of(row: Any, can: Can) -> "Annotation":
        """Show a row as the type of its kind."""
        kind = AnnotationKind(row.kind)
        shown: Annotation = _TYPES[kind](
            **shared(row, can),
            kind=kind,
            namespace=row.ns,
            name=row.name,
            description=row.description,
            row=row,
        )
        return shown


@strawberry.type(description="A word, meant to be on many objects.")
class Tag(Annotation):
    @strawberry.field(description="The word.")
    def text(self) -> str:
        return str(self.row.text)


@strawberry.type(description="A text about an object.")
class CommentAnnotation(Annotation):
    @strawberry.field(description="The text.")
    def text(self) -> str:
        return str(self.row.text)


@strawberry.type(description="A piece of XML.")
class XmlAnnotation(Annotation):
    @strawberry.field(description="The XML, well-formed.")
    def xml(self) -> str:
        return str(self.row.text)


@strawberry.type(description="A pair of key and value.")
class KeyValue:
    key: str = strawberry.field(description="What is told.")
    value: str = strawberry.field(description="What it is.")


@strawberry.type(description="Pairs of key and value, in order; keys may repeat.")
class MapAnnotation(Annotation):
    @strawberry.field(description="The pairs.")
    async def pairs(self, info: Info) -> list[KeyValue]:
        found: list[KeyValue] = await info.context.loaders.pairs_of_annotation.load(self.key)
        return found


@strawberry.type(description="A whole number.")
class LongAnnotation(Annotation):
    @strawberry.field(description="The number.")
    def whole(self) -> BigInt:
        return BigInt(self.row.whole)


@strawberry.type(description="A number.")
class DoubleAnnotation(Annotation):
    @strawberry.field(description="The number.")
    def number(self) -> float:
        return float(self.row.number)


@strawberry.type(description="Yes or no.")
class BooleanAnnotation(Annotation):
    @strawberry.field(description="Yes or no.")
    def flag(self) -> bool:
        return bool(self.row.flag)


@strawberry.type(description="A moment.")
class TimestampAnnotation(Annotation):
    @strawberry.field(description="The moment.")
    def moment(self) -> DateTime:
        return DateTime(self.row.at)


FIRST = BigInt(0)


@strawberry.type(description="A part of a file.")
class FileRange:
    data: str = strawberry.field(description="The bytes in base64.")
    start: BigInt = strawberry.field(description="Where the first of them stands in the file.")
    length: int = strawberry.field(description="How many there are.")


@strawberry.federation.type(keys=["id"], description="A file as it was uploaded.")
class StoredFile(Owned):
    row: strawberry.Private[Any]
    name: str = strawberry.field(description="Its name.")
    media_type: str = strawberry.field(description="What it holds, such as text/csv.")
    size: BigInt = strawberry.field(description="Bytes.")
    sha256: str | None = strawberry.field(description="Its checksum.")

    @classmethod
    def of(cls, row: Any, can: Can) -> "StoredFile":
        """Show a row."""
        return cls(
            **shared(row, can),
            row=row,
            name=row.name,
            media_type=row.media_type,
            size=BigInt(row.size),
            sha256=row.sha256,
        )

    @strawberry.field(description="Address of its bytes; parts of it can be asked for.")
    def download_url(self) -> str:
        return f"/transfers/files/{self.key}"

    @strawberry.field(description="A part of it as an answer, of at most 4 MiB.")
    async def content(
        self,
        info: Info,
        start: Annotated[BigInt, strawberry.argument(description="The first byte.")] = FIRST,
        length: Annotated[
            int | None,
            strawberry.argument(description="At most this many bytes; to the end if left out."),
        ] = None,
    ) -> FileRange:
        found = await info.context.hub.file_access.read(self.row, start, length)
        return FileRange(
            data=base64.b64encode(found).decode(), start=BigInt(start), length=len(found)
        )


@strawberry.type(description="A file attached to an object.")
class FileAnnotation(Annotation):
    @strawberry.field(description="The file; null if it is gone.")
    async def file(self, info: Info) -> StoredFile | None:
        found: StoredFile | None = await info.context.loaders.file_of_annotation.load(self.key)
        return found


_TYPES: dict[AnnotationKind, type[Any]] = {
    AnnotationKind.TAG: Tag,
    AnnotationKind.MAP: MapAnnotation,
    AnnotationKind.COMMENT: CommentAnnotation,
    AnnotationKind.FILE: FileAnnotation,
    AnnotationKind.LONG: LongAnnotation,
    AnnotationKind.DOUBLE: DoubleAnnotation,
    AnnotationKind.BOOLEAN: BooleanAnnotation,
    AnnotationKind.TIMESTAMP: TimestampAnnotation,
    AnnotationKind.XML: XmlAnnotation,
}
ANNOTATION_TYPES: tuple[type, ...] = tuple(_TYPES.values())


@strawberry.input(description="A pair of key and value.")
class KeyValueInput:
    key: str = strawberry.field(description="What is told, at most 500 characters.")
    value: str = strawberry.field(description="What it is.")


@strawberry.input(description="The value of an annotation: exactly one of these.")
class AnnotationValueInput:
    tag: str | None = strawberry.field(default=None, description="The word of a tag.")
    map: list[KeyValueInput] | None = strawberry.field(
        default=None, description="All pairs of a map, in order."
    )
    comment: str | None = strawberry.field(default=None, description="The text of a comment.")
    file: BigInt | None = strawberry.field(
        default=None, description="The number of a file that was uploaded."
    )
    long: BigInt | None = strawberry.field(default=None, description="A whole number.")
    double: float | None = strawberry.field(default=None, description="A number.")
    boolean: bool | None = strawberry.field(default=None, description="Yes or no.")
    timestamp: DateTime | None = strawberry.field(default=None, description="A moment.")
    xml: str | None = strawberry.field(default=None, description="Well-formed XML.")


@strawberry.input(description="A new annotation.")
class CreateAnnotationInput:
    value: AnnotationValueInput = strawberry.field(description="What it carries.")
    namespace: str | None = strawberry.field(
        default=None, description="Who defines its meaning, usually as an address."
    )
    name: str | None = strawberry.field(default=None, description="What to call it.")
    description: str | None = strawberry.field(default=None, description="What it is about.")
    extra: JSON | None = strawberry.field(
        default=None, description="More for clients to read, such as the receivers of a comment."
    )
    group: strawberry.ID | None = strawberry.field(
        default=None,
        description="The group it belongs to; if left out, the object's if you belong to it, else "
        "your default group.",
    )
    targets: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Objects to attach it to."
    )


@strawberry.input(description="What to change of an annotation.")
class UpdateAnnotationInput:
    id: strawberry.ID = strawberry.field(description="The annotation.")
    value: AnnotationValueInput | None = strawberry.field(
        default=None, description="Its new value, of the kind it has."
    )
    namespace: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new namespace; null removes it."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new name; null removes it."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new description; null removes it."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="Annotations, and objects to attach them to or take them off.")
class AttachInput:
    annotations: list[strawberry.ID] = strawberry.field(description="The annotations.")
    targets: list[strawberry.ID] = strawberry.field(
        description="Projects, datasets, images, screens, plates, acquisitions, wells, regions."
    )


@strawberry.type(description="The new or changed annotation.")
class AnnotationPayload:
    annotation: Annotation = strawberry.field(description="As it is now.")


@strawberry.type(description="How many annotations were attached or taken off.")
class AttachPayload:
    changed: int = strawberry.field(description="Links that are new or gone.")
