"""Users: who there is, making and changing accounts, and the first administrator.

What a caller may see of a person is decided here: `seen` leaves out hashes and keys for everybody,
and e-mail for all but that person and administrators. Rows read past this class hold them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

from sqlalchemy import select, update

from adapters.filters import Filter, compiled
from adapters.grants import Grants
from adapters.groups import Groups
from adapters.passwords import PASSWORDS, Passwords, accepted
from adapters.roles import (
    Roles,
    add_roles,
    join,
    keep_administrators,
    require_administrator,
    require_rank,
    require_self_or_administrator,
)
from adapters.sessions import Sessions, end_sessions
from adapters.tokens import Tokens, end_tokens, require_free
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.engine import Database
from store.errors import Conflict, Forbidden, Invalid, Unauthenticated
from store.paging import Keyset, Page
from store.statement import cols, table
from store.tables.access import Session, Token
from store.tables.columns import name_key
from store.tables.files import Storage
from store.tables.people import (
    COMMONS_GROUP,
    ROOT,
    SYSTEM_GROUP,
    USER_GROUP,
    Group,
    Membership,
    Role,
    User,
    UserKind,
)
from store.unit import Impact, Unit

USERNAME_LENGTH = 255
TEXT_LENGTH = 255
PROFILE = ("first_name", "middle_name", "last_name", "email", "institution", "language")
ADMINISTERED = ("username", "enabled")
PRIVATE = ("email", "public_key", "admin_open_until")
SECRET = ("password_hash", "private_key_sealed")
_user = cols(User)
_session = cols(Session)
_token = cols(Token)
_membership = cols(Membership)
# A rule would leave deleted accounts out; a subquery carries none, and names need none else.
_EVERYBODY = select(table(User)).subquery()
# What lists of people may be narrowed and ordered by: nothing that is hidden.
LISTED: Mapping[str, Any] = {
    name: column for name, column in _user.items() if name not in PRIVATE + SECRET
}


class People:
    """Verbs on users; `groups`, `roles`, `grants`, `tokens` and `sessions` hang on it."""

    def __init__(self, catalog: Catalog, passwords: Passwords = PASSWORDS) -> None:
        self._catalog = catalog
        self._passwords = passwords

    @cached_property
    def groups(self) -> Groups:
        """Groups and memberships."""
        return Groups(self._catalog)

    @cached_property
    def roles(self) -> Roles:
        """Roles in the whole hub."""
        return Roles(self._catalog)

    @cached_property
    def grants(self) -> Grants:
        """Grants and secret links."""
        return Grants(self._catalog)

    @cached_property
    def tokens(self) -> Tokens:
        """The actor's own bearer tokens."""
        return Tokens(self._catalog)

    @cached_property
    def sessions(self) -> Sessions:
        """The actor's own sessions."""
        return Sessions(self._catalog)

    # reading

    def seen(self, person: User) -> User:
        """Return the row without what this actor may not see of it."""
        actor = self._catalog.actor
        own = actor.user_id is not None and person.id == actor.user_id
        hidden = SECRET if own or actor.sees_all else SECRET + PRIVATE
        blank: User = cast("Any", person)._replace(**dict.fromkeys(hidden))
        return blank

    async def get(self, id: int) -> User:
        """Return one user. Raises NotFound."""
        return self.seen(await self._catalog.one(User, id))

    async def by_username(self, username: str) -> User | None:
        """Return the person of a user name, in any case of letters, or None."""
        found = await self._catalog.all(
            User, self._catalog.select(User).where(_user.username_key == name_key(username))
        )
        same = [one for one in found if one.username.casefold() == username.casefold()]
        return self.seen(same[0]) if same else None

    async def by_public_key(self, key: str) -> User | None:
        """Return the account that signs with a key, or None."""
        found = await self._catalog.all(
            User, self._catalog.select(User).where(_user.public_key == key)
        )
        return self.seen(found[0]) if found else None

    async def everybody(self, ids: Sequence[int] | None = None) -> list[User]:
        """Return the people of these ids, or all there are, by user name; no accounts of jobs."""
        statement = self._catalog.select(User).where(_user.kind == UserKind.HUMAN.value)
        if ids is not None:
            statement = statement.where(self._catalog.members(_user.id, set(ids)))
        found = await self._catalog.all(User, statement.order_by(_user.username_key, _user.id))
        return [self.seen(row) for row in found]

    async def by_ids(self, ids: Sequence[int]) -> list[User | None]:
        """Return users in the order of the ids, also deleted ones, whose names history still needs.

        One statement; None for an unknown id, and always for somebody who is not signed in.
        """
        if not self._catalog.actor.signed_in:
            return [None] * len(ids)
        statement = select(_EVERYBODY).where(self._catalog.members(_EVERYBODY.c.id, set(ids)))
        found = {row.id: row for row in await self._catalog.all(User, statement)}
        return [self.seen(found[id]) if id in found else None for id in ids]

    async def page(
        self, keyset: Keyset, where: Filter | None = None, *, group_id: int | None = None
    ) -> Page[User]:
        """Return one page of people, those of a group if one is named; accounts of jobs are not.

        Raises Invalid for an order or filter by something hidden.
        """
        for key in keyset.order:
            if key.name not in LISTED:
                raise Invalid("order_by", f"people cannot be ordered by {key.name}.")
        page = await self._catalog.page(User, self._list(where, group_id), keyset)
        return replace(page, rows=[self.seen(row) for row in page.rows])

    async def count(self, where: Filter | None = None, *, group_id: int | None = None) -> int:
        """Count people as `page` lists them."""
        return await self._catalog.count(self._list(where, group_id))

    def _list(self, where: Filter | None, group_id: int | None) -> Any:
        statement = self._catalog.select(User).where(
            _user.kind == UserKind.HUMAN.value, compiled(where, LISTED)
        )
        if group_id is not None:
            inside = select(_membership.user_id).where(_membership.group_id == group_id)
            statement = statement.where(_user.id.in_(inside))
        return statement

    # writing

    async def create(
        self,
        username: str,
        password: str | None = None,
        *,
        groups: Sequence[int] = (),
        admin: bool = False,
        guest: bool = False,
        **profile: Any,
    ) -> User:
        """Make an account with its own storage; the first group is its default.

        Without groups it is a member of ``commons``. Without a password it can sign in by no door
        until one is set. `profile` holds names, email, institution, language. Raises Forbidden for
        all but administrators, Invalid, Conflict for a taken name.
        """
        name = _checked_username(username)
        fields = _checked(profile, PROFILE)
        if admin and guest:
            raise Invalid("guest", "an administrator cannot be a guest.")
        require_administrator(self._catalog.actor, "create", name)
        hashed = None if password is None else await self._passwords.hash(password)
        roles = [Role.guest if guest else Role.user, *([Role.admin] if admin else [])]

        async def work(unit: Unit) -> User:
            for group_id in groups:
                await unit.one(Group, group_id)
                if group_id in (SYSTEM_GROUP, USER_GROUP):
                    raise Invalid("groups", "system and user are given by the hub itself.")
            unit.journal.summary = f"create user {name}"
            return await _insert(unit, name, hashed, groups or [COMMONS_GROUP], roles, fields)

        return self.seen(await self._catalog.write("create_user", work))

    async def change(self, id: int, *, expected: int | None = None, **fields: Any) -> User:
        """Change a profile; fields left out stay. Names and `enabled` are for administrators.

        Disabling ends all sessions. Raises Forbidden, Invalid, Conflict on a stale version, a taken
        name, or the last administrator.
        """
        after = _checked(fields, PROFILE + ADMINISTERED)
        if "username" in after:
            after["username"] = _checked_username(after["username"])
            after["username_key"] = name_key(after["username"])

        async def work(unit: Unit) -> User:
            if set(ADMINISTERED) & after.keys():
                require_administrator(unit.actor, "change", id)
            if after.get("enabled") is False:
                await keep_administrators(unit, self._catalog, id)
            seen = await unit.one(User, id)
            if id != unit.actor.user_id:
                require_administrator(unit.actor, "change", id)
                await require_rank(unit, "change", id)
            if after.get("enabled") is False:
                await end_sessions(unit, _session.user_id == id)
            unit.journal.summary = f"change user {seen.username}"
            return await unit.change(User, id, expected=expected, **after)

        return self.seen(await self._catalog.write("change_user", work))

    async def set_password(
        self,
        id: int,
        password: str,
        *,
        current: str | None = None,
        kept_session: int | None = None,
    ) -> None:
        """Set a password and end the sessions of the account, but for `kept_session`.

        One's own needs the `current` one; an administrator sets anybody else's. Raises
        Unauthenticated for a wrong current password, Forbidden, Invalid.
        """
        actor = self._catalog.actor
        accepted(password)
        verified = await self._verified(id, current) if id == actor.user_id else None
        hashed = await self._passwords.hash(password)

        async def work(unit: Unit) -> None:
            person = await unit.one(User, id)
            if id == actor.user_id:
                if person.password_hash != verified:
                    raise Conflict("The password was changed at the same moment; try again.")
                unit.journal.user_id = id
            else:
                require_administrator(actor, "set the password of", id)
                await require_rank(unit, "set the password of", id)
            # Unjournalled: neither the password nor its hash belongs into history.
            await unit.execute(
                update(table(User)).where(_user.id == id).values(password_hash=hashed)
            )
            await end_sessions(unit, _session.user_id == id, _session.id != (kept_session or 0))
            await unit.command_id()
            unit.journal.undoable = False
            unit.journal.summary = f"set the password of user {person.username}"
            unit.tell("changed", User, person)

        # A guest writes nothing, but has a password of their own: the hub writes this row.
        as_hub = Catalog(self._catalog.database, Actor.system())
        await (as_hub if id == actor.user_id else self._catalog).write("set_password", work)

    async def settle_password(self, id: int, password: str, *, current: str | None = None) -> None:
        """Set a password unless it is the one already, as `set_password` does.

        For clients that send a whole account back as they once made it.
        """
        require_self_or_administrator(self._catalog.actor, "set the password of", id)
        person = await self._catalog.one(User, id)
        checked = await self._passwords.check(person.password_hash, password)
        if not checked.right:
            await self.set_password(id, password, current=current)

    async def _verified(self, id: int, current: str | None) -> str | None:
        """Check one's own present password and return its hash; None while there is none."""
        require_free(self._catalog.actor, "set the password of")
        person = await self._catalog.one(User, id)
        checked = await self._passwords.check(person.password_hash, current or "")
        if not checked.right:
            raise Unauthenticated("The current password is not right.")
        return person.password_hash

    async def delete(self, id: int) -> Impact:
        """Put an account into the trash; its sessions, tokens and keys end for good.

        What the person owns stays, under their name. Raises Forbidden for all but administrators
        and for one's own account, Conflict for the last administrator.
        """

        async def work(unit: Unit) -> Impact:
            require_administrator(unit.actor, "delete", id)
            if id == unit.actor.user_id:
                raise Forbidden("delete", "user", id, "it is your own; ask another administrator.")
            await keep_administrators(unit, self._catalog, id)
            person = await unit.one(User, id)
            await require_rank(unit, "delete", id)
            await end_sessions(unit, _session.user_id == id)
            await end_tokens(unit, _token.user_id == id)
            await unit.execute(
                update(table(User))
                .where(_user.id == id)
                .values(public_key=None, private_key_sealed=None, admin_open_until=None)
            )
            unit.journal.summary = f"delete user {person.username}"
            return await unit.trash(User, [id])

        return await self._catalog.write("delete_user", work)

    async def open_administration(self, until: int) -> None:
        """Let the actor, an administrator, use every right until a moment (ms UTC); 0 closes."""
        actor = self._catalog.actor
        id = require_free(actor, "open administration for")
        require_administrator(actor, "open administration for", id)

        async def work(unit: Unit) -> None:
            person = await unit.one(User, id)
            await unit.execute(
                update(table(User)).where(_user.id == id).values(admin_open_until=until or None)
            )
            unit.tell("changed", User, person)

        await self._catalog.write("open_administration", work)


