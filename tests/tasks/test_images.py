"""Detectors of defects in images: the promise, the place of a lesion, equal bits, features, and the way to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import isthmus
from isthmus.data import phantoms
from isthmus.errors import AbilityError, ParameterError, TooFewRowsError, UnknownNameError
from isthmus.metrics import pixel_roc_auc, roc_auc
from isthmus.tasks.anomaly.calibration import FewCalibrationRowsWarning
from isthmus.tasks.anomaly.images.features import Places

GOOD, _ = phantoms(120, 0, size=32)
NEW, _ = phantoms(40, 1, size=32)
ILL, MASKS = phantoms(40, 2, size=32, lesions=1, diameter=5, contrast=0.4)
DENSE = isthmus.Autoencoder(architecture="mlp", hidden_dims=(64,), latent_dim=16, epochs=25, device="cpu")
DEEP = isthmus.ConvolutionalAutoencoder(hidden_dims=(8, 16), latent_dim=16, epochs=8, device="cpu")


def fitted(model: Any = DENSE, X: Any = GOOD, **options: Any) -> isthmus.ImageDetector:
    return isthmus.ImageDetector(model, random_state=0, alpha=0.1, **options).fit(X)


@pytest.fixture(scope="module")
def detector() -> isthmus.ImageDetector:
    return fitted(distortion="mse")


def test_a_lesion_is_hot_and_its_image_raises_an_alarm(detector: isthmus.ImageDetector) -> None:
    heat = detector.heatmap(ILL)
    assert heat.shape == MASKS.shape
    assert pixel_roc_auc(MASKS, heat) > 0.9
    truth = np.repeat([False, True], 40)
    assert roc_auc(truth, detector.anomaly_score(np.concatenate([NEW, ILL]))) > 0.9
    assert (detector.predict(NEW) == -1).sum() <= detector.promise_.band(40)[1]


def test_an_image_is_as_anomalous_as_its_hottest_pixel(detector: isthmus.ImageDetector) -> None:
    heat = detector.heatmap(ILL)
    assert np.array_equal(detector.anomaly_score(ILL), heat.max((1, 2)))
    assert np.array_equal(detector.defects(ILL).any((1, 2)), detector.predict(ILL) == -1)


def test_heat_is_told_in_the_spreads_of_each_place(detector: isthmus.ImageDetector) -> None:
    heat = detector.heatmap(GOOD)
    assert abs(heat.mean(0)).mean() < 0.2  # a fifth of the images set the threshold, and were not learnt from
    assert 0.5 < heat.std(0).mean() < 1.3


def test_verdicts_agree_with_each_other(detector: isthmus.ImageDetector) -> None:
    scores = detector.anomaly_score(NEW)
    assert np.array_equal(detector.score_samples(NEW), -scores)
    assert np.array_equal(detector.decision_function(NEW) < 0, detector.predict(NEW) == -1)
    above = (detector.calibration_scores_ >= scores[:, None]).sum(1)
    assert np.allclose(detector.p_value(NEW), (1 + above) / (1 + detector.promise_.n))


@pytest.mark.parametrize("options", [{"distortion": "ssim"}, {"features": "encoder"}, {"image_score": "fusion"}])
def test_every_reading_serves_the_same_bits_alone_and_from_disk(options: dict[str, str], tmp_path: Path) -> None:
    own = fitted(DEEP, **options)
    both = np.concatenate([NEW, ILL])
    scores, heat = own.anomaly_score(both), own.heatmap(both)
    assert own.anomaly_score(both[7:8])[0] == scores[7]
    assert np.array_equal(own.heatmap(both[::-1])[::-1], heat)
    assert roc_auc(np.repeat([False, True], 40), scores) > 0.75
    assert pixel_roc_auc(MASKS, heat[40:]) > 0.75
    loaded = isthmus.load(own.save(tmp_path / "detector"))
    assert np.array_equal(loaded.anomaly_score(both), scores)
    assert np.array_equal(loaded.heatmap(both), heat)
    assert loaded.get_params()["alpha"] == 0.1
    assert loaded.promise_ == own.promise_


def test_distortion_is_the_likelihood_that_the_model_learns_by(detector: isthmus.ImageDetector) -> None:
    assert detector.model_.settings_.likelihood == "gaussian"
    brief = isthmus.Autoencoder(architecture="mlp", latent_dim=4, epochs=1)
    assert fitted(brief).model_.settings_.likelihood == "ssim"
    assert fitted(brief, np.repeat(GOOD[..., None], 5, 3)).model_.settings_.likelihood == "gaussian"
    assert fitted(brief.set_params(likelihood="laplace")).model_.settings_.likelihood == "laplace"


def test_fractions_of_three_axes_are_images_too() -> None:
    own = fitted(isthmus.Autoencoder(architecture="mlp", latent_dim=4, epochs=1), GOOD / 255.0)
    assert own.heatmap(NEW / 255.0).shape == NEW.shape


def test_feature_maps_are_as_easy_as_images(detector: isthmus.ImageDetector) -> None:
    own = fitted(DEEP)
    good, ill = (isthmus.feature_maps(own.model_, X) for X in (GOOD, ILL))
    assert good.shape == (120, 8, 8, 24)
    on_maps = fitted(isthmus.ConvolutionalAutoencoder(hidden_dims=(16,), latent_dim=16, epochs=5), good)
    assert on_maps.heatmap(ill).shape == (40, 8, 8)
    with pytest.raises(ParameterError, match="encoder of Autoencoder on data of kind 'image'.*Convolutional"):
        isthmus.feature_maps(detector.model_, GOOD)


def test_vectors_are_scored_and_have_no_heat() -> None:
    good, ill = (X.reshape(len(X), -1)[:, ::8] / 255 for X in (GOOD, ILL))
    own = fitted(isthmus.Autoencoder(latent_dim=8, hidden_dims=(32,), epochs=20), good)
    assert own.anomaly_score(ill).mean() > own.anomaly_score(NEW.reshape(40, -1)[:, ::8] / 255).mean()
    with pytest.raises(AbilityError, match=r"heatmap\(\): it was fitted on vectors of 128 features"):
        own.heatmap(ill)


def test_places_are_whitened_by_the_correlations_of_all_of_them() -> None:
    draws = torch.randn(400, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    draws[:, 1] = 0.9 * draws[:, 0] + 0.1 * draws[:, 1]
    draws[:, :, 1] *= 5  # a row of places that varies more
    places = Places.of(draws)
    cost = places.cost(draws)
    assert cost.mean().item() == pytest.approx(1.0, rel=0.1)  # half of chi-squared with two degrees of freedom
    assert cost[:, 1].mean().item() == pytest.approx(cost[:, 0].mean().item(), rel=0.3)  # ten images of the rest
    against = torch.zeros(1, 2, 3, 3)
    against[:, 0], against[:, 1] = 1.0, -1.0
    assert places.cost(against)[0, 0, 0] > 20 * places.cost(against.abs())[0, 0, 0]


def test_a_channel_that_was_silent_in_training_may_speak() -> None:
    maps = torch.randn(50, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    maps[:, 1] = 0.0
    later = torch.zeros(1, 2, 3, 3)
    later[0, 1, 1, 1] = 1.0
    cost = Places.of(maps).cost(later)
    assert cost.isfinite().all()
    assert cost[0, 1, 1] > 10 > cost[0, 0, 0]


def test_a_new_threshold_keeps_its_own_budget(detector: isthmus.ImageDetector) -> None:
    own = fitted(isthmus.Autoencoder(architecture="mlp", latent_dim=4, epochs=1))
    own.calibrate(NEW, alpha=0.2)
    assert own.promise_.n == 40
    assert (own.predict(NEW) == -1).mean() <= 0.2
    with pytest.raises(TooFewRowsError, match="n=40 calibration rows for alpha=0.01"):
        own.calibrate(NEW, alpha=0.01)
    own.calibrate(np.concatenate([NEW, ILL]), np.repeat([0, 1], 40), alpha=0.1)
    assert own.promise_.n == 40


def test_images_of_ones_own_set_the_threshold() -> None:
    model = isthmus.Autoencoder(architecture="mlp", latent_dim=4, epochs=1)
    own = isthmus.ImageDetector(model, alpha=0.1, random_state=0).fit(GOOD, X_calibration=NEW)
    assert own.promise_.n == 40
    assert np.array_equal(own.calibration_scores_, np.sort(own.anomaly_score(NEW)))


def test_few_images_are_scored_by_models_that_left_them_out() -> None:
    model = isthmus.Autoencoder(architecture="mlp", latent_dim=4, epochs=2)
    with pytest.warns(FewCalibrationRowsWarning, match="n=30"):
        own = isthmus.ImageDetector(model, alpha=0.01, random_state=0).fit(GOOD[:30])
    assert np.array_equal(own.calibration_scores_, np.sort(own.anomaly_score(GOOD[:30])))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"distortion": "sim"}, UnknownNameError, "distortion='sim'.*'ssim'"),
        ({"features": "decoder"}, UnknownNameError, "features='decoder'.*'encoder'"),
        ({"image_score": "mean"}, UnknownNameError, "image_score='mean'"),
        ({"smooth": -1}, ParameterError, "smooth=-1"),
        ({"calibration": 1.5}, ParameterError, "calibration=1.5.*0.2"),
        ({"alpha": 2}, ParameterError, "alpha=2"),
        ({"model": "autoencodr"}, UnknownNameError, "model='autoencodr'.*'autoencoder'"),
        ({"model": 3}, ParameterError, "model=3"),
    ],
)
def test_a_wrong_parameter_is_met_at_fit(options: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        isthmus.ImageDetector(**options).fit(GOOD)


def test_masks_need_a_threshold_of_pixels() -> None:
    model = isthmus.Autoencoder(architecture="mlp", latent_dim=4, epochs=1)
    with pytest.raises(AbilityError, match="image_score='peak'"):
        fitted(model, image_score="fusion").defects(NEW)
