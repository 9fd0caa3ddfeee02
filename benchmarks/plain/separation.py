"""How far apart the segments are on each feature."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, mannwhitneyu


def separation(rows: pd.DataFrame, *, features: list[str]) -> pd.DataFrame:
    """Test every pair of clusters on every feature.

    Parameters
    ----------
    rows : DataFrame with column cluster and the features
    features : list of str

    Returns
    -------
    DataFrame
        feature, cluster_a, cluster_b, ks_statistic, p_value, adjusted_p_value (Holm) and effect
        (Cliff's delta).
    """
    tests = []
    for feature in features:
        samples = {
            cluster: values.dropna().to_numpy()
            for cluster, values in rows.groupby("cluster")[feature]
        }
        for a, b in itertools.combinations(samples, 2):
            test = ks_2samp(samples[a], samples[b])
            above = mannwhitneyu(samples[a], samples[b]).statistic
            tests.append(
                {
                    "feature": feature,
                    "cluster_a": a,
                    "cluster_b": b,
                    "ks_statistic": test.statistic,
                    "p_value": test.pvalue,
                    "effect": 2 * above / (len(samples[a]) * len(samples[b])) - 1,
                }
            )
    return with_holm(pd.DataFrame(tests))


def with_holm(table: pd.DataFrame) -> pd.DataFrame:
    """Add adjusted_p_value to a table of tests (Holm)."""
    ordered = table["p_value"].sort_values()
    steps = ordered * np.arange(len(ordered), 0, -1)
    return table.assign(adjusted_p_value=steps.cummax().clip(upper=1))
