"""Who a credential belongs to: passwords, sessions, tokens, links and key pairs, for every door.

One object per server process, since the throttle counts for all doors together. It asks on behalf
of the hub itself and answers only with rows of whoever presented the right secret. What an account
may then do is read by `store.access.load`, which also refuses accounts that are disabled or gone.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, or_, update

from adapters.keys import KeyPair, unsealed
from adapters.passwords import PASSWORDS, Passwords
from adapters.sessions import end_sessions
from adapters.throttle import Throttle
from adapters.tokens import digest, new_secret
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.engine import Database
from store.errors import Unauthenticated
from store.sealing import Sealing
from store.statement import cols, table
from store.tables.access import Grant, Session, Token
from store.tables.columns import name_key
from store.tables.people import User, UserKind
from store.unit import Unit

log = logging.getLogger(__name__)

WRONG_PASSWORD = "The user name or the password is not right."
TOUCH_MS = 60_000  # how much a session's or token's last use may lag behind
HOUR_MS = 3_600_000

_session = cols(Session)
_token = cols(Token)
_grant = cols(Grant)
_user = cols(User)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session just opened; `key` goes to the client and is kept nowhere else."""

    session: Session
    user: User
    key: str = field(repr=False)


class Credentials:
    """Checks what a request presents."""

    def __init__(
        self,
        database: Database,
        sealing: Sealing,
        *,
        throttle: Throttle | None = None,
        passwords: Passwords = PASSWORDS,
        session_hours: int = 24,
    ) -> None:
        self._catalog = Catalog(database, Actor.system())
        self._sealing = sealing
        self._throttle = Throttle() if throttle is None else throttle
        self._passwords = passwords
        self._life_ms = session_hours * HOUR_MS
        self._touching: dict[int, asyncio.Task[None]] = {}

    async def login(self, username: str, password: str, *, address: str = "") -> SignedIn:
        """Open a session. Raises Unauthenticated, or Throttled after too many failures.

        `address` is the client's network address. A wrong password, an unknown name, a disabled
        account and one without a password get the same answer after the same work.
        """
        async with self._throttle.attempt(username, address) as attempt:
            # Inside the turn, so that a sign-in sees the hash that the one before it renewed.
            person, rehashed = await self._verified(username, password)
            opened = await self._open(person, rehashed)
            attempt.succeeded()
        return opened

    async def verify(self, username: str, password: str, *, address: str = "") -> User:
        """Check a password without opening a session; otherwise as `login`."""
        async with self._throttle.attempt(username, address) as attempt:
            person, _rehashed = await self._verified(username, password)
            attempt.succeeded()
        return person

    async def session(self, key: str) -> Session | None:
        """Return the open session of a key, or None; using it keeps it open."""
        now = now_ms()
        found = await self._catalog.all(
            Session,
            self._catalog.select(Session).where(
                _session.key_hash == digest(key), _session.expires_at > now
            ),
        )
        if not found:
            return None
        session = found[0]
        if now - session.seen_at >= TOUCH_MS:
            # Its own life, which its holder may have made shorter than that of new sessions.
            life = _session.expires_at - _session.seen_at
            self._touch(session.id, Session, seen_at=now, expires_at=life + now)
        return session

    async def logout(self, key: str) -> bool:
        """Close the session of a key; return whether it was open."""
        found = await self.session(key)
        if found is None:
            return False
        session = found

        async def work(unit: Unit) -> bool:
            return bool(await end_sessions(unit, _session.id == session.id))

        return await self._catalog.write("sign_out", work)

    async def token(self, plain: str) -> Token | None:
        """Return the token of a plain text if it has not ended, or None; notes its use."""
        now = now_ms()
        found = await self._catalog.all(
            Token,
            self._catalog.select(Token).where(
                _token.hash == digest(plain),
                or_(_token.expires_at.is_(None), _token.expires_at > now),
            ),
        )
        if not found:
            return None
        token = found[0]
        if token.used_at is None or now - token.used_at >= TOUCH_MS:
            self._touch(token.id, Token, used_at=now)
        return token

    async def link(self, plain: str) -> Grant | None:
        """Return the grant behind a secret link if it has not ended, or None."""
        found = await self._catalog.all(
            Grant,
            self._catalog.select(Grant).where(
                _grant.link_hash == digest(plain),
                or_(_grant.expires_at.is_(None), _grant.expires_at > now_ms()),
            ),
        )
        return found[0] if found else None

    async def key_pair(self, public: str) -> KeyPair | None:
        """Return the key pair of an enabled account by its public half, to check a signature."""
        if not _plausible(public):
            return None
        found = await self._people(_user.public_key == public, _user.enabled)
        return unsealed(found[0], self._sealing) if found else None

    async def account(self, username: str) -> User | None:
        """Return the enabled human account of a name, or None; the public account is one."""
        person = await self._named(username)
        return person if person is not None and person.enabled else None

    async def settle(self) -> None:
        """Wait until every noted use is written; called before the database is closed."""
        while self._touching:
            await asyncio.gather(*self._touching.values(), return_exceptions=True)

    # inside

    async def _verified(self, username: str, password: str) -> tuple[User, str | None]:
        person = await self._named(username)
        kept = person.password_hash if person is not None and person.enabled else None
        checked = await self._passwords.check(kept, password)
        if person is None or not checked.right:
            raise Unauthenticated(WRONG_PASSWORD)
        return person, checked.rehashed

    async def _named(self, username: str) -> User | None:
        if not _plausible(username):
            return None
        found = await self._people(
            _user.username_key == name_key(username), _user.kind == UserKind.HUMAN.value
        )
        # Keys are cut at some length, so two long names may share one.
        same = [one for one in found if one.username.casefold() == username.casefold()]
        return same[0] if same else None

    async def _people(self, *where: Any) -> list[User]:
        return list(await self._catalog.all(User, self._catalog.select(User).where(*where)))

    async def _open(self, person: User, rehashed: str | None) -> SignedIn:
        key, now = new_secret(), now_ms()

        async def work(unit: Unit) -> Session:
            current = await unit.one(User, person.id)
            if not current.enabled or current.password_hash != person.password_hash:
                raise Unauthenticated(WRONG_PASSWORD)
            await unit.execute(delete(table(Session)).where(_session.expires_at <= now))
            if rehashed is not None:
                await unit.execute(
                    update(table(User)).where(_user.id == person.id).values(password_hash=rehashed)
                )
            return await unit.add(
                Session(
                    id=await unit.take_ids(),
                    key_hash=digest(key),
                    user_id=person.id,
                    group_id=person.default_group_id,
                    created_at=now,
                    seen_at=now,
                    expires_at=now + self._life_ms,
                ),
                tell=False,
            )

        return SignedIn(await self._catalog.write("sign_in", work), person, key)

    def _touch(self, id: int, noun: type[Session | Token], **values: Any) -> None:
        """Note a use in the background: a reader must not wait for a writer's turn."""
        if id in self._touching:
            return

        async def work(unit: Unit) -> None:
            await unit.execute(update(table(noun)).where(cols(noun).id == id).values(**values))

        task = asyncio.ensure_future(self._catalog.write("note_use", work))
        self._touching[id] = task
        task.add_done_callback(lambda done: self._touched(id, done))

    def _touched(self, id: int, task: asyncio.Task[None]) -> None:
        self._touching.pop(id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("the last use of credential %d was not noted: %s", id, error)


def _plausible(text: str) -> bool:
    """Whether a text can stand in a name or key at all; databases refuse to look for the rest."""
    return 0 < len(text) <= 1024 and text.isprintable()
