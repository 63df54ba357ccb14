"""The errors a mutation answers with, as types a client can select on.

Every mutation returns a union of its payload and all of these, so one fragment ``... on Error`` is
always enough, and a client that can do something about a conflict selects `ConflictError`. Query
fields report the same codes under ``extensions`` of an ordinary GraphQL error.
"""

import strawberry

from schema.scalars import JSON


@strawberry.interface(description="Why something was not done.")
class Error:
    message: str = strawberry.field(
        description="What was asked, what was found and what to do, in one sentence."
    )
    code: str = strawberry.field(description="A short fixed word for programs.")


@strawberry.type(description="The object does not exist, or you may not see it.")
class NotFoundError(Error):
    noun: str = strawberry.field(description="What kind of object was asked for.")


@strawberry.type(description="Nobody is signed in, or the credential is not valid.")
class UnauthenticatedError(Error):
    pass


@strawberry.type(description="You can see the object, but may not do this to it.")
class ForbiddenError(Error):
    action: str | None = strawberry.field(description="What was refused.")
    noun: str | None = strawberry.field(description="On what kind of object.")


@strawberry.type(description="One argument cannot be what was sent.")
class InvalidError(Error):
    field: str = strawberry.field(description="The argument or input field.")
    reason: str = strawberry.field(description="What is wrong with it.")


@strawberry.type(description="The present state does not allow the change.")
class ConflictError(Error):
    details: JSON = strawberry.field(description="What stands in the way, by name.")


@strawberry.type(description="A format, codec or option the hub does not know.")
class UnsupportedError(Error):
    pass


@strawberry.type(description="Something the hub depends on does not answer.")
class UnavailableError(Error):
    source: str | None = strawberry.field(description="What does not answer.")


@strawberry.type(description="Beyond a stated limit.")
class TooLargeError(Error):
    limit: JSON = strawberry.field(description="The limit, a number.")


@strawberry.type(description="Too many attempts.")
class ThrottledError(Error):
    retry_after: float = strawberry.field(description="Seconds to wait before trying again.")


ERRORS: tuple[type[Error], ...] = (
    NotFoundError,
    UnauthenticatedError,
    ForbiddenError,
    InvalidError,
    ConflictError,
    UnsupportedError,
    UnavailableError,
    TooLargeError,
    ThrottledError,
)
