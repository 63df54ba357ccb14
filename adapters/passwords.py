"""Passwords: what is accepted, how they are kept (argon2id), and how one is checked.

Hashing takes tens of milliseconds and 64 MiB on purpose. It therefore runs in a few threads of its
own: the event loop stays free, and a flood of sign-ins cannot take all memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from store.errors import Invalid, Throttled

T = TypeVar("T")

SHORTEST = 8  # characters
LONGEST = 1024  # bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether a password is right, and its hash by today's parameters if the kept one is weaker."""

    right: bool
    rehashed: str | None = None


class Passwords:
    """Hashes and checks passwords, `threads` at a time, with at most `waiting` more in line."""

    def __init__(
        self, hasher: PasswordHasher | None = None, *, threads: int = 2, waiting: int = 64
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._limit = threads + waiting
        self._busy = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash to keep. Raises Invalid for a password that is too short or too long."""
        secret = accepted(password)
        return await self._run(lambda: self._hasher.hash(secret))

    async def check(self, kept: str | None, password: str) -> Checked:
        """Check a password against a kept hash.

        Without one (no such account, no password) the same work is done against a decoy, so that
        the time taken does not tell which accounts exist.
        """
        # One byte more than the longest that can be kept: it matches nothing, and costs no more.
        secret = password.encode("utf-8", "surrogatepass")[: LONGEST + 1]
        return await self._run(lambda: self._check(kept, secret))

    def _check(self, kept: str | None, secret: bytes) -> Checked:
        if self._decoy is None:
            self._decoy = self._hasher.hash(b"nobody has this password")
        try:
            self._hasher.verify(kept or self._decoy, secret)
        except (VerificationError, InvalidHashError):
            return Checked(right=False)
        if kept is None:
            return Checked(right=False)
        weaker = self._hasher.check_needs_rehash(kept)
        return Checked(right=True, rehashed=self._hasher.hash(secret) if weaker else None)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._busy >= self._limit:
            raise Throttled("sign-ins at once", 2)
        self._busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._busy -= 1


def accepted(password: str) -> bytes:
    """Return the bytes of a new password. Raises Invalid when it cannot be used."""
    if len(password) < SHORTEST:
        raise Invalid("password", f"use at least {SHORTEST} characters.")
    try:
        secret = password.encode()
    except UnicodeEncodeError as error:
        raise Invalid("password", "it holds half of a character; type it anew.") from error
    if len(secret) > LONGEST:
        raise Invalid("password", f"use at most {LONGEST} bytes.")
    return secret


PASSWORDS = Passwords()
