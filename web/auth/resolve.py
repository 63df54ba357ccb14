"""Who is calling: from what a request carries to one actor, the same way at every door.

A door says which credentials it takes. One that is wrong, or that the door does not take, is
refused and never treated as nobody; only a request without any is anonymous. An ``Authorization``
header goes before the cookie, which browsers attach unasked. Verdicts are kept for five seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection

from starlette.requests import HTTPConnection

from adapters.tokens import digest
from store.access.load import load_actor, load_link
from store.actor import Actor
from store.errors import Unauthenticated
from store.tables.access import Grant
from web.auth import basic, bearer, link, session, signature, signed
from web.auth.identity import Authenticated, Identity, Kind, Services, key_of

log = logging.getLogger(__name__)

Load = Callable[[], Awaitable[Identity]]


def services_of(connection: HTTPConnection) -> Services:
    """Return the services of the server that answers this request."""
    services: Services = connection.app.state.services
    return services


async def authenticate(
    connection: HTTPConnection,
    accepted: Collection[Kind] = (Kind.SESSION, Kind.BEARER),
    *,
    plain: bool = False,
) -> Authenticated:
    """Return who sends a request, by the first credential it carries.

    `plain` takes an administrator for a plain user unless administration is open. Raises
    Unauthenticated for a wrong credential. A request that changes something and was
    authenticated by `Kind.SESSION` must also pass `web.auth.csrf.require`.
    """
    services = services_of(connection)
    plain_link = link.presented(connection) if Kind.LINK in accepted else None
    header = connection.headers.get("authorization")
    if header is not None:
        if Kind.KEYS in accepted and header[:9].casefold() == f"{signature.SCHEME} ":
            return await _by_keys(connection, services, header[9:], plain)
        return await _by_header(services, header, accepted, plain_link, plain)
    key = session.presented(connection) if Kind.SESSION in accepted else None
    if key is not None:
        return await _resolved(
            services, Kind.SESSION, key, lambda: session.identify(services, key), plain_link
        )
    if plain_link is not None:
        return await by_link(services, plain_link)
    return await anonymous(services)


async def by_bearer(services: Services, plain: str) -> Authenticated:
    """Return who a bearer token belongs to: for web sockets, which send it in a message."""
    return await _resolved(
        services, Kind.BEARER, plain, lambda: bearer.identify(services, plain), None
    )


async def by_session(services: Services, key: str) -> Authenticated:
    """Return whose session a key opens, however it was sent. Raises Unauthenticated."""
    return await _resolved(
        services, Kind.SESSION, key, lambda: session.identify(services, key), None
    )


async def by_link(services: Services, plain: str) -> Authenticated:
    """Return the actor of a secret link without an account. Raises Unauthenticated."""
    hashed = link.hashed(plain)

    async def load() -> tuple[Authenticated, int | None]:
        grant = await link.granted(services, plain)
        actor = await load_link(services.database, hashed)
        return Authenticated(actor, Kind.LINK), grant.expires_at

    return await services.verdicts.remember(key_of(Kind.LINK, hashed), load)


async def by_signature(services: Services, signature: str, resource: str) -> Authenticated:
    """Return the reader a signed address stands for; `resource` must be what it was signed for."""

    async def identify() -> Identity:
        return signed.identify(services.sealing, signature, resource)

    return await _resolved(services, Kind.SIGNED, f"{signature}\n{resource}", identify, None)


async def anonymous(services: Services) -> Authenticated:
    """Return the configured public account, reading only, or nobody."""
    name = services.settings.public_user
    if name is None:
        return Authenticated(Actor.nobody(), Kind.ANONYMOUS)

    async def load() -> tuple[Authenticated, int | None]:
        account = await services.credentials.account(name)
        if account is None:
            log.warning("the public account %r does not exist or is disabled", name)
            return Authenticated(Actor.nobody(), Kind.ANONYMOUS), None
        # The scope keeps visitors from the account's own credentials.
        actor = await load_actor(services.database, account.id, scopes=("read",), read_only=True)
        return Authenticated(actor, Kind.ANONYMOUS), None

    return await services.verdicts.remember(key_of(Kind.ANONYMOUS, name), load)


async def _by_keys(
    connection: HTTPConnection, services: Services, credentials: str, plain: bool
) -> Authenticated:
    """Return whose key signed a request; the account is remembered, the signature never."""
    public, given = signature.parsed(credentials)

    async def load() -> tuple[tuple[Authenticated, str], int | None]:
        identity, private = await signature.identify(services, public)
        actor = await _actor(services, identity, None, plain)
        return (Authenticated(actor, Kind.KEYS), private), None

    key = key_of(Kind.KEYS, digest(public), plain)
    caller, private = await services.verdicts.remember(key, load)
    signature.require(connection, private, given)
    return caller


async def _by_header(
    services: Services,
    header: str,
    accepted: Collection[Kind],
    plain_link: str | None,
    plain: bool,
) -> Authenticated:
    scheme, _, credentials = header.partition(" ")
    credentials = credentials.strip()
    match scheme.casefold():
        case bearer.SCHEME if Kind.BEARER in accepted:
            return await _resolved(
                services,
                Kind.BEARER,
                credentials,
                lambda: bearer.identify(services, credentials),
                plain_link,
                plain,
            )
        case basic.SCHEME if Kind.BASIC in accepted:
            username, token = basic.parsed(credentials)
            return await _resolved(
                services,
                Kind.BASIC,
                f"{username}:{token}",
                lambda: basic.identify(services, username, token),
                plain_link,
            )
    taken = " or ".join(sorted(kind.value for kind in accepted))
    raise Unauthenticated(f"This kind of Authorization is not taken here; use {taken}.")


async def _resolved(
    services: Services,
    kind: Kind,
    secret: str,
    identify: Load,
    plain_link: str | None,
    plain: bool = False,
) -> Authenticated:
    link_hash = None if plain_link is None else link.hashed(plain_link)

    async def load() -> tuple[Authenticated, int | None]:
        identity = await identify()
        grant = None if plain_link is None else await link.granted(services, plain_link)
        actor = await _actor(services, identity, link_hash, plain)
        return Authenticated(actor, kind, identity.session), _earliest(identity, grant)

    return await services.verdicts.remember(key_of(kind, digest(secret), link_hash, plain), load)


async def _actor(
    services: Services, identity: Identity, link_hash: str | None, plain: bool = False
) -> Actor:
    assert identity.user_id is not None
    actor = await load_actor(
        services.database,
        identity.user_id,
        scopes=identity.scopes,
        read_only=identity.read_only,
        link_hash=link_hash,
        plain=plain,
    )
    named = identity.username
    if named is not None and named.casefold() != actor.username.casefold():
        raise Unauthenticated("This token belongs to another account than the one named.")
    return actor


def _earliest(identity: Identity, grant: Grant | None) -> int | None:
    ends = [identity.expires_at, None if grant is None else grant.expires_at]
    return min((end for end in ends if end is not None), default=None)
