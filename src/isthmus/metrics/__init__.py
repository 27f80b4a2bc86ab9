"""Figures of merit: pure functions of arrays."""

from isthmus.metrics.confusion import Confusion
from isthmus.metrics.detection import average_precision, false_alarm_rate, recall, roc_auc
from isthmus.metrics.intervals import Interval, beta_interval, resampled_interval, wilson_interval
from isthmus.metrics.knees import knee, linear_knee
from isthmus.metrics.ranks import average_precision_interval, roc_auc_interval, roc_auc_lead

__all__ = [
    "Confusion",
    "Interval",
    "average_precision",
    "average_precision_interval",
    "beta_interval",
    "false_alarm_rate",
    "knee",
    "linear_knee",
    "recall",
    "resampled_interval",
    "roc_auc",
    "roc_auc_interval",
    "roc_auc_lead",
    "wilson_interval",
]
