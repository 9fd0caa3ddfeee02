"""Customer segmentation of the Olist marketplace: pure functions behind the dbt Python models."""
