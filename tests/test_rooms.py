"""Docstrings of everything that the rooms beside the estimators offer."""

import inspect
import re
from pathlib import Path

import pytest
from numpydoc.validate import validate

from skdeepcluster import inspection, metrics, model_selection, persistence

API = Path(__file__).parents[1] / "doc" / "api.rst"
OFFERS = [
    (room, name)
    for room in (inspection, metrics, model_selection, persistence)
    for name in room.__all__
]

# What numpydoc would like, and the reason to do without.
ALLOWED = {
    "ES01": "not everything needs a second paragraph",
    "EX01": "the examples are at the class",
    "PR01": "what functions return, nobody makes with parameters",
    "PR07": "what ax is, its type says",
    "RT02": "a returned value has a name",
    "RT03": "a display needs no description",
    "SA01": "what else to see is at the class",
    "SS05": "takes 'Centroids' for a verb in the third person",
}


@pytest.mark.parametrize(("room", "name"), OFFERS)
def test_numpydoc_has_nothing_to_add(room, name):
    thing = getattr(room, name)
    if not inspect.isroutine(thing) and not inspect.isclass(thing):
        return  # a constant
    methods = [
        f"{name}.{method}"
        for method, _ in inspect.getmembers(thing, inspect.isroutine)
        if inspect.isclass(thing) and not method.startswith("_")
        if thing.__module__ == getattr(thing, method).__module__
    ]
    for path in [name, *methods]:
        errors = validate(f"{room.__name__}.{path}")["errors"]
        assert not [e for e in errors if e[0] not in ALLOWED], path


@pytest.mark.parametrize(("room", "name"), OFFERS)
def test_reference_lists_it(room, name):
    assert re.search(rf"(   |``){name}(``)?\b", API.read_text())
