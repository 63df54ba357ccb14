"""Members of projects, whom to ask, and whose layers are shown first.

Members are the project's owner and its grants: a manager holds ``manage``, a member ``annotate``.
The answers to adding and removing say only that it was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from adapters.activity import Which
from adapters.hub import Hub
from adapters.members import Member
from store.catalog import receipt
from store.errors import Conflict, Invalid, NotFound
from store.tables.activity import ActivityKind
from store.tables.containers import Project
from web.rest.cytomine import parameters, people_lists
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, sliced
from web.rest.cytomine.marshal.projects import default_layer, representative
from web.rest.cytomine.resource import Answer, resource

LAYER = domain("ProjectDefaultLayer")
REPRESENTATIVE = domain("ProjectRepresentativeUser")
DONE = {"data": {"message": "OK"}}


async def members_of(hub: Hub, project_id: int) -> list[Member]:
    """Return the members of a project. Raises NotFound."""
    await hub.catalog.one(Project, project_id)
    return (await hub.members.of([project_id]))[project_id]


async def members(request: Request, hub: Hub) -> Answer:
    """List the members of a project, managers among them."""
    id, given = request.path_params["id"], request.query_params
    there = await members_of(hub, id)
    wanted = [one.user_id for one in there]
    if parameters.flag(given, "online"):
        online = set(await hub.activity.online(project_id=id))
        wanted = [one for one in wanted if one in online]
    items = await people_lists.written(hub, wanted)
    roles = {one.user_id: one for one in there}
    for item in items:
        item["role"] = "manager" if roles[item["id"]].manages else "contributor"
    await _with_traces(request, hub, id, items)
    return people_lists.page(request, items)


async def _with_traces(
    request: Request, hub: Hub, project_id: int, items: list[dict[str, Any]]
) -> None:
    """Add what members looked at and when they came last, where that is asked for."""
    given = request.query_params
    asked = {
        "lastImage": parameters.flag(given, "withLastImage"),
        "lastConnection": parameters.flag(given, "withLastConnection"),
        "numberConnections": parameters.flag(given, "withNumberConnections"),
    }
    if not any(asked.values()):
        return
    views = await hub.activity.latest(Which(ActivityKind.VIEW, project_id=project_id))
    visits = await hub.activity.window(Which(ActivityKind.CONNECTION, project_id=project_id))
    images = {one.user_id: one.image_id for one in views}
    for item in items:
        mine = [one.at for one in visits if one.user_id == item["id"]]
        if asked["lastImage"]:
            item["lastImage"] = images.get(item["id"])
        if asked["lastConnection"]:
            item["lastConnection"] = str(mine[0]) if mine else None
        if asked["numberConnections"]:
            item["numberConnections"] = len(mine)


async def managers(request: Request, hub: Hub) -> Answer:
    """List the managers of a project."""
    there = await members_of(hub, request.path_params["id"])
    wanted = [one.user_id for one in there if one.manages]
    return people_lists.page(request, await people_lists.written(hub, wanted))


async def creator(request: Request, hub: Hub) -> Answer:
    """List the owner of a project."""
    row = await hub.catalog.one(Project, request.path_params["id"])
    return people_lists.page(request, await people_lists.written(hub, [row.owner_id]))


async def people_to_ask(request: Request, hub: Hub) -> Answer:
    """List the people who represent a project."""
    row = await hub.catalog.one(Project, request.path_params["id"])
    (named,) = await hub.layers.representatives([row.id])
    return people_lists.page(
        request, await people_lists.written(hub, [one.user_id for one in named])
    )


async def layers(request: Request, hub: Hub) -> Answer:
    """List the accounts whose regions the caller may see in a project, in one image if told.

    Members whose layers the project hides are left out; jobs are there once they drew.
    """
    project = await hub.catalog.one(Project, request.path_params["id"])
    there = await members_of(hub, project.id)
    seen = [one.user_id for one in there if _shown(hub, project, one)]
    drew = await hub.projects.authors(project.id, parameters.whole(request.query_params, "image"))
    items = await people_lists.written(hub, [*seen, *drew])
    return people_lists.page(request, items)


def _shown(hub: Hub, project: Any, member: Member) -> bool:
    if member.user_id == hub.actor.user_id or hub.actor.oversees(project, project.id):
        return True
    return not (project.hide_managers if member.manages else project.hide_members)


async def online(request: Request, hub: Hub) -> Answer:
    """List who did anything in a project in the last five minutes."""
    id = request.path_params["id"]
    await hub.catalog.one(Project, id)
    found = await hub.activity.online(project_id=id)
    return people_lists.page(request, await people_lists.written(hub, found))


async def activity_of_members(request: Request, hub: Hub) -> Answer:
    """List the members of a project with their last image and last connection; for managers."""
    id = request.path_params["id"]
    await hub.activity.require_sight(id, None)
    there = await members_of(hub, id)
    views = {
        one.user_id: one
        for one in await hub.activity.latest(Which(ActivityKind.VIEW, project_id=id))
    }
    visits = await hub.activity.window(Which(ActivityKind.CONNECTION, project_id=id))
    items = await people_lists.written(hub, [one.user_id for one in there])
    for item in items:
        mine = [one.at for one in visits if one.user_id == item["id"]]
        look = views.get(item["id"])
        item |= {
            "lastImageId": None if look is None else look.image_id,
            "lastConnection": str(mine[0]) if mine else None,
            "frequency": len(mine),
        }
    return people_lists.page(request, items)


async def download(request: Request, hub: Hub) -> Answer:
    """Send the members of a project as a table (CSV)."""
    format = request.query_params.get("format", "csv")
    if format != "csv":
        raise Invalid("format", f"{format[:20]!r} is not offered; use csv.")
    there = await members_of(hub, request.path_params["id"])
    items = await people_lists.written(hub, [one.user_id for one in there])
    data = people_lists.csv(items, ("id", "username", "firstname", "lastname"))
    headers = {"Content-Disposition": 'attachment; filename="members.csv"'}
    return Response(data, media_type="text/csv", headers=headers)


# changing members


async def add(request: Request, hub: Hub) -> Answer:
    """Let somebody into a project as a member; a manager stays one."""
    await hub.members.add(request.path_params["id"], [request.path_params["user"]])
    return DONE


async def add_manager(request: Request, hub: Hub) -> Answer:
    """Make somebody a manager of a project."""
    await hub.members.add(request.path_params["id"], [request.path_params["user"]], manager=True)
    return DONE


async def remove(request: Request, hub: Hub) -> Answer:
    """Take somebody out of a project; the owner stays."""
    with owner_stays():
        await hub.members.remove(request.path_params["id"], [request.path_params["user"]])
    return DONE


async def demote(request: Request, hub: Hub) -> Answer:
    """Make a manager a plain member again; the owner stays what they are."""
    with owner_stays():
        await hub.members.demote(request.path_params["id"], [request.path_params["user"]])
    return DONE


async def add_many(request: Request, hub: Hub) -> Answer:
    """Let several people into a project at once: ``users=1,2``."""
    await hub.members.add(request.path_params["id"], await _people(request))
    return DONE


async def remove_many(request: Request, hub: Hub) -> Answer:
    """Take several people out of a project at once: ``users=1,2``."""
    people = await _people(request)
    with owner_stays():
        await hub.members.remove(request.path_params["id"], people)
    return DONE


async def add_managers(request: Request, hub: Hub) -> Answer:
    """Make several people managers of a project at once: ``users=1,2``."""
    await hub.members.add(request.path_params["id"], await _people(request), manager=True)
    return DONE


@contextmanager
def owner_stays() -> Iterator[None]:
    """Phrase a refusal to take out the owner as such clients expect it: 400."""
    try:
        yield
    except Conflict as error:
        raise Invalid("user", error.message) from error


async def _people(request: Request) -> list[int]:
    found = parameters.ids(request.query_params, "users")
    if found is None:
        found = parameters.ids(await parameters.object_of(request), "users")
    if not found:
        raise Invalid("users", "name at least one.")
    return found


async def invite(request: Request, hub: Hub) -> Answer:
    """Make an account for somebody and let them into a project; for administrators.

    No mail is sent: an administrator sets a password, or gives them their keys.
    """
    id, given = request.path_params["id"], await parameters.object_of(request)
    name = parameters.text(given, "name") or parameters.text(given, "username")
    if not name:
        raise Invalid("name", "is needed.")
    await hub.catalog.one(Project, id)
    made = await hub.people.create(
        name,
        first_name=parameters.text(given, "firstname") or "",
        last_name=parameters.text(given, "lastname") or "",
        email=parameters.text(given, "mail") or parameters.text(given, "email"),
    )
    await hub.members.add(id, [made.id])
    (item,) = await people_lists.written(hub, [made.id])
    return item


# default layers


async def default_layers(request: Request, hub: Hub) -> Answer:
    """List the default layers of a project."""
    row = await hub.catalog.one(Project, request.path_params["id"])
    (found,) = await hub.layers.defaults([row.id])
    return sliced(request, found, default_layer)


async def add_default_layer(request: Request, hub: Hub) -> Answer:
    """Make somebody's regions a default layer of a project."""
    id, given = request.path_params["id"], await parameters.object_of(request)
    user_id = parameters.required(given, "user")
    hidden = parameters.flag(given, "hideByDefault")
    with receipt() as noted:
        made = await hub.layers.add_default(id, user_id, hidden=hidden)
    text = f"Default layer {made.id} (user {user_id}) added to project {id}"
    return done("Add", LAYER, default_layer(made), noted, text, projectID=id)


