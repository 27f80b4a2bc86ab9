"""A detector comes back from disk as it was."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import isthmus
from isthmus.errors import CorruptFileError
from isthmus.tasks.anomaly.member import scores_of


def alike(one: Any, other: Any, X: Any) -> bool:
    """Whether two detectors judge alike, to the bit."""
    verbs = ("anomaly_score", "p_value", "predict")
    same = all((getattr(one, verb)(X) == getattr(other, verb)(X)).all() for verb in verbs)
    return same and one.promise_ == other.promise_ and one.threshold_ == other.threshold_


MADE = [*(("autoencoder", score) for score in scores_of(isthmus.Autoencoder())), ("vae", "mahalanobis")]


@pytest.mark.parametrize(("member", "score"), MADE)
def test_what_is_loaded_judges_and_explains_as_before(member: str, score: str, tumours: Any, tmp_path: Path) -> None:
    model = isthmus.family()[member](epochs=3, latent_dim=3, hidden_dims=(8,), random_state=0, device="cpu")
    detector = isthmus.AnomalyDetector(model, alpha=0.05, score=score, random_state=0).fit(tumours.benign)
    loaded = isthmus.load(detector.save(tmp_path / "detector"))
    assert alike(detector, loaded, tumours.malignant)
    assert loaded.explain(tumours.malignant[:3]) == detector.explain(tumours.malignant[:3])
    assert repr(loaded) == repr(detector)
    assert loaded.n_features_in_ == detector.n_features_in_
    assert alike(detector, pickle.loads(pickle.dumps(detector)), tumours.malignant)


def test_scores_from_before_a_row_was_learnt_are_kept(quick: Any, tumours: Any, tmp_path: Path) -> None:
    detector = isthmus.AnomalyDetector(quick, alpha=0.01, random_state=0).fit(tumours.benign)
    loaded = isthmus.load(detector.save(tmp_path / "detector"))
    assert alike(detector, loaded, tumours.benign)
    assert (np.sort(loaded.anomaly_score(tumours.benign)) == loaded.calibration_scores_).all()


def test_a_model_asked_for_by_name_is_still_asked_for_by_name(tumours: Any, tmp_path: Path) -> None:
    detector = isthmus.AnomalyDetector(alpha=0.05, random_state=0).fit(tumours.benign)
    assert isthmus.load(detector.save(tmp_path / "detector")).model == "auto"


def test_the_card_says_what_is_promised(detector: Any, tmp_path: Path) -> None:
    card = (detector.save(tmp_path / "detector") / "README.md").read_text(encoding="utf-8")
    assert str(detector.promise_) in card
    assert "isthmus.load" in card


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("band", (2, 3)),
        ("0.lost.root", (2, 2)),
        ("1.codes", (4, 9)),
        ("scale.spread", (3,)),
        ("calibration_scores", (1,)),
        ("trained", (2, 2)),
    ],
)
def test_tensors_that_do_not_belong_together_are_refused(name: str, shape: tuple[int, ...], detector: Any) -> None:
    config, tensors = detector.to_saved()
    with pytest.raises(CorruptFileError, match=f"tensor '{name.lstrip('.01')}' has shape"):
        isthmus.AnomalyDetector.from_saved(config, {**tensors, name: torch.zeros(shape)})
