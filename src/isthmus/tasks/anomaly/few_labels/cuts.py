"""Two scores under one budget of false alarms: cuts by one and the other in turn, and what they make of a new row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import TooFewRowsError
from isthmus.tasks.anomaly.calibration import ROUNDING, Floats, Promise

FEWEST = 2  # rows, one for each score
TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Cuts:
    r"""Where normal rows end by either of two scores, so that both together raise one share of false alarms.

    .. math:: i(x) = \min\{i : s(x) > S_i \;\text{or}\; c(x) > C_i\}, \quad p(x) = \frac{2\,i(x)}{n + 1}

    Of n calibration rows the one with the highest s is cut off, at S_1; of those that are left the one with the
    highest c, at C_1; and so on. A new normal row is equally likely to fall into each of the n + 1 blocks that the
    cuts leave, whatever the two scores have to do with each other. So the share of normal rows beyond the first i
    pairs is Beta(2i, n + 1 - 2i) distributed, each score spends half of it, and p is exact. A union bound of two
    thresholds would spend as much and raise fewer alarms, the fewer the more the scores agree.

    Args:
        values: S and C, (2, I), each falling.
        spread: By how much s and c must exceed S_1 and C_1 for a row to be e times as rare, (2,): the cuts end there,
            and what lies beyond is put in order by it.
        n: Calibration rows.

    Paper:
        Wald 1943, Annals of Mathematical Statistics 14, pp. 45-55; Tukey 1947, the same 18, pp. 529-539
        (statistically equivalent blocks). Equal scores raise fewer alarms, never more.

    Example:
        >>> cuts = Cuts.of(np.array([[1.0, 2.0, 3.0, 4.0, 5.0], [0.3, 0.1, 0.9, 0.2, 0.4]]))
        >>> cuts.values
        array([[5. , 4. ],
               [0.9, 0.3]])
        >>> cuts.p_values(np.array([[9.0, 4.5, 0.0], [0.0, 0.0, 0.0]]))
        array([0.33333333, 0.66666667, 1.        ])
    """

    values: Floats
    spread: Floats
    n: int

    @classmethod
    def of(cls, pairs: Floats, least: tuple[float, float] = (TINY, TINY)) -> Cuts:
        """Cut normal rows off that neither score was learnt from.

        Args:
            pairs: s and c of each row, (2, n), higher = more anomalous.
            least: The least spread that each of the two is given.

        Raises:
            TooFewRowsError: fewer than two rows.
        """
        n = pairs.shape[1]
        if n < FEWEST:
            allowed = "each of two scores is cut at a row of its own"
            raise TooFewRowsError(f"n={n} calibration rows", allowed, "give 2 / alpha normal rows to calibrate with")
        return cls(_peeled(pairs), np.maximum(pairs.std(1), least), n)

    def pairs(self, alpha: float) -> int:
        """How many pairs of cuts a budget pays for, at least one."""
        return max(1, int((self.n + 1) * alpha / 2 + ROUNDING))

    def promise(self, alpha: float) -> Promise:
        """What the pairs that alpha pays for can promise.

        Example:
            >>> print(Cuts.of(np.random.default_rng(0).normal(size=(2, 1999))).promise(0.01))
            1.0 % false alarms, 95 % interval 0.6 to 1.5 %, from 1,999 calibration rows
        """
        return Promise.of(alpha, self.n, 2 * self.pairs(alpha) - 1)

    def ends(self, alpha: float) -> Floats:
        """S and C of the last pair that alpha pays for, (2,): above either a row raises an alarm."""
        return self.values[:, self.pairs(alpha) - 1]

    def threshold(self, alpha: float) -> float:
        """The surprise above which a row lies beyond the pairs that alpha pays for."""
        return float(np.log((self.n + 1) / 2) - np.log(self.pairs(alpha)))

    def surprise(self, pairs: Floats) -> Floats:
        """-ln p of each row in nats, with p read between two cuts as between two ticks, (2, m) -> (m,)."""
        ranks = [self._log_rank(which, values) for which, values in enumerate(pairs)]
        surprise: Floats = np.log((self.n + 1) / 2) - np.minimum(*ranks)
        return surprise

    def p_values(self, pairs: Floats) -> Floats:
        """The share of normal rows that lie as far out, (2, m) -> (m,): at most one, never zero."""
        first = np.minimum(*(self._passed(which, values) for which, values in enumerate(pairs)))
        return np.minimum(2.0 * (first + 1.0) / (self.n + 1.0), 1.0)

    def _passed(self, which: int, values: Floats) -> NDArray[np.intp]:
        """The first cut that each value exceeds, counted from 0; I where it exceeds none."""
        return np.searchsorted(-self.values[which], -values, side="right")

    def _log_rank(self, which: int, values: Floats) -> Floats:
        """ln of the number of that cut, counted from 1, and less the nearer the value comes to the cut before."""
        cuts, spread, at = self.values[which], self.spread[which], self._passed(which, values)
        last = len(cuts) - 1
        before, after = cuts[(at - 1).clip(0, last)], cuts[at.clip(0, last)]
        gap = np.where(before > after, before - after, 1.0)
        inside = at + 1.0 - (values - after) / gap
        inside = np.where(at > last, last + 1.0 + (before - values) / spread, inside)
        beyond: Floats = -(values - cuts[0]) / spread
        return np.where(at == 0, beyond, np.log(np.where(at == 0, 1.0, inside)))


def _peeled(pairs: Floats) -> Floats:
    """The highest values of what is left, by either score in turn, (2, n // 2)."""
    n = pairs.shape[1]
    orders = [iter(np.argsort(-values, kind="stable").tolist()) for values in pairs]
    free, cuts = [True] * n, np.empty((2, n // 2))
    for pair in range(n // 2):
        for which, order in enumerate(orders):
            row = next(row for row in order if free[row])
            free[row], cuts[which, pair] = False, pairs[which, row]
    return cuts
