"""Figures of merit: pure functions of arrays."""

from isthmus.metrics.affiliations import affiliation
from isthmus.metrics.confusion import Confusion
from isthmus.metrics.detection import average_precision, false_alarm_rate, recall, roc_auc
from isthmus.metrics.dictionaries import Matching, absorption, mcc, mmcs, seed_stability
from isthmus.metrics.disentanglement import DCI, dci, mig, sap
from isthmus.metrics.events import Inflated, Rates, event_f1, point_adjusted_f1
from isthmus.metrics.evidence import bits_per_dim
from isthmus.metrics.firing import BestLatents, best_latents, dead_share, densities, l0
from isthmus.metrics.generation import (
    PrecisionRecall,
    fid_star,
    inception_score_star,
    kid_star,
    precision_recall,
    starred,
)
from isthmus.metrics.intervals import (
    Interval,
    beta_interval,
    bootstrap_interval,
    resampled_interval,
    wilson_interval,
)
from isthmus.metrics.interventions import beta_metric, factor_metric
from isthmus.metrics.knees import knee, linear_knee
from isthmus.metrics.latents import Frontier, Information, active_units, mutual_information, rate_distortion
from isthmus.metrics.ranks import average_precision_interval, roc_auc_interval, roc_auc_lead
from isthmus.metrics.reconstructions import Residuals, explained_variance
from isthmus.metrics.recovery import cross_entropy_recovered
from isthmus.metrics.regions import aupro, pixel_roc_auc, regions
from isthmus.metrics.similarity import ms_ssim, psnr, ssim, ssim_map
from isthmus.metrics.symbols import CodeUse, code_use, perplexity
from isthmus.metrics.volumes import vus_pr

__all__ = [
    "BestLatents",
    "CodeUse",
    "Confusion",
    "DCI",
    "Frontier",
    "Inflated",
    "Information",
    "Interval",
    "Matching",
    "PrecisionRecall",
    "Rates",
    "Residuals",
    "absorption",
    "active_units",
    "affiliation",
    "aupro",
    "average_precision",
    "average_precision_interval",
    "best_latents",
    "beta_interval",
    "beta_metric",
    "bits_per_dim",
    "bootstrap_interval",
    "code_use",
    "cross_entropy_recovered",
    "dci",
    "dead_share",
    "densities",
    "event_f1",
    "explained_variance",
    "factor_metric",
    "false_alarm_rate",
    "fid_star",
    "inception_score_star",
    "kid_star",
    "knee",
    "l0",
    "linear_knee",
    "mcc",
    "mig",
    "mmcs",
    "ms_ssim",
    "mutual_information",
    "perplexity",
    "pixel_roc_auc",
    "point_adjusted_f1",
    "precision_recall",
    "psnr",
    "rate_distortion",
    "recall",
    "regions",
    "resampled_interval",
    "roc_auc",
    "roc_auc_interval",
    "roc_auc_lead",
    "sap",
    "seed_stability",
    "ssim",
    "ssim_map",
    "starred",
    "vus_pr",
    "wilson_interval",
]
