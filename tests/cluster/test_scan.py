"""SCANClustering: neighbours, what it minimises, and which head is kept."""

import numpy as np
import pytest
import torch

import skdeepcluster.cluster._scan as scan_module
from skdeepcluster.cluster._shared._heads import best_head
from skdeepcluster.cluster._shared._neighbors import NeighborConsistency, head_losses
from skdeepcluster.engine import Rows, Trainer
from skdeepcluster.engine._rows import Batch
from skdeepcluster.networks import ClusterHeads, HeadModel, UnitRows
from tests.cluster._scan import (
    CPU,
    REPRESENTATIONS,
    autoencoder,
    each_representation,
    small,
)
from tests.cluster._small import clustering_history
from tests.references import mutual_information as reference

# -- neighbours --------------------------------------------------------------------


def neighbors_by_hand(Z, n_neighbors):
    units = Z / np.linalg.norm(Z, axis=1, keepdims=True)
    similarity = units @ units.T
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1)[:, :n_neighbors]


def space_of_neighbors(scan, X):
    """Where the neighbours of the rows are looked for, in float64."""
    x = torch.from_numpy((X - scan.center_) / scan.scale_).float()
    if scan.representation_ is None:
        return x.double().numpy()
    model = scan.representation_.model_
    with torch.no_grad():
        return getattr(model, "project", model.embed)(x).double().numpy()


