"""Warnings that point to the line of the user."""

import warnings

import pytest

from skdeepcluster.utils import warn_caller


def run_inside(module):
    """Call `warn_caller` two functions deep in a module of this name."""
    names = {"__name__": module, "warn_caller": warn_caller}
    code = "def inner():\n    warn_caller('look')\ndef outer():\n    inner()\n"
    exec(compile(code, "deep inside", "exec"), names)
    names["outer"]()


def test_warning__points_outside_of_the_package():
    with pytest.warns(UserWarning, match="look") as caught:
        run_inside("skdeepcluster.cluster._some")
    assert caught[0].filename == __file__


def test_warning__points_to_other_packages_that_call():
    with pytest.warns(UserWarning, match="look") as caught:
        run_inside("skdeepclusterextra.some")
    assert caught[0].filename == "deep inside"


def test_category():
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        with pytest.raises(DeprecationWarning):
            warn_caller("old", DeprecationWarning)
