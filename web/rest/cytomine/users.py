"""People: who there is, the caller, accounts made and changed, keys and passwords.

Keys stand only in what somebody sees of their own account, of a job of theirs, or as an
administrator who opened administration. Passwords stand nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.keys import KeyPair, Keys
from adapters.roles import is_administrator
from store.catalog import receipt
from store.errors import Forbidden, Invalid, NotFound, Unauthenticated
from store.tables.ontologies import Ontology
from store.tables.people import Role, User, UserKind
from web.auth.resolve import services_of
from web.rest.cytomine import parameters, people_lists
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, each
from web.rest.cytomine.marshal.users import AUTHORITY
from web.rest.cytomine.resource import Answer, as_json, resource
from web.rest.cytomine.signing_in import standing

USER = domain("User")
_PROFILE = {"firstname": "first_name", "lastname": "last_name", "email": "email"}


def keys_of(request: Request, hub: Hub) -> Keys:
    """Return the verbs on key pairs."""
    return Keys(hub.catalog, services_of(request).sealing)


async def readable_keys(request: Request, hub: Hub, user_id: int) -> KeyPair | None:
    """Return the key pair of an account if the caller may read it."""
    try:
        return await keys_of(request, hub).of(user_id)
    except (Forbidden, Unauthenticated):
        return None


async def users(request: Request, hub: Hub) -> Answer:
    """List the people of the hub; with ``publicKey`` return whose key that is."""
    given = request.query_params
    public = given.get("publicKey")
    if public:
        row = await hub.people.by_public_key(public)
        if row is None:
            raise NotFound("user", "of this key")
        return (await people_lists.of_rows(hub, [row]))[0]
    rows = await hub.people.everybody()
    items = await people_lists.of_rows(hub, rows)
    if parameters.flag(given, "withRoles"):
        held = await hub.people.roles.of([row.id for row in rows])
        for item, roles in zip(items, held, strict=True):
            item["role"] = AUTHORITY[max(roles, default=Role.guest)]
            item["roles"] = [AUTHORITY[role] for role in roles]
    if parameters.flag(given, "online"):
        here = set(await hub.activity.online())
        items = [item for item in items if item["id"] in here]
    return people_lists.page(request, items)


async def named(request: Request, hub: Hub) -> User:
    """Return the account that an address names by number or by user name. Raises NotFound."""
    name = request.path_params["name"]
    if name.isascii() and name.isdigit():
        return await hub.people.get(int(name))
    found = await hub.people.by_username(name)
    if found is None:
        raise NotFound("user", name[:80])
    return found


async def one_user(request: Request, hub: Hub) -> Answer:
    """Return an account by id or user name: of a person, or of a job with its job and software."""
    row = await named(request, hub)
    return await _whole(request, hub, row)


async def _whole(request: Request, hub: Hub, row: User) -> dict[str, Any]:
    (item,) = await people_lists.of_rows(hub, [row])
    keys = await readable_keys(request, hub, row.id)
    if keys is not None:
        item |= {"publicKey": keys.public, "privateKey": keys.private}
    return item


async def current(request: Request, hub: Hub) -> Answer:
    """Return the caller's account with keys and roles; a job sees its own."""
    row = await hub.people.get(hub.actor.draws_as)
    item = await _whole(request, hub, row)
    item.setdefault("publicKey", None)
    item.setdefault("privateKey", None)
    highest = Role.user
    if row.kind == UserKind.HUMAN.value:
        (held,) = await hub.people.roles.of([row.id])
        highest = max(held, default=Role.guest)
    return item | standing(highest, full=hub.actor.full) | {"isSwitched": False, "realUser": None}


# making and changing


async def create(request: Request, hub: Hub) -> Answer:
    """Make an account, or each of an array; for administrators."""
    given = await parameters.json_of(request)
    if isinstance(given, list):
        answer, status = await each(given, lambda one: _created(hub, one), "users")
        return as_json(answer, status)
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object or array is needed.")
    with receipt() as noted:
        id = await _created(hub, given)
    item = await _whole(request, hub, await hub.people.get(id))
    return done("Add", USER, item, noted, f"User {id} ({item['username']}) added")


