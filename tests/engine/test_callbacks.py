"""What `verbose` shows."""

import logging
import sys
import types

import pytest

from skdeepcluster.engine import progress_callbacks
from tests._discovery import ESTIMATORS, tiny

RECORD = {"stage": "s", "epoch": 3, "loss": 0.123456, "learning_rate": 1e-3}


def show(verbose, records=(RECORD,)):
    callbacks = progress_callbacks(verbose)
    for callback in callbacks:
        callback.on_stage_begin("s", 5)
        for record in records:
            assert callback.on_epoch_end(record) is not True
        callback.on_stage_end("s")


@pytest.fixture
def package_logger():
    logger = logging.getLogger("skdeepcluster")
    level, handlers = logger.level, list(logger.handlers)
    yield logger
    logger.setLevel(level)
    logger.handlers = handlers


def test_silent(capfd):
    show(0)
    assert capfd.readouterr() == ("", "")
    assert progress_callbacks(0) == progress_callbacks(False) == []


def test_lines__on_standard_error_where_nobody_configured_logging(
    capsys, package_logger, monkeypatch
):
    # pytest itself configures logging; not here.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    show(2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "[skdeepcluster] stage=s epoch=3 loss=0.1235 learning_rate=0.001\n"


def test_lines__once_where_logging_is_configured(capsys, package_logger, monkeypatch):
    root = logging.getLogger()
    handler = logging.StreamHandler(sys.stderr)
    monkeypatch.setattr(root, "handlers", [handler])
    show(2)
    assert capsys.readouterr().err.count("epoch=3") == 1


def test_lines__go_to_the_logger_of_the_user(capsys, caplog, package_logger):
    with caplog.at_level(logging.INFO, logger="skdeepcluster"):
        show(2)
    assert caplog.messages == ["stage=s epoch=3 loss=0.1235 learning_rate=0.001"]
    assert capsys.readouterr().err == ""


def test_lines__leave_the_logger_as_it_was(package_logger):
    before = package_logger.level, list(package_logger.handlers)
    show(2)
    assert (package_logger.level, package_logger.handlers) == before


class Bar:
    made: list = []

    def __init__(self, **settings):
        self.settings, self.n, self.closed = settings, 0, False
        Bar.made.append(self)

    def set_postfix(self, **fields):
        self.fields = fields

    def update(self):
        self.n += 1

    def close(self):
        self.closed = True


@pytest.fixture
def bars(monkeypatch):
    """The bars that a stand-in for tqdm was asked for."""
    monkeypatch.setattr(Bar, "made", [])
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    return Bar.made


def test_bar__on_a_terminal(bars, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    show(1, [RECORD, RECORD])
    [bar] = bars
    assert bar.settings["total"] == 5
    assert bar.settings["desc"] == "s"
    assert bar.n == 2
    assert "0.1235" in bar.fields["loss"]
    assert bar.closed


def test_bar__not_into_a_file(bars, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    show(1)
    assert bars == []
    assert capsys.readouterr() == ("", "")


def test_bar__not_without_standard_error(bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    show(1)
    assert bars == []


def test_bar__not_without_tqdm(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    show(1)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [0, False, 1, True])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_fit__is_silent(cls, verbose, blobs, capfd):
    tiny(cls, verbose=verbose).fit(blobs[0])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_fit__logs_every_epoch_of_every_stage(cls, blobs, caplog):
    with caplog.at_level(logging.INFO, logger="skdeepcluster"):
        estimator = tiny(cls, verbose=2, n_autoencoders=2).fit(blobs[0])
    assert len(caplog.messages) == len(estimator.history_)
    for message, record in zip(caplog.messages, estimator.history_, strict=True):
        assert message.startswith(f"stage={record['stage']} epoch={record['epoch']} ")