async def ensure_root(
    database: Database, password: str | None = None, passwords: Passwords = PASSWORDS
) -> str | None:
    """Make the first administrator, ``root``, if there never was one.

    Returns the password made up for it, to be shown once; None if one was given, or root is there.
    """
    catalog = Catalog(database, Actor.system())
    people = People(catalog, passwords)
    if (await people.by_ids([ROOT]))[0] is not None:
        return None
    chosen = password or secrets.token_urlsafe(12)
    hashed = await passwords.hash(chosen)

    async def work(unit: Unit) -> None:
        unit.journal.summary = "create user root"
        roles = [Role.admin, Role.super_admin]
        await _insert(unit, "root", hashed, [COMMONS_GROUP], roles, {}, id=ROOT)

    try:
        await catalog.write("create_user", work)
    except Conflict:
        # Another process starting at the same moment was first.
        if (await people.by_ids([ROOT]))[0] is None:
            raise
        return None
    return None if password else chosen


async def _insert(
    unit: Unit,
    username: str,
    hashed: str | None,
    groups: Sequence[int],
    roles: Sequence[Role],
    profile: Mapping[str, Any],
    *,
    id: int | None = None,
) -> User:
    """Insert an account, its memberships, roles and storage."""
    # Undo would get round the rules of deleting; an account is deleted, not undone.
    unit.journal.undoable = False
    person = await unit.add(
        User(
            id=await unit.take_ids() if id is None else id,
            created_at=now_ms(),
            username=username,
            username_key=name_key(username),
            password_hash=hashed,
            default_group_id=groups[0],
            **profile,
        )
    )
    system = [SYSTEM_GROUP] if any(role >= Role.admin for role in roles) else []
    for group_id in dict.fromkeys([*system, USER_GROUP, *groups]):
        await join(unit, person.id, group_id)
    await add_roles(unit, person.id, roles)
    title = f"{username} storage"
    await unit.add(
        Storage(
            id=await unit.take_ids(),
            created_at=now_ms(),
            name=title,
            name_key=name_key(title),
            owner_id=person.id,
            group_id=groups[0],
        )
    )
    return person


def _checked_username(username: str | None) -> str:
    if username is None:
        raise Invalid("username", "an account cannot be without.")
    if username != username.strip() or not username or len(username) > USERNAME_LENGTH:
        raise Invalid("username", f"use 1 to {USERNAME_LENGTH} characters, no blank at the ends.")
    if not username.isprintable() or set(username) & set(":/"):
        raise Invalid("username", "use printable characters other than ':' and '/'.")
    return username


def _checked(fields: Mapping[str, Any], allowed: Sequence[str]) -> dict[str, Any]:
    checked = {}
    for name, value in fields.items():
        if name not in allowed:
            raise Invalid(name, "a user has no such field to set.")
        checked[name] = value if name in ADMINISTERED else _checked_text(name, value)
    return checked


def _checked_text(name: str, value: Any) -> str | None:
    nullable = name in ("email", "institution")
    if value is None or (nullable and value == ""):
        return None if nullable else ""
    if not isinstance(value, str) or len(value) > TEXT_LENGTH or not value.isprintable():
        raise Invalid(name, f"use at most {TEXT_LENGTH} printable characters.")
    return value
