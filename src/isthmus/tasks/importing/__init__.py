"""Weights that others have published, read into members of the family."""
