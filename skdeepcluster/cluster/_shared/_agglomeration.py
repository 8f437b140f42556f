"""Clusters that merge two by two along a graph of nearest neighbours."""

import hashlib
import heapq
import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import AgglomerativeClustering
from torch import Tensor, nn

from skdeepcluster.engine import Trainer
from skdeepcluster.initialization import neighbors_of

MOST_ROWS = 20_000  # that merging is meant for
NEIGHBORS, RATE = 20, 0.9  # of each row, and the share that merges each time: JULE's
_FEWER_AND_MORE = (10, 40)  # neighbours, where the best of several is taken
_COMPARED = 5  # clusters that are nearest to one, of which the first is to stand out
_FEW = 100  # clusters, at most, of which the nearest need not stand out


class Agglomeration:
    """Clusters of rows, of which equal ones count once and stay together.

    Parameters
    ----------
    keys : ndarray of shape (n, n_values)
        Equal for equal rows.
    n_clusters : int
        Where merging ends.
    n_neighbors : int, default=20
        Edges from each row in the graph along which clusters merge.
    """

    def __init__(self, keys: np.ndarray, n_clusters: int, n_neighbors: int = NEIGHBORS):
        self.n_clusters, self.n_neighbors = n_clusters, n_neighbors
        _, self._first, copies = np.unique(
            keys, axis=0, return_index=True, return_inverse=True
        )
        self._copies = copies.reshape(-1)

    @property
    def n_distinct(self) -> int:
        """Number of different rows."""
        return len(self._first)

    def graph(self, points: np.ndarray) -> csr_array:
        """Edges from each distinct row to its nearest neighbours: (n, d) -> (m, m)."""
        return neighbor_graph(points[self._first], self.n_neighbors)

    def first(self, points: np.ndarray) -> np.ndarray:
        """Labels of the rows before any merging: (n, d) -> (n,) from 0 on."""
        return first_clusters(points[self._first], self.n_clusters)[self._copies]

    def merge(
        self,
        points: np.ndarray,
        labels: np.ndarray,
        counts: list[int],
        graph: csr_array | None = None,
    ) -> np.ndarray:
        """Labels after merging to so many clusters, in turn, along one graph.

        (n, d), (n,) -> (n,) from 0 on. On the way, small clusters join others.
        """
        if labels.max() < counts[-1]:
            return labels
        graph = self.graph(points) if graph is None else graph
        points, labels = points[self._first], labels[self._first]
        for n_clusters in counts:
            labels = merged(points, graph, labels, n_clusters)
            if n_clusters > self.n_clusters:
                labels = without_small(graph, labels, self.n_clusters)
        return labels[self._copies]

    def labels(
        self, points: np.ndarray, rate: float = RATE, graph: csr_array | None = None
    ) -> np.ndarray:
        """Labels after all merging: (n, d) -> (n,) from 0 on."""
        labels = self.first(points)
        counts = self.counts(int(labels.max()) + 1, rate)
        return self.merge(points, labels, counts, graph)

    def best_labels(self, points: np.ndarray, graph: csr_array) -> np.ndarray:
        """Labels of the best of three mergings: along a graph, or fewer or more edges.

        (n, d), (m, m) -> (n,), those of the greatest modularity in the given graph.
        """
        first = self.first(points)
        counts = self.counts(int(first.max()) + 1, RATE)
        distinct = points[self._first]
        fewer, more = (neighbor_graph(distinct, n) for n in _FEWER_AND_MORE)
        found = [
            self.merge(points, first, counts, edges) for edges in (fewer, graph, more)
        ]
        return max(found, key=lambda labels: modularity(graph, labels[self._first]))

    def fits_better(
        self, graph: csr_array, labels: np.ndarray, others: np.ndarray
    ) -> bool:
        """Whether labels suit the graph of the distinct rows better than others.

        (m, m), (n,), (n,); by both measures, of which one overlooks clusters of very
        few rows and the other parts that no edge joins.
        """
        labels, others = labels[self._first], others[self._first]
        return modularity(graph, labels) > modularity(graph, others) and normalized_cut(
            graph, labels
        ) < normalized_cut(graph, others)

    def counts(self, n_first: int, rate: float) -> list[int]:
        """Numbers of clusters that the first ones become, in turn.

        A share of them goes each time.
        """
        counts = [max(self.n_clusters, n_first - math.ceil(rate * n_first))]
        while counts[-1] > self.n_clusters:
            left = counts[-1] - math.ceil(rate * counts[-1])
            counts.append(max(self.n_clusters, left))
        return counts


def rows_of(trainer: Trainer) -> np.ndarray:
    """All rows as they are given to the network."""
    return trainer.apply(nn.Identity()).cpu().numpy()


