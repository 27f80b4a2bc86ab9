"""Figures of merit against what they are by definition, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.errors import InputError
from isthmus.metrics import average_precision, false_alarm_rate, recall, roc_auc

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.random(200) < 0.3
SCORES = np.round(RANDOM.normal(size=200) + TRUTH, 1)  # rounded, so that some are tied


def pairs(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The area under the ROC curve as it is defined: over all pairs, ties counted half."""
    gaps = scores[truth][:, None] - scores[~truth][None]
    return float((gaps > 0).mean() + 0.5 * (gaps == 0).mean())


def test_roc_auc_is_the_chance_that_an_anomaly_scores_higher() -> None:
    assert roc_auc(TRUTH, SCORES) == pytest.approx(pairs(SCORES, TRUTH), abs=1e-12)


def test_rates_count_rows_of_one_kind() -> None:
    alarms = SCORES > 1
    assert recall(TRUTH, alarms) == alarms[TRUTH].sum() / TRUTH.sum()
    assert false_alarm_rate(TRUTH, alarms) == alarms[~TRUTH].sum() / (~TRUTH).sum()


def test_average_precision_of_a_perfect_order_is_one_and_of_a_coin_the_share_of_anomalies() -> None:
    assert average_precision(TRUTH, TRUTH.astype(float)) == 1
    assert average_precision(TRUTH, np.zeros(200)) == pytest.approx(TRUTH.mean())


@pytest.mark.parametrize(
    ("figure", "labels"),
    [(roc_auc, [1, 1]), (roc_auc, [0, 0]), (average_precision, [0, 0]), (recall, [0, 0]), (false_alarm_rate, [1, 1])],
)
def test_a_figure_without_anything_to_count_is_refused(figure: Callable[..., float], labels: Any) -> None:
    with pytest.raises(InputError, match="2 rows without one (anomaly|normal row): a rate needs something to count"):
        figure(labels, [0.0, 1.0])


@pytest.mark.parametrize("figure", [roc_auc, average_precision, recall, false_alarm_rate])
def test_arrays_of_different_lengths_are_refused(figure: Callable[..., float]) -> None:
    with pytest.raises(InputError, match=r"\(2,\) labels and \(3,\) judgements"):
        figure([0, 1], [0, 1, 1])
