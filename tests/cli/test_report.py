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
    assert "What is promised" in page and f"budget of {100 * detector.alpha:g}" in page
    assert "AnomalyDetector iris" in page and "a detector around a <code>VAE</code>" in page
    assert "alpha" in page and score in page


PICTURES = {
    "scores": "How anomalous rows are",
    "codes": "Where rows lie in the space of codes",
    "reconstructions": "What goes in",
    "roc": "What is found at what price",
    "precision": "How many alarms are right",
    "traversal": "One unit of the code moved",
    "atoms": "What each unit of the code adds",
}


def shown(page: Path) -> set[str]:
    """The pictures on a page."""
    text = page.read_text()
    return {name for name, words in PICTURES.items() if words in text}


@pytest.mark.slow
def test_pictures_that_need_no_data_are_always_there(isthmus: Isthmus, vae: Path, tmp_path: Path) -> None:
    isthmus.ok("fit", "digits", "--model", "vae", "--epochs", 1, "--out", tmp_path / "run", "--quiet")
    assert shown(isthmus.ok("report", tmp_path / "run").paths[0]) == {"traversal", "atoms"}
    assert shown(isthmus.ok("report", vae, "--out", tmp_path / "table.html").paths[0]) == set()


@pytest.mark.slow
def test_data_shows_what_the_model_makes_of_it(isthmus: Isthmus, vae: Path, data: Path, tmp_path: Path) -> None:
    page = isthmus.ok("report", vae, "--data", data / "iris.csv", "--target", "target", "--out", tmp_path / "p.html")
    assert shown(page.paths[0]) == {"scores", "codes", "reconstructions"}
    assert "150 points in 3 groups: 0 (50), 1 (50), 2 (50)" in page.paths[0].read_text()
    page = isthmus.ok("report", vae, "--data", "iris", "--out", tmp_path / "q.html")
    assert "setosa (50)" in page.paths[0].read_text()


@pytest.mark.parametrize(
    ("target", "more"),
    [
        ("anomaly", {"roc", "precision"}),
        pytest.param("kind", set(), marks=pytest.mark.slow),
        (None, set()),
    ],
)
def test_a_detector_is_judged_where_the_anomalies_are_known(
    isthmus: Isthmus, tmp_path: Path, target: str | None, more: set[str]
) -> None:
    from sklearn.datasets import load_breast_cancer

    from isthmus.data import files

    frame = load_breast_cancer(as_frame=True).frame
    rows = frame.drop(columns="target")
    model = package.Autoencoder(latent_dim=3, epochs=3, random_state=0)
    package.AnomalyDetector(model, alpha=0.1, random_state=0).fit(rows[frame["target"] == 1]).save(tmp_path / "model")
    told = {"anomaly": (frame["target"] == 0).astype(int), "kind": frame["target"].map({0: "bad", 1: "good"})}
    files.write(tmp_path / "rows.csv", rows if target is None else rows.assign(**{target: told[target]}))
    words = ["--target", target] if target else []
    page = isthmus.ok("report", tmp_path / "model", "--data", tmp_path / "rows.csv", *words).paths[0]
    assert shown(page) == {"scores", "codes", "reconstructions"} | more
    bare = isthmus.ok("report", tmp_path / "model").paths[0]
    assert shown(bare) == {"scores"} and "calibration rows" in bare.read_text()
