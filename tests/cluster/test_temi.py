"""TEMIClustering: pairs of neighbours, the teacher, and which head is kept."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._temi as temi_module
from skdeepcluster import TEMIClustering
from skdeepcluster.engine import Rows, Trainer
from skdeepcluster.engine._rows import Batch
from skdeepcluster.networks import HeadModel, PrototypeHeads, UnitRows
from tests.cluster._small import small as make_small
from tests.references import pointwise as reference

CPU = torch.device("cpu")


def small(n_clusters=3, **changes):
    settings = {"n_neighbors": 5, "n_heads": 3}
    return make_small(TEMIClustering, n_clusters, **{**settings, **changes})


def neighbors_by_hand(Z, n_neighbors):
    units = Z / np.linalg.norm(Z, axis=1, keepdims=True)
    similarity = units @ units.T
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1)[:, :n_neighbors]


@pytest.fixture
def rows(blobs):
    return Rows(blobs[0], blobs[0].mean(axis=0), 2.0, CPU)


def make_model(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return HeadModel(UnitRows(), PrototypeHeads(6, 4, 3, 7, 5, 0.1, generator))


def make_objective(rows, model, neighbors, momentum=0.9, n_steps=1000, beta=0.6):
    objective = temi_module._SharedClusters(
        model, rows, torch.as_tensor(neighbors), beta, momentum, n_steps
    )
    objective.generator = torch.Generator().manual_seed(0)
    return objective


# -- loss --------------------------------------------------------------------------


def assignments(function, x):
    """(n_heads, n, k) in float64."""
    with torch.no_grad():
        return function(x).double().softmax(dim=2).numpy()


@pytest.mark.parametrize("beta", [0.6, 1.0])
def test_loss__against_the_reference(rows, beta):
    others = np.arange(20, 40)
    neighbors = np.tile(others[:, None], (3, 2))  # one, twice
    objective = make_objective(rows, make_model(), neighbors, beta=beta).eval()
    other = make_model(1).eval()
    objective.teacher.network = other.heads  # who differs from the student
    x, x_other = rows.between(0, 20), rows.between(20, 40)
    losses = objective.losses(Batch(x, torch.arange(20)))

    p, p_other = (assignments(objective.model.logits, one) for one in (x, x_other))
    q, q_other = (assignments(other.logits, one) for one in (x, x_other))
    mean = (q.mean(axis=1) + q_other.mean(axis=1)) / 2
    prior = 0.9 / 4 + 0.1 * mean
    weight = np.mean(list(map(reference.agreement, q, q_other)), axis=0)
    of_heads = []
    for head in range(3):
        there, back = (
            reference.pointwise_mutual_information(one, two, prior[head], beta)
            for one, two in ((p[head], q_other[head]), (p_other[head], q[head]))
        )
        of_heads.append(-np.mean(weight * (there + back) / 2))
    assert losses.keys() == {"information"}
    assert losses["information"].item() == pytest.approx(np.mean(of_heads), rel=1e-5)
    np.testing.assert_allclose(objective.prior, prior, rtol=1e-5)


def test_loss__has_gradients_of_the_student_alone(rows, blobs):
    neighbors = neighbors_by_hand(blobs[0], 5)
    objective = make_objective(rows, make_model(), neighbors)
    losses = objective.losses(Batch(rows.between(0, 20), torch.arange(20)))
    losses["information"].backward()
    assert all(p.grad is not None for p in objective.model.parameters())
    for parameter in objective.teacher.parameters():
        assert not parameter.requires_grad
    assert not objective.prior.requires_grad


def test_step__of_a_fit_is_of_that_loss(blobs, monkeypatch):
    expected = []

    def following(neighbors, index, generator, *, with_itself):
        return (index + 1) % 60

    class Watched(temi_module._SharedClusters):
        def losses(self, batch):
            others = self.rows.take((batch.index + 1) % 60)
            # Teacher and student are one before the first step.
            q = assignments(self.model.logits, torch.cat([batch.x, others]))
            pairs = [np.split(one, 2) for one in q]
            weight = np.mean([reference.agreement(*pair) for pair in pairs], axis=0)
            for pair, one in zip(pairs, q, strict=True):
                prior = 0.9 / 3 + 0.1 * one.mean(axis=0)
                shared = reference.pointwise_mutual_information(*pair, prior, 0.6)
                expected.append(-np.mean(weight * shared))
            return super().losses(batch)

    monkeypatch.setattr(temi_module, "drawn_neighbors", following)
    monkeypatch.setattr(temi_module, "_SharedClusters", Watched)
    # One step of all rows.
    (record,) = small(batch_size=60, max_epochs=1).fit(blobs[0]).history_
    assert record["stage"] == "clustering"
    assert record["information"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert record["loss"] == record["information"]


def test_training__lets_the_loss_fall(blobs):
    records = small(max_epochs=30).fit(blobs[0]).history_
    assert records[-1]["loss"] < records[0]["loss"] - 0.2


# -- pairs -------------------------------------------------------------------------


def test_pairs__are_of_neighbors_and_never_of_a_row_with_itself(blobs, monkeypatch):
    X, _ = blobs
    drawn = []
    draw = temi_module.drawn_neighbors

    def noted(neighbors, index, *arguments, **options):
        drawn.append((index, draw(neighbors, index, *arguments, **options)))
        return drawn[-1][1]

    monkeypatch.setattr(temi_module, "drawn_neighbors", noted)
    temi = small(max_epochs=20).fit(X)
    index, others = (torch.cat(part).numpy() for part in zip(*drawn, strict=True))
    table = neighbors_by_hand(X - temi.center_, 5)
    places = table[index] == others[:, None]
    assert np.all(places.sum(axis=1) == 1)
    np.testing.assert_allclose(places.mean(axis=0), 1 / 5, atol=0.05)


def test_one_row__is_its_own_pair(blobs):
    assert small(1).fit(blobs[0][:1]).labels_.tolist() == [0]


# -- teacher -----------------------------------------------------------------------


@pytest.fixture
def objectives(monkeypatch):
    """The objectives of fits, in a list."""
    made = []

    class Kept(temi_module._SharedClusters):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(temi_module, "_SharedClusters", Kept)
    return made


def test_teacher__is_what_labels(blobs, objectives, monkeypatch):
    kept = []
    choose = HeadModel.choose

    def noted(model, head):
        kept.append(model.heads.weight[head].detach().clone())
        choose(model, head)

    monkeypatch.setattr(HeadModel, "choose", noted)
    temi = small().fit(blobs[0])
    (objective,) = objectives
    assert temi.model_.heads is objective.teacher.network
    assert torch.equal(temi.model_.heads.weight[0], kept[0])
    assert all(parameter.requires_grad for parameter in temi.model_.parameters())


@pytest.mark.parametrize(
    ("momentum", "n_epochs", "expected"),
    # Three steps in each epoch: of 300 the average sees a twentieth.
    [(0.9, 100, 0.9), (0.99, 100, 1 - 20 / 300), (0.9, 4, 0.0), (0.0, 100, 0.0)],
)
def test_momentum__is_less_in_short_fits(
    blobs, objectives, monkeypatch, momentum, n_epochs, expected
):
    monkeypatch.setattr(Trainer, "train", lambda *_, **options: [])
    small(momentum=momentum, max_epochs=n_epochs).fit(blobs[0])
    assert objectives[0].teacher.momentum == pytest.approx(expected)


def test_teacher__follows_the_student(rows, blobs):
    model = make_model()
    objective = make_objective(rows, model, neighbors_by_hand(blobs[0], 5))
    before = objective.teacher.network.weight.clone()
    with torch.no_grad():
        model.heads.weight += 1.0
    objective.after_step(None)
    np.testing.assert_allclose(
        objective.teacher.network.weight - before, 0.1, rtol=1e-3
    )


# -- heads -------------------------------------------------------------------------


def test_head_losses__against_the_reference(blobs, rows):
    trainer = Trainer(rows, batch_size=20, seed=0)
    model = make_model()
    neighbors = neighbors_by_hand(blobs[0] - blobs[0].mean(axis=0), 5)
    losses, used = temi_module._head_losses(
        trainer, model, torch.tensor(neighbors), 0.6
    )
    p = trainer.apply(model.assign_all).transpose(0, 1).double().numpy()
    for head in range(3):
        expected = 0.0
        for other in neighbors.T:
            weight = np.mean([reference.agreement(q, q[other]) for q in p], axis=0)
            shared = reference.pointwise_mutual_information(
                p[head], p[head, other], p[head].mean(axis=0), 0.6
            )
            expected -= np.mean(weight * shared) / 5
        assert float(losses[head]) == pytest.approx(expected, abs=1e-5)
        assert int(used[head]) == len(set(p[head].argmax(axis=1)))


def test_kept_head__is_the_best(blobs, monkeypatch):
    temi = small(max_epochs=10).fit(blobs[0])
    assert temi.head_losses_.shape == (3,)
    assert temi.model_.heads.n_heads == 1
    monkeypatch.setattr(temi_module, "best_head", lambda losses, used: 2)
    assert small().fit(blobs[0]).best_head_ == 2


def test_kept_head__goes_on_alone_after_a_warm_start(blobs):
    X, _ = blobs
    temi = small(max_epochs=30, warm_start=True).fit(X)
    labels = temi.labels_
    temi.set_params(max_epochs=1, learning_rate=1e-6).fit(X)
    assert temi.head_losses_.shape == (1,)
    assert np.mean(temi.labels_ == labels) > 0.9


# -- what it says ------------------------------------------------------------------


def test_labels__are_the_largest_assignments(blobs):
    X, y = blobs
    temi = small(max_epochs=30).fit(X)
    q = temi.predict_proba(X)
    np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(q.argmax(axis=1), temi.labels_)
    np.testing.assert_array_equal(temi.predict(X), temi.labels_)
    assert adjusted_rand_score(y, temi.labels_) > 0.9
    assert adjusted_rand_score(y, temi.init_labels_) > 0.9
    z = temi.transform(X)
    assert z.shape == (60, temi.n_components_)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)


def test_only_directions_count(blobs):
    X, _ = blobs
    temi = small(max_epochs=10).fit(X)
    farther = temi.center_ + 3 * (X - temi.center_)
    np.testing.assert_allclose(
        temi.predict_proba(farther), temi.predict_proba(X), atol=1e-4
    )


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("beta", 0.0), ("beta", 1.1), ("momentum", 1.0), ("n_neighbors", 0)],
)
def test_bad_parameters__raise(blobs, parameter, value):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter"):
        small(**{parameter: value}).fit(blobs[0])


def test_digits__far_better_than_chance():
    # Over seeds 0 to 4 it is better than 0.5.
    X, y = load_digits(return_X_y=True)
    temi = TEMIClustering(10, max_epochs=20, random_state=0)
    assert adjusted_rand_score(y[:900], temi.fit_predict(X[:900])) > 0.4
