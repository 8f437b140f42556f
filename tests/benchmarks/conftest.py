"""The benchmarks are files of their own and no package."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    """A function that imports a file of the benchmarks, which are no package."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module
