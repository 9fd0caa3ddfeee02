"""Spectral clustering of all rows, right on duplicates and on graphs that are not connected."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from customer_segmentation._libraries import from_scipy, from_sklearn
from customer_segmentation._validation import as_matrix, check_count, check_seed
from customer_segmentation.cluster._points import distinct_points
from customer_segmentation.cluster.kmeans import fit_kmeans

if TYPE_CHECKING:
    from scipy import sparse

AssignLabels = Literal["kmeans", "discretize", "cluster_qr"]

# Up to this many points all eigenvectors at once are as quick as a few, and cannot fail.
DENSE_POINTS = 400
# Well below the eigenvalues that matter (1e-5 at 100,000 rows), well above rounding.
SHIFT = 1e-7
# Those of a study: three feature sets by one or two graphs.
REMEMBERED_GRIDS = 6


@dataclasses.dataclass(frozen=True, eq=False)
class SpectralDiagnostics:
    """What the graph looked like and what was done about it.

    Attributes
    ----------
    n_rows : int
    n_points : int
        Distinct rows, the nodes of the graph.
    n_neighbors : int
        Neighbours of each point, itself included; fewer than asked for when there are too few
        points.
    n_components : int
        Connected components of the graph.
    component_rows : ndarray of shape (n_components,), int64
        Rows of each component, largest first.
    clustered_components : int
        The largest components, those that were cut into clusters.
    attached_rows : int
        Rows of the other components, which joined the cluster nearest to them.
    eigenvalues : ndarray of shape (n_clusters,), float64
        Smallest eigenvalues of the normalised Laplacian of the clustered components, from 0 to 2.
    smallest_cluster_share : float
        Share of the rows, 0 to 1.
    is_degenerate : bool
        Whether the smallest cluster is below the share asked for: not a segmentation to use.
    note : str
        The same in words.
    """

    n_rows: int
    n_points: int
    n_neighbors: int
    n_components: int
    component_rows: np.ndarray
    clustered_components: int
    attached_rows: int
    eigenvalues: np.ndarray
    smallest_cluster_share: float
    is_degenerate: bool
    note: str


@dataclasses.dataclass(frozen=True, eq=False)
class SpectralFit:
    """A spectral partition.

    Attributes
    ----------
    labels : ndarray of shape (n_rows,), int32
        Numbered from the largest cluster to the smallest.
    diagnostics : SpectralDiagnostics
    """

    labels: np.ndarray
    diagnostics: SpectralDiagnostics


def fit_spectral(
    X: Any,
    *,
    n_clusters: int,
    n_neighbors: int = 10,
    assign_labels: AssignLabels = "kmeans",
    n_init: int = 10,
    minimum_component_share: float = 0.01,
    minimum_cluster_share: float = 0.01,
    seed: int,
) -> SpectralFit:
    """Cluster all rows by the eigenvectors of their nearest-neighbour graph.

    1. Identical rows become one point. Left apart, they would fill each other's lists of
       neighbours and fall off the graph. Each row of a point still has its own edges: with
       ``c[i, j] = 1`` when ``j`` is among the ``n_neighbors`` nearest points of ``i`` (itself
       included) and ``w`` the rows of a point, the affinity is
       ``0.5 * (w[i] * c[i, j] + w[j] * c[j, i])``; without duplicates, that of scikit-learn.
    2. The largest components of the graph are clustered: those with at least
       ``minimum_component_share`` of the rows, at most ``n_clusters`` of them (and at least the
       largest, and enough to have as many points as clusters). A small component would
       otherwise take an eigenvector, and so a cluster, for itself, however near it lies.
    3. Each is solved by itself, and the ``n_clusters`` smallest eigenvalues over all of them
       give the embedding: the eigenvectors of the whole, without the arbitrary mixture of those
       with eigenvalue 0.
    4. Each component left over joins, as a whole, the cluster of the nearest clustered point.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Usually standardised: neighbours are by Euclidean distance.
    n_clusters : int
        At least 2 and at most the number of distinct rows.
    n_neighbors : int
        At least 2.
    assign_labels : {"kmeans", "discretize", "cluster_qr"}
        How the embedding becomes clusters.
    n_init : int
        Starts of "kmeans".
    minimum_component_share : float
        From 0 to 1.
    minimum_cluster_share : float
        From 0 to 1. A smaller cluster sets ``is_degenerate``.
    seed : int
        The labels depend on it and on the set of rows, not on the order of the rows or on the
        number of threads.

    Returns
    -------
    SpectralFit
        Look at ``diagnostics.is_degenerate`` before using the labels.

    Raises
    ------
    ValueError
        If ``X`` is empty, not two-dimensional or holds NaN or infinity; if there are fewer
        distinct rows than clusters; if an option makes no sense.

    Notes
    -----
    Sources: Shi and Malik (2000), "Normalized cuts and image segmentation", IEEE PAMI 22; von
    Luxburg (2007), "A tutorial on spectral clustering", Statistics and Computing 17 (components
    and zero eigenvalues); Yu and Shi (2003) for "discretize" and Damle, Minden and
    Ying (2019) for "cluster_qr", both as in ``sklearn.cluster.SpectralClustering``, whose
    ``affinity="nearest_neighbors"`` this equals on a connected graph without duplicates.

    The eigenvectors come from Lanczos iterations (``scipy.sparse.linalg.eigsh``) on the inverse
    of the shifted Laplacian, through a sparse LU with a minimum-degree ordering. Its memory
    grows with the fill of the LU: about 400 bytes a row at 100,000 rows of three features, more
    with more features.
    """
    return fit_spectral_grid(
        X,
        cluster_counts=(n_clusters,),
        assign_labels=(assign_labels,),
        n_neighbors=n_neighbors,
        n_init=n_init,
        minimum_component_share=minimum_component_share,
        minimum_cluster_share=minimum_cluster_share,
        seed=seed,
    )[n_clusters, assign_labels]


def fit_spectral_grid(
    X: Any,
    *,
    cluster_counts: Sequence[int],
    assign_labels: Sequence[AssignLabels] = ("kmeans",),
    n_neighbors: int = 10,
    n_init: int = 10,
    minimum_component_share: float = 0.01,
    minimum_cluster_share: float = 0.01,
    seed: int,
) -> dict[tuple[int, AssignLabels], SpectralFit]:
    """Do what `fit_spectral` does for several cuts of one graph, which is solved only once.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    cluster_counts : sequence of int
        Values of ``n_clusters``.
    assign_labels : sequence of {"kmeans", "discretize", "cluster_qr"}
    n_neighbors, n_init, minimum_component_share, minimum_cluster_share, seed
        As in `fit_spectral`.

    Returns
    -------
    dict of (int, str) to SpectralFit
        By number of clusters and way of assigning.

    Raises
    ------
    ValueError
        As `fit_spectral`.
    """
    connected_components = from_scipy("sparse.csgraph", "connected_components")
    from threadpoolctl import threadpool_limits

    matrix = as_matrix(X)
    counts = [check_count(count, name="n_clusters", minimum=2) for count in cluster_counts]
    n_neighbors = check_count(n_neighbors, name="n_neighbors", minimum=2)
    n_init = check_count(n_init, name="n_init")
    seed = check_seed(seed)
    _check_share(minimum_component_share, "minimum_component_share")
    _check_share(minimum_cluster_share, "minimum_cluster_share")
    for method in assign_labels:
        if method not in ("kmeans", "discretize", "cluster_qr"):
            raise ValueError(
                f"assign_labels must be 'kmeans', 'discretize' or 'cluster_qr', not {method!r}."
            )
    points, point_of_row = distinct_points(matrix)
    if len(points) < max(counts):
        raise ValueError(
            f"n_clusters is {max(counts)} but X has only {len(points)} distinct rows; "
            "ask for fewer clusters or pass more rows."
        )
    weights = np.bincount(point_of_row)
    neighbors = min(n_neighbors, len(points))
    fits = {}
    with threadpool_limits(limits=1):
        affinity = _affinity(points, weights, neighbors)
        n_components, component = connected_components(affinity, directed=False)
        # Numbered from the largest; the order of the points decides between equal ones.
        rows = np.bincount(component, weights=weights).astype(np.int64)
        by_size = np.argsort(-rows, kind="stable")
        rank = np.empty(n_components, dtype=np.int64)
        rank[by_size] = np.arange(n_components)
        component, rows = rank[component], rows[by_size]
        clustered_by_count = {
            count: _clustered_components(
                rows,
                np.bincount(component),
                n_clusters=count,
                minimum_rows=minimum_component_share * len(matrix),
            )
            for count in counts
        }
        for clustered in sorted(set(clustered_by_count.values())):
            cuts = [count for count in counts if clustered_by_count[count] == clustered]
            is_clustered = component < clustered
            eigenvalues, embedding = _embedding(
                affinity[is_clustered][:, is_clustered],
                component[is_clustered],
                n_clusters=max(cuts),
                seed=seed,
            )
            for count, method in itertools.product(cuts, assign_labels):
                point_labels = np.empty(len(points), dtype=np.int64)
                point_labels[is_clustered] = _assign(
                    embedding[:, :count],
                    weights[is_clustered],
                    method=method,
                    n_clusters=count,
                    n_init=n_init,
                    seed=seed,
                )
                if clustered < n_components:
                    point_labels[~is_clustered] = _attach(
                        points, component, is_clustered, point_labels[is_clustered]
                    )
                fits[count, method] = _described(
                    point_labels,
                    point_of_row,
                    weights,
                    n_clusters=count,
                    n_neighbors=neighbors,
                    component_rows=rows,
                    clustered=clustered,
                    eigenvalues=eigenvalues[:count],
                    minimum_cluster_share=minimum_cluster_share,
                )
    return {(count, method): fits[count, method] for count in counts for method in assign_labels}


class _Same:
    """Rows as a key: equal when all their values are."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix
        self._hash = hash(hashlib.sha256(matrix.tobytes()).digest())

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and np.array_equal(self.matrix, other.matrix)


