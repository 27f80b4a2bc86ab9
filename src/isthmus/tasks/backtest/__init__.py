"""Backtests: a history lived through again under several policies, to see what each would have cost."""
