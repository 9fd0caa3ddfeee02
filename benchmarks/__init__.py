"""Our study against the same study as a good notebook would have it; run with `make benchmark`."""
