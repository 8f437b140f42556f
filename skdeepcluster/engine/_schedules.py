"""A schedule is a function from the step to the learning rate."""

import math
from collections.abc import Callable

SCHEDULES = ("constant", "cosine", "one_cycle")


def learning_rates(name: str, peak: float, n_steps: int) -> Callable[[int], float]:
    """The learning rate of every step from 0 to ``n_steps - 1``.

    ``"constant"`` stays at `peak`. ``"cosine"`` falls from `peak` to zero along half a
    cosine. ``"one_cycle"`` first climbs from ``peak / 25`` over three tenths of the
    steps and then falls likewise (Smith, Topin, 2019, doi:10.1117/12.2520589).
    """
    warm_up = 0.3 * n_steps if name == "one_cycle" else 0.0

    def rate(step: int) -> float:
        if name == "constant":
            return peak
        if step < warm_up:
            return peak * (0.04 + 0.96 * _half_cosine(1 - step / warm_up))
        return peak * _half_cosine((step - warm_up) / max(1.0, n_steps - warm_up))

    return rate


def _half_cosine(share: float) -> float:
    """From 1 at share 0 to 0 at share 1."""
    return 0.5 * (1 + math.cos(math.pi * share))
