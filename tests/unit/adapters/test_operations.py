"""The registry: what a signature becomes, and what is refused at import."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pytest

from adapters.operations import (
    REDUCED,
    DeclarationError,
    Frame,
    Global,
    Labels,
    Mask,
    Neighbourhood,
    Plane,
    Points,
    Pointwise,
    Port,
    PortType,
    Reduction,
    Registry,
    Streamed,
    Table,
    Volume,
    Whole,
    operation,
    registry,
)
from store.errors import Invalid, NotFound


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Pair(NamedTuple):
    mask: Mask
    level: Annotated[float, Port("The level that was found.", unit="counts")]


@pytest.fixture
def fresh() -> Registry:
    return Registry(builtin=None, group=None)


def declare(fresh: Registry, function: Any, name: str = "test.it", **options: Any) -> Any:
    options.setdefault("locality", Pointwise())
    operation(name, into=fresh, **options)(function)
    return fresh.get(name)


def everything(
    image: Plane,
    sigma: Annotated[float, Port("Width.", unit="pixel", ge=0, lt=10)],
    count: Annotated[int, Port("How many.", gt=0, le=5)] = 2,
    mode: Annotated[Literal["a", "b"], Port("Mode.")] = "a",
    colour: Annotated[Colour, Port("Colour.")] = Colour.BLUE,
    flag: bool = False,
    title: str = "",
    sizes: Annotated[tuple[float, ...], Port("Sizes.", ge=0, max_items=3)] = (1.0,),
    other: Plane | None = None,
) -> Plane:
    """Do everything
    at once.

    More about it.

    Parameters
    ----------
    flag : bool
        Whether to be
        thorough.
    title : str
        What to call it.
    """
    return image


def test_ports_are_read_from_the_signature_and_the_docstring(fresh: Registry) -> None:
    op = declare(fresh, everything, menu="Process > Test > Everything...")
    ports = {port.name: port for port in op.inputs}
    assert op.summary == "Do everything at once."
    assert op.description == "More about it."
    assert op.label == "Everything"
    assert op.menu == ("Process", "Test", "Everything...")
    assert ports["image"].type is PortType.IMAGE
    assert ports["image"].axes == "yx"
    assert (ports["sigma"].ge, ports["sigma"].lt, ports["sigma"].unit) == (0, 10, "pixel")
    assert ports["sigma"].required
    assert not ports["count"].required
    assert ports["flag"].summary == "Whether to be thorough."
    assert ports["title"].summary == "What to call it."
    assert ports["mode"].choices == ("a", "b")
    assert ports["colour"].choices == ("red", "blue")
    assert ports["colour"].default == "blue"
    assert ports["sizes"].many
    assert not ports["other"].required
    assert [port.name for port in op.outputs] == ["image"]


def test_the_description_is_json_and_tells_bounds(fresh: Registry) -> None:
    described = json.loads(json.dumps(declare(fresh, everything).describe()))
    inputs = {port["name"]: port for port in described["inputs"]}
    assert inputs["sigma"]["minimum"] == 0
    assert inputs["sigma"]["exclusiveMinimum"] is False
    assert inputs["sigma"]["maximum"] == 10
    assert inputs["sigma"]["exclusiveMaximum"] is True
    assert inputs["mode"]["choices"] == ["a", "b"]
    assert inputs["count"]["choices"] is None
    assert described["locality"] == "pointwise"


def test_binding_fills_defaults_and_keeps_references_apart(fresh: Registry) -> None:
    bound = declare(fresh, everything).bind({"image": 204, "sigma": 2})
    assert bound.references == {"image": 204}
    assert bound.values["sigma"] == 2.0
    assert isinstance(bound.values["sigma"], float)
    assert bound.values["count"] == 2
    assert bound.values["sizes"] == (1.0,)


@pytest.mark.parametrize(
    ("port", "value", "reason"),
    [
        ("sigma", -1.0, "at least 0"),
        ("sigma", float("nan"), "finite"),
        ("sigma", float("inf"), "finite"),
        ("sigma", float("-inf"), "finite"),
        ("sigma", 10, "less than 10"),
        ("sigma", "2", "takes a number"),
        ("sigma", True, "takes a number"),
        ("sigma", [1.0], "takes a number"),
        ("sigma", 10**400, "beyond"),
        ("count", 0, "greater than 0"),
        ("count", 6, "at most 5"),
        ("count", 1.5, "whole number"),
        ("count", float("nan"), "whole number"),
        ("count", float("inf"), "whole number"),
        ("mode", "c", "one of a, b"),
        ("mode", 1, "one of a, b"),
        ("colour", "green", "one of red, blue"),
        ("flag", 1, "true or false"),
        ("title", 3, "takes text"),
        ("title", "x" * 10_001, "at most 10000"),
        ("sizes", 3.0, "takes a list"),
        ("sizes", "123", "takes a list"),
        ("sizes", [], "items"),
        ("sizes", [1, 2, 3, 4], "items"),
        ("sizes", [1, -1], "at least 0"),
        ("wrong", 1, "not an input of test.it"),
    ],
)
def test_a_bad_argument_is_refused_by_the_name_of_its_port(
    fresh: Registry, port: str, value: object, reason: str
) -> None:
    op = declare(fresh, everything)
    with pytest.raises(Invalid, match=reason) as caught:
        op.bind({"image": 1, "sigma": 1.0, port: value})
    assert caught.value.field == port


def test_a_missing_argument_is_named(fresh: Registry) -> None:
    op = declare(fresh, everything)
    with pytest.raises(Invalid) as caught:
        op.bind({"sigma": 1.0})
    assert caught.value.field == "image"
    with pytest.raises(Invalid) as caught:
        op.bind({"image": 1, "sigma": None})
    assert caught.value.field == "sigma"


def test_numpy_scalars_and_whole_floats_are_numbers(fresh: Registry) -> None:
    bound = declare(fresh, everything).bind(
        {"image": 1, "sigma": np.float32(1.5), "count": 3.0, "flag": np.bool_(True)}
    )
    assert bound.values["sigma"] == 1.5
    assert bound.values["count"] == 3
    assert isinstance(bound.values["count"], int)
    assert bound.values["flag"] is True


def test_text_is_read_into_values(fresh: Registry) -> None:
    op = declare(fresh, everything)
    read = op.read({"image": "7", "sigma": "2.5", "flag": "true", "sizes": "1, 2"})
    assert read == {"image": "7", "sigma": 2.5, "flag": True, "sizes": (1.0, 2.0)}
    with pytest.raises(Invalid) as caught:
        op.read({"sigma": "wide"})
    assert caught.value.field == "sigma"


def test_a_rule_sees_all_values(fresh: Registry) -> None:
    def ordered(values: Any) -> None:
        if values["low"] > values["high"]:
            raise Invalid("low", "must not exceed high.")

    def between(
        image: Plane,
        low: Annotated[float, Port("Low.")] = 0.0,
        high: Annotated[float, Port("High.")] = 1.0,
    ) -> Mask:
        """Keep what lies between."""
        return (image >= low) & (image <= high)

    op = declare(fresh, between, rule=ordered)
    op.bind({"image": 1})
    with pytest.raises(Invalid) as caught:
        op.bind({"image": 1, "low": 2.0})
    assert caught.value.field == "low"


def test_several_results_come_from_a_record(fresh: Registry) -> None:
    def split(image: Plane) -> Pair:
        """Split."""
        return Pair(image > 1, 1.0)

    op = declare(fresh, split)
    assert [(port.name, port.type) for port in op.outputs] == [
        ("mask", PortType.MASK),
        ("level", PortType.FLOAT),
    ]
    found = op(image=np.array([[0, 2]]))
    assert found["mask"].tolist() == [[False, True]]
    assert found["level"] == 1.0


def test_points_are_checked_into_an_array(fresh: Registry) -> None:
    def area(polygon: Annotated[Points, Port("Corners.")]) -> float:
        """Area of a polygon."""
        x, y = polygon.T
        return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)

    op = declare(fresh, area, locality=Whole())
    assert op(polygon=[[0, 0], [2, 0], [2, 3], [0, 3]]) == {"value": 6.0}
    for bad in ([[1, 2, 3]], [1, 2], "x", [[0, float("nan")]]):
        with pytest.raises(Invalid) as caught:
            op.bind({"polygon": bad})
        assert caught.value.field == "polygon"


def test_what_the_runner_fills_in_is_not_shown(fresh: Registry) -> None:
    def measured(
        labels: Labels, frame: Frame, other: Annotated[Plane | None, Port("Other.")] = None
    ) -> Table:
        """Measure."""
        return Table(())

    op = declare(fresh, measured, locality=Whole())
    assert [port.name for port in op.inputs] == ["labels", "other"]
    with pytest.raises(Invalid):
        op.bind({"labels": 1, "frame": 2})


def test_a_duplicate_name_fails(fresh: Registry) -> None:
    declare(fresh, everything)
    with pytest.raises(DeclarationError, match="declared twice"):
        declare(fresh, everything)


def no_annotation(image: Plane, size=1) -> Plane:  # type: ignore[no-untyped-def]
    """Do."""
    return image


def no_summary(image: Plane) -> Plane:
    return image


def no_port_summary(image: Plane, size: int = 1) -> Plane:
    """Do."""
    return image


def no_result(image: Plane):  # type: ignore[no-untyped-def]
    """Do."""
    return image


def unknown_type(image: Plane, size: complex = 1j) -> Plane:
    """Do."""
    return image


def bad_default(image: Plane, size: Annotated[int, Port("Size.", ge=5)] = 1) -> Plane:
    """Do."""
    return image


def phantom(image: Plane) -> Plane:
    """Do.

    Parameters
    ----------
    size : int
        Which is not there.
    """
    return image


def any_number(*images: Plane) -> Plane:
    """Do."""
    return images[0]


def mixed(image: Plane, stack: Volume) -> Plane:
    """Do."""
    return image


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (no_annotation, "size has no annotation"),
        (no_summary, "no docstring"),
        (no_port_summary, "size has no summary"),
        (no_result, "return type"),
        (unknown_type, "unknown type"),
        (bad_default, "default of size"),
        (phantom, "no parameter"),
        (any_number, "no fixed number"),
        (mixed, "different axes"),
    ],
)
def test_what_cannot_be_described_fails_at_import(
    fresh: Registry, function: Any, problem: str
) -> None:
    with pytest.raises(DeclarationError, match=problem):
        declare(fresh, function)
    assert fresh.all() == ()


@pytest.mark.parametrize("name", ["gaussian", "Filter.Gauss", "filter.", "filter gauss", ""])
def test_a_bad_name_fails(fresh: Registry, name: str) -> None:
    with pytest.raises(DeclarationError, match="operation name"):
        operation(name, locality=Pointwise(), into=fresh)(everything)


def test_a_locality_must_fit_the_ports(fresh: Registry) -> None:
    def streaming(image: Streamed) -> Table:
        """Stream."""
        return Table(())

    def reduced(image: Plane, level: Annotated[float, REDUCED]) -> Mask:
        """Reduce."""
        return image > level

    def alone(size: Annotated[int, Port("Size.")] = 1) -> float:
        """Stand alone."""
        return 1.0

    for function, locality in [
        (streaming, Pointwise()),
        (reduced, Pointwise()),
        (everything, Global(lambda image, values: 1.0)),
        (everything, Reduction()),
        (alone, Neighbourhood(lambda values: 1)),
    ]:
        with pytest.raises(DeclarationError):
            declare(fresh, function, locality=locality)


def test_search_prefers_names_and_needs_every_word() -> None:
    assert registry.search("gauss")[0].name.startswith("filter.")
    assert [op.name for op in registry.search("otsu threshold")] == ["threshold.otsu"]
    assert registry.search("gaussian nowhere") == ()
    assert registry.search("") == registry.all()


def test_an_unknown_operation_is_not_found() -> None:
    with pytest.raises(NotFound):
        registry.get("filter.nothing")
    assert "filter.gaussian" in registry
    assert "filter.nothing" not in registry


def test_every_operation_describes_itself_without_product_names() -> None:
    for op in registry:
        described = json.dumps(op.describe())
        assert op.menu, op.name
        assert all(port.summary and port.label for port in (*op.inputs, *op.outputs)), op.name
        assert op.summary.endswith("."), op.name
        for product in ("omero", "cytomine", "imagej"):
            assert product not in described.lower(), op.name


class FakeEntry:
    def __init__(self, name: str, load: Any) -> None:
        self.name = name
        self.load = load


def test_third_party_families_load_on_first_look_and_a_broken_one_is_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = []
    fresh = Registry(builtin=None, group="some.group")

    def good() -> None:
        loaded.append("good")
        operation("other.good", locality=Pointwise(), into=fresh)(everything)

    def broken() -> None:
        operation("other.half", locality=Pointwise(), into=fresh)(everything)
        raise ImportError("libmissing is missing")

    entries = [FakeEntry("good", good), FakeEntry("broken", broken)]
    monkeypatch.setattr("adapters.operations.register.entry_points", lambda group: entries)
    assert loaded == []
    assert [op.name for op in fresh.all()] == ["other.good"]
    fresh.all()
    assert loaded == ["good"]
    assert fresh.failures == {"broken": "libmissing is missing"}
    assert "broken" in caplog.text
    assert fresh.get("other.good").source == "external"


def test_start_up_does_not_import_the_families() -> None:
    import subprocess
    import sys

    code = (
        "import sys, adapters.operations\n"
        "assert not {'scipy', 'skimage', 'cv2', 'adapters.ops'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
