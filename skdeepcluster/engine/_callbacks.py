"""Progress of a fit, told to whoever wants to know; the trainer itself says nothing."""

import logging
import sys

logger = logging.getLogger("skdeepcluster")


class Callback:
    """Told about stages and epochs; every method may be left out."""

    def on_stage_begin(self, stage: str, max_epochs: int) -> None:
        """A stage of training begins."""

    def on_epoch_end(self, record: dict) -> bool | None:
        """An epoch has ended with this record of the history; True stops the stage."""

    def on_stage_end(self, stage: str) -> None:
        """A stage of training has ended, however it did."""


class EpochLog(Callback):
    """One INFO line per epoch on the logger ``"skdeepcluster"``.

    Where nobody has configured logging, the lines go to standard error.
    """

    def on_stage_begin(self, stage, max_epochs):
        self._level, self._handler = logger.level, None
        if not logger.isEnabledFor(logging.INFO):
            logger.setLevel(logging.INFO)
        if not _is_heard():
            self._handler = logging.StreamHandler(sys.stderr)
            self._handler.setFormatter(logging.Formatter("[%(name)s] %(message)s"))
            logger.addHandler(self._handler)

    def on_epoch_end(self, record):
        fields = " ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in record.items()
        )
        logger.info(fields)

    def on_stage_end(self, stage):
        logger.setLevel(self._level)
        if self._handler is not None:
            logger.removeHandler(self._handler)


def _is_heard() -> bool:
    """Whether any handler but the silent one of this package receives its records."""
    handlers = list(logger.handlers)
    if logger.propagate:
        handlers += logging.getLogger().handlers
    return not all(isinstance(handler, logging.NullHandler) for handler in handlers)


class ProgressBar(Callback):
    """One tqdm bar per stage, where tqdm is installed and standard error a terminal."""

    def on_stage_begin(self, stage, max_epochs):
        self._bar = None
        if sys.stderr is None or not sys.stderr.isatty():
            return
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return
        self._bar = tqdm(total=max_epochs, desc=stage, unit="epoch", leave=False)

    def on_epoch_end(self, record):
        if self._bar is not None:
            self._bar.set_postfix(loss=f"{record['loss']:.4g}", refresh=False)
            self._bar.update()

    def on_stage_end(self, stage):
        if self._bar is not None:
            self._bar.close()


def progress_callbacks(verbose: int) -> list[Callback]:
    """What `verbose` asks for: 0 nothing, 1 a bar per stage, 2 a line per epoch."""
    if verbose == 0:
        return []
    return [ProgressBar()] if verbose == 1 else [EpochLog()]
