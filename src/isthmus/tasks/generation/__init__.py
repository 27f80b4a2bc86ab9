"""Drawn samples and how good they are."""
