"""Sparse dictionaries: rows as sums of few of many directions, learnt without ever writing a dense code down."""
