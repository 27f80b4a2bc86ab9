"""Marked text, folded content and small histograms: what they show, and what they refuse."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.sample import Reader

from isthmus.errors import InputError, ValueRangeError
from isthmus.report import Excerpts, Folded, Place, Text, spark
from isthmus.report.excerpts import HIGH

HERE = Place("part", 3)
PIECES = st.lists(st.tuples(st.text(), st.floats(0, 1)))


@given(st.text(), PIECES)
def test_any_text_is_marked_and_stays_text(note: str, pieces: list[tuple[str, float]]) -> None:
    reader = Reader(Excerpts([(note, pieces)], "c").html(HERE))
    assert not reader.faults
    assert sum(tag == "mark" for tag, _ in reader.elements) == sum(strength > 0 for _, strength in pieces)


def test_line_ends_are_seen_and_strengths_are_told() -> None:
    html = Excerpts([("2.5", [("a\n", 0.0), ("b", 0.504)])], "c").html(HERE)
    assert 'a↵<mark style="--on:0.50">b</mark>' in html
    assert '<span class="value">2.5</span>' in html


def test_what_is_folded_away_keeps_its_places_apart() -> None:
    inner = Folded("inner", "", [spark([1], "0", "1", title="t")])
    html = Folded("outer", "1 %", [inner, inner], is_open=True).html(HERE)
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert html.count("<details") == 3
    assert html.count(" open>") == 1


@pytest.mark.parametrize("counts", [[1, 0, 4, 2], [3], np.arange(100)])
def test_bars_are_as_tall_as_their_counts(counts: list[int]) -> None:
    svg = spark(counts, "low", "high", title="t").svg
    heights = [float(height) for height in re.findall(r'<rect[^>]* height="([\d.]+)"', svg)]
    assert heights == pytest.approx([HIGH * count / max(counts) for count in counts if count], abs=0.06)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueRangeError, match=r"a strength of 1\.5 in the line 'n'"):
        Excerpts([("n", [("a", 1.5)])], "c")
    for counts in ([], [-1], [[1]]):
        with pytest.raises(InputError, match="counts of shape"):
            spark(counts, "0", "1", title="t")
    assert Folded("t", "a", [Text("x")]).html(HERE).startswith('<details id="part"><summary>')
