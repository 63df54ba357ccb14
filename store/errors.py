"""The errors the hub raises, and nothing else leaves the domain.

    HubError                 code
    ├── NotFound             not_found         the row does not exist for this actor
    ├── Unauthenticated      unauthenticated   nobody is signed in, or the credential is wrong
    ├── Forbidden            forbidden         visible, but this may not be done to it
    ├── Invalid              invalid           one named field cannot be what was sent
    ├── Conflict             conflict          the present state does not allow it
    ├── Unsupported          unsupported       a format, codec or option the hub does not know
    ├── Unavailable          unavailable       something the hub depends on does not answer
    ├── TooLarge             too_large         beyond a stated limit
    └── Throttled            throttled         too many attempts; carries the seconds to wait

Dialects turn them into their own status and body in ``web/errors.py``; the domain knows no HTTP.
Messages say what was asked, what was found and what to do.
"""

from __future__ import annotations

from typing import Any, ClassVar


class HubError(Exception):
    """Base of every error a caller is told about."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields


class NotFound(HubError):
    """The object does not exist, or not for this actor: the two are never told apart."""

    code = "not_found"

    def __init__(self, noun: str, id: object) -> None:
        super().__init__(f"There is no {noun} {id} that you can see.", noun=noun, id=id)


class Unauthenticated(HubError):
    """Nobody is signed in, or the credential is not valid."""

    code = "unauthenticated"

    def __init__(self, message: str = "Sign in first.") -> None:
        super().__init__(message)


class Forbidden(HubError):
    """The object is visible, but the actor may not do this to it."""

    code = "forbidden"

    def __init__(self, action: str, noun: str, id: object, why: str = "") -> None:
        reason = f": {why}" if why else "."
        super().__init__(
            f"You may not {action} {noun} {id}{reason}", action=action, noun=noun, id=id
        )


class Invalid(HubError):
    """One field of the request cannot be what was sent."""

    code = "invalid"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", field=field, reason=reason)
        self.field = field
        self.reason = reason


class Conflict(HubError):
    """The present state of the hub does not allow the change."""

    code = "conflict"


class Unsupported(HubError):
    """A format, codec or option that the hub does not know."""

    code = "unsupported"


class Unavailable(HubError):
    """Something the hub depends on does not answer."""

    code = "unavailable"

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"{source} is not available: {why}", source=source)


class TooLarge(HubError):
    """Beyond a stated limit; `limit` names it."""

    code = "too_large"

    def __init__(self, what: str, limit: int, unit: str = "") -> None:
        unit = f" {unit}" if unit else ""
        super().__init__(f"{what} is beyond the limit of {limit:,}{unit}.", what=what, limit=limit)


class Throttled(HubError):
    """Too many attempts; `retry_after` is in seconds."""

    code = "throttled"

    def __init__(self, what: str, retry_after: float) -> None:
        super().__init__(
            f"Too many {what}; try again in {retry_after:.0f} s.", retry_after=retry_after
        )
        self.retry_after = retry_after
