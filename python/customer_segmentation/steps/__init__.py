"""What a dbt Python model calls."""
