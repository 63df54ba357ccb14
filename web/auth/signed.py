"""Short-lived signed addresses, for viewers that cannot send headers.

A signature names an account, one resource and an end, and gives that account's reading rights on
that resource, asked anew at each use: a right withdrawn is gone at once, the signature itself ends
by time alone. It cannot be taken back earlier, so keep it short.
"""

from __future__ import annotations

import re

from store.clock import now_ms
from store.errors import Invalid, Unauthenticated
from store.sealing import Sealing
from web.auth.identity import Identity, Kind

LONGEST_MS = 7 * 24 * 3_600_000
_FORM = re.compile(r"([0-9]{1,16})\.([0-9]{1,16})\.([A-Za-z0-9_-]{43})")


def sign(sealing: Sealing, user_id: int, resource: str, expires_at: int) -> str:
    """Return a text for a URL that lets an account's rights read `resource` until `expires_at`.

    `resource` is any text both sides agree on, such as ``image:1204``; the end is in ms UTC, at
    most seven days from now.
    """
    if not now_ms() < expires_at <= now_ms() + LONGEST_MS:
        raise Invalid("expires_at", "choose a moment within the next seven days.")
    return f"{user_id}.{expires_at}.{sealing.sign(_claim(user_id, resource, expires_at))}"


def identify(sealing: Sealing, signature: str, resource: str) -> Identity:
    """Return whose rights a signature lends for a resource. Raises Unauthenticated."""
    match = _FORM.fullmatch(signature)
    if match is None:
        raise Unauthenticated("This signed address is damaged; ask for a new one.")
    user_id, expires_at = int(match[1]), int(match[2])
    if not sealing.signed(_claim(user_id, resource, expires_at), match[3]):
        raise Unauthenticated("This signed address was made for something else or is damaged.")
    if expires_at <= now_ms():
        raise Unauthenticated("This signed address has ended; ask for a new one.")
    # With the scope of a reader the account can neither write nor handle its credentials.
    return Identity(
        Kind.SIGNED,
        user_id,
        scopes=frozenset({"read"}),
        read_only=True,
        expires_at=expires_at,
    )


def _claim(user_id: int, resource: str, expires_at: int) -> str:
    return f"signed address\n{user_id}\n{expires_at}\n{resource}"
