"""The study as somebody does it who knows the quickest freely installed tool for each part.

Polars for tables, scikit-learn-intelex for K-means, threads where a library leaves them to its caller. Nothing here
stands on our own code; a part whose tool is not installed is left out of the benchmark.
"""
