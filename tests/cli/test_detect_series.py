"""`isthmus detect` of a series: from tables with a time column, or arrays of channels, to episodes and a verdict."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import isthmus as package
from isthmus.cli.main import run
from isthmus.data import files
from isthmus.tasks.anomaly.series.evaluation import SeriesEvaluation
from tests.architecture.sources import ROOT
from tests.cli.command import Isthmus, commands_on

QUICK = ("--epochs", 4, "--quiet")
WATCH = ("--window", 20, "--alpha", 0.1, "--smooth", 2, "--min-duration", 3, "--cooldown", 10)
COLUMNS = ("--time", "at", "--entity", "machine")
PAGE = (ROOT / "docs" / "how-to" / "series.md").read_text(encoding="utf-8")


def machines(steps: int, seed: int, start: str) -> pd.DataFrame:
    """Two machines at different levels."""
    at, random = pd.date_range(start, periods=steps, freq="1min"), np.random.default_rng(seed)
    wave = np.sin(np.arange(steps) / 5)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "at": at,
                    "machine": name,
                    "load": level + wave + 0.1 * random.normal(size=steps),
                    "heat": level / 2 + wave / 3 + 0.1 * random.normal(size=steps),
                }
            )
            for name, level in (("lathe", 40.0), ("mill", 75.0))
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Normal and labelled series as tables and as arrays, and a detector of each."""
    path = tmp_path_factory.mktemp("series")
    normal, today = machines(2500, 0, "2026-03-02"), machines(400, 1, "2026-03-05")
    today["stuck"] = 0
    today.loc[600:640, "stuck"] = 1
    today.loc[600:640, "heat"] = 39.0
    today.loc[600:640, "load"] = 75.0
    files.write(path / "normal.parquet", normal)
    files.write(path / "today.csv", today.drop(columns="stuck"))
    files.write(path / "labelled.csv", today)
    mill = ["load", "heat"]
    files.write(path / "normal.npy", normal[normal.machine == "mill"][mill].to_numpy())
    files.write(path / "today.npy", today[today.machine == "mill"][mill].to_numpy())
    labels = today[today.machine == "mill"]["stuck"].to_numpy()
    np.savez(path / "labelled.npz", X=today[today.machine == "mill"][mill].to_numpy(), y=labels)
    for rows, columns, out in (("normal.parquet", COLUMNS, "tables"), ("normal.npy", (), "arrays")):
        words = ("detect", "fit", path / rows, "--out", path / out, *WATCH, *columns, *QUICK)
        assert run([str(word) for word in words]) == 0
    return path


def test_a_detector_of_a_series_keeps_what_it_was_told(folder: Path) -> None:
    detector = package.load(folder / "tables")
    assert isinstance(detector, package.TimeSeriesDetector)
    told = detector.window, detector.time, detector.entity, detector.smooth, detector.min_duration, detector.cooldown
    assert told == (20, "at", "machine", 2, 3, 10)
    model = detector.model_
    assert (model.epochs, model.hidden_dims, model.activation, model.latent_dim) == (4, (), "linear", 6)
    assert detector.channels_.names == ["load", "heat"] and set(detector.channels_.specs) == {"lathe", "mill"}
    assert package.load(folder / "arrays").channels_.names == ["x0", "x1"]


def test_a_model_and_its_fields_can_be_named(isthmus: Isthmus, folder: Path, tmp_path: Path) -> None:
    options = ("--model", "vae", "--latent-dim", 3, "--hidden-dims", 8, "--stride", 5, *WATCH, *QUICK)
    told = ("--out", tmp_path / "d", "--report", tmp_path / "fit.html")
    isthmus.ok("detect", "fit", folder / "normal.npy", *told, *options)
    assert "What is promised" in (tmp_path / "fit.html").read_text()
    model = package.load(tmp_path / "d").model_
    assert (type(model).__name__, model.latent_dim_, model.hidden_dims) == ("VAE", 3, (8,))


@pytest.mark.parametrize(("rows", "detector"), [("today.csv", "tables"), ("today.npy", "arrays")])
def test_scores_name_the_episode_of_each_point(
    isthmus: Isthmus, folder: Path, tmp_path: Path, rows: str, detector: str
) -> None:
    isthmus.ok("score", folder / detector, folder / rows, "--out", tmp_path / "scores.parquet")
    scores, X = pd.read_parquet(tmp_path / "scores.parquet"), files.read(folder / rows)
    ours = package.load(folder / detector)
    assert list(scores.columns) == ["row", "anomaly_score", "p_value", "is_anomaly", "episode"]
    np.testing.assert_array_equal(scores.anomaly_score, ours.anomaly_score(X))
    np.testing.assert_array_equal(scores.is_anomaly, ours.predict(X) == -1)
    episodes = ours.episodes(X)
    assert scores.episode.max() == len(episodes) > 0
    for number, episode in enumerate(episodes, 1):
        assert scores[scores.episode == number].anomaly_score.max() == episode.score
    stuck = slice(610, 630) if detector == "tables" else slice(210, 230)
    assert (scores.episode[stuck] > 0).all()
    told = isthmus("score", folder / detector, folder / rows, "--out", tmp_path / "again.csv", "--fail-on-anomaly")
    assert told.code == 3


