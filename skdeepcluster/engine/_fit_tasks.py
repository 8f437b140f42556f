"""scikit-learn's callbacks, from 1.9 on: a fit tells them of its stages and epochs."""

from skdeepcluster.engine._callbacks import Callback

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn below 1.9 has no callbacks to tell

    class CallbackSupportMixin:
        """Nothing to support."""

    def with_callbacks(method):
        """Leave the method as it is."""
        return method


class FitTasks(Callback):
    """The tasks of one fit: stages, and epochs within them.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        Being fitted; what it was given by ``set_callbacks`` is told.
    data : dict
        What the hooks may ask for, by keyword: X and y.
    """

    def __init__(self, estimator: CallbackSupportMixin, **data):
        self.estimator, self.data = estimator, data
        self.root = self.stage = None
        if hasattr(estimator, "_init_callback_context"):
            self.root = estimator._init_callback_context(max_subtasks=None)
            self._begin(self.root)

    def end(self) -> None:
        """The fit has ended well."""
        if self.root is not None:
            self._end(self.root)

    def on_stage_begin(self, stage, max_epochs):
        if self.root is not None:
            self.stage = self.root.subcontext(stage, max_subtasks=max_epochs)
            self._begin(self.stage)

    def on_epoch_end(self, record):
        if self.stage is None:
            return None
        epoch = self.stage.subcontext("epoch")
        self._begin(epoch)
        return self._end(epoch)

    def on_stage_end(self, stage):
        if self.stage is not None:
            self._end(self.stage)

    def _begin(self, context):
        context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def _end(self, context) -> bool:
        """Whether a callback wants to stop."""
        return context.call_on_fit_task_end(estimator=self.estimator, **self.data)
