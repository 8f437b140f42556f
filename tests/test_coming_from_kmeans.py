"""The page that tells users of KMeans what its parts have become keeps its word."""

import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from sklearn.cluster import KMeans
from sklearn.utils.metadata_routing import MetadataRouter

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.engine import CallbackSupportMixin

PAGE = Path(__file__).parents[1] / "doc" / "coming_from_kmeans.rst"
KINDS = ["Parameters", "Attributes", "Methods"]


def names(entry):
    """All names that a cell gives in literals."""
    return [literal.astext() for literal in entry.findall(nodes.literal)]


def cells(table):
    """The body of a table, as rows of cells."""
    [body] = table.findall(nodes.tbody)
    return [list(row.findall(nodes.entry)) for row in body.findall(nodes.row)]


def read_page():
    """The counterparts of each name, and what is new, both by kind."""
    settings = {"report_level": 5}  # what only Sphinx knows is no concern here
    page = publish_doctree(PAGE.read_text("utf-8"), settings_overrides=settings)
    sections = {
        section.next_node(nodes.title).astext(): section
        for section in page.findall(nodes.section)
    }
    counterparts = {}
    for kind in KINDS:
        [table] = sections[kind].findall(nodes.table)
        for old, new, _ in cells(table):
            [name] = names(old)
            assert new.astext() == "none" or names(new), f"{name} has an empty cell"
            counterparts[kind, name] = names(new)
    tables = sections["What KMeans does not have"].findall(nodes.table)
    additions = {
        kind: [name for row in cells(table) for name in names(row[0])]
        for kind, table in zip(KINDS, tables, strict=True)
    }
    return counterparts, additions


COUNTERPARTS, ADDITIONS = read_page()


def public(estimator):
    """Everything that a fitted estimator offers, by kind."""
    parameters = set(estimator.get_params(deep=False))
    attributes = {name for name in vars(estimator) if name[0] != "_"} - parameters
    methods = {
        name
        for name in dir(type(estimator))
        if name[0] != "_" and callable(getattr(type(estimator), name))
        if hasattr(estimator, name)
    }
    return dict(zip(KINDS, (parameters, attributes, methods), strict=True))


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    centers = 10.0 * np.eye(3, 6)
    rows = np.repeat(centers, 20, axis=0) + rng.normal(size=(60, 6))
    return pd.DataFrame(rows, columns=list("abcdef"))


@pytest.fixture(scope="module")
def kmeans(frame):
    return KMeans(3, n_init=1, random_state=0).fit(frame)


@pytest.fixture(scope="module")
def dec(frame):
    autoencoder = Autoencoder(n_components=2, max_epochs=5)
    return DECClustering(3, autoencoder=autoencoder, max_epochs=2, random_state=0).fit(
        frame
    )


@pytest.mark.parametrize("kind", KINDS)
def test__page__every_part_of_kmeans__is_listed(kind, kmeans):
    listed = {name for other, name in COUNTERPARTS if other == kind}
    assert public(kmeans)[kind] == listed


@pytest.mark.parametrize(("kind", "name"), COUNTERPARTS)
def test__page__counterpart__exists_or_is_said_not_to(kind, name, dec):
    counterparts = COUNTERPARTS[kind, name]
    assert set(counterparts) <= public(dec)[kind]
    if not counterparts:
        assert not hasattr(dec, name)


@pytest.mark.parametrize("kind", KINDS)
def test__page__every_part_of_dec__is_a_counterpart_or_new(kind, dec):
    known = {
        new
        for other, name in COUNTERPARTS
        if other == kind
        for new in COUNTERPARTS[other, name]
    }
    new = set(ADDITIONS[kind])
    if CallbackSupportMixin.__module__ == "skdeepcluster.engine._fit_tasks":
        new -= {"set_callbacks"}  # of scikit-learn 1.9
    assert public(dec)[kind] == known | new


def test__page__code__gives_what_it_shows():
    failures, tries = doctest.testfile(
        str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS
    )
    assert tries > 0
    assert failures == 0


def test__inertia__embedding__is_sum_of_squared_own_distances(frame, dec):
    own = dec.center_distances(frame)[np.arange(60), dec.labels_]
    assert dec.inertia_ == pytest.approx(np.square(own).sum(), rel=1e-5)
    difference = dec.transform(frame) - dec.cluster_centers_[dec.labels_]
    assert dec.inertia_ == pytest.approx(np.square(difference).sum(), rel=1e-5)


def test__cluster_means__input_space__are_means_of_rows(frame, dec):
    means = frame.groupby(dec.labels_).mean()
    np.testing.assert_allclose(dec.cluster_means_, means)


def test__score__input_space__is_minus_mean_squared_distance(frame, dec, kmeans):
    difference = frame.to_numpy() - dec.cluster_means_[dec.labels_]
    expected = -np.square(difference).sum(axis=1).mean()
    assert dec.score(frame) == pytest.approx(expected)
    # KMeans sums over the rows.
    assert kmeans.score(frame) == pytest.approx(-kmeans.inertia_)


def test__predict__embedding__is_nearest_centroid(frame, dec):
    nearest = dec.center_distances(frame).argmin(axis=1)
    np.testing.assert_array_equal(dec.predict(frame), nearest)
    np.testing.assert_array_equal(dec.predict(frame), dec.labels_)


def test__predict_proba__rows__sum_to_one(frame, dec):
    q = dec.predict_proba(frame)
    assert q.shape == (60, dec.n_clusters_)
    np.testing.assert_allclose(q.sum(axis=1), 1.0, rtol=1e-5)


def test__labels__dtype__as_the_page_says(dec, kmeans):
    assert dec.labels_.dtype == np.int64
    assert kmeans.labels_.dtype == np.int32


def test__transform__of_each__embedding_here_and_distances_there(frame, dec, kmeans):
    assert dec.transform(frame).shape == (60, dec.n_components_) == (60, 2)
    assert dec.center_distances(frame).shape == kmeans.transform(frame).shape == (60, 3)
    assert list(dec.get_feature_names_out()) == ["decclustering0", "decclustering1"]


def test__fit_transform__embedding__equals_transform_after(frame, dec):
    refitted = DECClustering(**dec.get_params(deep=False))
    np.testing.assert_array_equal(refitted.fit_transform(frame), dec.transform(frame))


@pytest.mark.parametrize("method", ["fit", "fit_predict", "fit_transform", "score"])
def test__sample_weight__everywhere__raises_type_error(method, frame, dec):
    with pytest.raises(TypeError, match="sample_weight"):
        getattr(dec, method)(frame, sample_weight=np.ones(60))


def test__metadata_routing__no_method__asks_for_anything(dec):
    routing = dec.get_metadata_routing()
    assert not isinstance(routing, MetadataRouter)
    for method in ("fit", "score", "predict", "transform"):
        assert getattr(routing, method).requests == {}


def test__copy_x__not_there__input_is_never_changed(frame, dec):
    X = frame.to_numpy(copy=True)
    DECClustering(**dec.get_params(deep=False)).fit(X)
    np.testing.assert_array_equal(X, frame.to_numpy())


@pytest.mark.parametrize("name", ["n_clusters"])
def test__default__same_name__is_equal_where_the_page_says_so(name):
    assert DECClustering().get_params()[name] == KMeans().get_params()[name]


def test__defaults__of_changed_parameters__as_the_page_says():
    assert DECClustering().n_init == 20
    assert DECClustering().max_epochs == Autoencoder().max_epochs == "auto"


def test__autoencoder_parameters__given_one__are_nested(dec):
    assert dec.get_params()["autoencoder__max_epochs"] == 5
