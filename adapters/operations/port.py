"""One typed input or output of an operation: what it takes, in which unit and range, and its check.

The author writes a `Port` with the few facts a signature cannot say; the signature reader fills in
the rest. `check` is the only gate between a client's value and the function.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from adapters.operations.samples import DATA_TYPES, PIXEL_TYPES, PortType
from store.errors import Invalid

DtypeRule = str | Callable[[Mapping[str, Any], str], str]
"""``same`` as the first image, a name, or a rule (values, dtype of the first image)."""

TRUE_WORDS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Port:
    """Describes one port; everything below `dtype` is filled from the signature.

    `ge`, `le`, `gt`, `lt` bound numbers; `finite` false admits infinity (never NaN). `step` is the
    increment a form should offer. `aligned` false gives an image whole to every call instead of cut
    like the others (a kernel, for example). `dtype` is for image outputs.
    """

    summary: str = ""
    label: str = ""
    unit: str | None = None
    ge: float | None = None
    le: float | None = None
    gt: float | None = None
    lt: float | None = None
    step: float | None = None
    finite: bool = True
    aligned: bool = True
    max_length: int = 10_000
    min_items: int = 1
    max_items: int = 10_000
    dtype: DtypeRule = "same"
    name: str = ""
    type: PortType = PortType.IMAGE
    axes: str = ""
    streamed: bool = False
    many: bool = False
    required: bool = True
    default: Any = None
    choices: tuple[str | int, ...] = ()

    @property
    def is_pixels(self) -> bool:
        """Whether it carries samples."""
        return self.type in PIXEL_TYPES

    @property
    def is_data(self) -> bool:
        """Whether its value is a reference to something stored, not a plain value."""
        return self.type in DATA_TYPES

    def check(self, value: Any) -> Any:
        """Answer the value as the function takes it.

        Raises `store.errors.Invalid` naming this port.
        """
        if not self.many:
            return self._one(value)
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence | np.ndarray):
            raise Invalid(self.name, f"takes a list, got {_shown(value)}.")
        if not self.min_items <= len(value) <= self.max_items:
            raise Invalid(
                self.name,
                f"takes {self.min_items} to {self.max_items} items, got {len(value)}.",
            )
        return tuple(self._one(item) for item in value)

    def read(self, text: str) -> Any:
        """Answer the checked value written as text, as command lines and stored parameters do."""
        if self.type is PortType.POINTS:
            try:
                return self.check(json.loads(text))
            except json.JSONDecodeError as error:
                raise Invalid(self.name, f"is not a JSON list of points: {error}.") from error
        if self.many:
            return self.check([self._parsed(part.strip()) for part in text.split(",")])
        return self.check(self._parsed(text))

    def describe(self) -> dict[str, Any]:
        """Everything a client needs to show and fill this port, as JSON values."""
        return {
            "name": self.name,
            "label": self.label,
            "summary": self.summary,
            "type": self.type.value,
            "axes": self.axes or None,
            "many": self.many,
            "required": self.required,
            "default": list(self.default) if isinstance(self.default, tuple) else self.default,
            "unit": self.unit,
            "minimum": self.gt if self.ge is None else self.ge,
            "maximum": self.lt if self.le is None else self.le,
            "exclusiveMinimum": self.gt is not None,
            "exclusiveMaximum": self.lt is not None,
            "step": self.step,
            "choices": list(self.choices) or None,
        }

    def named(self, **resolved: Any) -> Port:
        """Fill in what the signature says."""
        return replace(self, **resolved)

    def _one(self, value: Any) -> Any:
        if value is None:
            raise Invalid(self.name, "is required, got nothing.")
        match self.type:
            case PortType.FLOAT:
                return self._number(value)
            case PortType.INTEGER:
                return self._integer(value)
            case PortType.BOOLEAN:
                if isinstance(value, bool | np.bool_):
                    return bool(value)
                raise Invalid(self.name, f"takes true or false, got {_shown(value)}.")
            case PortType.TEXT:
                return self._text(value)
            case PortType.CHOICE:
                return self._choice(value)
            case PortType.POINTS:
                return self._points(value)
            case _:
                return value

    def _number(self, value: Any) -> float:
        if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
            raise Invalid(self.name, f"takes a number, got {_shown(value)}.")
        try:
            number = float(value)
        except OverflowError as error:
            raise Invalid(self.name, "is beyond what a number can hold.") from error
        if math.isnan(number) or (self.finite and math.isinf(number)):
            raise Invalid(self.name, f"must be a finite number, got {number}.")
        self._bounded(number)
        return number

    def _integer(self, value: Any) -> int:
        if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
            raise Invalid(self.name, f"takes a whole number, got {_shown(value)}.")
        if not isinstance(value, Integral) and not float(value).is_integer():
            raise Invalid(self.name, f"takes a whole number, got {value}.")
        number = int(value) if isinstance(value, Integral) else int(float(value))
        self._bounded(number)
        return number

    def _bounded(self, number: float) -> None:
        if self.ge is not None and number < self.ge:
            raise Invalid(self.name, f"must be at least {self.ge:g}, got {number}.")
        if self.gt is not None and number <= self.gt:
            raise Invalid(self.name, f"must be greater than {self.gt:g}, got {number}.")
        if self.le is not None and number > self.le:
            raise Invalid(self.name, f"must be at most {self.le:g}, got {number}.")
        if self.lt is not None and number >= self.lt:
            raise Invalid(self.name, f"must be less than {self.lt:g}, got {number}.")

    def _text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(self.name, f"takes text, got {_shown(value)}.")
        if len(value) > self.max_length:
            raise Invalid(
                self.name, f"takes at most {self.max_length} characters, got {len(value)}."
            )
        return value

    def _choice(self, value: Any) -> str | int:
        if not isinstance(value, bool) and isinstance(value, str | int):
            for choice in self.choices:
                if type(choice) is type(value) and choice == value:
                    return choice
        allowed = ", ".join(map(str, self.choices))
        raise Invalid(self.name, f"is one of {allowed}, got {_shown(value)}.")

    def _points(self, value: Any) -> Any:
        try:
            points = np.asarray(value, np.float64)
        except (TypeError, ValueError) as error:
            raise Invalid(self.name, "takes a list of [x, y] pairs of numbers.") from error
        if points.ndim != 2 or points.shape[1] != 2:
            raise Invalid(self.name, f"takes [x, y] pairs, got an array of shape {points.shape}.")
        if not np.isfinite(points).all():
            raise Invalid(self.name, "has a coordinate that is not a finite number.")
        return points

    def _parsed(self, text: str) -> Any:
        try:
            match self.type:
                case PortType.FLOAT:
                    return float(text)
                case PortType.INTEGER:
                    return int(text)
                case PortType.BOOLEAN:
                    return TRUE_WORDS[text.lower()]
                case PortType.CHOICE:
                    return next((c for c in self.choices if str(c) == text), text)
                case _:
                    return text
        except (KeyError, ValueError) as error:
            raise Invalid(self.name, f"takes a {self.type.value}, got {_shown(text)}.") from error


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
