"""HTTP Basic: a user name and, where clients expect a password, a token.

The password itself is never accepted here: clients that speak Basic send it with every request and
keep it in plain settings files, where a token with few scopes does less harm.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace

from store.errors import Unauthenticated
from web.auth import bearer
from web.auth.identity import Identity, Kind, Services

SCHEME = "basic"
CHALLENGE = 'Basic realm="imagehub", charset="UTF-8"'


def parsed(credentials: str) -> tuple[str, str]:
    """Return user name and token of the text behind ``Basic``. Raises Unauthenticated."""
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise Unauthenticated("The Authorization header is not valid HTTP Basic.") from error
    username, colon, token = text.partition(":")
    if not colon:
        raise Unauthenticated("HTTP Basic needs a user name and a token as the password.")
    return username, token


async def identify(services: Services, username: str, plain: str) -> Identity:
    """Return whose token this is; `username` is compared when the account is loaded."""
    found = await bearer.identify(services, plain, Kind.BASIC)
    return replace(found, username=username)
