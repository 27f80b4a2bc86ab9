"""Blocks one by one: what prose, numbers, tables and pictures turn into, and what they refuse."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.report.sample import Reader

from isthmus.errors import InputError, IsthmusError, ParameterError, UnknownNameError, ValueRangeError
from isthmus.report import Chart, Code, Figures, Gallery, Images, Note, Place, Section, Table, Text
from isthmus.report.markup import escape, inline
from isthmus.report.numerals import column, numeral
from isthmus.report.pictures import png

HERE = Place("part", 2)
PIXEL = np.ones((1, 1))
LINE = '<svg viewBox="0 0 9 9"><path d="M0 0h9"/></svg>'


def cells(table: Table) -> list[str]:
    return re.findall(r"<t[dh][^>]*>([^<]*)</t", table.html(HERE))[len(table.columns) :]


@given(st.text())
def test_any_text_is_shown_as_it_is(text: str) -> None:
    reader = Reader(f"<p>{escape(text)}</p>")
    assert not reader.faults
    assert [tag for tag, _ in reader.elements] == ["p"]


@given(st.text(alphabet="ab*` \n-<&\\"))
def test_any_marks_give_well_formed_prose(text: str) -> None:
    reader = Reader(Text(text).html(HERE))
    assert not reader.faults
    assert {tag for tag, _ in reader.elements} <= {"p", "ul", "li", "strong", "em", "code"}


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("a*b*c", "a*b*c"),
        ("snake_case_name", "snake_case_name"),
        ("`a ** b`", "<code>a ** b</code>"),
        ("**all `code` here**", "<strong>all <code>code</code> here</strong>"),
        ("**open", "**open"),
    ],
)
def test_marks_leave_plain_text_alone(text: str, html: str) -> None:
    assert inline(text) == html


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (-0.0, "0"), (1e15, "10¹⁵"), (-1234.6, "−1,235"), (0.1 + 0.2, "0.3"), (float("-inf"), "−∞")],
)
def test_numbers_are_written_for_readers(value: float, text: str) -> None:
    assert numeral(value) == text


def test_a_column_has_one_precision() -> None:
    assert column([0.987, 0.91, float("nan")]) == ["0.987", "0.910", "–"]
    assert column([0.0, 0.0]) == ["0", "0"]
    assert column([]) == []
    assert column([1e-9, 5.0]) == ["10⁻⁹", "5"]
    assert column([1e300, 0.5]) == ["10³⁰⁰", "0.5"]


def test_a_table_shows_every_kind_of_cell() -> None:
    row = ["name", None, True, np.float32(0.5), np.int64(12345), np.bool_(False), (1, 2)]
    table = Table([f"c{number}" for number in range(7)], [row], caption="c", formats={"c4": ",d"})
    assert cells(table) == ["name", "–", "yes", "0.500", "12,345", "no", "(1, 2)"]
    assert 'class="right"' in table.html(HERE)


def test_formats_and_alignment_are_by_column() -> None:
    rows = [["a", 0.123, "x"], ["b", float("nan"), "y"]]
    table = Table(["m", "share", "n"], rows, caption="c", formats={"share": ".1%"}, align={"n": "center"})
    assert cells(table) == ["a", "12.3%", "x", "b", "–", "y"]
    assert table.html(HERE).count('class="center"') == 3


def test_an_empty_table_says_so() -> None:
    assert cells(Table(["a", "b"], [], caption="c")) == ["no rows"]


@pytest.mark.parametrize(
    ("build", "kind", "said"),
    [
        (lambda: Table(["a", "b"], [[1, 2], [1]], caption="c"), InputError, r"rows\[1\] has 1 cells.*2 columns"),
        (lambda: Table([], [], caption="c"), ParameterError, r"columns=\[\]"),
        (lambda: Table(["share"], [[1]], caption="c", formats={"shore": "d"}), UnknownNameError, r"mean 'share'"),
        (lambda: Table(["a"], [[1]], caption="c", align={"a": "centre"}), UnknownNameError, r"mean 'center'"),
        (lambda: Table(["a"], [[1]], caption="c", formats={"a": "q"}), ParameterError, r"formats\['a'\]='q'.*'\.2f'"),
        (lambda: Note("warn", "text"), UnknownNameError, r"mean 'warning'"),
        (lambda: Images([(np.zeros((2, 2, 5)), "x")], caption="c"), InputError, r"images\[0\] has shape \(2, 2, 5\)"),
        (lambda: Images([(np.zeros((0, 2)), "x")], caption="c"), InputError, r"shape \(0, 2\)"),
        (lambda: Images([(np.zeros((2, 2), int), "x")], caption="c"), InputError, r"dtype int64.*Convert"),
        (lambda: Images([(np.full((2, 2), 2.0), "x")], caption="c"), ValueRangeError, r"from 2 to 2.*clip"),
        (lambda: Images([(np.full((2, 2), np.nan), "x")], caption="c"), ValueRangeError, r"from nan to nan"),
        (lambda: Gallery([("a", [PIXEL]), ("b", [])], "c"), InputError, r"rows of \[0, 1\] images"),
        (lambda: Gallery([("a", [PIXEL])], "c", ["x", "y"]), InputError, r"rows of \[1, 2\] images"),
        (lambda: Gallery([("a", [2 * PIXEL])], "c"), ValueRangeError, r"image 0 of 'a' holds values from 2 to 2"),
        (lambda: Chart("<p>", "t", "d"), InputError, r"svg='<p>'.*from <svg to </svg>"),
        (lambda: Chart(LINE, "t", "d", narrow="x"), InputError, r"narrow='x'"),
        (lambda: Chart(LINE + LINE, "t", "d"), InputError, r"one element"),
    ],
)
def test_what_a_block_refuses_is_said_in_three_parts(
    build: Callable[[], object], kind: type[IsthmusError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        build()
    assert all(caught.value.as_dict().values())


@pytest.mark.parametrize(
    "inner",
    [
        "<script>1</script>",
        '<path onclick="x()"/>',
        "<foreignObject><p>x</p></foreignObject>",
        "<style>*{}</style>",
        '<use href="https://example.org/a.svg#b"/>',
        '<use xlink:href="data:image/svg+xml,x"/>',
        '<path style="fill:url(http://example.org/a)"/>',
        "<title><img src=x></title>",
        "<![CDATA[<script>]]>",
        "<!-- > <script> -->",
        "</svg><p>x</p><svg>",
        '<image href="#x"/>',
        "<a>x</a>",
    ],
)
def test_a_drawing_that_could_act_is_refused(inner: str) -> None:
    with pytest.raises(InputError, match=r"svg(=| holds )"):
        Chart(f"<svg>{inner}</svg>", "t", "d")


def test_a_chart_used_twice_keeps_its_ids_apart() -> None:
    dots = '<svg viewBox="0 0 9 9"><defs><path id="1" d="M0 0h9"/></defs><use href="#1"/><text>id="1"</text></svg>'
    chart = Chart(dots, "t", "d")
    html = Section("s", [chart, chart]).html(HERE)
    ids = re.findall(r'<[^>]* id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert all(f'href="#{name}"' in html for name in ids if name.endswith("-1") and "wide" in name)
    assert html.count('<text>id="1"</text>') == 2


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_images_come_back_pixel_for_pixel(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    html = Images([(pixels, "x"), (pixels / 255, "x")], caption="c").html(HERE)
    for encoded in re.findall(r"base64,([^\"]+)", html):
        read = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))
        assert np.array_equal(read, pixels.reshape(read.shape))
    assert png(pixels[..., 0] if pixels.ndim == 3 else pixels).startswith(b"\x89PNG")


def test_code_is_kept_letter_by_letter() -> None:
    html = Code("\nif a < b:\n    `x` **y**\n").html(HERE)
    assert "<code>if a &lt; b:\n    `x` **y**</code>" in html
    assert 'tabindex="0"' in html


def test_figures_show_numbers_and_texts() -> None:
    html = Figures([("Rows", 12345, ""), ("Found", "94 %", "of **all**")]).html(HERE)
    assert ">12,345<" in html
    assert "of <strong>all</strong>" in html
    assert html.count('class="aside"') == 1


def test_images_in_rows_are_named_by_row_and_column() -> None:
    html = Gallery([("in", [PIXEL, PIXEL]), ("out", [PIXEL, PIXEL])], "c", ["row 3", "row 7"]).html(HERE)
    assert [f'alt="{one} row {row}"' in html for one in ("in", "out") for row in (3, 7)] == [True] * 4
    assert html.count('scope="row"') == html.count('scope="col"') == 2
