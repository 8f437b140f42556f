"""scikit-learn's own callbacks, and how fits stop early."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import DECClustering
from skdeepcluster.engine import FitTasks
from tests._discovery import (
    ESTIMATORS,
    FROM_AUTOENCODER,
    assert_same_outputs,
    outputs,
    set_training,
    tiny,
)

callback = pytest.importorskip("sklearn.callback")

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_from_autoencoder = pytest.mark.parametrize("cls", FROM_AUTOENCODER)


class Recorder:
    """Remembers what it was told; stops the tasks in `fatal`."""

    def __init__(self, fatal=()):
        self.events, self.fatal = [], fatal

    def setup(self, estimator, context):
        self.events.append(("setup", type(estimator).__name__))

    def teardown(self, estimator, context):
        self.events.append(("teardown", type(estimator).__name__))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.events.append(("begin", context.task_name, context.task_id))
        self.X, self.y = X, y

    def on_fit_task_end(self, estimator, context):
        self.events.append(("end", context.task_name, context.task_id))
        parent = context.parent.task_name if context.parent else None
        return (parent, context.task_name, context.task_id) in self.fatal

    def tasks(self, kind="end"):
        return [event[1] for event in self.events if event[0] == kind]


@each_from_autoencoder
def test_tasks__are_stages_and_epochs(cls, blobs):
    X, y = blobs
    recorder = Recorder()
    tiny(cls, max_epochs=3).set_callbacks(recorder).fit(X, y)
    expected = ["epoch"] * 2 + ["pretraining"] + ["epoch"] * 3 + ["clustering", "fit"]
    assert recorder.tasks() == expected
    begun = recorder.tasks("begin")
    assert sorted(begun) == sorted(expected)
    assert begun[0] == "fit"
    assert [e[0] for e in recorder.events if "task" not in e[0]][0] == "setup"
    assert recorder.events[-1] == ("teardown", cls.__name__)
    assert recorder.X.shape == X.shape
    np.testing.assert_array_equal(recorder.y, y)


@each_estimator
def test_being_watched__changes_nothing(cls, blobs):
    X, _ = blobs
    watched = tiny(cls).set_callbacks(Recorder()).fit(X)
    assert_same_outputs(outputs(watched, X), outputs(tiny(cls).fit(X), X))
    assert not any(name.startswith("_tasks") for name in vars(watched))


@each_from_autoencoder
@pytest.mark.parametrize("stage", ["pretraining", "clustering"])
def test_callback_that_returns_true__stops_the_stage(cls, stage, blobs):
    X, _ = blobs
    stop = Recorder(fatal={(stage, "epoch", 1)})
    clusterer = tiny(cls, max_epochs=6).set_callbacks(stop)
    clusterer.set_params(autoencoder__max_epochs=6).fit(X)
    lengths = [r["stage"] for r in clusterer.history_]
    other = {"pretraining": "clustering", "clustering": "pretraining"}[stage]
    assert (lengths.count(stage), lengths.count(other)) == (2, 6)
    if stage == "clustering":
        assert clusterer.n_iter_ == 2


@each_estimator
def test_failed_fit__is_torn_down(cls, blobs):
    recorder = Recorder()
    estimator = tiny(cls).set_callbacks(recorder)
    with pytest.raises(ValueError):
        set_training(estimator, learning_rate=1e300, batch_size=16)
        estimator.fit(1e30 * blobs[0])
    assert recorder.tasks()[-1:] != ["fit"]
    assert [e[0] for e in recorder.events].count("teardown") == 1
    assert "_tasks" not in vars(estimator)


def test_memory__keeps_no_callback(blobs, tmp_path):
    X, _ = blobs
    for _ in range(2):
        recorder = Recorder()
        dec = tiny(DECClustering, memory=str(tmp_path)).set_callbacks(recorder)
        dec.fit(X)
    assert "pretraining" not in recorder.tasks()
    assert "_tasks" not in vars(dec.autoencoder_)


def test_search__tells_of_every_fit(blobs):
    class Propagated(Recorder):
        max_propagation_depth = None

    recorder = Propagated()
    pipeline = make_pipeline(StandardScaler(), tiny(DECClustering))
    grid = {"decclustering__n_clusters": [2, 3]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.set_callbacks(recorder).fit(blobs[0])
    fits = 2 * 2 + 1
    assert recorder.tasks().count("clustering") == fits
    assert recorder.tasks().count("epoch") == fits * (2 + 2)


def test_progress_bar(blobs, capsys):
    pytest.importorskip("rich")
    dec = tiny(DECClustering).set_callbacks(callback.ProgressBar())
    assert dec.fit(blobs[0]).n_iter_ == 2


class TestEarlyStopping:
    def test_tol__stops_when_labels_stay(self, blobs):
        dec = tiny(DECClustering, n_clusters=3, n_init=10, max_epochs=500, tol=0.01)
        dec.fit(blobs[0])
        assert dec.n_iter_ < 100
        assert dec.history_[-1]["changed"] < 0.01

    def test_history__has_a_record_of_everything(self, blobs):
        import pandas as pd

        dec = tiny(DECClustering, max_epochs=3).fit(blobs[0])
        table = pd.DataFrame(dec.history_)
        assert len(table) == 2 + 3
        assert {"stage", "epoch", "loss", "learning_rate", "seconds"} < {*table}
        clustering = table[table["stage"] == "clustering"]
        assert clustering[["clustering", "changed", "smallest"]].notna().all(axis=None)
        assert table["loss"].dtype == table["seconds"].dtype == float


def test_below_1_9__there_is_nobody_to_tell():
    tasks = FitTasks(object(), X=None)
    tasks.on_stage_begin("clustering", 3)
    assert tasks.on_epoch_end({"loss": 1.0}) is None
    tasks.on_stage_end("clustering")
    tasks.end()
