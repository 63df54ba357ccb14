"""What the command line does to accounts, as the hub itself."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.keys import Keys
from adapters.people import People
from adapters.tokens import Tokens
from store.access.load import load_actor
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Invalid
from store.tables.people import GroupLevel, User
from web.bootstrap import Services


async def person_named(services: Services, username: str) -> User:
    """Return an account by name. Raises Invalid with what to do."""
    found = await People(Catalog(services.database, Actor.system())).by_username(username)
    if found is None:
        raise Invalid(
            "user", f"there is no account {username!r}; make it with `imagehub user add`."
        )
    return found


async def actor_named(services: Services, username: str) -> Actor:
    """Return the actor of an account, an administrator with every right."""
    person = await person_named(services, username)
    return await load_actor(services.database, person.id, scopes=("admin",))


async def add_account(
    services: Services, username: str, password: str, *, admin: bool, groups: Sequence[str]
) -> int:
    """Make an account, and its groups where they are new; return its id."""
    catalog = Catalog(services.database, Actor.system())
    people = People(catalog)
    ids = []
    for name in groups:
        group = await people.groups.by_name(name)
        if group is None:
            group = await people.groups.create(name, level=GroupLevel.private)
        ids.append(group.id)
    person = await people.create(username, password, groups=ids, admin=admin)
    return person.id


async def change_password(services: Services, username: str, password: str) -> None:
    """Set an account's password, whatever it was."""
    person = await person_named(services, username)
    await People(Catalog(services.database, Actor.system())).set_password(person.id, password)


async def new_token(services: Services, username: str, label: str, scopes: Sequence[str]) -> str:
    """Make a bearer token for an account and return it; it is shown this once."""
    person = await person_named(services, username)
    actor = await load_actor(services.database, person.id)
    made = await Tokens(Catalog(services.database, actor)).create(label, scopes)
    return made.plain


async def key_pair(services: Services, username: str) -> str:
    """Return ``PUBLIC PRIVATE`` of an account, made on first need."""
    person = await person_named(services, username)
    pair = await Keys(Catalog(services.database, Actor.system()), services.sealing).of(person.id)
    return f"{pair.public} {pair.private}"
