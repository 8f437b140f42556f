"""The training engine: how a module is trained on the rows of an array."""

from skdeepcluster.engine._batches import apply_in_batches, blocks_of
from skdeepcluster.engine._callbacks import Callback, progress_callbacks
from skdeepcluster.engine._checkpoint import Checkpoint
from skdeepcluster.engine._device import device_or_cpu, resolve_device
from skdeepcluster.engine._fit_tasks import (
    CallbackSupportMixin,
    FitTasks,
    with_callbacks,
)
from skdeepcluster.engine._group import Group, join_group, process_device
from skdeepcluster.engine._objective import Objective, Update
from skdeepcluster.engine._orders import balanced_order, grouped_order
from skdeepcluster.engine._passes import Passes
from skdeepcluster.engine._precision import hardware, resolve_precision
from skdeepcluster.engine._randomness import (
    derive_seed,
    generator,
    private_global_generator,
    resolve_seed,
)
from skdeepcluster.engine._rows import Batch, Rows, are_kept
from skdeepcluster.engine._schedules import SCHEDULES, learning_rates
from skdeepcluster.engine._trainer import OPTIMIZERS, Trainer

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "Batch",
    "Callback",
    "CallbackSupportMixin",
    "Checkpoint",
    "FitTasks",
    "Group",
    "Objective",
    "Passes",
    "Rows",
    "Trainer",
    "Update",
    "apply_in_batches",
    "are_kept",
    "balanced_order",
    "blocks_of",
    "derive_seed",
    "device_or_cpu",
    "generator",
    "grouped_order",
    "hardware",
    "join_group",
    "learning_rates",
    "private_global_generator",
    "process_device",
    "progress_callbacks",
    "resolve_device",
    "resolve_precision",
    "resolve_seed",
    "with_callbacks",
]
