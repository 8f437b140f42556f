"""Views of rows: how many values change, and where the new ones come from."""

import numpy as np
import pytest
import torch

from skdeepcluster.augment import add_noise, corrupt, mix


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def distinct(n, d, start=0):
    """Rows in which no value comes twice; the column is its remainder by d."""
    return torch.arange(start, start + n * d, dtype=torch.float64).reshape(n, d)


VIEWS = {
    "corrupt": lambda x, g: corrupt(x, x.flip(0) + 1, g),
    "noise": add_noise,
    "mix": lambda x, g: mix(x, x.flip(0) + 1, g),
}
each_view = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


@each_view
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (5, 1), (1, 6), (7, 12)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_views__keep_shape_and_type_and_leave_the_rows_alone(view, shape, dtype):
    if shape[0] == 0 and view is VIEWS["corrupt"]:
        return  # there is no donor
    rows = torch.randn(shape, generator=generator(), dtype=dtype)
    before = rows.clone()
    views = view(rows, generator())
    assert views.shape == shape and views.dtype == dtype
    assert torch.equal(rows, before)


@each_view
def test_views__of_equal_rows__differ(view):
    rows = torch.ones(1, 20).expand(30, -1)
    assert len(view(rows, generator()).unique(dim=0)) > 25


@each_view
def test_views__same_seed__same_views(view):
    rows = distinct(9, 12)
    first, again = (view(rows, generator(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, view(rows, generator(4)))


@each_view
def test_views__leave_the_global_generator_alone(view):
    before = torch.get_rng_state()
    view(distinct(5, 8), generator())
    assert torch.equal(torch.get_rng_state(), before)


# -- corruption --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_features", "rate", "expected"),
    [
        (10, 0.3, 3),
        (10, 0.39, 3),
        (100, 0.29, 29),
        (7, 1.0, 7),
        (3, 0.3, 1),  # 0.9, but something must change
        (2, 0.1, 1),
        (5, 0.0, 0),
        (1, 0.3, 0),  # nothing would be left of the row
        (1, 1.0, 1),
    ],
)
def test_corrupt__changes_that_many_features_of_every_row(n_features, rate, expected):
    rows = distinct(40, n_features)
    donors = distinct(15, n_features, start=rows.numel())
    views = corrupt(rows, donors, generator(), rate=rate)
    changed = views != rows
    assert (changed.sum(dim=1) == expected).all()
    columns = torch.arange(n_features).expand_as(rows)
    assert torch.equal((views % n_features).long(), columns)
    assert torch.isin(views[changed], donors).all()


def test_corrupt__equal_values__are_the_only_reason_for_fewer_changes():
    rows = torch.zeros(50, 10)
    donors = torch.stack([torch.zeros(10), torch.ones(10)])
    n_changed = corrupt(rows, donors, generator(), rate=0.4).sum(dim=1)
    assert n_changed.max() <= 4
    assert float(n_changed.mean()) == pytest.approx(2, abs=0.5)


def test_corrupt__features_and_donors__are_uniform_and_independent():
    n, d, m = 20_000, 5, 4
    rows, donors = torch.full((n, d), -1.0), distinct(m, d)
    views = corrupt(rows, donors, generator(), rate=0.4).numpy()
    changed = views >= 0
    np.testing.assert_allclose(changed.mean(axis=0), 0.4, atol=0.015)
    # Each pair of features as often as any other: one in ten.
    pairs = changed.T.astype(float) @ changed / n
    np.testing.assert_allclose(pairs[np.triu_indices(d, 1)], 0.1, atol=0.01)
    donor = views // d
    for column in range(d):
        found = donor[changed[:, column], column]
        shares = np.bincount(found.astype(int), minlength=m) / len(found)
        np.testing.assert_allclose(shares, 1 / m, atol=0.02)
    # Features of one row have their own donors.
    two = np.array([row[row >= 0] for row in np.where(changed, donor, -1)])
    assert np.mean(two[:, 0] == two[:, 1]) == pytest.approx(1 / m, abs=0.015)


def test_corrupt__everything_in_many_draws__has_the_marginals_of_the_donors():
    donors = torch.randn(3000, 3, generator=generator(1)) * torch.tensor([1, 5, 0.1])
    views = corrupt(torch.zeros(20_000, 3), donors, generator(), rate=1.0)
    for q in (0.1, 0.5, 0.9):
        difference = views.quantile(q, dim=0) - donors.quantile(q, dim=0)
        assert (difference.abs() < 0.1 * donors.std(dim=0)).all()
    # Columns no longer know of each other.
    donors = donors[:, :1].expand(-1, 3)
    views = corrupt(torch.zeros(20_000, 3), donors, generator(), rate=1.0)
    correlations = np.corrcoef(views.T)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(correlations, 0, atol=0.03)


def test_corrupt__donors_of_another_type__are_cast():
    donors = torch.full((3, 4), 200, dtype=torch.uint8)
    views = corrupt(torch.zeros(5, 4), donors, generator(), rate=1.0)
    assert torch.equal(views, torch.full((5, 4), 200.0))


# -- noise -------------------------------------------------------------------------


@pytest.mark.parametrize("deviation", [0.0, 0.1, torch.tensor([0.0, 0.5, 2.0])])
def test_noise__deviation_of_each_feature(deviation):
    rows = torch.full((20_000, 3), 4.0)
    noise = add_noise(rows, generator(), deviation=deviation) - rows
    expected = torch.as_tensor(deviation).expand(3)
    np.testing.assert_allclose(noise.std(dim=0), expected, rtol=0.03)
    np.testing.assert_allclose(
        noise.mean(dim=0) / expected.clamp_min(1e-9), 0, atol=0.03
    )


def test_noise__of_each_value__is_its_own():
    noise = add_noise(torch.zeros(5000, 3), generator(), deviation=1.0)
    assert len(noise.unique()) > 14_900
    correlations = np.corrcoef(noise.T)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(correlations, 0, atol=0.05)


# -- mixtures ----------------------------------------------------------------------


@pytest.mark.parametrize("most", [0.0, 0.5, 1.0])
def test_mix__is_on_the_segment__within_its_share(most):
    rows, others = torch.randn(2, 3000, 6, generator=generator(1), dtype=torch.float64)
    views = mix(rows, others, generator(), most=most)
    shares = (views - rows) / (others - rows)
    np.testing.assert_allclose(shares, shares[:, :1].expand_as(shares), atol=1e-9)
    assert shares.min() >= 0 and shares.max() <= most
    assert float(shares.mean()) == pytest.approx(most / 2, abs=0.02)
    assert float(shares.max()) == pytest.approx(most, abs=0.01)


def test_mix__with_itself__is_the_identity():
    rows = distinct(4, 3)
    assert torch.equal(mix(rows, rows, generator()), rows)