@pytest.mark.parametrize(
    ("rows", "detector", "target"), [("labelled.csv", "tables", ("--target", "stuck")), ("labelled.npz", "arrays", ())]
)
def test_an_evaluation_is_the_one_in_python(
    isthmus: Isthmus, folder: Path, tmp_path: Path, rows: str, detector: str, target: tuple[str, ...]
) -> None:
    words = ("detect", "evaluate", folder / detector, folder / rows, *target)
    facts = isthmus.ok(*words, "--report", tmp_path / "r.html", "--json").facts
    assert facts.pop("report") == str(tmp_path / "r.html")
    X, y = files.read_labelled(folder / rows, target=target[1] if target else None)
    found = package.evaluate(package.load(folder / detector), X, y)
    assert isinstance(found, SeriesEvaluation)
    assert facts == found.to_json() and list(facts["methods"]) == ["detector", "moving deviation", "random"]
    assert (facts["events"], facts["methods"]["detector"]["event"]["recall"]) == (1, 1.0)
    assert facts["methods"]["detector"]["vus_pr"] > max(
        facts["methods"][name]["vus_pr"] for name in ("moving deviation", "random")
    )
    lines = isthmus.ok(*words).out.splitlines()
    assert lines == found.sentences() and len(lines) == 4
    assert "1 of 1 events found" in lines[0] and "moving deviation" in lines[2]
    assert lines[3].startswith("Inflated") and "at random" in lines[3]
    page = (tmp_path / "r.html").read_text()
    assert "moving deviation" in page and "inflated" in page


def test_a_diagnosis_needs_labelled_points(isthmus: Isthmus, folder: Path) -> None:
    words = ("detect", "diagnose", folder / "tables")
    told = isthmus.ok(*words, folder / "labelled.csv", "--target", "stuck")
    assert told.out.splitlines()[0] == "sound"
    assert told.out.splitlines()[1:] == []
    refused = isthmus(*words)
    assert refused.code == 2 and "labelled points" in refused.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--smooth", 3), "--smooth without --window"),
        (("--window", 20, "--members", 3), "--members beside --window"),
        (("--window", 20, "--score", "latent"), "--score beside --window"),
        (("--window", 20, "--trim", "auto"), "--trim beside --window"),
        (("--window", 20, "--time", "when"), "reads 'when' from it"),
        (("--window", 5000), "windows of 5000 rows"),
        (("--window", 20, "--stride", 21), "stride=21"),
        (("--window", 20, "--labelled", "labelled.csv"), "--labelled beside --window"),
        (("--classifier", "logistic"), "--classifier without --labelled"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    isthmus: Isthmus, folder: Path, tmp_path: Path, words: tuple[object, ...], said: str
) -> None:
    rows = machines(100, 0, "2026-01-01").drop(columns=["machine", "at"])
    files.write(tmp_path / "rows.csv", rows)
    told = isthmus("detect", "fit", tmp_path / "rows.csv", "--out", tmp_path / "o", *words, *QUICK)
    assert told.code == 2 and said in told.err, told.err
    assert not (tmp_path / "o").exists()


def test_controls_of_a_series_learn_nothing(isthmus: Isthmus, folder: Path) -> None:
    words = ("detect", "evaluate", folder / "tables", folder / "labelled.csv", "--target", "stuck")
    told = isthmus(*words, "--train", folder / "normal.parquet")
    assert told.code == 2 and "--train for a detector of a series" in told.err
    told = isthmus(*words, "--miss", 5)
    assert told.code == 2 and "prices" in told.err
    told = isthmus("score", folder / "tables", folder / "today.csv", "--out", "x.csv", "--incidents")
    assert told.code == 2
    told = isthmus("report", folder / "tables", "--data", folder / "today.csv")
    assert told.code == 2 and "sees windows" in told.err


@pytest.mark.filterwarnings("ignore:.*calibration points are worth")
def test_the_page_names_commands_that_run(
    isthmus: Isthmus, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISTHMUS_DETECT_FIT_EPOCHS", "4")
    for name in ("normal.parquet", "today.csv", "labelled.csv"):
        Path(name).write_bytes((folder / name).read_bytes())
    steps = [shlex.split(line)[1:] for line in commands_on(PAGE)]
    assert [step[:2] for step in steps] == [["detect", "fit"], ["score", "watch"], ["detect", "evaluate"]]
    for step in steps:
        isthmus.ok(*step)
    assert "episode" in pd.read_parquet("scores.parquet").columns
