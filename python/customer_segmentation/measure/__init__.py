"""What is measured on rows, labels and periods; each function names the source of its formula.

``agreement``    two partitions of the same rows: Rand index, mutual information, Jaccard
``quality``      a partition by its centroids, and the gap statistic
``stability``    whether clusters come back in bootstrap resamples
``null``         whether data without structure would give the same
``borders``      whether there is a gap between a cluster and its neighbour
``separation``   how far apart clusters are on a feature: Kolmogorov-Smirnov, Cliff's delta
``association``  what marks a segment, from tables of counts: lift, Cramér's V, eta squared
``drift``        how far a distribution has moved: Wasserstein, population stability index
``ranking``      what an order of customers says of an event: ROC area, captured share
``projection``   two axes to look at, and a fair sample to draw
"""

from customer_segmentation.measure.agreement import (
    Contingency,
    HomogeneityCompleteness,
    MatchedJaccard,
    adjusted_mutual_information,
    adjusted_rand_index,
    changed_share,
    contingency,
    homogeneity_completeness,
    index_of,
    jaccard_matrix,
    match_labels,
    matched_jaccard,
    null_band,
)
from customer_segmentation.measure.association import (
    TraitShares,
    cramers_v,
    eta_squared,
    rank_correlation_ratio,
    spearman,
    trait_shares,
    wilson_interval,
)
from customer_segmentation.measure.borders import cluster_borders
from customer_segmentation.measure.drift import (
    ClockSplit,
    Distribution,
    clock_split,
    feature_change,
    ks_statistic,
    population_stability_index,
    psi_edges,
    same_customers_change,
    wasserstein,
)
from customer_segmentation.measure.null import (
    NullClusters,
    cluster_silhouettes,
    excess_over_null,
    null_clusters,
    null_silhouettes,
    permuted_columns,
    verdict,
)
from customer_segmentation.measure.projection import (
    Projection,
    fit_projection,
    stratified_sample,
)
from customer_segmentation.measure.quality import (
    GapStatistic,
    PartitionQuality,
    cluster_means,
    gap_statistic,
    partition_inertia,
    partition_quality,
)
from customer_segmentation.measure.ranking import (
    CapturedShare,
    RankingAreas,
    captured_share,
    information_share,
    ranking_areas,
)
from customer_segmentation.measure.separation import (
    SEPARATION_COLUMNS,
    BandedEffect,
    PairwiseDistances,
    adjust_log10_p,
    effect_within_bands,
    feature_separation,
    kolmogorov_log10_p,
    pairwise_distances,
    quantile_bands,
    segment_separation,
)
from customer_segmentation.measure.stability import (
    BootstrapStability,
    bootstrap_stability,
    kmeans_refit,
)

__all__ = [
    "SEPARATION_COLUMNS",
    "BandedEffect",
    "BootstrapStability",
    "CapturedShare",
    "ClockSplit",
    "Contingency",
    "Distribution",
    "GapStatistic",
    "HomogeneityCompleteness",
    "MatchedJaccard",
    "NullClusters",
    "PairwiseDistances",
    "PartitionQuality",
    "Projection",
    "RankingAreas",
    "TraitShares",
    "adjust_log10_p",
    "adjusted_mutual_information",
    "adjusted_rand_index",
    "bootstrap_stability",
    "captured_share",
    "changed_share",
    "clock_split",
    "cluster_borders",
    "cluster_means",
    "cluster_silhouettes",
    "contingency",
    "cramers_v",
    "effect_within_bands",
    "eta_squared",
    "excess_over_null",
    "feature_change",
    "feature_separation",
    "fit_projection",
    "gap_statistic",
    "homogeneity_completeness",
    "index_of",
    "information_share",
    "jaccard_matrix",
    "kmeans_refit",
    "kolmogorov_log10_p",
    "ks_statistic",
    "match_labels",
    "matched_jaccard",
    "null_band",
    "null_clusters",
    "null_silhouettes",
    "pairwise_distances",
    "partition_inertia",
    "partition_quality",
    "permuted_columns",
    "population_stability_index",
    "psi_edges",
    "quantile_bands",
    "rank_correlation_ratio",
    "ranking_areas",
    "same_customers_change",
    "segment_separation",
    "spearman",
    "stratified_sample",
    "trait_shares",
    "verdict",
    "wasserstein",
    "wilson_interval",
]
