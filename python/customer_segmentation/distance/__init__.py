"""Distances among all rows: silhouettes."""
