"""The study: candidates of every algorithm, their clusters, and the pictures."""
