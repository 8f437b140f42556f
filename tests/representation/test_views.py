"""Random views of rows and images, from the scale of training and back to it."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from skdeepcluster import ContrastiveClustering, SimCLR
from skdeepcluster.engine import Group, Rows, Trainer, _rows
from skdeepcluster.networks import ImageLayout
from skdeepcluster.representation import _views, check_augmentation, make_views
from skdeepcluster.representation._views import channel_scaling, pixel_range
from skdeepcluster.utils import feature_scaling

CPU = torch.device("cpu")
LAYOUTS = [
    ImageLayout(1, 4, 5),
    ImageLayout(2, 4, 5),
    ImageLayout(2, 4, 5, last=True),
    ImageLayout(3, 5, 4, last=True),
]
each_layout = pytest.mark.parametrize(
    "layout", LAYOUTS, ids=lambda layout: "x".join(map(str, layout))
)


def make_trainer(X, seed=0):
    center, scale = feature_scaling(X)
    return Trainer(Rows(X, center, scale, CPU), batch_size=16, seed=seed)


def pixels(layout, n=30):
    """Flat rows of values from 40 to 200; every pixel has a mean of its own."""
    rng = np.random.default_rng(0)
    means = rng.uniform(60, 180, size=layout.n_features)
    X = means + rng.uniform(-20, 20, size=(n, layout.n_features))
    X[0, 0], X[1, 1] = 40, 200
    return X


def in_units(trainer, x):
    return x.double().numpy() * trainer.rows.scale + trainer.rows.center


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def views_of_all(views, trainer, seed=0):
    """A view of each row, and the rows."""
    n = trainer.n_samples
    x = trainer.rows.between(0, n)
    return views(x, torch.arange(n), seeded(seed)), x


# -- images ------------------------------------------------------------------------


@each_layout
def test_images__a_change_that_does_nothing_gives_the_rows_back(layout):
    X = pixels(layout)
    trainer = make_trainer(X)
    views = make_views(lambda images: images, layout, trainer)
    torch.testing.assert_close(*views_of_all(views, trainer), rtol=1e-5, atol=1e-5)


@each_layout
def test_images__the_change_is_given_pixels_from_zero_to_one(layout):
    X = pixels(layout)
    trainer = make_trainer(X)
    seen = []
    views = make_views(lambda images: seen.append(images) or images, layout, trainer)
    views_of_all(views, trainer)
    (images,) = seen
    channels, height, width, last = layout
    assert images.shape == (30, channels, height, width)
    assert images.dtype == torch.float32
    expected = (X - 40) / 160
    if last:
        expected = expected.reshape(30, height, width, channels).transpose(0, 3, 1, 2)
    else:
        expected = expected.reshape(30, channels, height, width)
    np.testing.assert_allclose(images, expected, atol=1e-6)
    assert images.min() == pytest.approx(0, abs=1e-6)
    assert images.max() == pytest.approx(1, abs=1e-6)


@each_layout
def test_images__what_moves_arrives_in_the_order_of_the_rows(layout):
    X = pixels(layout)
    trainer = make_trainer(X)
    views = make_views(lambda images: images.flip(3), layout, trainer)
    view, _ = views_of_all(views, trainer)
    result = in_units(trainer, view)
    channels, height, width, last = layout
    if last:
        expected = X.reshape(30, height, width, channels)[:, :, ::-1]
    else:
        expected = X.reshape(30, channels, height, width)[..., ::-1]
    np.testing.assert_allclose(result, expected.reshape(30, -1), atol=1e-3)


@pytest.mark.parametrize("augmentation", ["weak", "strong"])
@each_layout
def test_images__views_stay_within_the_range_of_the_pixels(layout, augmentation):
    X = pixels(layout)
    trainer = make_trainer(X)
    views = make_views(augmentation, layout, trainer)
    first, second, again = (views_of_all(views, trainer, seed)[0] for seed in (0, 1, 0))
    assert first.shape == X.shape
    assert torch.equal(first, again)
    assert not torch.allclose(first, second)
    result = in_units(trainer, first)
    assert result.min() > 40 - 0.1
    assert result.max() < 200 + 0.1


def test_images__auto_is_strong():
    trainer = make_trainer(pixels(LAYOUTS[0]))
    auto, strong, weak = (
        views_of_all(make_views(name, LAYOUTS[0], trainer), trainer)[0]
        for name in ("auto", "strong", "weak")
    )
    assert torch.equal(auto, strong)
    assert not torch.allclose(auto, weak)


def test_images__views_of_tables_are_possible_too():
    trainer = make_trainer(pixels(LAYOUTS[1]))
    for name in ("corruption", "neighbors", "noise"):
        view, expected = (
            views_of_all(make_views(name, layout, trainer), trainer)[0]
            for layout in (LAYOUTS[1], None)
        )
        assert torch.equal(view, expected)


def test_images__without_contrast_give_themselves():
    trainer = make_trainer(np.full((9, 20), 7.0))
    views = make_views(lambda images: images, LAYOUTS[0], trainer)
    assert torch.equal(*views_of_all(views, trainer))


# -- rows --------------------------------------------------------------------------


@pytest.fixture
def X():
    """40 rows whose values say their column and are all different."""
    rng = np.random.default_rng(0)
    return 1000 * np.arange(10.0) + rng.permutation(400).reshape(40, 10)


@pytest.mark.parametrize(("n_features", "name"), [(9, "neighbors"), (10, "corruption")])
def test_rows__auto_goes_by_their_width(n_features, name):
    trainer = make_trainer(np.random.default_rng(0).normal(size=(30, n_features)))
    auto, expected = (
        views_of_all(make_views(each, None, trainer), trainer)[0]
        for each in ("auto", name)
    )
    assert torch.equal(auto, expected)


def test_corruption__takes_values_of_other_rows_in_the_same_column(X):
    trainer = make_trainer(X)
    view, x = views_of_all(make_views("corruption", None, trainer), trainer)
    for column in range(10):
        assert np.all(np.isin(view[:, column], x[:, column]))
    changed = (view != x).sum(dim=1)
    assert changed.max() == 3  # of ten; one of them may have met its own value
    assert changed.double().mean() > 2.7


def test_corruption__its_donors_are_rows_from_everywhere(X, monkeypatch):
    monkeypatch.setattr(_views, "_DONORS", 20)
    trainer, other = make_trainer(X), make_trainer(X, seed=1)
    donors, same, others = (
        make_views("corruption", None, one).of_rows
        for one in (trainer, make_trainer(X), other)
    )
    assert donors.shape == (20, 10)
    assert torch.equal(donors, same)
    assert not torch.equal(donors, others)
    known = trainer.rows.between(0, 40).tolist()
    assert all(donor in known for donor in donors.tolist())


@pytest.mark.parametrize("resident", [True, False])
def test_neighbors__moves_a_row_up_to_half_the_way_to_one(resident, monkeypatch):
    if not resident:
        monkeypatch.setattr(_rows, "RESIDENT_BYTES", 0)
    X = np.random.default_rng(0).normal(size=(60, 4))
    trainer = make_trainer(X)
    x = trainer.rows.between(0, 60)
    near = torch.cdist(x, x).topk(11, dim=1, largest=False).indices  # with itself
    index = torch.tensor([3, 50, 3, 17] * 25)
    view = make_views("neighbors", None, trainer)(x[index], index, seeded())
    shares = []
    for one, row in zip(view, index, strict=True):
        towards = x[near[row, 1:]] - x[row]
        share = (towards @ (one - x[row])) / towards.square().sum(dim=1)
        gaps = (one - x[row] - share[:, None] * towards).norm(dim=1)
        assert gaps.min() < 1e-5  # on the way to one of the ten, or where it was
        shares.append(float(share[gaps.argmin()]))
    assert -1e-5 < min(shares) < 0.1
    assert 0.4 < max(shares) < 0.5 + 1e-5
    # Draws are of one row only.
    assert not torch.equal(view[0], view[2])


def test_noise__is_a_tenth_of_the_deviation_of_each_feature():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 3)) * [1.0, 30.0, 0.0] + 5
    trainer = make_trainer(X)
    view, _ = views_of_all(make_views("noise", None, trainer), trainer)
    noise = in_units(trainer, view) - X
    np.testing.assert_allclose(noise.std(axis=0), 0.1 * X.std(axis=0), rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=0.01 * X.std(axis=0).max())


def test_callable__of_flat_rows_is_given_scaled_rows(X):
    trainer = make_trainer(X)
    view, x = views_of_all(make_views(lambda rows: -rows, None, trainer), trainer)
    assert torch.equal(view, -x)


def test_callable__is_known_to_draw_globally(X):
    trainer = make_trainer(X)
    assert make_views(lambda rows: rows, None, trainer).draws_globally
    assert not make_views("noise", None, trainer).draws_globally
    assert not make_views("strong", ImageLayout(1, 2, 5), trainer).draws_globally


# -- in estimators -----------------------------------------------------------------


@pytest.mark.parametrize("augmentation", ["weak", "strong"])
def test_views_of_images__for_other_rows_raise(X, augmentation):
    message = f"augmentation='{augmentation}' changes images, and the rows"
    with pytest.raises(ValueError, match=message):
        check_augmentation(augmentation, None)
    with pytest.raises(ValueError, match=message):
        make_views(augmentation, None, make_trainer(X))
    for cls in (SimCLR, ContrastiveClustering):
        with pytest.raises(ValueError, match=message):
            cls(augmentation=augmentation).fit(X)
    check_augmentation(augmentation, LAYOUTS[0])


@pytest.mark.parametrize("augmentation", ["crops", None, 3])
def test_unknown_augmentation__raises_and_names_the_parameter(X, augmentation):
    with pytest.raises(ValueError, match="'augmentation' parameter"):
        SimCLR(augmentation=augmentation).fit(X)


def test_callable__that_draws_leaves_the_global_state_and_is_repeatable(X):
    def fit(seed):
        simclr = SimCLR(
            augmentation=lambda rows: rows + 0.1 * torch.randn_like(rows),
            hidden_layer_sizes=(8,),
            max_epochs=2,
            random_state=seed,
        )
        return simclr.fit_transform(X)

    before = torch.get_rng_state()
    first = fit(0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)  # elsewhere somebody draws
    np.testing.assert_array_equal(fit(0), first)
    assert not np.array_equal(fit(1), first)


@pytest.mark.parametrize(
    ("change", "got"),
    [(lambda rows: rows[:, :2], r"Got \(\d+, 2\)"), (lambda rows: None, "Got None")],
)
def test_callable__that_returns_no_such_batch__raises(X, change, got):
    with pytest.raises(ValueError, match=f"'augmentation' parameter must .*{got}"):
        SimCLR(augmentation=change, max_epochs=1).fit(X)


class Gain(nn.Module):
    """A change with a weight of its own."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.9))

    def forward(self, rows):
        return self.gain * rows


