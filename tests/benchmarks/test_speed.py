"""The comparisons of speed time what they say, and the file keeps other parts."""

import argparse

import numpy as np
import pytest
import torch
from docutils.core import publish_doctree
from sklearn.frozen import FrozenEstimator

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.metrics import clustering_accuracy


def test_clock_stops_while_accuracy_is_computed(module, monkeypatch):
    looks = module("_looks")
    now = iter([0.0, 3.0, 103.0, 104.0, 204.0])  # start, then around each look
    monkeypatch.setattr(looks.time, "process_time", lambda: next(now))
    seen = looks.Looks(np.array([0, 0, 1, 1]), before=10.0)
    seen.take(np.array([0, 0, 0, 1]))
    seen.take(lambda: np.array([1, 1, 0, 0]))
    assert seen.course == [(13.0, 0.75), (14.0, 1.0)]
    assert seen.seconds_to(0.7) == 13.0
    assert seen.seconds_to(0.9) == 14.0
    assert seen.seconds_to(1.1) is None


def test_course_ends_with_the_labels_that_are_returned(module):
    X = np.random.default_rng(0).normal(size=(60, 4))
    y = np.repeat([0, 1, 2], 20)
    autoencoder = Autoencoder(max_epochs=1, random_state=0).fit(X)
    script = module("time_to_quality")
    looks = script.our_course("DEC", X, y, 3, 0, autoencoder, 5.0)
    dec = DECClustering(3, autoencoder=FrozenEstimator(autoencoder), random_state=0)
    assert looks.course[-1][1] == clustering_accuracy(y, dec.fit_predict(X))
    assert len(looks.course) > 2  # before training, within it and after it
    assert looks.course[0][0] > 5.0
    assert np.all(np.diff([seconds for seconds, _ in looks.course]) > 0)


@pytest.mark.parametrize("reached", ["", "20"])
def test_page_of_time_to_quality(module, reached):
    script = module("time_to_quality")
    row = dict.fromkeys(script.COLUMNS, "x")
    row |= {"method": "DEC", "seconds": "100", "acc": "0.9", "best_acc": "0.91"}
    row["course"] = "10:0.5 25:0.95 50:0.9"
    rows = [
        {**row, "library": "skdeepcluster", "seconds_to_published": reached},
        {**row, "library": "clustpy", "seconds_to_published": ""},
    ]
    text = script.page(rows)
    publish_doctree(text, settings_overrides={"halt_level": 1})
    ours = next(line.split() for line in text.splitlines() if " skdeepc" in line)
    assert ours[-3:] == ["5.0" if reached else "–", "25", "4.0"]


@pytest.mark.parametrize("index", range(5))
def test_loop_and_estimator_take_turns(module, index):
    speed, loop = module("_speed"), module("_loop")
    method = speed.METHODS[index]
    setting = speed.Setting(sizes=(8, 6, 3), n_rows=60, epochs=2)
    case = (method, setting, setting.rows(), "float32", 16)
    result = loop.compare_method(*case, linear_path=False)
    assert result["repetitions"] == 2
    assert min(result[name] for name in ("ours", "other", "products")) > 0


@pytest.mark.parametrize("index", range(5))
def test_loop_learns(module, index):
    speed, loop = module("_speed"), module("_loop")
    X = speed.image_rows(200, 12).astype(np.float32)
    torch.manual_seed(0)
    case = (speed.METHODS[index], (12, 16, 4), "float32", 50, False, X)
    trained = loop.Loop(*case)
    rows = slice(0, 200)

    def loss():
        with torch.no_grad():
            return float(trained.loss(trained.x, rows))

    before = loss()
    for _ in range(100):
        trained.epoch()
    assert loss() < before


def test_products_are_those_of_the_layers(module):
    products = module("_products").products_of(
        "DCNClustering", (7, 5, 2), 10, "float32", 4, False
    )
    assert products.sizes == [4, 4, 2]
    assert [layer.weight.shape for layer in products.layers] == [
        (5, 7),
        (2, 5),
        (5, 2),
        (7, 5),
    ]
    assert [layer.x_grad is None for layer in products.layers] == [
        True,
        False,
        False,
        False,
    ]
    assert products.again == products.layers[:2]
    products.epoch()
    layer = products.layers[0]
    np.testing.assert_allclose(layer.y[:2], layer.x[:2] @ layer.weight.T, rtol=1e-5)


def test_rows_of_a_part_replace_those_of_before(module, monkeypatch, tmp_path):
    speed, table = module("speed"), module("_speed_table")
    known = {"cpu": "a"}
    arguments = argparse.Namespace(
        output=tmp_path / "speed.csv", repeats=1, only=["predict", "memory"]
    )
    row = {"method": "A", "ours": 2.0, "other": 1.0, "rows": 5}
    row |= {"repetitions": 1, "median": 2.0, "min": 2.0, "max": 2.0}

    def part(name, method):
        def rows(repeats):
            yield {**row, "part": name, "method": method}

        monkeypatch.setitem(speed.PARTS, name, rows)

    part("predict", "old")
    part("memory", "kept")
    speed.run(arguments, known)
    part("predict", "new")
    arguments.only = ["predict"]
    speed.run(arguments, {"cpu": "b"})
    rows = table.read(arguments.output, known)
    assert [(r["method"], r["cpu"]) for r in rows] == [("new", "b"), ("kept", "a")]
    text = arguments.output.with_suffix(".rst").read_text(encoding="utf-8")
    publish_doctree(text, settings_overrides={"halt_level": 1})
    assert "a / b" in text or "b / a" in text


def test_imports_outside_of_functions_are_found(module):
    source = (
        "import a\nfrom b import c, d\nfrom skdeepcluster import e\n"
        "def f():\n    import g\n"
        "if True:\n    import h.i\n"
    )
    loaded = {"a", "b", "b.c", "g", "h.i", "skdeepcluster"}
    assert module("_imports").imported_by(source, loaded) == {"a", "b", "b.c", "h.i"}


@pytest.mark.parametrize(
    "chain, expected",
    [
        (["aten::mm"], "products"),
        (["aten::copy_"], "casts, copies"),
        (["aten::index_select"], "rows"),
        (["aten::mul"], "other"),
        (["aten::mm", "targets"], "targets"),
        (["aten::add_", "Optimizer.step#Adam.step"], "optimiser"),
    ],
)
def test_kind_of_an_operator(module, chain, expected):
    event = None
    for name in reversed(chain):
        event = argparse.Namespace(name=name, cpu_parent=event)
    assert module("_profile").kind(event) == expected
