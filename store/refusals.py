"""What a database refuses, in the words of the hub: Conflict or Invalid, its SQL never quoted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from store.engine import Refusal, refusal
from store.errors import Conflict, HubError, Invalid
from store.statement import word


@contextmanager
def refusing(noun: type[SQLModel]) -> Iterator[None]:
    """Turn what the database refuses into Conflict or Invalid; its SQL is not quoted."""
    try:
        yield
    except (DBAPIError, OverflowError, UnicodeEncodeError) as error:
        found = refusal(error)
        if found is None:
            raise
        raise _refused(found, noun) from error


def _refused(found: Refusal, noun: type[SQLModel]) -> HubError:
    name = word(noun)
    match found:
        case Refusal.REFERENCE:
            return Conflict(f"This {name} refers to something that does not exist.", noun=name)
        case Refusal.CHECK:
            return Invalid(name, "one of the values is out of its range.")
        case Refusal.MISSING:
            return Invalid(name, "a value that must be given is missing.")
        case Refusal.RANGE:
            return Invalid(name, "a value cannot be stored: it is too large or not of its kind.")
        case _:
            return Conflict(
                f"There is already such a {name}; names and links of this kind are unique.",
                noun=name,
            )