def test_module__as_a_change_stays_as_it_is(X):
    change = Gain()
    settings = {"hidden_layer_sizes": (8,), "max_epochs": 2, "random_state": 0}
    simclr = SimCLR(augmentation=change, **settings).fit(X)
    assert change.training
    assert change.gain == torch.tensor(0.9)
    assert change.gain.requires_grad
    assert change.gain.grad is None
    # It is not trained inside either.
    expected = SimCLR(augmentation=lambda rows: 0.9 * rows, **settings).fit(X)
    np.testing.assert_allclose(simclr.transform(X), expected.transform(X), atol=1e-5)


# -- scaling -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_pixel_range__of_all_rows(dtype):
    X = load_digits().data[:100].astype(dtype)
    X[50] += 3
    X[99, 3] = 77
    assert pixel_range(X + 2, Group()) == (2.0, 77.0)
    assert all(type(end) is float for end in pixel_range(X, Group()))


def test_pixel_range__where_nothing_varies():
    assert pixel_range(np.full((4, 3), 7.0), Group()) == (7.0, 1.0)


def test_pixel_range__of_all_processes():
    class Two(Group):
        def gather_objects(self, part):
            return [part, [(-5.0, 100.0)]]

    assert pixel_range(np.ones((4, 3)), Two()) == (-5.0, 105.0)


@each_layout
def test_channel_scaling__is_the_mean_of_each_channel_and_the_spread_around_it(layout):
    X = pixels(layout)
    channels, height, width, last = layout
    shape = (30, height, width, channels) if last else (30, channels, height, width)
    axes = (0, 1, 2) if last else (0, 2, 3)
    mean = X.reshape(shape).mean(axis=axes, keepdims=True)
    expected = np.broadcast_to(mean, shape)[0].ravel()
    center, scale = channel_scaling(layout, *feature_scaling(X))
    assert center.dtype == np.float64
    np.testing.assert_allclose(center, expected)
    assert len(np.unique(np.round(center, 9))) == channels
    assert scale == pytest.approx(np.sqrt(np.square(X - expected).mean()))
