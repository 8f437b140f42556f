"""Warnings that point to the user's line."""

import sys
import warnings

# Ours, and the decorator of scikit-learn that stands around our ``fit``.
_INSIDE = ("skdeepcluster.", "sklearn.callback.")


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called into this package, however deep inside it is."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals["__name__"].startswith(_INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
