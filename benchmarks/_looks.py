"""A clock that stops while somebody looks at the accuracy."""

import time

from skdeepcluster.metrics import clustering_accuracy


class Looks:
    """CPU seconds of this process and the accuracy, at every look.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The classes.
    before : float, default=0.0
        Seconds that were spent before the clock starts.

    Attributes
    ----------
    course : list of (float, float)
        Seconds without those of the looks, and accuracy.
    """

    def __init__(self, y, before=0.0):
        self.y, self.course = y, []
        self.begin = time.process_time() - before

    def take(self, labels):
        """Note the accuracy of (n_samples,) labels, or of what `labels()` gives."""
        now = time.process_time()
        labels = labels() if callable(labels) else labels
        accuracy = clustering_accuracy(self.y, labels)
        self.course.append((now - self.begin, accuracy))
        self.begin += time.process_time() - now

    def seconds_to(self, accuracy):
        """Seconds at the first look that saw this accuracy; None if none did."""
        reached = (seconds for seconds, seen in self.course if seen >= accuracy)
        return next(reached, None)