async def one_default_layer(request: Request, hub: Hub) -> Answer:
    """Return a default layer."""
    return default_layer(await _layer(request, hub))


async def change_default_layer(request: Request, hub: Hub) -> Answer:
    """Say whether a default layer is listed and left off at first."""
    seen = await _layer(request, hub)
    given = await parameters.object_of(request)
    hidden = parameters.flag(given, "hideByDefault", seen.hidden)
    with receipt() as noted:
        stored = await hub.layers.change_default(seen.id, hidden=hidden)
    text = f"Default layer {seen.id} edited"
    return done("Edit", LAYER, default_layer(stored), noted, text, projectID=seen.project_id)


async def remove_default_layer(request: Request, hub: Hub) -> Answer:
    """Take a default layer away."""
    seen = await _layer(request, hub)
    with receipt() as noted:
        await hub.layers.remove_default(seen.id)
    text = f"Default layer {seen.id} deleted"
    return done("Delete", LAYER, default_layer(seen), noted, text, projectID=seen.project_id)


async def _layer(request: Request, hub: Hub) -> Any:
    row = await hub.layers.default(request.path_params["layer"])
    if row.project_id != request.path_params["id"]:
        raise NotFound("default layer", row.id)
    return row


# representatives


async def representatives(request: Request, hub: Hub) -> Answer:
    """List the representatives of a project."""
    row = await hub.catalog.one(Project, request.path_params["id"])
    (found,) = await hub.layers.representatives([row.id])
    return sliced(request, found, representative)


