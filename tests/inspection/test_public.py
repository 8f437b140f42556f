"""Docstrings of everything that the room offers."""

import inspect
from pathlib import Path

import pytest
from numpydoc.validate import validate

from skdeepcluster import inspection

API = Path(__file__).parents[2] / "doc" / "api.rst"

# What numpydoc would like, and the reason to do without.
ALLOWED = {
    "ES01": "not everything needs a second paragraph",
    "EX01": "the examples are at the class",
    "PR07": "what ax is, its type says",
    "RT02": "a returned value has a name",
    "RT03": "a display needs no description",
    "SA01": "what else to see is at the class",
    "SS05": "takes 'Centroids' for a verb in the third person",
}


@pytest.mark.parametrize("name", inspection.__all__)
def test_numpydoc_has_nothing_to_add(name):
    thing = getattr(inspection, name)
    methods = [
        f"{name}.{method}"
        for method, _ in inspect.getmembers(thing, inspect.isroutine)
        if inspect.isclass(thing) and not method.startswith("_")
    ]
    for path in [name, *methods]:
        errors = validate(f"skdeepcluster.inspection.{path}")["errors"]
        assert not [e for e in errors if e[0] not in ALLOWED], path


@pytest.mark.parametrize("name", inspection.__all__)
def test_reference_lists_it(name):
    assert f"   {name}\n" in API.read_text()
