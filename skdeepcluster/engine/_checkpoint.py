"""Where an interrupted fit goes on: one file per stage, written atomically."""

import io
import os
import shutil
import time
from pathlib import Path

import torch

from skdeepcluster.utils import replacing

SECONDS_BETWEEN = 20.0  # a fit killed in between loses at most this much and the save


class Checkpoint:
    """The folder of one fit; without a folder nothing is written or read.

    Files hold tensors and plain values only, so that reading one runs no code.

    Parameters
    ----------
    folder : str, Path or None
    """

    def __init__(self, folder: str | os.PathLike | None = None):
        self.folder = None if folder is None else Path(folder)
        self._last_save = time.monotonic()

    def within(self, name: str) -> "Checkpoint":
        """The checkpoint of a fit inside this fit."""
        return Checkpoint(None if self.folder is None else self.folder / name)

    def due(self) -> bool:
        """Whether the last save is long enough ago."""
        if self.folder is None:
            return False
        return time.monotonic() - self._last_save >= SECONDS_BETWEEN

    def save(self, stage: str, state: dict, keep_before: bool = False) -> None:
        """Replace the file of the stage; a reader sees the old one or the new one.

        `keep_before` keeps the state before this one as that of the stage
        ``before(stage)``. Raises OSError when it cannot be written.
        """
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if keep_before and self._file(stage).exists():
                with replacing(self._file(before(stage))) as file:
                    file.write(self._file(stage).read_bytes())
            # Not into the file: Ctrl-C within torch's writer would abort the process.
            in_memory = io.BytesIO()
            torch.save(state, in_memory)
            with replacing(self._file(stage)) as file:
                file.write(in_memory.getbuffer())
        except OSError as error:
            raise OSError(
                f"The checkpoint in {self.folder} cannot be written: {error} One from "
                "before, if there is any, is intact. Make room there and start the "
                "same fit again: it goes on from that."
            ) from error
        self._last_save = time.monotonic()

    def load(self, stage: str) -> dict | None:
        """The last state saved for the stage, on the CPU; None where there is none.

        Raises RuntimeError when the file cannot be read.
        """
        if self.folder is None or not self._file(stage).exists():
            return None
        try:
            return torch.load(self._file(stage), map_location="cpu", weights_only=True)
        except Exception as error:
            raise RuntimeError(
                f"The checkpoint {self._file(stage)} cannot be read. Delete it to "
                "start this fit anew."
            ) from error

    def remove(self) -> None:
        """Delete the folder: the fit has ended."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, stage: str) -> Path:
        return self.folder / f"{stage}.pt"


def before(stage: str) -> str:
    """The name under which the last state but one of a stage is kept."""
    return f"{stage}-before"
