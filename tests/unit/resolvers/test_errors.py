"""Every error of the domain as an object and as extensions; nothing else gets out."""

import pytest
from graphql import GraphQLError

from resolvers.errors import error_object, present_errors
from schema import errors as shown
from store import errors

CASES = [
    (errors.NotFound("Image", 7), shown.NotFoundError),
    (errors.Unauthenticated(), shown.UnauthenticatedError),
    (errors.Forbidden("delete", "Image", 7), shown.ForbiddenError),
    (errors.Invalid("sigma", "must be positive."), shown.InvalidError),
    (errors.Conflict("Somebody was faster.", version=3), shown.ConflictError),
    (errors.Unsupported("There is no codec x."), shown.UnsupportedError),
    (errors.Unavailable("OMERO", "no answer."), shown.UnavailableError),
    (errors.TooLarge("The image", 10), shown.TooLargeError),
    (errors.Throttled("logins", 3.5), shown.ThrottledError),
]


@pytest.mark.parametrize(("error", "kind"), CASES, ids=lambda case: getattr(case, "code", ""))
def test_an_error_becomes_the_object_of_its_kind(
    error: errors.HubError, kind: type[shown.Error]
) -> None:
    made = error_object(error)
    assert type(made) is kind
    assert made.message == error.message
    assert made.code == error.code


def test_a_subclass_is_shown_as_its_nearest_kind() -> None:
    class Cyclic(errors.Conflict):
        pass

    made = error_object(Cyclic("A term cannot be its own parent.", term=4))
    assert isinstance(made, shown.ConflictError)
    assert made.details == {"term": 4}


def test_fields_json_cannot_hold_become_text() -> None:
    error = GraphQLError("x", original_error=errors.Conflict("Busy.", at={1}, by=object))
    present_errors([error], "r")
    assert error.extensions == {"at": [1], "by": "<class 'object'>", "code": "conflict"}


def test_presenting_twice_changes_nothing() -> None:
    error = GraphQLError("x", path=["a"], original_error=RuntimeError("secret"))
    present_errors([error], "r-1")
    first = error.formatted
    present_errors([error], "r-2")
    assert error.formatted == first
    assert "secret" not in str(first)


def test_a_domain_error_below_several_wrappers_is_found() -> None:
    inner = GraphQLError("y", original_error=errors.Invalid("first", "must be a number."))
    error = GraphQLError("x", path=["a"], original_error=inner)
    present_errors([error], "r")
    assert error.message == "first: must be a number."