def remembered_spectral_grid(
    X: Any,
    *,
    cluster_counts: Sequence[int],
    assign_labels: Sequence[AssignLabels],
    n_neighbors: int,
    minimum_cluster_share: float = 0.01,
    seed: int,
) -> dict[tuple[int, AssignLabels], SpectralFit]:
    """Do what `fit_spectral_grid` does; for the same rows and options, once in a process.

    Parameters
    ----------
    X, cluster_counts, assign_labels, n_neighbors, minimum_cluster_share, seed
        As in `fit_spectral_grid`.

    Returns
    -------
    dict of (int, str) to SpectralFit
        Not to be changed.

    Raises
    ------
    ValueError
        As `fit_spectral`.
    """
    return _remembered(
        _Same(as_matrix(X)),
        tuple(cluster_counts),
        tuple(assign_labels),
        n_neighbors,
        minimum_cluster_share,
        seed,
    )


@functools.lru_cache(maxsize=REMEMBERED_GRIDS)
def _remembered(
    rows: _Same,
    cluster_counts: tuple[int, ...],
    assign_labels: tuple[AssignLabels, ...],
    n_neighbors: int,
    minimum_cluster_share: float,
    seed: int,
) -> dict[tuple[int, AssignLabels], SpectralFit]:
    return fit_spectral_grid(
        rows.matrix,
        cluster_counts=cluster_counts,
        assign_labels=assign_labels,
        n_neighbors=n_neighbors,
        minimum_cluster_share=minimum_cluster_share,
        seed=seed,
    )