async def _created(hub: Hub, given: Any) -> int:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    username, password = (parameters.text(given, name) for name in ("username", "password"))
    if not username:
        raise Invalid("username", "is needed.")
    for name in ("firstname", "lastname", "email"):
        if not parameters.text(given, name):
            raise Invalid(name, "is needed.")
    made = await hub.people.create(username, password, **_profile(given))
    return made.id


def _profile(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a profile that a body gives; null gives none."""
    found: dict[str, Any] = {
        ours: parameters.text(given, theirs)
        for theirs, ours in _PROFILE.items()
        if given.get(theirs) is not None
    }
    language = parameters.text(given, "language")
    if language is not None:
        found["language"] = language.lower()
    return found


async def change(request: Request, hub: Hub) -> Answer:
    """Change an account: one's own profile, anybody's as administrator; what is left out stays."""
    row = await named(request, hub)
    given = await parameters.object_of(request)
    if row.kind != UserKind.HUMAN.value:
        raise Forbidden("change", "user", row.id, "it is the account of a job.")
    fields = _profile(given)
    if "email" in fields and row.email is None and fields["email"] == "":
        del fields["email"]
    username = parameters.text(given, "username")
    if username is not None and username != row.username:
        fields["username"] = username
    enabled = parameters.flag(given, "enabled", row.enabled)
    if enabled != row.enabled:
        fields["enabled"] = enabled
    fields = {name: value for name, value in fields.items() if getattr(row, name) != value}
    password = parameters.text(given, "password")
    with receipt() as noted:
        # Also asked when nothing differs: who may not change it is told so.
        stored = await hub.people.change(row.id, **fields)
        if password:
            old = parameters.text(given, "oldPassword")
            await hub.people.settle_password(row.id, password, current=old)
    item = await _whole(request, hub, stored)
    return done("Edit", USER, item, noted, f"User {row.id} ({stored.username}) edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete an account; what the person owns stays. For administrators."""
    row = await named(request, hub)
    (item,) = await people_lists.of_rows(hub, [row])
    with receipt() as noted:
        await hub.people.delete(row.id)
    return done("Delete", USER, item, noted, f"User {row.id} ({row.username}) deleted")


async def lock(request: Request, hub: Hub) -> Answer:
    """Bar an account from signing in, until it is unlocked; for administrators."""
    return await _enabled(request, hub, enabled=False)


async def unlock(request: Request, hub: Hub) -> Answer:
    """Let an account sign in again; for administrators."""
    return await _enabled(request, hub, enabled=True)


async def _enabled(request: Request, hub: Hub, *, enabled: bool) -> Answer:
    row = await hub.people.get(request.path_params["id"])
    with receipt() as noted:
        stored = await hub.people.change(row.id, enabled=enabled)
    (item,) = await people_lists.of_rows(hub, [stored])
    text = f"User {row.id} ({row.username}) {'unlocked' if enabled else 'locked'}"
    return done("Edit", USER, item, noted, text)


async def password(request: Request, hub: Hub) -> Answer:
    """Set a password: one's own with ``oldPassword``, anybody's as administrator."""
    row = await hub.people.get(request.path_params["id"])
    given = await parameters.object_of(request)
    fresh = parameters.text(given, "password") or request.query_params.get("password")
    old = parameters.text(given, "oldPassword")
    if not fresh:
        raise Invalid("password", "is needed.")
    if row.id == hub.actor.user_id and old is None:
        raise Invalid("oldPassword", "your present password is needed.")
    with receipt() as noted:
        try:
            await hub.people.set_password(row.id, fresh, current=old)
        except Unauthenticated as error:
            raise Invalid("oldPassword", error.message) from error
    (item,) = await people_lists.of_rows(hub, [row])
    return done("Edit", USER, item, noted, f"Password of user {row.id} changed")


# keys


async def keys(request: Request, hub: Hub) -> Answer:
    """Return the key pair of an account: one's own, a job's of one's own, or as administrator."""
    row = await named(request, hub)
    return _pair(await keys_of(request, hub).of(row.id))


async def keys_of_public(request: Request, hub: Hub) -> Answer:
    """Return the key pair that a public key is half of."""
    row = await hub.people.by_public_key(request.path_params["key"])
    if row is None:
        raise NotFound("user", "of this key")
    return _pair(await keys_of(request, hub).of(row.id))


async def own_keys(request: Request, hub: Hub) -> Answer:
    """Return the caller's key pair."""
    return _pair(await keys_of(request, hub).of(hub.actor.draws_as))


async def renew_keys(request: Request, hub: Hub) -> Answer:
    """Give the caller a new key pair; the old one is refused from now on."""
    pair = await keys_of(request, hub).renew(hub.actor.author_id)
    services: Any = request.app.state.services
    services.verdicts.clear()
    return _pair(pair)


def _pair(keys: KeyPair) -> dict[str, Any]:
    return {"publicKey": keys.public, "privateKey": keys.private}


async def signature(request: Request, hub: Hub) -> Answer:
    """Sign a request for the caller: method, content-MD5, content-type, date, forwardURI, query."""
    given = request.query_params
    pair = await keys_of(request, hub).of(hub.actor.draws_as)
    query = given.get("queryString")
    lines = [
        given.get("method", "GET"),
        given.get("content-MD5", ""),
        given.get("content-type") or given.get("content-Type", ""),
        given.get("date", ""),
    ]
    if given.get("forwardURI") is not None:
        lines.append(f"{given['forwardURI']}{f'?{query}' if query else ''}")
    digest = hmac.new(pair.private.encode(), "\n".join(lines).encode(), hashlib.sha1).digest()
    return {"signature": base64.b64encode(digest).decode(), "publicKey": pair.public}


# people around something


async def friends(request: Request, hub: Hub) -> Answer:
    """List who shares a project with somebody; who is there now, unless ``offline=true``."""
    id, given = request.path_params["id"], request.query_params
    await hub.people.get(id)
    if id != hub.actor.user_id and not is_administrator(hub.actor):
        raise Forbidden("list the friends of", "user", id, "only that person may.")
    project_id = parameters.whole(given, "project")
    shared = await hub.members.projects_of(id)
    wanted = [one for one in shared if project_id in (None, one)]
    members = await hub.members.of(wanted)
    people = {one.user_id for there in members.values() for one in there} - {id}
    if not parameters.flag(given, "offline"):
        people &= set(await hub.activity.online(project_id=project_id))
    return people_lists.page(request, await people_lists.written(hub, sorted(people)))


async def users_of_ontology(request: Request, hub: Hub) -> Answer:
    """List who can work with an ontology: its owner, and the members of projects that use it."""
    ontology = await hub.catalog.one(Ontology, request.path_params["id"])
    projects = await hub.projects.using(ontology.id)
    members = await hub.members.of([row.id for row in projects])
    people = {one.user_id for there in members.values() for one in there} | {ontology.owner_id}
    return people_lists.page(request, await people_lists.written(hub, sorted(people)))


ROUTES = [
    *resource("/api/user", get=users, post=create),
    *resource("/api/user/current", get=current),
    *resource("/api/user/current/keys", get=own_keys, post=renew_keys),
    *resource("/api/signature", get=signature),
    *resource("/api/userkey/{key}/keys", get=keys_of_public),
    *resource("/api/user/{id:number}/friends", get=friends),
    *resource("/api/user/{id:number}/lock", post=lock, delete=unlock),
    *resource("/api/user/{id:number}/password", put=password),
    *resource("/api/user/{name}/keys", get=keys),
    *resource("/api/ontology/{id:number}/user", get=users_of_ontology),
    *resource("/api/user/{name}", get=one_user, put=change, delete=delete),
]
