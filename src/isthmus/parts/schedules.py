"""Schedules: weights as pure functions of progress, the share of the whole run that is done, 0 to 1.

Never of steps: a run of twice the length warms up over the same share of itself. The step size has its own in
`training.rates`, which this layer cannot see.
"""

from __future__ import annotations


def warmup(progress: float, share: float) -> float:
    r"""A weight that rises evenly from 0 to 1 over the first `share` of the run.

    .. math:: \min(1, t / s)

    Args:
        progress: t, 0 to 1.
        share: s, 0 to 1; at 0 the weight is 1 from the start.

    Paper:
        Bowman et al. 2016, CoNLL, section 3.1, and Sonderby et al. 2016, NeurIPS, section 2.3: on the rate.

    Example:
        >>> [warmup(t, 0.5) for t in (0.0, 0.25, 0.5, 1.0)], warmup(0.0, 0.0)
        ([0.0, 0.5, 1.0, 1.0], 1.0)
    """
    return min(1.0, progress / share) if share > 0 else 1.0


def anneal(progress: float, start: float, end: float, share: float = 1.0) -> float:
    r"""A value that moves evenly from `start` to `end` over the first `share` of the run, and stays there.

    .. math:: a + (b - a) \min(1, t / s)

    Args:
        progress: t, 0 to 1.
        start: a, its value at the beginning.
        end: b, its value from t = s on.
        share: s, 0 to 1; at 0 the value is b from the start.

    Example:
        >>> [anneal(t, 2.0, 0.5, share=0.5) for t in (0.0, 0.25, 0.5, 1.0)]
        [2.0, 1.25, 0.5, 0.5]
    """
    done = warmup(progress, share)
    return (1 - done) * start + done * end


def capacity(progress: float, top: float, share: float = 1.0) -> float:
    """Nats that may cross for nothing: none at the beginning, `top` after the first `share` of the run.

    Args:
        progress: 0 to 1.
        top: The final capacity in nats per sample.
        share: 0 to 1.

    Paper:
        Burgess et al. 2018, arXiv:1804.03599, eq. 8: C in gamma * abs(KL - C).

    Example:
        >>> [capacity(t, 25.0, share=0.5) for t in (0.0, 0.25, 1.0)]
        [0.0, 12.5, 25.0]
    """
    return anneal(progress, 0.0, top, share)
