"""Changing regions of interest: drawing, redrawing, moving and labelling."""

import base64
import binascii
import dataclasses
from collections.abc import Sequence
from typing import Any

import strawberry

from adapters.rois import NewRoi
from adapters.shapes import Affine, Draft, Drawn, GeoJson, Kind, Wkt
from resolvers.mutations.base import given, mutation
from resolvers.queries.rois import shown
from schema.context import Info
from schema.rois import (
    CreateRoiInput,
    CreateRoisInput,
    MoveRoiInput,
    NewRoiInput,
    RoiPayload,
    RoisPayload,
    RoiTermsInput,
    RoiTermsPayload,
    UpdateRoiInput,
)
from schema.scalars import decode_id, decode_ids
from schema.shapes import ShapeInput
from store.errors import Invalid

GEOMETRIES = (*(kind.value for kind in Kind), "wkt", "geojson")
_RENAMED = {"radius_x": "rx", "radius_y": "ry"}


def drafts(inputs: Sequence[ShapeInput]) -> list[Draft]:
    """Return what the inputs draw. Raises Invalid naming the shape."""
    found = []
    for place, one in enumerate(inputs):
        try:
            found.append(_draft(one))
        except Invalid as error:
            raise Invalid(f"shapes[{place}].{error.field}", error.reason) from error
    return found


def _draft(input: ShapeInput) -> Draft:
    sent = [name for name in GEOMETRIES if getattr(input, name) is not None]
    if len(sent) != 1:
        raise Invalid("geometry", f"give exactly one geometry; {len(sent)} were sent.")
    style = None if input.style is None else dataclasses.asdict(input.style)
    return Draft(
        _what(input, sent[0]), input.c, input.z, input.t, style, input.text, input.label_value
    )


def _what(input: ShapeInput, name: str) -> Drawn | Wkt | GeoJson:
    geometry: Any = getattr(input, name)
    if name in ("wkt", "geojson"):
        if input.transform is not None:
            raise Invalid("transform", f"cannot be given with {name}.")
        if name == "wkt":
            return Wkt(geometry, input.y_up, input.clip)
        return GeoJson(geometry, input.y_up, input.clip)
    params = {_RENAMED.get(key, key): value for key, value in dataclasses.asdict(geometry).items()}
    if not params.get("holes", True):
        del params["holes"]
    bits = params.pop("bits", None)
    affine = None if input.transform is None else Affine(**dataclasses.asdict(input.transform))
    return Drawn(Kind(name), params, affine, input.text, _bits(bits))


def _bits(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Invalid("bits", "this is not base64.") from error


def _new(input: NewRoiInput) -> NewRoi:
    terms = decode_ids(input.terms, "Term", field="terms")
    return NewRoi(drafts(input.shapes), terms, input.name, input.description)


def _project(id: strawberry.ID | None) -> int | None:
    return None if id is None else decode_id(id, "Project", field="project")


@strawberry.type
class RoiMutations:
    @mutation
    async def create_roi(self, info: Info, input: CreateRoiInput) -> RoiPayload:
        """Draw a region on an image."""
        hub = info.context.hub
        new = _new(input)
        row = await hub.rois.create(
            decode_id(input.image, "Image", field="image"), new.shapes, terms=new.terms,
            project_id=_project(input.project), name=new.name, description=new.description,
        )  # fmt: skip
        return await _payload(info, row)

    @mutation
    async def create_rois(self, info: Info, input: CreateRoisInput) -> RoisPayload:
        """Draw many regions on one image, in one step of history: all of them or none."""
        hub = info.context.hub
        news = []
        for place, one in enumerate(input.rois):
            try:
                news.append(_new(one))
            except Invalid as error:
                raise Invalid(f"rois[{place}].{error.field}", error.reason) from error
        ids = await hub.rois.create_many(
            decode_id(input.image, "Image", field="image"), news, project_id=_project(input.project)
        )
        rows = await hub.rois.many(list(ids))
        return RoisPayload(rois=await shown(info, list(rows.values())))

    @mutation
    async def update_roi(self, info: Info, input: UpdateRoiInput) -> RoiPayload:
        """Change a region; fields left out stay, and shapes sent as they are keep their ids."""
        row = await info.context.hub.rois.update(
            decode_id(input.id, "ROI"),
            expected=input.version,
            shapes=None if input.shapes is None else drafts(input.shapes),
            **given(input, id="", version="", shapes=""),
        )
        return await _payload(info, row)

    @mutation
    async def move_roi(self, info: Info, input: MoveRoiInput) -> RoiPayload:
        """Move all shapes of a region, on their plane or to another."""
        row = await info.context.hub.rois.move(
            decode_id(input.id, "ROI"),
            dx=input.dx,
            dy=input.dy,
            plane=None if input.plane is None else input.plane.axes(),
            expected=input.version,
        )
        return await _payload(info, row)

    @mutation
    async def add_terms(self, info: Info, input: RoiTermsInput) -> RoiTermsPayload:
        """Give terms to regions, in your name."""
        ids, terms = _labelling(input)
        changed = await info.context.hub.rois.add_terms(ids, terms)
        return await _labelled(info, ids, changed)

    @mutation
    async def remove_terms(self, info: Info, input: RoiTermsInput) -> RoiTermsPayload:
        """Take terms off regions, whoever gave them."""
        ids, terms = _labelling(input)
        changed = await info.context.hub.rois.remove_terms(ids, terms)
        return await _labelled(info, ids, changed)


def _labelling(input: RoiTermsInput) -> tuple[list[int], list[int]]:
    return decode_ids(input.rois, "ROI", field="rois"), decode_ids(
        input.terms, "Term", field="terms"
    )


async def _payload(info: Info, row: Any) -> RoiPayload:
    (roi,) = await shown(info, [row])
    return RoiPayload(roi=roi)


async def _labelled(info: Info, ids: list[int], changed: int) -> RoiTermsPayload:
    rows = await info.context.hub.rois.many(ids)
    return RoiTermsPayload(changed=changed, rois=await shown(info, list(rows.values())))
