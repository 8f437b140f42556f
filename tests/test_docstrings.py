"""Docstrings of the public estimators: complete, in one order, in one wording."""

import inspect
import re
from pathlib import Path

import pandas as pd
import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

from skdeepcluster.base import DeepEstimator
from tests._discovery import ESTIMATORS, parameter_names, tiny

METHODS = Path(__file__).parents[1] / "doc" / "methods"

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)

SECTIONS = [
    "Parameters",
    "Attributes",
    "Raises",
    "See Also",
    "Notes",
    "References",
    "Examples",
]
# What a name means differs from class to class.
OWN_WORDING = {
    "augmentation",
    "autoencoder",
    "balance_weight",
    "batch_size",
    "clustering_weight",
    "head_losses_",
    "hidden_layer_sizes",
    "history_",
    "init_labels_",
    "inverse_temperature",
    "labels_",
    "learning_rate",
    "likelihood",
    "max_epochs",
    "model_",
    "n_clusters_",
    "n_components",
    "n_init",
    "n_iter_",
    "n_noise",
    "n_neighbors",
    "network",
    "reconstruction_weight",
    "recluster",
    "spaces",
    "temperature",
    "update_encoder",
    "update_interval",
}

# What numpydoc would like, and the reason to do without.
ALLOWED = {
    "ES01": "not everything needs a second paragraph",
    "EX01": "the examples are at the class",
    "PR07": "what X is, its type says",
    "RT02": "a returned value has a name",
    "RT03": "self needs no description",
    "SA01": "what else to see is at the class",
    "SS05": "takes 'Minus' for a verb in the third person",
}


def sections(cls) -> list[str]:
    return re.findall(r"^([A-Z][A-Za-z ]+)\n-{3,}$", inspect.getdoc(cls), re.MULTILINE)


def page_of(cls) -> str:
    """The text of the page on a method, which begins with its name."""
    pages = [path.read_text("utf-8") for path in METHODS.glob("*.rst")]
    (own,) = (page for page in pages if first_class(page) == cls.__name__)
    return own


def first_class(page: str) -> str:
    found = re.search(r":class:`(\w+)`", page)
    return found[1] if found else ""


def without_default(kind: str) -> str:
    return re.sub(r",? default=.*", "", kind)


def documented(cls, section) -> dict:
    """Name -> (type without default, description) of what a section lists."""
    return {
        entry.name: (without_default(entry.type), " ".join(entry.desc))
        for entry in NumpyDocString(inspect.getdoc(cls))[section]
    }


@each_estimator
def test_sections_are_all_there_in_order(cls):
    assert sections(cls) == SECTIONS


@each_estimator
def test_parameters__are_declared_and_documented_in_the_order_of_the_signature(cls):
    names = parameter_names(cls)
    assert list(documented(cls, "Parameters")) == names
    assert set(cls._parameter_rules) == set(names)


@each_estimator
def test_defaults__are_those_of_the_signature(cls):
    for entry in NumpyDocString(inspect.getdoc(cls))["Parameters"]:
        default = inspect.signature(cls).parameters[entry.name].default
        printed = f'"{default}"' if isinstance(default, str) else str(default)
        assert entry.type.endswith(f"default={printed}"), entry.name


@each_estimator
def test_options__are_those_of_the_rules(cls):
    for name, (kind, description) in documented(cls, "Parameters").items():
        options = {rule for rule in cls._parameter_rules[name] if type(rule) is str}
        if kind.startswith("{"):
            assert set(re.findall(r'"(\w+)"', kind)) == options, name
        else:
            said = kind + "".join(description)
            assert all(f'"{option}"' in said for option in options), name


@each_estimator
def test_attributes__are_those_of_a_fitted_estimator(cls, blobs):
    X = pd.DataFrame(blobs[0]).rename(columns=str)
    fitted = {
        name
        for name in vars(tiny(cls).fit(X))
        if name.endswith("_") and not name.startswith("_")
    }
    assert set(documented(cls, "Attributes")) == fitted


@each_estimator
def test_probabilities__are_promised_by_those_who_have_them(cls):
    if not hasattr(cls, "predict_proba"):
        promises = re.compile(r"(?<!no )``predict_proba``")
        assert not promises.search(inspect.getdoc(cls))
        assert not promises.search(page_of(cls))


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_same_name__same_wording(section):
    wordings = {}
    for cls in ESTIMATORS:
        for name, wording in documented(cls, section).items():
            if name not in OWN_WORDING:
                wordings.setdefault(name, {})[cls.__name__] = wording
    for name, by_class in wordings.items():
        assert len(set(by_class.values())) == 1, (name, by_class)
    # The parameters that all have in common are among those compared.
    common = set(DeepEstimator._parameter_rules) - OWN_WORDING
    assert wordings.keys() >= common or section != "Parameters"


@each_estimator
def test_numpydoc_has_nothing_to_add(cls):
    name = f"skdeepcluster.{cls.__name__}"
    methods = [
        f"{name}.{method}"
        for method, function in inspect.getmembers(cls, inspect.isfunction)
        if not method.startswith("_") and function.__module__.startswith("skdeep")
    ]
    for thing in [name, *methods]:
        errors = [e for e in validate(thing)["errors"] if e[0] not in ALLOWED]
        assert not errors, thing
