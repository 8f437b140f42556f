"""Learning rates over the steps of a stage."""

import numpy as np
import pytest

from skdeepcluster.engine import SCHEDULES, learning_rates


def rates(name, n_steps, peak=0.4):
    rate = learning_rates(name, peak, n_steps)
    return np.array([rate(step) for step in range(n_steps)])


def test_constant():
    assert set(rates("constant", 7)) == {0.4}


def test_cosine__against_the_formula():
    steps = np.arange(50)
    expected = 0.4 * 0.5 * (1 + np.cos(np.pi * steps / 50))
    np.testing.assert_allclose(rates("cosine", 50), expected, rtol=1e-12)


def test_one_cycle__climbs_over_three_tenths_then_falls_towards_zero():
    values = rates("one_cycle", 1000)
    assert values[0] == pytest.approx(0.4 / 25)
    assert values.argmax() == 300
    assert values[300] == pytest.approx(0.4)
    assert np.all(np.diff(values[:301]) > 0)
    assert np.all(np.diff(values[300:]) < 0)
    assert 0 < values[-1] < 1e-5


@pytest.mark.parametrize("n_steps", [1, 2, 3, 10])
@pytest.mark.parametrize("name", SCHEDULES)
def test_few_steps__rates_are_positive_and_at_most_the_peak(name, n_steps):
    values = rates(name, n_steps)
    assert np.all(values > 0)
    assert np.all(values <= 0.4)


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_steps__are_no_error(name):
    assert callable(learning_rates(name, 0.4, 0))
