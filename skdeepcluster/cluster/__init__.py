"""Deep clustering methods: scikit-learn clusterers."""

from skdeepcluster.cluster._dec import DECClustering

__all__ = ["DECClustering"]
