"""``m/experimenters/`` and ``m/experimentergroups/``: people and groups, and who belongs where.

Both are known to everybody who is signed in. Membership of the groups ``system`` and ``user`` is
kept in the tables like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.tables.people import Group, User
from web.rest.omero.links import Links
from web.rest.omero.lists import How, Item, Kind, list_routes, nested_routes, single_routes
from web.rest.omero.marshal.details import experimenter, experimenter_group


async def written_people(
    request: Request, hub: Hub, rows: Sequence[Any], how: How
) -> tuple[list[Item], None]:
    """Write accounts of people; e-mail of others was taken out by the service."""
    links, made = Links(request), []
    for row in rows:
        item = experimenter(row)
        if not how.single:
            item["url:experimenter"] = links.to("experimenters", row.id)
        item["url:experimentergroups"] = links.to("experimenters", row.id, "experimentergroups")
        made.append(item)
    return made, None


async def written_groups(
    request: Request, hub: Hub, rows: Sequence[Any], how: How
) -> tuple[list[Item], None]:
    """Write groups, whose permissions are their policy."""
    links, made = Links(request), []
    allowed = await hub.catalog.capabilities(Group, rows)
    for row, can in zip(rows, allowed, strict=True):
        item = experimenter_group(row, can)
        if not how.single:
            item["url:experimentergroup"] = links.to("experimentergroups", row.id)
        item["url:experimenters"] = links.to("experimentergroups", row.id, "experimenters")
        made.append(item)
    return made, None


EXPERIMENTERS = Kind(
    User,
    "Experimenter",
    "experimenters",
    written_people,
    {"experimentergroup": Group},
    owned=False,
)
GROUPS = Kind(
    Group,
    "ExperimenterGroup",
    "experimentergroups",
    written_groups,
    {"experimenter": User},
    counted=True,
    owned=False,
)

ROUTES = [
    *list_routes(EXPERIMENTERS),
    *list_routes(GROUPS),
    *single_routes(EXPERIMENTERS),
    *single_routes(GROUPS),
    *nested_routes("experimentergroups", Group, EXPERIMENTERS),
    *nested_routes("experimenters", User, GROUPS),
]
