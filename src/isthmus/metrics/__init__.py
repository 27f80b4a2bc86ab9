"""Figures of merit: pure functions of arrays."""

from isthmus.metrics.areas import auc_interval, auc_lead
from isthmus.metrics.detection import average_precision, false_alarm_rate, recall, roc_auc
from isthmus.metrics.intervals import Interval, beta_interval, resampled_interval, wilson_interval
from isthmus.metrics.knees import knee, linear_knee

__all__ = [
    "Interval",
    "auc_interval",
    "auc_lead",
    "average_precision",
    "beta_interval",
    "false_alarm_rate",
    "knee",
    "linear_knee",
    "recall",
    "resampled_interval",
    "roc_auc",
    "wilson_interval",
]
