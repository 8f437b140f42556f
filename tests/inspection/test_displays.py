"""What the displays hold and draw."""

import pickle
import sys

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.cluster import DBSCAN, KMeans
from sklearn.datasets import load_iris
from sklearn.manifold import TSNE
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import Autoencoder, DCNClustering, DECClustering, IDECClustering
from skdeepcluster.inspection import (
    ClusterConfusionDisplay,
    ClusterSizesDisplay,
    ConfidenceDisplay,
    EmbeddingDisplay,
    ExemplarsDisplay,
    TrainingDisplay,
    assignment_confidence,
)
from skdeepcluster.inspection._plotting import colors_of, markers_of
from skdeepcluster.metrics import clustering_accuracy
from tests._discovery import PREDICTING, TINY, tiny


def drawings(estimator, X, y):
    """How each display is made from an estimator."""
    return {
        EmbeddingDisplay: lambda **options: EmbeddingDisplay.from_estimator(
            estimator, X, **options
        ),
        ExemplarsDisplay: lambda **options: ExemplarsDisplay.from_estimator(
            estimator, X, **options
        ),
        ClusterConfusionDisplay: lambda **o: ClusterConfusionDisplay.from_estimator(
            estimator, X, y, **o
        ),
        ConfidenceDisplay: lambda **options: ConfidenceDisplay.from_estimator(
            estimator, X, **options
        ),
        ClusterSizesDisplay: lambda **options: ClusterSizesDisplay.from_estimator(
            estimator, X, **options
        ),
    }


each_display = pytest.mark.parametrize("cls", drawings(None, None, None))


# -- what all have in common -------------------------------------------------------


@pytest.mark.parametrize("clusterer", PREDICTING)
def test_every_clusterer__is_drawn(clusterer, blobs):
    X, y = blobs
    estimator = make_pipeline(StandardScaler(), tiny(clusterer, n_clusters=3)).fit(X)
    made = [draw() for draw in drawings(estimator, X, y).values()]
    for display in [*made, TrainingDisplay.from_estimator(estimator)]:
        assert display.ax_ in display.figure_.axes
        display.figure_.canvas.draw()


@pytest.mark.parametrize(
    "estimator",
    [
        KMeans(3, n_init=1, random_state=0),
        GaussianMixture(3, random_state=0),
        make_pipeline(Autoencoder(**TINY["autoencoder"].get_params()), KMeans(3)),
    ],
)
@each_display
def test_other_clusterers__are_drawn(cls, estimator, blobs):
    X, y = blobs
    assert isinstance(drawings(estimator.fit(X), X, y)[cls](), cls)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "container",
    [
        csr_array,
        torch.from_numpy,
        lambda X: torch.from_numpy(X).reshape(60, 1, 2, 3),
        lambda X: pl.DataFrame(X, schema=list("abcdef")),
    ],
)
def test_other_containers__are_drawn(container, blobs):
    X, y = container(np.round(blobs[0])), blobs[1]
    dec = tiny(DECClustering, n_clusters=3).fit(X)
    for cls, draw in drawings(dec, X, y).items():
        assert isinstance(draw(), cls)


@each_display
def test_given_axes__are_drawn_on(cls, blobs):
    X, y = blobs
    kmeans = KMeans(3, n_init=1, random_state=0).fit(X)
    figure, (left, right) = plt.subplots(1, 2)
    display = drawings(kmeans, X, y)[cls](ax=right)
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    place = right.get_subplotspec().get_position(figure)
    drawn = display.ax_.get_subplotspec().get_position(figure)
    assert drawn.x0 >= place.x0 - 0.01
    assert not left.has_data()


@each_display
def test_without_matplotlib__the_numbers_are_there(cls, monkeypatch, blobs):
    X, y = blobs
    kmeans = KMeans(3, n_init=1, random_state=0).fit(X)
    draw = drawings(kmeans, X, y)[cls]
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "matplotlib", None)
        without.setitem(sys.modules, "matplotlib.pyplot", None)
        display = draw(plot=False)
        with pytest.raises(ImportError, match=r"pip install skdeepcluster\[plot\]"):
            display.plot()
    later = pickle.loads(pickle.dumps(display)).plot()
    assert later.ax_.has_data() or later.ax_.tables


def test_history_without_matplotlib(monkeypatch, blobs):
    dec = tiny(DECClustering).fit(blobs[0])
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    assert TrainingDisplay.from_estimator(dec, plot=False).panels
    with pytest.raises(ImportError, match="Drawing needs matplotlib"):
        TrainingDisplay.from_estimator(dec)


def test_colors__belong_to_numbers_and_do_not_repeat():
    colors = colors_of(np.arange(30))
    assert len(set(colors)) == 30
    assert colors_of(np.array([4, 7])) == [colors[4], colors[7]]
    assert colors_of(np.array(["a", "b"])) == colors[:2]
    assert colors_of(np.array([-1, 0]))[0] not in colors
    pairs = zip(colors_of(np.arange(50)), markers_of(np.arange(50)), strict=True)
    assert len(set(pairs)) == 50