class Digest(nn.Module):
    """Two integers for each row, in the place of all that it holds: (n, d) -> (n, 2).

    Equal for equal rows.
    """

    def forward(self, x):
        rows = (x + 0.0).cpu().numpy()  # there is a zero with a sign
        digests = (hashlib.blake2b(row.tobytes(), digest_size=16) for row in rows)
        joined = bytearray(b"".join(digest.digest() for digest in digests))
        return torch.frombuffer(joined, dtype=torch.int64).view(-1, 2)


def embedding_of(trainer: Trainer, embed: Callable[[Tensor], Tensor]) -> np.ndarray:
    """All rows as a network embeds them, in float32."""
    with torch.autocast(trainer.device.type, enabled=False):
        return trainer.apply(embed).cpu().numpy()


def first_clusters(points: np.ndarray, at_least: int) -> np.ndarray:
    """Chains of nearest neighbours, or points alone where chains would be too few.

    (n, d) -> (n,) labels from 0 on.
    """
    points_alone = np.arange(len(points))
    if len(points) == 1:
        return points_alone
    labels = _connected(points_alone, neighbors_of(points, 1)[:, 0])
    return points_alone if labels.max() < at_least - 1 else labels


def merged(
    points: np.ndarray, graph: csr_array, labels: np.ndarray, n_clusters: int
) -> np.ndarray:
    """Labels after merging two clusters at a time: (n, d), (n, n), (n,) -> (n,)."""
    if labels.max() < n_clusters:
        return labels
    clusters = _Clusters(graph, labels)
    while clusters.number > n_clusters and clusters.merge_best():
        pass
    _, labels = np.unique(clusters.labels, return_inverse=True)
    if clusters.number > n_clusters:
        labels = _joined_by_means(points, labels, n_clusters)
    return labels


def without_small(graph: csr_array, labels: np.ndarray, at_least: int) -> np.ndarray:
    """Clusters of few rows join those that most of their edges lead to.

    (n, n) and (n,) -> (n,), with at least so many clusters. Few is half of the mean,
    but no more than the neighbours of a row, of which some are then in other clusters.
    """
    few = min(graph.indptr[1], len(labels) / (labels.max() + 1) / 2)
    while True:
        members, sizes = _members(labels), np.bincount(labels)
        goal = np.arange(len(sizes))
        for i, (to, edges) in enumerate(_lines(members @ graph @ members.T)):
            leads_out = to != i
            if sizes[i] <= few and leads_out.any():
                goal[i] = to[leads_out][edges[leads_out].argmax()]
        joined = _connected(np.arange(len(goal)), goal)
        n_left = joined.max() + 1
        if n_left == len(goal) or n_left < at_least:
            return labels
        labels = joined[labels]


def neighbor_graph(points: np.ndarray, n_neighbors: int) -> csr_array:
    """Edges from each point to its nearest neighbours: (n, d) -> (n, n), sparse.

    Their weight falls with the squared distance, in parts of the mean one.
    """
    neighbors = neighbors_of(points, n_neighbors)
    squares = np.stack(
        [np.square(points - points[column]).sum(axis=1) for column in neighbors.T],
        axis=1,
        dtype=np.float64,
    )
    weights = np.exp(-squares / (squares.mean() or 1.0))
    starts = np.arange(0, neighbors.size + 1, neighbors.shape[1])
    n_points = len(points)
    return csr_array((weights.ravel(), neighbors.ravel(), starts), (n_points, n_points))


def normalized_cut(graph: csr_array, labels: np.ndarray) -> float:
    """Share of the edges of a cluster that lead out of it, in the mean over clusters.

    (n, n), (n,) -> a number from 0 to 1; edges count in both directions.

    References
    ----------
    J. Shi, J. Malik (2000). Normalized cuts and image segmentation. IEEE Transactions
    on Pattern Analysis and Machine Intelligence 22, 888-905. doi:10.1109/34.868688
    """
    within, ends = _edges(graph, labels)
    shares = np.divide(within, ends, where=ends > 0, out=np.zeros(len(ends)))
    return float(1 - shares.mean())


def modularity(graph: csr_array, labels: np.ndarray) -> float:
    """Share of the edges within clusters, less that which chance would put there.

    (n, n), (n,) -> a number below 1; edges count in both directions.

    References
    ----------
    M. E. J. Newman, M. Girvan (2004). Finding and evaluating community structure in
    networks. Physical Review E 69, 026113. doi:10.1103/PhysRevE.69.026113
    """
    within, ends = _edges(graph, labels)
    total = ends.sum() or 1.0
    return float(within.sum() / total - np.square(ends / total).sum())


def _edges(graph, labels):
    """Of each cluster the edges inside, and all that end in it: (k,) and (k,)."""
    _, labels = np.unique(labels, return_inverse=True)
    members = _members(labels)
    between = members @ (graph + graph.T) @ members.T
    return between.diagonal(), np.asarray(between.sum(axis=1)).ravel()


