"""When training runs in bfloat16, and what of it is seen outside."""

import pytest
import torch
from torch import nn

from skdeepcluster import IMSATClustering
from skdeepcluster.engine import _precision, resolve_precision
from tests._discovery import ESTIMATORS, parameter_names, tiny

CPU = torch.device("cpu")
WIDE, NARROW = nn.Linear(256, 256), nn.Linear(8, 8)


@pytest.mark.parametrize(
    ("precision", "module", "is_supported", "expected"),
    [
        ("float32", WIDE, True, None),
        ("bfloat16", NARROW, False, torch.bfloat16),
        ("auto", WIDE, True, torch.bfloat16),
        ("auto", WIDE, False, None),
        ("auto", NARROW, True, None),
    ],
)
def test_resolve_precision(precision, module, is_supported, expected, monkeypatch):
    monkeypatch.setattr(_precision, "_multiplies_bfloat16", lambda _: is_supported)
    assert resolve_precision(precision, CPU, module) is expected


def test_hardware__names_what_results_depend_on(monkeypatch):
    before = _precision.hardware(CPU)
    assert before == _precision.hardware(torch.device("cpu"))
    supported = _precision._multiplies_bfloat16(CPU)
    monkeypatch.setattr(_precision, "_multiplies_bfloat16", lambda _: not supported)
    assert _precision.hardware(CPU) != before


@pytest.mark.parametrize(
    "cls", [cls for cls in ESTIMATORS if "precision" in parameter_names(cls)]
)
def test_training_in_bfloat16__leaves_float32_behind(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls, precision="bfloat16", n_clusters=3).fit(X)
    exact = tiny(cls, precision="float32", n_clusters=3).fit(X)
    weights = estimator.model_.state_dict()
    dtypes = {weight.dtype for weight in weights.values()}
    assert dtypes - {torch.int64} == {torch.float32}  # numbers of batches, counted
    assert estimator.transform(X).dtype == "float32"
    # It did train in another precision, and to nearly the same end.
    assert any(
        not torch.equal(weight, exact.model_.state_dict()[name])
        for name, weight in weights.items()
    )
    if hasattr(estimator, "score"):
        # IMSAT begins with almost equal assignments, of which rounding tips a few.
        rel = 0.2 if cls is IMSATClustering else 0.05
        assert estimator.score(X) == pytest.approx(exact.score(X), rel=rel)
