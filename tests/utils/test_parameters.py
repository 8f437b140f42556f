"""Ranges of parameters and what is said about values outside of them."""

import math

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator

from skdeepcluster.utils import (
    Integers,
    InvalidParameterError,
    Reals,
    TupleOf,
    check_parameters,
)


class Toy(BaseEstimator):
    def __init__(self, value=None):
        self.value = value


def check(value, *rules):
    check_parameters(Toy(value), {"value": list(rules)})


def message(value, *rules):
    with pytest.raises(InvalidParameterError) as caught:
        check(value, *rules)
    return str(caught.value)


@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        (
            Integers(1, 5),
            [1, 5, np.int64(3), np.uint8(2)],
            [0, 6, 2.0, True, np.True_, "3", None, math.nan, np.array([2]), 3j],
        ),
        (Integers(), [-(10**30), 0, 10**30], [math.inf, 0.0]),
        (
            Reals(0, 1),
            [0, 1, 0.5, np.float32(0.5), np.int8(1)],
            [-1e-9, 1.1, math.nan, math.inf, True, "0.5", None, np.array([0.5])],
        ),
        (Reals(0, 1, closed="left"), [0, 0.999], [1, 1.0, -1e-300]),
        (Reals(0, 1, closed="right"), [1, 1e-300], [0, 0.0]),
        (Reals(0, 1, closed="neither"), [0.5, 1e-300], [0, 1]),
        (Reals(0, closed="neither"), [1e308, 1], [math.inf, math.nan, 0]),
        (
            TupleOf(Integers(1)),
            [(), (3,), [3, 4], (np.int64(3), 4)],
            [3, (0,), (2.5,), "34", ("3",), None, np.array([3]), {3}, ((3,),)],
        ),
        (None, [None], [0, "None", False]),
        (True, [True, np.True_], [1, "True", False, np.False_]),
        (False, [False, np.False_], [0, None, "", np.True_]),
        ("auto", ["auto", np.str_("auto")], ["Auto", "", None, b"auto", ["auto"]]),
        (str, ["", "any"], [None, 3, b"bytes"]),
        (callable, [len, print, Toy], ["len", None]),
        (torch.device, [torch.device("cpu")], ["cpu"]),
    ],
    ids=str,
)
def test_rule(rule, inside, outside):
    for value in inside:
        check(value, rule)
    for value in outside:
        assert repr(value) in message(value, rule)


def test_one_rule_that_allows_the_value__is_enough():
    for value in ("auto", None, 3):
        check(value, "auto", None, Integers(1))
    assert "Got 0 instead" in message(0, "auto", None, Integers(1))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([Integers(1)], "an int in the range [1, inf)"),
        ([Integers(0, 9)], "an int in the range [0, 9]"),
        ([Reals(0, 1, closed="left")], "a float in the range [0, 1)"),
        ([Reals(0, closed="neither")], "a float in the range (0, inf)"),
        (["b", "a"], "a str among {'a', 'b'}"),
        (["auto", Integers(1)], "a str among {'auto'} or an int in the range [1, inf)"),
        (
            [None, str, callable],
            "None, an instance of 'str' or a callable",
        ),
        (
            [TupleOf(Integers(1))],
            "a tuple whose entries are each an int in the range [1, inf)",
        ),
        ([False, True], "False or True"),
    ],
)
def test_message__names_parameter_class_rules_and_value(rules, expected):
    value = object()
    assert message(value, *rules) == (
        f"The 'value' parameter of Toy must be {expected}. Got {value!r} instead."
    )


def test_error__is_a_value_error_and_a_type_error():
    assert issubclass(InvalidParameterError, ValueError)
    assert issubclass(InvalidParameterError, TypeError)
