"""Rendering settings as such clients save, list, copy, paste and reset them.

What is copied lies in the session, so a caller with a token has none. Only requests that carry the
CSRF secret change settings; copying, which viewers do by GET, changes the caller's session alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from adapters.clipboard import Clipboard
from adapters.colors import Color, bare
from adapters.hub import Hub
from adapters.images import View
from adapters.render import compact
from adapters.render.settings import ChannelSettings, Model, RenderSettings
from adapters.renderings import Applied, Reset, Saved, Targets
from store.engine import MOST_ID
from store.errors import Forbidden, Invalid, NotFound
from store.tables.containers import Dataset
from store.tables.images import Image
from store.tables.screens import Acquisition, Plate, Well
from web.rest.omero.gateway.image_data import sample_range
from web.rest.omero.gateway.viewing import at_plane, drawn_as, table_name, view_of, viewed
from web.rest.omero.parameters import BadNumber, read
from web.rest.omero.resource import GATEWAY, Answer, form_of, resource

_NOUNS: dict[str, Any] = {
    "image": Image,
    "dataset": Dataset,
    "plate": Plate,
    "acquisition": Acquisition,
    "plateacquisition": Acquisition,
    "well": Well,
}
_NO_TARGETS = "Need to specify objects in request, E.g. ?totype=dataset&toids=1&toids=2"


async def listed(request: Request, hub: Hub) -> Answer:
    """Return everybody's settings of an image; those of the file count as its owner's."""
    id = request.path_params["image"]
    try:
        view = await view_of(hub, id)
    except NotFound:
        return {"error": f"No image with id {id}"}
    saved = (await hub.renderings.of_images([id]))[id]
    owner = view.image.owner_id
    kept = [one for one in saved if one.user_id is not None]
    if all(one.user_id != owner for one in kept):
        kept = [one for one in saved if one.user_id is None] + kept
    ids = [owner if one.user_id is None else one.user_id for one in kept]
    people = await hub.people.by_ids(ids)
    return {"rdefs": [_rdef(one, who) for one, who in zip(kept, people, strict=True)]}


async def save(request: Request, hub: Hub) -> Answer:
    """Keep settings as the caller's own; ``false`` if that may not or cannot be."""
    asked = await _asked(request)
    try:
        view = await viewed(request, hub)
        settings = drawn_as(asked, view)
        # Planes count from 1 here, and from 0 in paths.
        z, t = (read(asked[axis]) - 1 if asked.get(axis) else None for axis in "zt")
        await hub.renderings.save(view.image.id, at_plane(settings, view, z, t))
    except (NotFound, Forbidden, Invalid, BadNumber):
        return False
    return True


async def copied(request: Request, hub: Hub) -> Answer:
    """Return the settings copied in this session, in the form of a query string's parts."""
    kept = await _clipboard(request, hub).copied()
    if kept is None:
        return {"rdef": None}
    texts = compact.write(kept.settings)
    rdef: dict[str, Any] = {**texts, "maps": orjson.loads(texts["maps"]), "imageId": kept.image_id}
    views = await hub.pixels.views([kept.image_id])
    if kept.image_id in views:
        low, high = sample_range(views[kept.image_id].pixels.dtype)
        rdef["pixel_range"] = f"{low}:{high}"
    return {"rdef": rdef}


async def copy(request: Request, hub: Hub) -> Answer:
    """Copy how an image is shown, or what the address says of it."""
    source = await _source(request.query_params, hub)
    if source is None:
        return PlainTextResponse("Need to specify fromid, or imageId and c", 400)
    view, settings = source
    await _clipboard(request, hub).copy(view.image.id, settings)
    return True


async def paste(request: Request, hub: Hub) -> Answer:
    """Show images like the one named or, without one, like the one copied last."""
    asked = await _asked(request)
    targets = await _targets(request, asked)
    if targets is None:
        return PlainTextResponse(_NO_TARGETS, 404)
    source = await _source(asked, hub)
    if source is not None:
        settings = source[1]
    else:
        kept = await _clipboard(request, hub).copied()
        if kept is None:
            return PlainTextResponse("Nothing was copied in this session", 400)
        settings = kept.settings
    return _outcome(await hub.renderings.paste(settings, targets))


