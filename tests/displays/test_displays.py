"""Pictures of models: what is drawn is what the verbs give, on any kind of data, in figures and on pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics import RocCurveDisplay
from tests.report.sample import Reader

import isthmus
from isthmus import displays
from isthmus.data import load, moving_digits
from isthmus.displays import (
    AtomDisplay,
    DamageDisplay,
    HistoryDisplay,
    InterpolationDisplay,
    LatentDisplay,
    PrecisionRecallDisplay,
    ReconstructionDisplay,
    RocDisplay,
    ScoreDisplay,
    TraversalDisplay,
)
from isthmus.displays.colours import MIDDLE, UNKNOWN, greys, rgb, signed
from isthmus.displays.display import Display
from isthmus.errors import AbilityError, InputError, IsthmusError, MissingExtraError, ParameterError, UnknownNameError
from isthmus.report import Page

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

DIGITS, CLASSES = load("digits").X[:200], load("digits").y[:200]
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
MALIGNANT = BENIGN == 0
SERIES = np.sin(np.arange(40)[None, :, None] / np.linspace(2, 6, 60)[:, None, None])
MIXED = pd.DataFrame({"length": load_iris().data[:, 0], "kind": pd.Categorical(load_iris().target.astype(str))})
MIXED.loc[::7, "length"] = np.nan
KINDS: dict[str, Any] = {
    "grey": DIGITS,
    "colour": np.stack([DIGITS, DIGITS // 2, 255 - DIGITS], axis=-1),
    "table": CANCER,
    "mixed": MIXED,
    "series": isthmus.Series(SERIES),
    "volume": isthmus.Volumes(moving_digits(40, frames=4).X),
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def fitted(X: Any, **fields: Any) -> Any:
    model = isthmus.VAE(latent_dim=3, hidden_dims=(16,), architecture="mlp", epochs=2, random_state=0, **fields)
    return model.fit(X)


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {kind: fitted(X) for kind, X in KINDS.items()}


@pytest.fixture(scope="module")
def detector() -> Any:
    return isthmus.AnomalyDetector(isthmus.Autoencoder(epochs=5, random_state=0), alpha=0.05, random_state=0).fit(
        CANCER[~MALIGNANT]
    )


OF_A_MODEL: dict[str, Callable[[Any, Any], Display]] = {
    "history": lambda model, X: HistoryDisplay.of(model),
    "reconstruction": lambda model, X: ReconstructionDisplay.of(model, X, rows=5),
    "latent": lambda model, X: LatentDisplay.of(model, X),
    "traversal": lambda model, X: TraversalDisplay.of(model),
    "atoms": lambda model, X: AtomDisplay.of(model, X),
}
OF_A_DETECTOR: dict[str, Callable[[Any], Display]] = {
    "scores": lambda detector: ScoreDisplay.of(detector, CANCER, MALIGNANT),
    "roc": lambda detector: RocDisplay.of(detector, CANCER, MALIGNANT),
    "precision-recall": lambda detector: PrecisionRecallDisplay.of(detector, CANCER, MALIGNANT),
}


def drawn(display: Display) -> None:
    """Draw twice, here and there, and put it on a page."""
    shown = display.plot()
    assert shown is display
    assert shown.figure_ is shown.ax_.figure
    shown.figure_.canvas.draw()
    figure, (left, right) = plt.subplots(1, 2)
    display.plot(right)
    assert display.ax_ is right and display.figure_ is figure
    assert right.has_data() and not left.has_data()
    reader = Reader(Page("Pictures", "", [display.block()]).html())
    assert not reader.faults
    assert reader.all("svg", "img", "td")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OF_A_MODEL)
def test_every_picture_of_every_kind_of_data_is_drawn(models: dict[str, Any], kind: str, name: str) -> None:
    drawn(OF_A_MODEL[name](models[kind], KINDS[kind]))


@pytest.mark.parametrize("name", OF_A_DETECTOR)
def test_every_picture_of_a_detector_is_drawn(detector: Any, name: str) -> None:
    drawn(OF_A_DETECTOR[name](detector))


def test_from_estimator_draws_at_once(models: dict[str, Any]) -> None:
    display = ReconstructionDisplay.from_estimator(models["grey"], DIGITS, rows=3)
    assert len(display.ax_.get_images()) == 9
    assert [text.get_text() for text in display.ax_.get_yticklabels()][:2] == ["original", "reconstruction"]
    axes = plt.subplots()[1]
    assert HistoryDisplay.from_estimator(models["grey"], figures=["rate"], ax=axes).ax_ is axes
    assert len(axes.get_lines()) == 1
    scores = np.arange(6.0)
    assert RocDisplay.from_predictions(scores > 2, scores, name="perfect").roc_auc == 1
    assert PrecisionRecallDisplay.from_predictions(scores > 2, scores).average_precision == 1


def test_reconstructions_are_those_of_the_model(models: dict[str, Any]) -> None:
    display = ReconstructionDisplay.of(models["grey"], DIGITS, rows=4)
    assert display.names == ["row 0", "row 66", "row 132", "row 199"]
    chosen = DIGITS[[0, 66, 132, 199]]
    assert np.allclose(255 * display.x[:, 0], chosen)
    answer = (255 * display.rebuilt[:, 0]).clip(0, 255)  # bytes hold no more
    assert abs(answer - models["grey"].reconstruct(chosen)).max() <= 0.51
    assert np.array_equal(display.residual, display.rebuilt - display.x)


def test_a_way_through_the_codes_is_that_of_the_verbs(models: dict[str, Any]) -> None:
    model, values = models["table"], [-1.0, 0.5, 2.0]
    spec = model.spec_
    shown = TraversalDisplay.of(model, CANCER[7:8], units=[2, 0], values=values)
    for place, unit in enumerate(shown.units):
        expected = model.traverse(CANCER[7:8], unit, values)
        assert np.allclose(shown.x[place] * spec.scale.numpy() + spec.center.numpy(), expected, rtol=1e-4, atol=1e-3)
    ways = InterpolationDisplay.of(model, CANCER[:2], CANCER[5:7], steps=4)
    expected = model.interpolate(CANCER[:2], CANCER[5:7], steps=4)
    assert np.allclose(ways.x.reshape(8, -1) * spec.scale.numpy() + spec.center.numpy(), expected, rtol=1e-4, atol=1e-3)
    drawn(ways)


def test_the_units_that_change_most_are_moved_first(models: dict[str, Any]) -> None:
    shown = TraversalDisplay.of(models["grey"])
    change = shown.x.var(1).sum((1, 2, 3))
    assert sorted(shown.units) == [0, 1, 2]
    assert change.tolist() == sorted(change, reverse=True)


def test_atoms_of_a_linear_decoder_are_its_columns() -> None:
    model = isthmus.Autoencoder(
        latent_dim=5, hidden_dims=(), activation="linear", epochs=3, random_state=0, likelihood="gaussian"
    ).fit(CANCER)
    (columns,) = (weight for name, weight in model.network_.decoder.named_parameters() if weight.shape == (30, 5))
    gallery = AtomDisplay.of(model)
    assert np.allclose(gallery.atoms, columns.detach().numpy().T[gallery.units], atol=1e-5)
    sizes = (gallery.atoms**2).sum(1)
    assert sizes.tolist() == sorted(sizes, reverse=True)
    codes = model.transform(CANCER)
    assert AtomDisplay.of(model, CANCER).units == np.argsort(-codes.var(0)).tolist()


def test_the_history_is_the_models(models: dict[str, Any]) -> None:
    model = models["table"]
    series = HistoryDisplay.of(model, figures=["distortion", "rate"]).series
    assert series["rate"] == ([1, 2], [line["rate"] for line in model.history_])
    assert list(HistoryDisplay.of(model).series) == ["loss"]


@pytest.mark.parametrize(
    ("wide", "units", "names"), [(1, None, ("z0", "row")), (2, None, ("z0", "z1")), (4, (3, 1), ("z3", "z1"))]
)
def test_codes_are_shown_as_they_are(wide: int, units: Any, names: tuple[str, str]) -> None:
    model = isthmus.Autoencoder(latent_dim=wide, epochs=1, random_state=0).fit(CANCER)
    shown = LatentDisplay.of(model, CANCER, MALIGNANT, units=units)
    assert shown.names == names
    codes = model.transform(CANCER)
    assert np.array_equal(shown.xy[:, 0], codes[:, units[0] if units else 0])


def test_wide_codes_are_shown_where_they_vary_most(models: dict[str, Any]) -> None:
    codes = models["table"].transform(CANCER)
    shown = LatentDisplay.of(models["table"], CANCER)
    variances = np.linalg.eigvalsh(np.cov(codes.T))[::-1]
    assert np.allclose(shown.xy.var(0, ddof=1), variances[:2], rtol=1e-3)
    assert shown.names[0] == f"direction 1 ({variances[0] / variances.sum():.0%})"


@pytest.mark.parametrize(
    ("y", "legend", "bars"),
    [(CLASSES, 10, 0), (DIGITS.mean((1, 2)), 0, 1), (np.array([str(n) for n in range(200)]), 0, 0), (None, 0, 0)],
    ids=["classes", "numbers", "too many", "none"],
)
def test_points_are_coloured_by_what_is_known(models: dict[str, Any], y: Any, legend: int, bars: int) -> None:
    shown = LatentDisplay.of(models["grey"], DIGITS, y)
    drawn(shown)
    found = shown.plot().ax_.get_legend()
    assert (len(found.get_texts()) if found else 0) == legend
    assert len(shown.figure_.axes) == 1 + bars


def test_scores_stand_on_their_side_of_the_threshold(detector: Any) -> None:
    shown = ScoreDisplay.of(detector, CANCER, MALIGNANT)
    assert shown.threshold == detector.threshold_
    assert np.array_equal(shown.groups["anomaly"], detector.anomaly_score(CANCER[MALIGNANT]))
    own = ScoreDisplay.of(detector)
    assert np.array_equal(own.groups["calibration rows"], detector.calibration_scores_)
    drawn(own)
    bare = ScoreDisplay.of(detector.scorer_.model, CANCER)
    assert bare.threshold is None and list(bare.groups) == ["rows"]
    drawn(bare)


def test_curves_are_those_of_scikit_learn(detector: Any) -> None:
    shown = RocDisplay.of(detector, CANCER, MALIGNANT)
    scores = detector.anomaly_score(CANCER)
    theirs = RocCurveDisplay.from_predictions(MALIGNANT, scores)
    assert shown.roc_auc == pytest.approx(theirs.roc_auc)
    assert np.array_equal(shown.found, theirs.tpr)
    alarms = detector.predict(CANCER) == -1
    assert shown.operating == (alarms[~MALIGNANT].mean(), alarms[MALIGNANT].mean())
    judged = PrecisionRecallDisplay.of(detector, CANCER, np.where(MALIGNANT, -1, 1))
    assert judged.operating == (alarms[MALIGNANT].mean(), MALIGNANT[alarms].mean())
    assert judged.share == pytest.approx(MALIGNANT.mean())
    assert PrecisionRecallDisplay.of_scores([0, 1], [0.0, 1.0], threshold=2.0).operating is None


def test_colours_say_sign_size_and_what_is_not_known() -> None:
    below, nothing, above, unknown = signed(np.array([-1.0, 0.0, 2.0, np.nan]), 1.0)
    assert below[2] > below[0] and above[0] > above[2]
    assert nothing.tolist() == rgb(MIDDLE).tolist()
    assert unknown.tolist() == rgb(UNKNOWN).tolist()
    assert greys(np.array([-1.0, 2.0, 9.0, np.nan]), 0.0, 4.0).tolist() == [0, 0.5, 1, 0]


REFUSED: list[tuple[Callable[[Any], Any], type[IsthmusError], str]] = [
    (lambda model: ReconstructionDisplay.of(model, CANCER, rows=0), ParameterError, "rows=0"),
    (lambda model: TraversalDisplay.of(model, units=[3]), ParameterError, r"units=\[3\].*units 0 to 2"),
    (lambda model: LatentDisplay.of(model, CANCER, units=(0, 3)), ParameterError, r"units=\(0, 3\)"),
    (lambda model: LatentDisplay.of(model, CANCER, [1, 2]), InputError, r"y of shape \(2,\) for 569 rows"),
    (lambda model: AtomDisplay.of(model, most=0), ParameterError, "most=0"),
    (lambda model: HistoryDisplay.of(model, figures=["lss"]), UnknownNameError, "Did you mean 'loss'"),
    (lambda model: HistoryDisplay.of(model, figures=["validation_loss"]), UnknownNameError, "validation_loss"),
    (lambda model: RocDisplay.of(model, CANCER, np.ones(569, bool)), InputError, "without one normal row"),
]


@pytest.mark.parametrize(("make", "error", "words"), REFUSED)
def test_what_cannot_be_drawn_is_refused(
    models: dict[str, Any], make: Callable[[Any], Any], error: type[IsthmusError], words: str
) -> None:
    with pytest.raises(error, match=words):
        make(models["table"])


def test_codes_without_a_prior_are_not_traversed() -> None:
    model = isthmus.Autoencoder(latent_dim=2, epochs=1, random_state=0).fit(CANCER)
    with pytest.raises(AbilityError, match="traverse.*no prior"):
        TraversalDisplay.of(model)


def test_without_matplotlib_it_is_said_what_to_install(models: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    display = HistoryDisplay.of(models["table"])
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"isthmus\[plot\]"):
        display.plot()


def test_the_public_names_are_found_where_they_are_promised() -> None:
    assert list(displays._NAMES) == sorted(displays._NAMES)
    assert all(issubclass(getattr(displays, name), Display) for name in dir(displays))
    with pytest.raises(AttributeError, match=r"isthmus\.displays\.RockDisplay.*RocDisplay"):
        _ = displays.RockDisplay


def test_damages_are_of_equal_error_and_of_unequal_worth() -> None:
    images = DIGITS[:150]
    quick = {"latent_dim": 3, "hidden_dims": (8,), "epochs": 1, "random_state": 0}
    model = isthmus.Autoencoder(likelihood="perceptual", **quick).fit(images)
    shown = DamageDisplay.of(model, images, rows=4, error=0.3)
    original = shown.images["original"]
    for name in ("shifted", "paler", "blurred"):
        errors = ((shown.images[name] - original) ** 2).mean((1, 2, 3)) / original.var((1, 2, 3))
        np.testing.assert_allclose(errors, 0.3, rtol=1e-3)
        assert shown.alike[name].max() < 1
        assert shown.apart[name].min() > 0
    drawn(shown)
    with pytest.raises(AbilityError, match="it sees no features"):
        DamageDisplay.of(isthmus.Autoencoder(latent_dim=3, epochs=1).fit(images), images)
    with pytest.raises(ParameterError, match="error=2"):
        DamageDisplay.of(model, images, error=2)
