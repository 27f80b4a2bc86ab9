"""Figures of merit: pure functions of arrays."""

from isthmus.metrics.affiliations import affiliation
from isthmus.metrics.confusion import Confusion
from isthmus.metrics.detection import average_precision, false_alarm_rate, recall, roc_auc
from isthmus.metrics.events import Inflated, Rates, event_f1, point_adjusted_f1
from isthmus.metrics.intervals import Interval, beta_interval, resampled_interval, wilson_interval
from isthmus.metrics.knees import knee, linear_knee
from isthmus.metrics.ranks import average_precision_interval, roc_auc_interval, roc_auc_lead
from isthmus.metrics.regions import aupro, pixel_roc_auc, regions
from isthmus.metrics.similarity import ssim, ssim_map
from isthmus.metrics.symbols import CodeUse, code_use, perplexity
from isthmus.metrics.volumes import vus_pr

__all__ = [
    "CodeUse",
    "Confusion",
    "Inflated",
    "Interval",
    "Rates",
    "affiliation",
    "aupro",
    "average_precision",
    "average_precision_interval",
    "beta_interval",
    "code_use",
    "event_f1",
    "false_alarm_rate",
    "knee",
    "linear_knee",
    "perplexity",
    "pixel_roc_auc",
    "point_adjusted_f1",
    "recall",
    "regions",
    "resampled_interval",
    "roc_auc",
    "roc_auc_interval",
    "roc_auc_lead",
    "ssim",
    "ssim_map",
    "vus_pr",
    "wilson_interval",
]
