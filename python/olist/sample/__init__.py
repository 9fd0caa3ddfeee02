"""A synthetic Olist."""
