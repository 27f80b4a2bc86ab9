"""Autoencoders as one idea: what crosses the narrow place, what crossing costs, what is lost.

The names below are resolved on first use, so `import isthmus` costs milliseconds and loads neither torch nor
scikit-learn; both arrive with the first name that needs them.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

__version__ = "0.1.0"

# The modules that are part of the public surface.
_MODULES = ("data", "displays", "errors", "metrics")

# Each public name and the module that defines it, sorted by name.
_NAMES: dict[str, str] = {
    "Activations": "isthmus.data.activations",
    "AdversarialAutoencoder": "isthmus.models.adversarial_autoencoder",
    "AnomalyDetector": "isthmus.tasks.anomaly.detector",
    "Autoencoder": "isthmus.models.autoencoder",
    "BetaTCVAE": "isthmus.models.beta_tcvae",
    "BetaVAE": "isthmus.models.beta_vae",
    "Checkpoint": "isthmus.training.callbacks",
    "ConditionalVAE": "isthmus.models.conditional_vae",
    "ContractiveAutoencoder": "isthmus.models.contractive_autoencoder",
    "Convolutional": "isthmus.parts.backbones.conv",
    "ConvolutionalAutoencoder": "isthmus.models.convolutional_autoencoder",
    "DIPVAE": "isthmus.models.dip_vae",
    "DenoisingAutoencoder": "isthmus.models.denoising_autoencoder",
    "DiscreteVAE": "isthmus.models.discrete_vae",
    "EarlyStopping": "isthmus.training.callbacks",
    "FactorVAE": "isthmus.models.factor_vae",
    "FeatureNetwork": "isthmus.tasks.generation.features",
    "Feedback": "isthmus.tasks.learning.feedback",
    "FewLabelDetector": "isthmus.tasks.anomaly.few_labels.detector",
    "FineTunedClassifier": "isthmus.estimator.predictors",
    "FineTunedRegressor": "isthmus.estimator.predictors",
    "GradientClipping": "isthmus.training.callbacks",
    "HierarchicalVAE": "isthmus.models.hierarchical_vae",
    "History": "isthmus.tasks.drift.history",
    "IWAE": "isthmus.models.iwae",
    "ImageDetector": "isthmus.tasks.anomaly.images.detector",
    "Images": "isthmus.data.arrays",
    "InfoVAE": "isthmus.models.info_vae",
    "JSONLLog": "isthmus.training.callbacks",
    "KL": "isthmus.parts.backbones.kl",
    "LearningRate": "isthmus.training.callbacks",
    "MLP": "isthmus.parts.backbones.mlp",
    "MLflow": "isthmus.training.tracking",
    "MaskedAutoencoder": "isthmus.models.masked_autoencoder",
    "Operation": "isthmus.tasks.anomaly.evaluation.operation",
    "OrderedAutoencoder": "isthmus.models.ordered_autoencoder",
    "RegularizedAutoencoder": "isthmus.models.regularized_autoencoder",
    "Residual": "isthmus.parts.backbones.residual",
    "SAE": "isthmus.models.sae",
    "Series": "isthmus.data.arrays",
    "SparseAutoencoder": "isthmus.models.sparse_autoencoder",
    "StackedAutoencoder": "isthmus.models.stacked_autoencoder",
    "TensorBoard": "isthmus.training.tensorboard",
    "TimeSeriesDetector": "isthmus.tasks.anomaly.series.detector",
    "Tiny": "isthmus.parts.backbones.tiny",
    "Transformer": "isthmus.parts.backbones.transformer",
    "VAE": "isthmus.models.vae",
    "VAEGAN": "isthmus.models.vae_gan",
    "VQGAN": "isthmus.models.vq_gan",
    "VQVAE": "isthmus.models.vq_vae",
    "VQVAE2": "isthmus.models.vq_vae_2",
    "Versions": "isthmus.tasks.learning.versions",
    "Volumes": "isthmus.data.arrays",
    "WassersteinAutoencoder": "isthmus.models.wasserstein_autoencoder",
    "WeightsAndBiases": "isthmus.training.tracking",
    "alpha_for": "isthmus.tasks.anomaly.calibration",
    "backtest": "isthmus.tasks.backtest.backtest",
    "certify": "isthmus.tasks.interpretation.certificate.certify",
    "check_splits": "isthmus.tasks.anomaly.leakage",
    "collect_activations": "isthmus.tasks.interpretation.collection",
    "dashboard": "isthmus.tasks.interpretation.dashboard.dashboard",
    "diagnose": "isthmus.doctor.diagnosis",
    "evade": "isthmus.tasks.anomaly.evasion",
    "evaluate": "isthmus.tasks.anomaly.evaluation.evaluate",
    "export": "isthmus.tasks.export.exporting",
    "family": "isthmus.models",
    "feature_maps": "isthmus.tasks.anomaly.images.features",
    "fit_on_ray": "isthmus.tasks.batches.training",
    "fit_together": "isthmus.estimator.together",
    "hooked": "isthmus.tasks.interpretation.hooked",
    "import_weights": "isthmus.tasks.importing.importing",
    "latent_curve": "isthmus.tasks.latent_curve",
    "load": "isthmus.estimator.persistence",
    "load_exported": "isthmus.tasks.export.loading",
    "retrain": "isthmus.tasks.learning.retraining",
    "score_batches": "isthmus.tasks.batches.batches",
    "spliced_loss": "isthmus.tasks.interpretation.recovery",
    "split_for_detection": "isthmus.tasks.anomaly.splits",
    "trim": "isthmus.tasks.anomaly.trimming",
    "tune": "isthmus.tasks.tuning",
    "watch": "isthmus.tasks.drift.watch",
}

__all__ = sorted((*_MODULES, *_NAMES))


def __getattr__(name: str) -> Any:
    """Import the home of a public name when the name is first asked for, and keep it here."""
    if name in _MODULES:
        value: Any = importlib.import_module(f"{__name__}.{name}")
    elif name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
    else:
        known = f"the public names are {', '.join(__all__)}. Use one of those."
        raise AttributeError(f"isthmus.{name}: {known}", name=name, obj=sys.modules[__name__])
    globals()[name] = value
    return value


def home_of(name: str) -> str:
    """The module that defines a public name, without importing it.

    Example:
        >>> home_of("VAE")
        'isthmus.models.vae'
    """
    return _NAMES.get(name, f"{__name__}.{name}")


def __dir__() -> list[str]:
    """The public names, known before they are imported."""
    return [*__all__, "__version__"]