def test_wrong_number_of_axes__is_refused(blobs):
    dec = tiny(DECClustering).fit(blobs[0])
    _, axes = plt.subplots(1, 3)
    with pytest.raises(ValueError, match="ax has 3 axes, but 2 are drawn on"):
        EmbeddingDisplay.from_estimator(dec, blobs[0], stage="both", ax=axes)


# -- EmbeddingDisplay --------------------------------------------------------------


def test_embedding__both_stages_have_the_same_rows_and_colours(blobs):
    X, _ = blobs
    dec = tiny(DECClustering, n_clusters=3).fit(X)
    options = {"sample_size": 25, "random_state": 3}
    both = EmbeddingDisplay.from_estimator(dec, X, stage="both", **options)
    before = EmbeddingDisplay.from_estimator(dec, X, stage="before", **options)
    after = EmbeddingDisplay.from_estimator(dec, X, stage="after", **options)
    assert len(both.axes_) == 2
    for panel, alone in zip(both.panels, [before, after], strict=True):
        assert panel.positions.shape == (25, 2)
        np.testing.assert_array_equal(panel.positions, alone.panels[0].positions)
    np.testing.assert_array_equal(both.panels[0].labels, both.panels[1].labels)


def test_embedding__two_components_stay_as_they_are(blobs):
    X, _ = blobs
    dcn = tiny(DCNClustering, n_clusters=3)
    dcn.set_params(autoencoder__n_components=2).fit(X)
    (panel,) = EmbeddingDisplay.from_estimator(dcn, X, plot=False).panels
    found = panel.positions[np.lexsort(panel.positions.T)]
    expected = dcn.transform(X)
    np.testing.assert_array_equal(found, expected[np.lexsort(expected.T)])


@pytest.mark.parametrize("n_columns", [1, 2, 3])
def test_embedding__any_number_of_components(n_columns):
    Z = np.random.default_rng(0).normal(size=(20, n_columns))
    display = EmbeddingDisplay.from_predictions(Z, np.arange(20) % 2, random_state=0)
    assert display.panels[0].positions.shape == (20, 2)
    assert np.isfinite(display.panels[0].positions).all()


def test_embedding__projection_is_copied_and_fitted(blobs):
    X, _ = blobs
    tsne = TSNE(perplexity=5, random_state=0)
    kmeans = KMeans(3, n_init=1).fit(X)
    display = EmbeddingDisplay.from_estimator(kmeans, X, projection=tsne)
    assert display.ax_.get_xlabel() == "TSNE 1"
    assert not hasattr(tsne, "embedding_")
    with pytest.raises(ValueError, match="must give two columns.*60, 6"):
        EmbeddingDisplay.from_estimator(kmeans, X, projection=StandardScaler())


def test_embedding__of_noise_is_grey_and_nameless(blobs):
    X = np.vstack([blobs[0], np.full((1, 6), 99.0)])
    display = EmbeddingDisplay.from_estimator(DBSCAN(eps=5).fit(X), X)
    assert [text.get_text() for text in display.ax_.texts] == ["0", "1", "2"]


def test_embedding__before_is_for_the_training_rows(blobs):
    X, _ = blobs
    dec = tiny(DECClustering, n_clusters=3).fit(X)
    for rows in (X[:59], X[::-1]):
        with pytest.raises(ValueError, match="only for the 60 rows"):
            EmbeddingDisplay.from_estimator(dec, rows, stage="before")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"stage": "later"}, ValueError, "stage must be 'after', 'before' or 'both'"),
        ({"stage": "both"}, TypeError, "KMeans has no embedding from before"),
        ({"sample_size": 0}, ValueError, "sample_size must be None or an int"),
    ],
)
def test_embedding__wrong_options_are_refused(options, error, message, blobs):
    X, _ = blobs
    with pytest.raises(error, match=message):
        EmbeddingDisplay.from_estimator(KMeans(3, n_init=1).fit(X), X, **options)


# -- TrainingDisplay ---------------------------------------------------------------


def test_training__terms_and_shares_of_each_stage(blobs):
    idec = tiny(IDECClustering, max_epochs=5).fit(blobs[0])
    display = TrainingDisplay.from_estimator(idec)
    found = {(p.stage, p.name): list(p.curves) for p in display.panels}
    assert found == {
        ("pretraining", "loss"): ["reconstruction"],
        ("clustering", "loss"): ["loss", "reconstruction", "clustering"],
        ("clustering", "changed"): ["changed"],
        ("clustering", "smallest"): ["smallest"],
    }
    history = [record for record in idec.history_ if record["stage"] == "clustering"]
    curves = display.panels[1].curves
    assert curves["clustering"].tolist() == [r["clustering"] for r in history]
    changed = display.panels[2].curves["changed"]
    assert changed[-1] == 100 * history[-1]["changed"]
    assert len(display.axes_) == 4