def _described(
    point_labels: np.ndarray,
    point_of_row: np.ndarray,
    weights: np.ndarray,
    *,
    n_clusters: int,
    n_neighbors: int,
    component_rows: np.ndarray,
    clustered: int,
    eigenvalues: np.ndarray,
    minimum_cluster_share: float,
) -> SpectralFit:
    """Number the clusters by size, carry them to the rows and say what was done."""
    n_rows = len(point_of_row)
    sizes = np.bincount(point_labels, weights=weights, minlength=n_clusters)
    new_number = np.empty(n_clusters, dtype=np.int32)
    new_number[np.argsort(-sizes, kind="stable")] = np.arange(n_clusters, dtype=np.int32)
    smallest = float(sizes.min() / n_rows)
    diagnostics = SpectralDiagnostics(
        n_rows=n_rows,
        n_points=len(weights),
        n_neighbors=n_neighbors,
        n_components=len(component_rows),
        component_rows=component_rows,
        clustered_components=clustered,
        attached_rows=int(component_rows[clustered:].sum()),
        eigenvalues=eigenvalues,
        smallest_cluster_share=smallest,
        is_degenerate=smallest < minimum_cluster_share,
        note=_note(
            n_rows, len(weights), component_rows, clustered, smallest, minimum_cluster_share
        ),
    )
    return SpectralFit(new_number[point_labels][point_of_row], diagnostics)