async def add_representative(request: Request, hub: Hub) -> Answer:
    """Name a member to ask about a project."""
    id = request.path_params["id"]
    user_id = parameters.required(await parameters.object_of(request), "user")
    with receipt() as noted:
        made = await hub.layers.add_representative(id, user_id)
    text = f"Representative {made.id} (user {user_id}) added to project {id}"
    return done("Add", REPRESENTATIVE, representative(made), noted, text, projectID=id)


async def one_representative(request: Request, hub: Hub) -> Answer:
    """Return a representative."""
    return representative(await _representative(request, hub))


async def remove_representative(request: Request, hub: Hub) -> Answer:
    """Take a representative away, all but the last."""
    seen = await _representative(request, hub)
    return await _unrepresented(hub, seen)


async def remove_representative_of_user(request: Request, hub: Hub) -> Answer:
    """Take somebody from the representatives of a project, all but the last: ``user=1``."""
    id = request.path_params["id"]
    user_id = parameters.required(request.query_params, "user")
    await hub.catalog.one(Project, id)
    (found,) = await hub.layers.representatives([id])
    seen = next((one for one in found if one.user_id == user_id), None)
    if seen is None:
        raise NotFound("representative", user_id)
    return await _unrepresented(hub, seen)


async def _unrepresented(hub: Hub, seen: Any) -> Answer:
    with receipt() as noted:
        try:
            await hub.layers.remove_representative(seen.id)
        except Conflict as error:
            raise Invalid("representative", error.message) from error
    return done(
        "Delete", REPRESENTATIVE, representative(seen), noted,
        f"Representative {seen.id} deleted", projectID=seen.project_id,
    )  # fmt: skip


async def _representative(request: Request, hub: Hub) -> Any:
    row = await hub.layers.representative(request.path_params["layer"])
    if row.project_id != request.path_params["id"]:
        raise NotFound("representative", row.id)
    return row


_PROJECT = "/api/project/{id:number}"
ROUTES = [
    *resource(f"{_PROJECT}/user", get=members, post=add_many, delete=remove_many),
    *resource(f"{_PROJECT}/user/download", get=download, suffix=False),
    *resource(f"{_PROJECT}/admin", get=managers, post=add_managers),
    *resource(f"{_PROJECT}/creator", get=creator),
    *resource(f"{_PROJECT}/users/representative", get=people_to_ask),
    *resource(f"{_PROJECT}/userlayer", get=layers),
    *resource(f"{_PROJECT}/online/user", get=online),
    *resource(f"{_PROJECT}/usersActivity", get=activity_of_members),
    *resource(f"{_PROJECT}/user/{{user:number}}", post=add, delete=remove),
    *resource(f"{_PROJECT}/user/{{user:number}}/admin", post=add_manager, delete=demote),
    *resource(f"{_PROJECT}/invitation", post=invite),
    *resource(f"{_PROJECT}/defaultlayer", get=default_layers, post=add_default_layer),
    *resource(
        f"{_PROJECT}/defaultlayer/{{layer:number}}",
        get=one_default_layer,
        put=change_default_layer,
        delete=remove_default_layer,
    ),
    *resource(
        f"{_PROJECT}/representative",
        get=representatives,
        post=add_representative,
        delete=remove_representative_of_user,
    ),
    *resource(
        f"{_PROJECT}/representative/{{layer:number}}",
        get=one_representative,
        delete=remove_representative,
    ),
]
