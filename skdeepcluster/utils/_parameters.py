"""Ranges of parameters, declared beside each class and checked at the start of fit."""

import math
import numbers
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a wrong type or lies outside its range.

    Like scikit-learn's own error it is both a ValueError and a TypeError.
    """


@dataclass(frozen=True)
class Integers:
    """All integers from `low` to `high`, both included; booleans are not integers."""

    low: float = -math.inf
    high: float = math.inf

    def __contains__(self, value):
        is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        return is_integer and self.low <= value <= self.high

    def __str__(self):
        return "an int in the range " + _interval(self.low, self.high, "both")


@dataclass(frozen=True)
class Reals:
    """All finite real numbers between `low` and `high`; `closed` names the ends."""

    low: float = -math.inf
    high: float = math.inf
    closed: str = "both"

    def __contains__(self, value):
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            return False
        above = (
            value >= self.low if self.closed in ("both", "left") else value > self.low
        )
        below = (
            value <= self.high
            if self.closed in ("both", "right")
            else value < self.high
        )
        return math.isfinite(value) and above and below

    def __str__(self):
        return "a float in the range " + _interval(self.low, self.high, self.closed)


@dataclass(frozen=True)
class TupleOf:
    """Tuples and lists whose entries all lie in `entries`."""

    entries: Integers | Reals

    def __contains__(self, value):
        return isinstance(value, (tuple, list)) and all(
            v in self.entries for v in value
        )

    def __str__(self):
        return f"a tuple whose entries are each {self.entries}"


@dataclass(frozen=True)
class ArrayLikes:
    """Lists, tuples, and whatever gives an array, such as a pandas Series."""

    def __contains__(self, value):
        return isinstance(value, (tuple, list)) or hasattr(value, "__array__")

    def __str__(self):
        return "an array-like"


def _interval(low, high, closed):
    left = "[" if closed in ("both", "left") and low > -math.inf else "("
    right = "]" if closed in ("both", "right") and high < math.inf else ")"
    return f"{left}{low}, {high}{right}"


def _allows(rule, value):
    if isinstance(rule, bool):
        return isinstance(value, (bool, np.bool_)) and bool(value) is rule
    if rule is None or isinstance(rule, str):
        return value is rule or (isinstance(value, str) and value == rule)
    if rule is callable:
        return callable(value)
    if isinstance(rule, type):
        return isinstance(value, rule)
    return value in rule


def _describe(rules: Iterable) -> str:
    options = sorted(repr(r) for r in rules if isinstance(r, str))
    words = [f"a str among {{{', '.join(options)}}}"] if options else []
    for rule in rules:
        if rule is None or isinstance(rule, bool):
            words.append(repr(rule))
        elif rule is callable:
            words.append("a callable")
        elif isinstance(rule, type):
            words.append(f"an instance of '{rule.__qualname__}'")
        elif not isinstance(rule, str):
            words.append(str(rule))
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def check_parameters(estimator, rules: dict) -> None:
    """Raise `InvalidParameterError` for the first parameter that no rule allows.

    A rule is None, True or False, a string, a type, `callable`, or a set of numbers
    such as ``Integers(1)``; one allowing the value is enough.
    """
    for name, value in estimator.get_params(deep=False).items():
        if not any(_allows(rule, value) for rule in rules[name]):
            raise InvalidParameterError(
                f"The {name!r} parameter of {type(estimator).__name__} must be "
                f"{_describe(rules[name])}. Got {value!r} instead."
            )
