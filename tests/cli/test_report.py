"""`isthmus report`: the page about a saved model."""

from __future__ import annotations

from pathlib import Path

import pytest

import isthmus as package
from isthmus.cli.report import page_of
from tests.cli.command import Isthmus


def test_the_page_says_what_the_model_is(isthmus: Isthmus, vae: Path, tmp_path: Path) -> None:
    told = isthmus.ok("report", vae, "--out", tmp_path / "page.html", "--json")
    assert told.facts == {"report": str(tmp_path / "page.html")}
    page = (tmp_path / "page.html").read_text()
    for part in ("VAE vae", "Kingma", "sepal length (cm)", "held-out rows", "What was paid", "Rate", "learning_rate"):
        assert part in page
    assert "<script" not in page and "//" not in page.replace("http://www.w3.org", "")


def test_the_page_lies_in_the_folder_unless_told_otherwise(isthmus: Isthmus, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "images"
    isthmus.ok("fit", data / "digits", "--model", "autoencoder", "--epochs", 2, "--out", run)
    assert isthmus.ok("report", run).paths == [run / "report.html"]
    page = (run / "report.html").read_text()
    assert "one image of shape 1 x 8 x 8" in page
    assert "What was paid" in page and "Rate" not in page and "held-out" not in page
    package.load(run)


@pytest.mark.parametrize("score", ["mahalanobis", "distortion"])
def test_the_page_of_a_detector_shows_its_model_and_its_own_parameters(score: str) -> None:
    from sklearn.datasets import load_iris

    model = package.VAE(epochs=2, random_state=0)
    detector = package.AnomalyDetector(model, alpha=0.1, score=score, random_state=0).fit(load_iris().data)
    page = page_of(detector, "iris").html()
    assert "AnomalyDetector iris" in page and "a detector around a <code>VAE</code>" in page
    assert "alpha" in page and score in page
