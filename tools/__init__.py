"""Tools of the author, not needed to build."""