def _check_share(value: float, name: str) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be a share from 0 to 1, not {value!r}.")


def _affinity(points: np.ndarray, weights: np.ndarray, neighbors: int) -> sparse.csr_array:
    sparse = from_scipy("sparse")
    cKDTree = from_scipy("spatial", "cKDTree")

    n_points = len(points)
    _, nearest = cKDTree(points).query(points, k=np.arange(1, neighbors + 1))
    source = np.repeat(np.arange(n_points), neighbors)
    target = nearest.ravel()
    # An edge to itself has no part in any cut.
    is_edge = source != target
    edges = sparse.csr_array(
        (weights[source[is_edge]].astype(np.float64), (source[is_edge], target[is_edge])),
        shape=(n_points, n_points),
    )
    return sparse.csr_array(0.5 * (edges + edges.T))


def _clustered_components(
    rows: np.ndarray, points: np.ndarray, *, n_clusters: int, minimum_rows: float
) -> int:
    """Count the components to cluster, of components that are sorted by their rows."""
    large = min(max(int((rows >= minimum_rows).sum()), 1), n_clusters)
    enough = int(np.searchsorted(np.cumsum(points), n_clusters)) + 1
    return max(large, enough)


def _embedding(
    affinity: sparse.csr_array, component: np.ndarray, *, n_clusters: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest eigenvalues, and the embedding of shape (n_points, n_clusters)."""
    values: list[float] = []
    vectors: list[np.ndarray] = []
    members: list[np.ndarray] = []
    for number in range(component.max() + 1):
        member = np.flatnonzero(component == number)
        component_values, component_vectors = _smallest_eigenvectors(
            affinity[member][:, member], count=min(n_clusters, len(member)), seed=seed
        )
        values.extend(component_values)
        vectors.extend(component_vectors.T)
        members.extend([member] * len(component_values))
    order = np.argsort(values, kind="stable")[:n_clusters]
    embedding = np.zeros((len(component), n_clusters))
    for column, position in enumerate(order):
        embedding[members[position], column] = vectors[position]
    return np.array(values)[order], embedding


def _smallest_eigenvectors(
    affinity: sparse.csr_array, *, count: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Solve a connected graph; vectors are those of the random walk, u = D^(-1/2) v."""
    sparse, linalg = from_scipy("sparse"), from_scipy("sparse.linalg")

    n_points = affinity.shape[0]
    if n_points == 1:
        return np.zeros(1), np.ones((1, 1))
    root_degree = np.sqrt(affinity.sum(axis=1))
    scaling = sparse.diags_array(1 / root_degree)
    laplacian = sparse.eye_array(n_points) - scaling @ affinity @ scaling
    if n_points <= max(DENSE_POINTS, 4 * count):
        values, vectors = np.linalg.eigh(laplacian.toarray())
        values, vectors = values[:count], vectors[:, :count]
    else:
        factors = linalg.splu(
            sparse.csc_array(laplacian + SHIFT * sparse.eye_array(n_points)),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        # The first pair is known, so it is taken out: 0, and a constant.
        known = root_degree / np.linalg.norm(root_degree)

        def without_known(vector: np.ndarray) -> np.ndarray:
            return vector - known * (known @ vector)

        inverse, vectors = linalg.eigsh(
            linalg.LinearOperator(
                (n_points, n_points),
                matvec=lambda vector: without_known(factors.solve(vector)),
                dtype=np.float64,
            ),
            k=count - 1,
            which="LM",
            v0=without_known(np.random.default_rng(seed).uniform(-1, 1, n_points)),
            # Half of the solutions that the defaults take, and eigenvectors within 1e-10 of theirs.
            ncv=max(3 * count + 1, 16),
            tol=1e-10,
        )
        order = np.argsort(-inverse)
        values = np.append(0.0, 1 / inverse[order] - SHIFT)
        vectors = np.column_stack([known, vectors[:, order]])
    values = np.maximum(values, 0.0)
    vectors = vectors / root_degree[:, None]
    values[0], vectors[:, 0] = 0.0, 1 / np.linalg.norm(root_degree)
    largest = np.abs(vectors).argmax(axis=0)
    vectors *= np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return values, vectors


def _assign(
    embedding: np.ndarray,
    weights: np.ndarray,
    *,
    method: AssignLabels,
    n_clusters: int,
    n_init: int,
    seed: int,
) -> np.ndarray:
    # scikit-learn offers these two by name only, as an option of its estimator.
    cluster_qr, discretize = (
        from_sklearn("cluster._spectral", name) for name in ("cluster_qr", "discretize")
    )
    if method == "kmeans":
        return fit_kmeans(
            embedding,
            n_clusters=n_clusters,
            n_init=n_init,
            weights=weights,
            fast_starts=True,
            seed=seed,
        ).labels
    if method == "cluster_qr":
        return cluster_qr(embedding)
    # It has no weights, and the rotation it finds depends on how many rows are where.
    labels = discretize(np.repeat(embedding, weights, axis=0), random_state=seed)
    return labels[np.cumsum(weights) - 1]


def _attach(
    points: np.ndarray, component: np.ndarray, is_clustered: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Give each component left over the cluster of the nearest clustered point."""
    cKDTree = from_scipy("spatial", "cKDTree")

    distance, nearest = cKDTree(points[is_clustered]).query(points[~is_clustered])
    number = component[~is_clustered] - component[~is_clustered].min()
    order = np.lexsort((np.arange(len(number)), distance, number))
    _, first = np.unique(number[order], return_index=True)
    return labels[nearest[order[first]]][number]


def _note(
    n_rows: int,
    n_points: int,
    component_rows: np.ndarray,
    clustered: int,
    smallest: float,
    minimum_cluster_share: float,
) -> str:
    said = []
    if n_points < n_rows:
        said.append(f"{n_rows} rows are {n_points} distinct points.")
    if len(component_rows) == 1:
        said.append("The graph is connected.")
    else:
        said.append(f"The graph has {len(component_rows)} components; {clustered} clustered")
        attached = int(component_rows[clustered:].sum())
        said[-1] += f", {attached} rows attached to the nearest cluster." if attached else "."
    if smallest < minimum_cluster_share:
        said.append(
            f"Degenerate: the smallest cluster has {smallest:.4%} of the rows, "
            f"less than {minimum_cluster_share:.4%}."
        )
    return " ".join(said)
