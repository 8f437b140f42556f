"""SCANClustering: neighbours, heads that are chosen among, and self-labelling."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._neighbors as neighbors_module
import skdeepcluster.cluster._scan as scan_module
from skdeepcluster import Autoencoder, SCANClustering, SimCLR
from skdeepcluster.cluster._neighbors import (
    NeighborConsistency,
    best_head,
    head_losses,
)
from skdeepcluster.engine import Group, Rows, Trainer
from skdeepcluster.engine._rows import Batch
from skdeepcluster.networks import ClusterHeads, HeadModel, UnitRows
from skdeepcluster.representation import _views
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small
from tests.references import mutual_information as reference

CPU = torch.device("cpu")


def autoencoder():
    return Autoencoder(
        3, hidden_layer_sizes=(16,), max_epochs=20, batch_size=20, random_state=5
    )


def simclr():
    return SimCLR(
        hidden_layer_sizes=(16, 8),
        projection_size=6,
        max_epochs=5,
        batch_size=20,
        random_state=5,
    )


def frozen(make):
    return lambda X: FrozenEstimator(make().fit(X))


REPRESENTATIONS = {
    "None": lambda X: None,
    "Autoencoder": lambda X: autoencoder(),
    "SimCLR": lambda X: simclr(),
    "frozen Autoencoder": frozen(autoencoder),
    "frozen SimCLR": frozen(simclr),
}
each_representation = pytest.mark.parametrize("name", REPRESENTATIONS)


def small(n_clusters=3, **changes):
    settings = {"n_neighbors": 5, "n_heads": 3}
    return make_small(SCANClustering, n_clusters, **{**settings, **changes})


@pytest.fixture(scope="module")
def images():
    return load_digits().images[:100]


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


def test_head_losses__of_several_processes_are_those_of_all_rows(blobs):
    class Twice(Group):
        """As if another process had the same rows."""

        size = 2

        def sum(self, tensor):
            return 2 * tensor

    X = blobs[0]
    rows = Rows(X, X.mean(axis=0), 2.0, CPU)
    model = HeadModel(UnitRows(), ClusterHeads(6, 4, 3, 7, torch.Generator()))
    neighbors = torch.tensor(neighbors_by_hand(X - X.mean(axis=0), 5))
    trainer = Trainer(rows, batch_size=20, seed=0)
    expected = head_losses(trainer, model, neighbors)
    trainer.group, trainer.n_total = Twice(), 120
    torch.testing.assert_close(head_losses(trainer, model, neighbors), expected)


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


# -- representation ----------------------------------------------------------------


@each_representation
@pytest.mark.parametrize("update_encoder", [True, False])
def test_representation__of_any_kind(blobs, name, update_encoder):
    X, y = blobs
    scan = small(
        representation=REPRESENTATIONS[name](X),
        update_encoder=update_encoder,
        max_epochs=30,
        learning_rate=1e-2,
    ).fit(X)
    np.testing.assert_array_equal(scan.predict(X), scan.labels_)
    np.testing.assert_array_equal(scan.predict_proba(X).argmax(axis=1), scan.labels_)
    assert scan.transform(X).shape == (60, scan.n_components_)
    assert scan.init_labels_.shape == (60,)
    assert adjusted_rand_score(y, scan.labels_) > 0.9
    has_encoder = name != "None" and update_encoder
    sizes = {"Autoencoder": 3, "SimCLR": 8}
    if has_encoder:
        assert scan.n_components_ == sizes[name.split()[-1]]
    stages = {record["stage"] for record in scan.history_}
    assert stages == {"clustering"} | ({"pretraining"} if name != "None" else set())


@pytest.mark.parametrize("update_encoder", [True, False])
@pytest.mark.parametrize("make", [autoencoder, simclr])
def test_images__any_representation(images, make, update_encoder):
    learner = make().set_params(network="convolutional", max_epochs=1)
    scan = small(representation=learner, update_encoder=update_encoder).fit(images)
    np.testing.assert_array_equal(scan.predict(images), scan.labels_)
    stages = [record["stage"] for record in scan.history_]
    assert ("self-labelling" in stages) == update_encoder


def weights_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("update_encoder", [True, False])
@pytest.mark.parametrize("make", [autoencoder, simclr])
def test_frozen_estimator__stays_as_it_is(images, make, update_encoder):
    # With batch statistics, which no gradient moves.
    learner = make().set_params(network="convolutional", max_epochs=1).fit(images)
    before, Z = weights_of(learner.model_), learner.transform(images)
    scan = small(
        representation=FrozenEstimator(learner),
        update_encoder=update_encoder,
        learning_rate=1e-2,
    ).fit(images)
    assert_same(weights_of(learner.model_), before)
    np.testing.assert_array_equal(learner.transform(images), Z)
    np.testing.assert_array_equal(scan.representation_.transform(images), Z)
    # The heads stand on a copy.
    known = weights_of(learner.model_.encoder)
    if update_encoder:
        used = weights_of(scan.model_.encoder)
        changed = [name for name in known if not torch.equal(used[name], known[name])]
        assert set(changed) >= {name for name in known if name.endswith("weight")}
    else:
        assert_same(weights_of(scan.model_.encoder.encoder), known)


def test_representation__is_cloned_and_fitted_once_for_all_numbers_of_clusters(
    blobs, tmp_path, monkeypatch
):
    fits = []
    fit = SimCLR._fit

    def noted(learner, *arguments):
        fits.append(learner)
        return fit(learner, *arguments)

    monkeypatch.setattr(SimCLR, "_fit", noted)
    learner = simclr()
    for n_clusters in (2, 3):
        scan = small(n_clusters, representation=learner, memory=str(tmp_path))
        scan.fit(blobs[0])
        np.testing.assert_array_equal(scan.predict(blobs[0]), scan.labels_)
    assert len(fits) == 1
    assert not hasattr(learner, "model_")


def test_representation__that_is_none_raises(blobs):
    X, _ = blobs
    for wrong in (PCA(), "simclr"):
        with pytest.raises(ValueError, match="'representation' parameter"):
            small(representation=wrong).fit(X)
    with pytest.raises(ValueError, match="'representation' parameter"):
        small(representation=FrozenEstimator(PCA().fit(X))).fit(X)
    with pytest.raises(ValueError, match=r"SCANClustering\(representation=SimCLR\(\)"):
        SCANClustering().set_params(representation__max_epochs=3)


@pytest.mark.parametrize("name", ["None", "SimCLR", "frozen Autoencoder"])
def test_views_of_images__for_other_rows_raise_before_training(
    blobs, monkeypatch, name
):
    X, _ = blobs
    representation = REPRESENTATIONS[name](X)

    def forbidden(*_):
        raise AssertionError("trained before the parameters were looked at")

    monkeypatch.setattr(SCANClustering, "_fit", forbidden)
    with pytest.raises(ValueError, match="augmentation='strong' changes images"):
        small(representation=representation, augmentation="strong").fit(X)


@pytest.mark.parametrize(
    ("network", "augmentation", "sees_images"),
    [
        ("convolutional", "auto", True),
        ("convolutional", None, False),
        ("convolutional", "strong", True),
        (None, "auto", False),
        (None, "strong", True),
    ],
)
def test_images__through_an_autoencoder_are_changed_as_images(
    images, monkeypatch, network, augmentation, sees_images
):
    shapes = []
    strong = _views._OF_IMAGES["strong"]

    def noted(x, generator):
        shapes.append(x.shape[1:])
        return strong(x, generator)

    monkeypatch.setitem(_views._OF_IMAGES, "strong", noted)
    learner = autoencoder().set_params(network=network, max_epochs=1)
    small(
        representation=learner,
        update_encoder=True,
        augmentation=augmentation,
        max_epochs=1,
    ).fit(images)
    assert set(shapes) == ({(1, 8, 8)} if sees_images else set())


def test_views__of_what_a_frozen_encoder_gives(images):
    shapes = []

    def change(x):
        shapes.append(x.shape[1])
        return x

    learner = FrozenEstimator(simclr().fit(images))
    for settings in ({"update_encoder": False}, {"representation": None}):
        small(
            **{"representation": learner, "augmentation": change, **settings},
            max_epochs=1,
        ).fit(images)
    assert set(shapes[: len(shapes) // 2]) == {128}
    assert set(shapes[len(shapes) // 2 :]) == {64}
    with pytest.raises(ValueError, match="augmentation='strong' changes images"):
        small(representation=learner, augmentation="strong", update_encoder=False).fit(
            images
        )


def test_one_row__is_one_cluster(blobs):
    X = blobs[0][:1]
    scan = small(1).fit(X)
    assert scan.labels_.tolist() == scan.predict(X).tolist() == [0]


def test_batch_size__auto_has_ten_rows_of_each_cluster():
    assert SCANClustering(10)._auto_batch_size(300) == 100
    assert SCANClustering(10)._auto_batch_size(30) == 30
    assert SCANClustering(3)._auto_batch_size(100_000) == 256
    assert SCANClustering(1000)._auto_batch_size(100_000) == 10_000


# -- self-labelling ----------------------------------------------------------------


def stages_of(scan):
    return [record["stage"] for record in scan.history_]


def test_self_label__auto_is_where_views_are_trained_on(blobs):
    X, _ = blobs
    learner = FrozenEstimator(autoencoder().fit(X))
    for changes, expected in [
        ({"augmentation": None}, False),
        ({"augmentation": "auto"}, False),
        ({"augmentation": "noise"}, True),
        ({"augmentation": "noise", "update_encoder": False}, True),
        ({"augmentation": "noise", "self_label": False}, False),
        ({"augmentation": None, "self_label": True}, True),
        ({"representation": None}, False),
        ({"representation": None, "self_label": True}, True),
    ]:
        scan = small(**{"representation": learner, "max_epochs": 1, **changes}).fit(X)
        assert ("self-labelling" in stages_of(scan)) == expected, changes
        assert expected or not scan.self_labelled_


@pytest.mark.parametrize("threshold", [0.0, 0.42])
def test_self_label__loss_against_the_reference(blobs, threshold):
    X, _ = blobs

    def change(x):
        return 0.7 * x + 0.1

    # One step of all rows, too short to change anything.
    scan = small(
        representation=autoencoder(),
        update_encoder=True,
        augmentation=change,
        threshold=threshold,
        batch_size=60,
        max_epochs=1,
        learning_rate=1e-20,
    ).fit(X)
    x = torch.from_numpy((X - scan.center_) / scan.scale_).float()
    with torch.no_grad():
        teacher = scan.model_.assign(x).double().numpy()
        student = scan.model_.log_assign(change(x)).double().numpy()
    loss, share = reference.confident_cross_entropy(student, teacher, threshold)
    record = scan.history_[-1]
    assert record["stage"] == "self-labelling"
    assert record["loss"] == record["self_label"] == pytest.approx(loss, rel=1e-4)
    assert record["confident"] == pytest.approx(share)
    assert share == 1 if threshold == 0 else 0.1 < share < 0.9


SURE = {"max_epochs": 20, "learning_rate": 1e-2, "threshold": 0.5}


@pytest.mark.parametrize("name", ["None", "Autoencoder", "SimCLR"])
def test_self_label__that_makes_things_worse_is_undone(blobs, monkeypatch, name):
    X, _ = blobs
    settings = {**SURE, "representation": REPRESENTATIONS[name](X)}
    expected = small(self_label=False, **settings).fit(X)

    def all_in_one(student, teacher, threshold):
        return -10 * student[:, 0].mean(), torch.ones(())

    monkeypatch.setattr(neighbors_module, "confident_cross_entropy", all_in_one)
    scan = small(self_label=True, **settings).fit(X)
    assert scan.self_labelled_ is False
    assert stages_of(scan).count("self-labelling") == 20
    np.testing.assert_array_equal(scan.predict_proba(X), expected.predict_proba(X))
    np.testing.assert_array_equal(scan.labels_, expected.labels_)


@pytest.mark.parametrize(
    ("losses", "used", "expected"),
    [
        ((1.0, 0.9), (3, 3), True),
        ((1.0, 1.0), (3, 3), True),
        ((1.0, 1.1), (3, 3), False),
        ((1.0, 0.5), (3, 2), False),
        ((1.0, 0.5), (2, 3), True),
    ],
)
def test_self_label__is_taken_where_no_cluster_is_lost_and_the_loss_is_not_worse(
    blobs, monkeypatch, losses, used, expected
):
    X, _ = blobs
    settings = {**SURE, "max_epochs": 5, "representation": autoencoder()}
    plain = small(self_label=False, **settings).fit(X)
    pairs = zip(losses, used, strict=True)
    told = [
        (torch.zeros(3), torch.full((3,), 3)),  # for the choice among the heads
        *((torch.tensor([one]), torch.tensor([n])) for one, n in pairs),
    ]
    monkeypatch.setattr(scan_module, "head_losses", lambda *_: told.pop(0))
    monkeypatch.setattr(scan_module, "best_head", lambda *_: plain.best_head_)
    scan = small(self_label=True, **settings).fit(X)
    assert scan.self_labelled_ is expected
    same = np.array_equal(scan.predict_proba(X), plain.predict_proba(X))
    assert same is not expected


# -- clusters without rows ---------------------------------------------------------


def test_clusters_that_end_without_rows__are_dropped_everywhere(blobs):
    X = np.repeat(blobs[0][[0, 30]], 20, axis=0)
    scan = small(5, max_epochs=10)
    with pytest.warns(ConvergenceWarning, match="instead of n_clusters=5") as caught:
        scan.fit(X)
    assert caught[0].filename == __file__
    n_left = scan.n_clusters_
    assert n_left <= 2
    assert scan.model_.n_clusters == n_left
    assert set(scan.labels_) == set(range(n_left))
    assert scan.predict_proba(X).shape == (40, n_left)
    np.testing.assert_allclose(scan.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(scan.predict(X), scan.labels_)
    assert scan.cluster_means_.shape == (n_left, 6)


# -- digits ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "representation", [None, Autoencoder(max_epochs=20)], ids=["None", "Autoencoder"]
)
def test_digits__beat_kmeans_in_the_same_representation(representation):
    X, y = (part[:600] for part in load_digits(return_X_y=True))
    scores = []
    for seed in range(3):
        scan = SCANClustering(
            10,
            representation=representation,
            update_encoder=False,
            max_epochs=30,
            random_state=seed,
        ).fit(X)
        both = scan.labels_, scan.init_labels_
        scores.append([adjusted_rand_score(y, labels) for labels in both])
    score, score_of_kmeans = np.mean(scores, axis=0)
    assert score > score_of_kmeans + 0.03