def test_training__first_look_at_labels_compares_with_nothing():
    record = {"stage": "s", "epoch": 0, "loss": 1.0, "a": 1.0, "learning_rate": 0.1}
    shares = [1.0, 1.0, 0.3, 1.0, 0.0]
    history = [{**record, "changed": share, "seconds": 0.0} for share in shares]
    values = TrainingDisplay(history).panels[1].curves["changed"]
    np.testing.assert_array_equal(values, [np.nan, np.nan, 30, 100, 0])
    TrainingDisplay(history[:2]).plot()


def test_training__of_a_transformer_in_a_pipeline(blobs):
    autoencoder = Autoencoder(**TINY["autoencoder"].get_params())
    pipeline = make_pipeline(StandardScaler(), autoencoder, KMeans(3)).fit(blobs[0])
    display = TrainingDisplay.from_estimator(pipeline)
    assert [(p.stage, p.name) for p in display.panels] == [("pretraining", "loss")]


def test_training__nothing_to_draw_is_said(blobs):
    X, _ = blobs
    with pytest.raises(TypeError, match="KMeans has no history_"):
        TrainingDisplay.from_estimator(KMeans(3, n_init=1).fit(X))
    with pytest.raises(ValueError, match="history_ is empty"):
        TrainingDisplay([]).plot()


# -- ClusterConfusionDisplay -------------------------------------------------------


def test_confusion__matched_clusters_are_on_the_diagonal():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    kmeans = KMeans(3, n_init=1, random_state=0).fit(X)
    display = ClusterConfusionDisplay.from_estimator(kmeans, X, names)
    assert display.matrix.sum() == 150
    assert np.trace(display.matrix) / 150 == clustering_accuracy(names, kmeans.labels_)
    for row, name in enumerate(display.classes):
        for column, cluster in enumerate(display.clusters):
            both = (names == name) & (kmeans.labels_ == cluster)
            assert display.matrix[row, column] == both.sum()
    ticks = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert ticks == ["setosa", "versicolor", "virginica"]
    assert len(display.ax_.texts) == np.count_nonzero(display.matrix)


def test_confusion__clusters_left_over_come_last_by_size():
    y = ["a"] * 5 + ["b"] * 5
    labels = [7, 7, 7, 1, 2, 5, 5, 5, 2, 2]
    display = ClusterConfusionDisplay.from_predictions(y, labels)
    assert display.clusters.tolist() == [7, 5, 2, 1]
    assert display.matrix.tolist() == [[3, 0, 1, 1], [0, 3, 2, 0]]


def test_confusion__more_classes_than_clusters():
    display = ClusterConfusionDisplay.from_predictions([0, 1, 1, 2], [0, 0, 0, 1])
    assert display.matrix.tolist() == [[1, 0], [2, 0], [0, 1]]


# -- ConfidenceDisplay and ClusterSizesDisplay -------------------------------------


def test_confidence__counts_every_row_once(blobs):
    X, _ = blobs
    kmeans = KMeans(3, n_init=1, random_state=0).fit(X)
    display = ConfidenceDisplay.from_estimator(kmeans, X, bins=5)
    assert display.counts.shape == (3, 5)
    np.testing.assert_array_equal(
        display.counts.sum(axis=1), np.bincount(kmeans.labels_)
    )
    assert len(display.axes_) == 3
    one = ConfidenceDisplay.from_estimator(kmeans, X, per_cluster=False, bins=5)
    np.testing.assert_array_equal(one.counts, display.counts.sum(axis=0)[None])
    assert one.medians == np.median(assignment_confidence(kmeans, X))


def test_confidence__ends_are_inside():
    display = ConfidenceDisplay.from_predictions([0.0, 1.0, 0.5], bins=2)
    assert display.counts.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("confidence", "options", "message"),
    [
        ([0.5, 1.5], {}, "must lie in \\[0, 1\\]. Got values from 0.5 to 1.5"),
        ([0.5, np.nan], {}, "must lie in"),
        ([0.5, 0.5], {"bins": 0}, "bins must be an int"),
        ([0.5, 0.5], {"labels": [0]}, "inconsistent numbers"),
    ],
)
def test_confidence__what_is_none_is_refused(confidence, options, message):
    with pytest.raises(ValueError, match=message):
        ConfidenceDisplay.from_predictions(confidence, **options)


def test_sizes__bars_and_shares():
    display = ClusterSizesDisplay.from_predictions(["b", "a", "b", "b"])
    assert display.clusters.tolist() == ["a", "b"]
    assert [bar.get_width() for bar in display.bars_] == [1, 3]
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts == ["1 (25.0%)", "3 (75.0%)"]


def test_sizes__keywords_reach_the_bars():
    display = ClusterSizesDisplay.from_predictions([0, 1], color="black")
    assert all(bar.get_facecolor() == (0, 0, 0, 1) for bar in display.bars_)
