"""Build beside the published database, look, swap, and go back."""
