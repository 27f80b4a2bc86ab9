"""Drift: whether what comes in, what is scored, and what is promised of it are still what they were."""
