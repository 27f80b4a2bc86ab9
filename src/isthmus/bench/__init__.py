"""The harness of the benchmarks: fair timing on a machine that is never quite quiet, and answers with intervals.

A question lives in `benchmarks/`, its answer in `benchmarks/results/`. A speed is always a ratio, against a peer or
against what the machine can do at all, of two things timed in turns in the same run.
"""