async def reset(request: Request, hub: Hub) -> Answer:
    """Show images as they were imported."""
    return await _reset(request, hub, Reset.IMPORTED)


async def reset_to_owners(request: Request, hub: Hub) -> Answer:
    """Show images as their owners do."""
    return await _reset(request, hub, Reset.OWNER)


async def _reset(request: Request, hub: Hub, how: Reset) -> Answer:
    targets = await _targets(request, await _asked(request))
    if targets is None:
        return PlainTextResponse(_NO_TARGETS, 404)
    return _outcome(await hub.renderings.reset(how, targets))


async def _source(asked: Mapping[str, str], hub: Hub) -> tuple[View, RenderSettings] | None:
    """Return the image to be like and how it is to be shown. Raises NotFound, Invalid."""
    named = asked.get("fromid") or (asked.get("imageId") if asked.get("c") else None)
    if not named:
        return None
    view = await view_of(hub, read(named))
    settings = drawn_as(asked, view)
    z, t = (read(asked[axis]) - 1 if asked.get(axis) else None for axis in "zt")
    return view, at_plane(settings, view, z, t)


async def _targets(request: Request, asked: Mapping[str, str]) -> Targets | None:
    """Return the objects named by ``toids`` and ``to_type``; None if there are none."""
    word = (asked.get("to_type") or asked.get("totype") or "image").lower()
    if word not in _NOUNS:
        raise Invalid("to_type", f"{word[:40]!r} is not one of {', '.join(_NOUNS)}.")
    form = await form_of(request)
    texts = [*request.query_params.getlist("toids"), *form.getlist("toids")]
    ids = [read(part) for text in texts if isinstance(text, str) for part in text.split(",")]
    found = [(_NOUNS[word], id) for id in dict.fromkeys(ids) if 0 < id < MOST_ID]
    return found or None


async def _asked(request: Request) -> dict[str, str]:
    """Return the parameters of the address and of the form, of which the form's come first."""
    form = await form_of(request)
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    return {**request.query_params, **typed}


def _clipboard(request: Request, hub: Hub) -> Clipboard:
    session = request.state.caller.session
    return hub.clipboard(None if session is None else session.id)


def _outcome(applied: Applied) -> dict[str, list[int]]:
    return {"true": list(applied.done), "false": list(applied.refused)}


def _rdef(saved: Saved, person: Any) -> dict[str, Any]:
    settings = saved.settings
    return {
        "id": saved.id,
        "owner": {
            "id": None if person is None else person.id,
            "firstName": "" if person is None else person.first_name,
            "lastName": "" if person is None else person.last_name,
        },
        "z": settings.z,
        "t": settings.t,
        "model": "greyscale" if settings.model is Model.GREYSCALE else "rgb",
        "c": [_channel(channel) for channel in settings.channels],
    }


def _channel(channel: ChannelSettings) -> dict[str, Any]:
    red, green, blue = channel.color
    told = {
        "active": channel.active,
        "start": channel.start,
        "end": channel.end,
        "color": bare(Color(*channel.color)),
        "inverted": channel.inverted,
        "reverseIntensity": channel.inverted,
        "family": channel.family.value,
        "coefficient": channel.coefficient,
        "rgb": {"red": red, "green": green, "blue": blue},
    }
    return told if channel.lut is None else {**told, "lut": table_name(channel.lut)}


ROUTES = [
    *resource("/webgateway/get_image_rdefs_json/{image:number}", get=listed, manner=GATEWAY),
    *resource("/webgateway/saveImgRDef/{image:number}", post=save, manner=GATEWAY),
    *resource("/webgateway/getImgRDef", get=copied, manner=GATEWAY),
    *resource("/webgateway/copyImgRDef", get=copy, post=paste, manner=GATEWAY),
    *resource("/webgateway/resetRDef", post=reset, manner=GATEWAY),
    *resource("/webgateway/resetOwnersRDef", post=reset_to_owners, manner=GATEWAY),
]