class _Clusters:
    """The clusters of the nodes of a graph, of which two at a time become one.

    The link from cluster i to j is the sum, over the nodes of j, of the edges that come
    from i times those that lead to i. Affinity adds the links of both directions, each
    over the squared size of the cluster that it starts from.

    Parameters
    ----------
    graph : csr_array of shape (n, n)
    labels : ndarray of shape (n,), int64, from 0 on
    """

    def __init__(self, graph: csr_array, labels: np.ndarray):
        self.number = labels.max() + 1
        self.labels = labels.copy()
        members = _members(labels)
        leaving, entering = members @ graph, members @ graph.T
        links = csr_array((leaving * entering) @ members.T)
        self.members = [nodes for nodes, _ in _lines(members)]
        # Of each cluster: the nodes that it has edges with, what leaves to them, what
        # enters from them; its links to others; its affinities with others.
        both = zip(_lines(leaving), _lines(entering), strict=True)
        self.edges = [
            _summed(
                np.concatenate([to, from_]),
                np.concatenate([out, np.zeros(len(from_))]),
                np.concatenate([np.zeros(len(to)), into]),
            )
            for (to, out), (from_, into) in both
        ]
        self.links = [
            dict(zip(to[to != i].tolist(), values[to != i].tolist(), strict=True))
            for i, (to, values) in enumerate(_lines(links))
        ]
        self.affinities: list[dict[int, float]] = [{} for _ in self.links]
        for i, others in enumerate(self.links):
            for j in others:
                self.affinities[i][j] = self.affinities[j][i] = self._affinity(i, j)
        self.scores = np.array([self._score(i) for i in range(self.number)])

    def merge_best(self) -> bool:
        """Merge the two clusters that belong together most; False where none do."""
        best = int(self.scores.argmax())
        if self.scores[best] <= 0:
            return False
        affinities = self.affinities[best]
        self._merge(best, max(affinities, key=affinities.__getitem__))
        self.number -= 1
        if self.number == _FEW:
            self.scores[:] = [self._score(i) for i in range(len(self.scores))]
        return True

    def _merge(self, a, b):
        """Cluster b becomes part of a."""
        self.labels[self.members[b]] = a
        self.members[a] = np.concatenate([self.members[a], self.members[b]])
        pairs = zip(self.edges[a], self.edges[b], strict=True)
        self.edges[a] = _summed(*map(np.concatenate, pairs))
        nodes, leaving, entering = self.edges[a]
        totals = np.bincount(self.labels[nodes], leaving * entering)
        linked = np.flatnonzero(totals).tolist()
        self.links[a] = {j: totals[j] for j in linked if j != a}
        others = {*linked, *self.affinities[a], *self.affinities[b]} - {a, b}
        for j in others:
            theirs = self.links[j]
            link = theirs.pop(a, 0.0) + theirs.pop(b, 0.0)
            if link > 0:
                theirs[a] = link
            self.affinities[j].pop(b, None)
            self.affinities[j][a] = self._affinity(a, j)
        self.affinities[a] = {j: self.affinities[j][a] for j in others}
        self.members[b], self.edges[b] = _NOTHING[0], _NOTHING
        self.links[b], self.affinities[b] = {}, {}
        for changed in (a, b, *others):
            self.scores[changed] = self._score(changed)

    def _affinity(self, i, j):
        n_i, n_j = len(self.members[i]), len(self.members[j])
        links = self.links
        return links[i].get(j, 0.0) / n_i**2 + links[j].get(i, 0.0) / n_j**2

    def _score(self, i):
        """Affinity with the nearest cluster; of many clusters also how much nearer that
        is than the next ones. 0 where there is none.
        """
        affinities = self.affinities[i].values()
        if not affinities:
            return 0.0
        if self.number <= _FEW:
            return max(affinities)
        first, *next_ones = heapq.nlargest(_COMPARED, affinities)
        return first + (first - sum(next_ones) / (_COMPARED - 1))


_NOTHING = (np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


def _connected(nodes, others) -> np.ndarray:
    """Numbers of the parts that edges from each node to another make: (n,), (n,)."""
    size = len(nodes), len(nodes)
    links = csr_array((np.ones(len(nodes)), (nodes, others)), size)
    return connected_components(links, directed=False)[1].astype(np.int64)


def _members(labels) -> csr_array:
    """Ones where a node is in a cluster: (n,) -> (n_clusters, n)."""
    return csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))))


def _lines(matrix: csr_array):
    """The lines of a sparse matrix, one by one."""
    matrix = csr_array(matrix)
    for start, stop in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        yield matrix.indices[start:stop], matrix.data[start:stop]


def _summed(nodes, *values):
    """Values of equal nodes added up: each (n,) -> (n_distinct,)."""
    distinct, place = np.unique(nodes, return_inverse=True)
    return distinct, *(np.bincount(place, value) for value in values)


def _joined_by_means(points, labels, n_clusters):
    """Clusters that no edge joins are joined by the distance between their means."""
    sizes = np.bincount(labels)
    means = (_members(labels) @ points) / sizes[:, None]
    joined = AgglomerativeClustering(n_clusters, linkage="average").fit_predict(means)
    return joined[labels]
