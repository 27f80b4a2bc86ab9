"""Figures of merit: pure functions of arrays."""

from isthmus.metrics.detection import average_precision, false_alarm_rate, recall, roc_auc
from isthmus.metrics.intervals import Interval, beta_interval, resampled_interval, wilson_interval
from isthmus.metrics.knees import knee, linear_knee
from isthmus.metrics.regions import aupro, pixel_roc_auc, regions
from isthmus.metrics.similarity import ssim, ssim_map

__all__ = [
    "Interval",
    "aupro",
    "average_precision",
    "beta_interval",
    "false_alarm_rate",
    "knee",
    "linear_knee",
    "pixel_roc_auc",
    "recall",
    "regions",
    "resampled_interval",
    "roc_auc",
    "ssim",
    "ssim_map",
    "wilson_interval",
]
