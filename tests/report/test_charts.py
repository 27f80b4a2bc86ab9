"""Charts from any arrays: the same bytes at every call, small, themed, and clear about what they cannot draw."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import matplotlib
import numpy as np
import pytest
from tests.report.sample import drawings

from isthmus.errors import (
    InputError,
    InputTypeError,
    IsthmusError,
    MissingExtraError,
    ParameterError,
    UnknownNameError,
    ValueRangeError,
)
from isthmus.report import Chart, charts
from isthmus.report.charts.arrays import sampled, thinned
from isthmus.report.charts.drawing import short

LARGEST_BYTES = 60_000
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def drawn() -> dict[str, Chart]:
    return drawings()


def histogram(**options: object) -> Chart:
    groups = options.pop("groups", {"a": [1.0, 2.0, 4.0]})
    return charts.histogram(groups, title="t", x="nats", **options)  # type: ignore[arg-type]


def curves(x: object, y: object, **options: object) -> Chart:
    return charts.curves({"a": (x, y)}, title="t", x="epoch", y="nats", **options)  # type: ignore[arg-type, dict-item]


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_callers_settings_change_nothing_and_stay(drawn: dict[str, Chart], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # its global state is not asked for
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False, "lines.linewidth": 9}):
        assert drawings() == drawn
        assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize("kind", charts.__all__)
def test_a_drawing_is_small_themed_and_plain(drawn: dict[str, Chart], kind: str) -> None:
    for svg in (drawn[kind].svg, drawn[kind].narrow):
        assert len(svg) < LARGEST_BYTES / 3
        themed = re.sub(r"var\(--[\w-]+,#[0-9a-f]{6}\)", "", svg)
        assert not re.search(r"(fill|stroke):\s*(#|rgb|black)", themed)
        assert not re.search(r"font-family|metadata|matplotlib|xmlns|<style|DOCTYPE", svg)
        assert not re.search(r'(?<!style)="[^"]*\d\.\d\d', svg)
        assert "currentColor" in svg
    assert drawn[kind].description.endswith(".")


def test_axes_carry_their_names_and_series_theirs(drawn: dict[str, Chart]) -> None:
    for svg in (drawn["histogram"].svg, drawn["histogram"].narrow):
        assert {"benign", "other", "threshold 40", "rows"} <= set(texts(svg))
    assert {"false positive rate", "true positive rate", "chance"} <= set(texts(drawn["roc"].svg))
    assert {"seen", "expected", "70%", "1.5", "–"} <= set(texts(drawn["contributions"].svg))
    assert "1.5, expected –" in texts(drawn["contributions"].narrow)


@pytest.mark.slow
def test_huge_inputs_stay_small_on_the_page() -> None:
    rng = np.random.default_rng(0)
    many, names = rng.normal(size=200_000), np.arange(200_000) % 12
    large = [
        histogram(groups={str(number): many + number for number in range(6)}, log_counts=True),
        charts.curves({str(number): (np.arange(200_000), many) for number in range(6)}, title="t", x="step", y="nats"),
        charts.scatter(np.stack([many, many[::-1]], 1), names, title="t"),
        charts.bars([f"{'long name ' * 9}{number}" for number in range(30)], many[:30], title="t", x="nats"),
    ]
    assert [len(svg) for chart in large for svg in (chart.svg, chart.narrow) if len(svg) > LARGEST_BYTES] == []
    assert "500 of 200,000 points are drawn." in large[2].caption


@pytest.mark.parametrize(
    "values",
    [[3.0], [0.0] * 9, [1e20] * 3, [-1e-30, 1e-30], [1e99, -1e99], [1, 2, 3], [True, False], np.float16([1, 2])],
    ids=["one", "zeros", "equal", "tiny", "wide", "integers", "booleans", "half"],
)
def test_odd_values_are_drawn(values: list[float]) -> None:
    assert "NaN" not in histogram(groups={"a": values}, threshold=values[0]).svg.replace("nan", "NaN")
    assert "nan" not in curves(range(len(values)), values).svg
    assert "nan" not in charts.bars([str(row) for row, _ in enumerate(values)], values, title="t", x="nats").svg


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    assert histogram(groups={"a": [1, NAN, 2], "b": [INF, 3]}).caption == "2 values that are not finite are left out."
    assert (
        curves([1, 2, 3], [1, NAN, 3], caption="A line.").caption == "A line. 1 value that is not finite is left out."
    )
    assert charts.scatter([[1, 2], [NAN, 0], [3, 1]], title="t").description == "2 points."
    assert "–" in texts(charts.bars(["a", "b"], [NAN, 1.0], title="t", x="nats").svg)
    assert charts.contributions(["a", "b"], [0.5, NAN], [1, 2], [1, 2], title="t").caption


@pytest.mark.parametrize(
    ("draw", "kind", "said"),
    [
        (lambda: histogram(groups={}), ParameterError, r"groups holds 0 entries.*1 to 6"),
        (lambda: histogram(groups={"a": []}), InputError, r"groups\['a'\] holds 0 values"),
        (lambda: histogram(groups={"a": [NAN, INF]}), InputError, r"holds 2 values, none of them finite"),
        (lambda: histogram(groups={"a": ["x"]}), InputTypeError, r"groups\['a'\] of type list.*array of floats"),
        (lambda: histogram(groups={"a": [[1.0]]}), InputError, r"has shape \(1, 1\).*1 dimension,"),
        (lambda: histogram(groups={"a": [1e200]}), ValueRangeError, r"reaches 1e\+200.*logarithm"),
        (lambda: histogram(log_values=True, threshold=-2.0), ValueRangeError, r"value is -2.*log_values=False"),
        (lambda: histogram(upto=0.5), ParameterError, r"upto=0\.5, but the smallest value is 1"),
        (lambda: curves([1, 2], [1]), InputError, r"series\['a'\] x has 2, y has 1"),
        (lambda: curves([], []), InputError, r"at least one"),
        (lambda: curves([1, 2], [NAN, NAN]), InputError, r"holds 2 points, none of them finite"),
        (lambda: curves([1, 2], [1, 0], log_y=True), ValueRangeError, r"log_y=True.*smallest value is 0"),
        (lambda: charts.roc({"a": ([0, 1], [0, 100])}, title="t"), ValueRangeError, r"from 0 to 100.*per cent"),
        (lambda: charts.roc({"a": ([0], [0])}, title="t", operating=(2, 0)), ValueRangeError, r"operating holds"),
        (lambda: charts.bars(["a"], [1, 2], title="t", x="x"), InputError, r"labels has 1, values has 2"),
        (lambda: charts.bars(["a"], [1], [0], title="t", x="x"), ParameterError, r"low alone was given"),
        (lambda: charts.bars(["a"] * 31, [1] * 31, title="t", x="x"), ParameterError, r"31 bars.*Table"),
        (lambda: charts.bars(["pca"], [1], title="t", x="x", highlight="pcb"), UnknownNameError, r"mean 'pca'"),
        (lambda: charts.scatter([[1, 2, 3]], title="t"), InputError, r"shape \(1, 3\)"),
        (lambda: charts.scatter([[NAN, 1]], title="t"), InputError, r"0 finite rows"),
        (lambda: charts.scatter(np.ones((13, 2)), range(13), title="t"), ParameterError, r"13 entries.*1 to 12"),
        (lambda: charts.contributions(["a"], [1], [1], [1], title="t", most=0), ParameterError, r"most=0.*1 to 30"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said_in_three_parts(
    draw: Callable[[], Chart], kind: type[IsthmusError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        draw()
    assert all(caught.value.as_dict().values())


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'matplotlib.*pip install "isthmus\[plot\]"'):
        histogram()


def test_a_bin_never_stands_on_both_sides_of_the_threshold() -> None:
    values = np.linspace(0, 10, 101)
    for threshold in (-3.0, 3.3, 7.77, 12.0):
        edges = charts.distributions.bin_edges([values], [threshold])
        assert np.isclose(edges, threshold).any()
        assert edges[0] <= min(values[0], threshold)
        assert edges[-1] >= max(values[-1], threshold) - 1e-9


def test_the_last_bin_gathers_the_tail() -> None:
    chart = histogram(groups={"a": [*range(1, 50), 900, 5000]}, upto=60.0)
    assert "5,000" not in "".join(texts(chart.svg))
    said = next(text for text in texts(chart.svg) if text.startswith("nats; the last bin holds "))
    assert 50 < float(said.split()[5]) < 60
    assert "nats" in texts(histogram(groups={"a": [1, 2, 3]}, upto=60.0).svg)
    assert "to 5,000" in chart.description


def test_contributions_keep_the_largest_and_add_up_the_rest() -> None:
    share = [0.05, 0.5, 0.05, 0.4]
    chart = charts.contributions(list("abcd"), share, [1, 2, 3, "red"], [1, 2, 3, "blue"], title="t", most=2)
    want = "b: 50% (seen 2, expected 2). d: 40% (seen red, expected blue). 2 other columns: 10%."
    assert chart.description == want


def test_thinning_keeps_ends_and_spikes() -> None:
    y = np.zeros(10_001)
    y[5_003], y[7_001], y[9_000] = 9.0, -9.0, np.nan
    x, kept = thinned(np.arange(10_001.0), y, 100)
    assert len(x) <= 102
    assert (x[0], x[-1]) == (0, 10_000)
    assert (np.nanmax(kept), np.nanmin(kept)) == (9.0, -9.0)


def test_sampling_is_even_and_the_same_at_every_call() -> None:
    state = np.random.get_state()[1].tolist()  # noqa: NPY002  the global generator is what must not move
    kept = sampled(100_000, 500)
    assert np.array_equal(kept, sampled(100_000, 500))
    assert len(np.unique(kept)) == 500
    assert abs(kept.mean() - 50_000) < 5_000
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_names_are_cut_in_the_middle() -> None:
    assert short("a  name\nof three lines", 40) == "a name of three lines"
    assert len(short("x" * 99, 20)) == 20
