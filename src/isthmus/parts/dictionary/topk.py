"""Dictionaries that count: as many latents are on as was said, in each row or on average."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.parts.dictionary.dictionary import Dictionary
from isthmus.parts.dictionary.plan import Plan, Seen
from isthmus.parts.dictionary.selection import Entries, above, as_entries, in_levels, joined, kept, largest

PACE = 0.01  # how far one batch moves the threshold, once its first hundred have been averaged
MARGIN = 0.75  # of the last batch's cut, above which the entries of a batch are looked for first


class TopK(Dictionary):
    """The k largest latents of each row are on.

    Paper:
        Gao et al. 2024, arXiv:2406.04093, eq. 1.
    """

    def on(self, h: Tensor) -> Entries:
        """The k largest of each row."""
        return as_entries(*largest(h, self.count()))


class BatchTopK(Dictionary):
    r"""The k B largest latents of a batch of B rows are on, so that a row may have more and another fewer.

    Later a row must not depend on its neighbours: then those above a threshold are on, the average of where the batches
    of training had their cut.

    .. math:: \theta \leftarrow \theta + \max(0.01, 1/t) \, (\min \{p : \text{on}\} - \theta)

    Nested, the first latents of each level have to do without those behind them, and what is lost is the mean of what
    the levels lose: so a latent for what is common does not hide in latents for what is special.

    .. math:: \frac1M \textstyle\sum_m -\log p(x \mid z_{1:n_m})

    Args:
        plan: What it is to be.
        shares: n_m over n, rising to 1.

    Paper:
        Bussmann, Leask & Nanda 2024, arXiv:2412.06410, eq. 4 and 6; levels: Bussmann, Nabeshima, Karvonen & Nanda 2025,
        arXiv:2503.17547, eq. 5, who sum over them.
    """

    threshold: Tensor
    batches: Tensor
    ends: Tensor

    def __init__(self, plan: Plan, shares: tuple[float, ...] = (1.0,)) -> None:
        super().__init__(plan)
        ends = sorted({max(1, round(share * plan.latents)) for share in shares})
        self.levels = len(ends)
        self.register_buffer("ends", torch.tensor(ends), persistent=False)
        self.register_buffer("threshold", torch.zeros(plan.latents))
        self.register_buffer("batches", torch.zeros(()))

    def on(self, h: Tensor) -> Entries:
        """Those above the threshold; in training all that may be among the largest of the batch."""
        if not self.training:
            return above(h, self.threshold)
        bound = float(self.threshold[0] if self.seen is None else self.seen.cut) * MARGIN
        if bound == 0.0:  # of the first batch: as many again as will be on, in each row
            twice = min(2 * self.count(), h.shape[1])
            bound = float(largest(h, twice)[0].min())
        return above(h, max(bound, 0.0))

    def settle(self, found: Entries, x: Tensor) -> Entries:
        """The largest of the batch, level by level."""
        if self.training:
            found = self._largest(found, x)
        return found if self.levels == 1 else in_levels(found, self.ends)

    def _largest(self, found: Entries, x: Tensor) -> Entries:
        """The k B largest, or all that are above zero."""
        most = self.count(len(x))
        if len(found.values) < most:  # the cut has fallen by more than its margin
            found = joined([above(h, 0.0) for h in self.passes(x)])
        if len(found.values) <= most:
            return found
        cut = found.values.topk(most, sorted=False).values.min()
        return kept(found, found.values >= cut)

    def follow(self, seen: Seen) -> None:
        """Move the threshold."""
        self.batches += 1
        self.threshold.lerp_(seen.cut.expand_as(self.threshold), max(PACE, 1 / float(self.batches)))
