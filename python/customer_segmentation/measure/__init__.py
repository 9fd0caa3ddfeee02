"""What is measured on rows, labels and periods; each function names the source of its formula.

``agreement``    two partitions of the same rows: Rand index, mutual information, Jaccard
``quality``      a partition by its centroids, and the gap statistic
``stability``    whether clusters come back in bootstrap resamples
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
    trait_shares,
    wilson_interval,
)
from customer_segmentation.measure.drift import (
    ClockSplit,
    Distribution,
    clock_split,
    feature_change,
    ks_statistic,
    population_stability_index,
    psi_edges,
    wasserstein,
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
    PairwiseDistances,
    adjust_log10_p,
    feature_separation,
    kolmogorov_log10_p,
    pairwise_distances,
    segment_separation,
)
from customer_segmentation.measure.stability import (
    BootstrapStability,
    bootstrap_stability,
    kmeans_refit,
    verdict,
)

__all__ = [
    "SEPARATION_COLUMNS",
    "BootstrapStability",
    "CapturedShare",
    "ClockSplit",
    "Contingency",
    "Distribution",
    "GapStatistic",
    "HomogeneityCompleteness",
    "MatchedJaccard",
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
    "cluster_means",
    "contingency",
    "cramers_v",
    "eta_squared",
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
    "pairwise_distances",
    "partition_inertia",
    "partition_quality",
    "population_stability_index",
    "psi_edges",
    "ranking_areas",
    "segment_separation",
    "stratified_sample",
    "trait_shares",
    "verdict",
    "wasserstein",
    "wilson_interval",
]