@pytest.fixture
def tables(monkeypatch):
    """The tables of neighbours that fits make, in a list."""
    made = []
    search = scan_module.nearest_neighbors

    def noted(*arguments, **options):
        made.append(search(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(scan_module, "nearest_neighbors", noted)
    return made


@each_representation
def test_neighbors__are_those_of_the_representation(blobs, tables, name):
    X, _ = blobs
    scan = small(representation=REPRESENTATIONS[name](X), max_epochs=0).fit(X)
    (table,) = tables
    expected = neighbors_by_hand(space_of_neighbors(scan, X), 5)
    np.testing.assert_array_equal(np.sort(table), np.sort(expected))


def test_neighbors__more_than_there_are(blobs, tables):
    small(n_neighbors=100).fit(blobs[0])
    assert tables[0].shape == (60, 59)


def test_drawn_neighbors__come_from_the_row_itself_and_the_table(
    blobs, tables, monkeypatch
):
    drawn = []
    draw = NeighborConsistency.draw

    def noted(objective, index):
        drawn.append((index, draw(objective, index)))
        return drawn[-1][1]

    monkeypatch.setattr(NeighborConsistency, "draw", noted)
    small(max_epochs=40).fit(blobs[0])
    (table,) = tables
    index, others = (torch.cat(part).numpy() for part in zip(*drawn, strict=True))
    assert len(index) == 40 * 60
    allowed = np.hstack([np.arange(60)[:, None], table])
    places = allowed[index] == others[:, None]
    assert np.all(places.sum(axis=1) == 1)
    shares = places.mean(axis=0)  # itself and five neighbours
    np.testing.assert_allclose(shares, 1 / 6, atol=0.04)


# -- objective ---------------------------------------------------------------------


def expected_terms(p, p_other, entropy_weight):
    """Means over heads of (n_heads, n, k)."""
    return {
        "consistency": np.mean(list(map(reference.consistency, p, p_other))),
        "balance": -entropy_weight * np.mean(list(map(reference.mean_entropy, p))),
    }


@pytest.mark.parametrize("entropy_weight", [0.0, 2.0, 5.0])
def test_objective__against_the_reference(blobs, entropy_weight):
    X = blobs[0]
    rows = Rows(X, X.mean(axis=0), 2.0, CPU)
    generator = torch.Generator().manual_seed(0)
    model = HeadModel(UnitRows(), ClusterHeads(6, 4, 3, 7, generator)).eval()
    neighbors = torch.tensor(neighbors_by_hand(X - X.mean(axis=0), 2))
    objective = NeighborConsistency(model, rows, neighbors, None, entropy_weight)
    others = neighbors[:20, 1]
    objective.draw = lambda index: others
    terms = objective.losses(Batch(rows.between(0, 20), torch.arange(20)))
    p = model.assign_all(rows.between(0, 60)).transpose(0, 1).detach().double().numpy()
    expected = expected_terms(p[:, :20], p[:, others], entropy_weight)
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("augmentation", [None, lambda x: 0.5 * x + 0.1])
def test_history__is_of_the_terms_of_all_heads(blobs, monkeypatch, augmentation):
    X, _ = blobs
    drawn = []
    monkeypatch.setattr(
        NeighborConsistency,
        "draw",
        lambda _, index: drawn.append(index) or (index + 1) % 60,
    )
    monkeypatch.setattr(HeadModel, "choose", lambda *_: None)
    # One step of all rows, too short to change anything.
    scan = small(
        representation=autoencoder(),
        update_encoder=True,
        augmentation=augmentation,
        self_label=False,
        entropy_weight=3.0,
        batch_size=60,
        max_epochs=1,
        learning_rate=1e-20,
    ).fit(X)
    x = torch.from_numpy((X - scan.center_) / scan.scale_).float()
    if augmentation is not None:
        x = augmentation(x)
    with torch.no_grad():
        p = scan.model_.assign_all(x).transpose(0, 1).double().numpy()
    expected = expected_terms(p, np.roll(p, -1, axis=1), 3.0)
    (record,) = clustering_history(scan)
    for name, value in expected.items():
        assert record[name] == pytest.approx(value, rel=1e-4)
    assert record["loss"] == record["consistency"] + record["balance"]


def test_training__lets_the_loss_fall(blobs):
    records = clustering_history(small(max_epochs=20).fit(blobs[0]))
    assert records[-1]["loss"] < records[0]["loss"] - 0.5


def test_entropy_weight__keeps_clusters_equal():
    rng = np.random.default_rng(0)
    X = np.eye(2, 4)[np.repeat([0, 1], [80, 20])] + 0.01 * rng.normal(size=(100, 4))

    def smallest(weight):
        labels = small(2, entropy_weight=weight, max_epochs=30).fit_predict(X)
        return np.bincount(labels, minlength=2).min()

    assert smallest(50.0) > 30
    assert smallest(0.3) == 20


# -- heads -------------------------------------------------------------------------


def test_head_losses__against_the_reference(blobs):
    X = blobs[0]
    trainer = Trainer(Rows(X, X.mean(axis=0), 2.0, CPU), batch_size=20, seed=0)
    generator = torch.Generator().manual_seed(0)
    model = HeadModel(UnitRows(), ClusterHeads(6, 4, 3, 7, generator))
    with torch.no_grad():
        model.heads.bias[1, 0, 2] = 50.0  # one head with one cluster
    neighbors = neighbors_by_hand(X - X.mean(axis=0), 5)
    losses, used = head_losses(trainer, model, torch.tensor(neighbors))
    p = trainer.apply(model.assign_all).transpose(0, 1).double().numpy()
    for head in range(3):
        agreement = [reference.consistency(p[head], p[head, j]) for j in neighbors.T]
        expected = np.mean(agreement) - reference.mean_entropy(p[head])
        assert float(losses[head]) == pytest.approx(expected, abs=1e-5)
        assert int(used[head]) == len(set(p[head].argmax(axis=1)))
    assert used[1] == 1


@pytest.mark.parametrize(
    ("losses", "used", "expected"),
    [
        ([3.0, 1.0, 2.0], [4, 4, 4], 1),
        ([3.0, 1.0, 2.0], [4, 3, 4], 2),
        ([-3.0, -1.0, -2.0], [2, 3, 2], 1),
        ([0.0], [1], 0),
    ],
)
def test_best_head__has_most_clusters_and_then_the_least_loss(losses, used, expected):
    assert best_head(torch.tensor(losses), torch.tensor(used)) == expected


def with_settings(name):
    return {"None": {}, "trained": {"update_encoder": True}}.get(
        name, {"update_encoder": False}
    )


@pytest.mark.parametrize("name", ["None", "trained", "frozen"])
def test_kept_head__is_the_best_and_has_the_loss_that_is_told(blobs, name):
    X, _ = blobs
    scan = small(
        representation=None if name == "None" else autoencoder(),
        self_label=False,
        max_epochs=10,
        **with_settings(name),
    ).fit(X)
    assert scan.head_losses_.shape == (3,)
    assert scan.model_.heads.n_heads == 1
    p = scan.predict_proba(X).astype(np.float64)
    table = neighbors_by_hand(space_of_neighbors(scan, X), 5)
    agreement = np.mean([reference.consistency(p, p[column]) for column in table.T])
    loss = agreement - reference.mean_entropy(p)
    # The heads were trained on what the encoder gave, and are right behind it.
    assert scan.head_losses_[scan.best_head_] == pytest.approx(loss, abs=1e-4)


def test_kept_head__is_the_one_of_the_rule(blobs, monkeypatch):
    monkeypatch.setattr(scan_module, "best_head", lambda losses, used: 2)
    kept = []
    choose = HeadModel.choose

    def noted(model, head):
        kept.append(model.heads.weight[head].clone())
        choose(model, head)

    monkeypatch.setattr(HeadModel, "choose", noted)
    scan = small().fit(blobs[0])
    assert scan.best_head_ == 2
    assert torch.equal(scan.model_.heads.weight[0], kept[0])
