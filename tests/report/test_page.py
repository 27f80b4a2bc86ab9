"""The page as a browser and a reader meet it: whole, inert, self-contained, the same at every call."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.report.sample import HOSTILE, Reader, sample

from isthmus.errors import ParameterError
from isthmus.report import Page, Section, Text
from isthmus.report.page import style_sheet


@pytest.fixture(scope="module", params=["benign", HOSTILE], ids=["plain", "hostile"])
def page(request: pytest.FixtureRequest) -> str:
    return sample(request.param).html()


def test_the_page_is_well_formed(page: str) -> None:
    reader = Reader(page)
    assert not reader.faults
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    spoken = [attributes[key] or "" for _, attributes in reader.elements for key in attributes if key.endswith("edby")]
    aimed = [name for value in spoken for name in value.split()]
    aimed += [(attributes["href"] or "")[1:] for attributes in reader.all("use")]
    assert aimed
    assert set(aimed) <= set(ids)


def test_nothing_runs_and_nothing_is_fetched(page: str) -> None:
    reader = Reader(page)
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "iframe", "object", "embed", "form", "base", "foreignobject", "b"}
    assert page.count("<style>") == 1
    links = [value for _, attributes in reader.elements for key, value in attributes.items() if key in ("href", "src")]
    assert all(link and link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"https?:|//[a-z]|@import|@font-face", page)
    assert not [key for _, attributes in reader.elements for key in attributes if key.startswith("on")]
    assert "default-src 'none'" in page


def test_hostile_text_is_shown_as_text() -> None:
    reader = Reader(sample(HOSTILE).html())
    shown = [text for tag, text in reader.texts if "<script>alert(1)</script>" in text]
    assert len(shown) > 20
    assert {tag for tag, text in reader.texts if "script" in text} >= {"title", "h1", "th", "text", "code", "desc"}
    assert not [text for _, text in reader.texts if "\x00" in text]


def test_a_screen_reader_finds_its_way(page: str) -> None:
    reader = Reader(page)
    assert reader.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in zip(levels, levels[1:], strict=False))
    drawings = reader.all("svg")
    assert len(drawings) == 2 * 6 + 1
    assert all(one["role"] == "img" and one["aria-labelledby"] for one in drawings)
    assert len(reader.all("desc")) == len(drawings)
    assert {one.get("scope") for one in reader.all("th")} == {"col", "row"}
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert all("alt" in one for one in reader.all("img"))


def test_the_same_page_gives_the_same_bytes(page: str) -> None:
    title = "benign" if "<h1>benign</h1>" in page else HOSTILE
    assert sample(title).html() == page


def test_sections_count_their_headings_down_to_h6() -> None:
    def nested(depth: int) -> Page:
        block: Section | Text = Text("deep")
        for _ in range(depth):
            block = Section("s", [block])
        return Page("t", "", [block])

    assert "<h6" in nested(5).html()
    with pytest.raises(ParameterError, match="sections nest 5 deep"):
        nested(6).html()


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    page = Page("t", "lead", [Text("ü \ud800 ⁻³")])
    path = page.write(tmp_path / "new" / "report.html")
    assert path.read_bytes().decode("utf-8") == page.html()

    class Broken:
        def html(self, place: object) -> str:
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        Page("t", "", [Text("other"), Broken()]).write(path)
    assert path.read_text(encoding="utf-8") == page.html()
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
    with pytest.raises(ParameterError, match=r"is a folder.*report\.html"):
        page.write(tmp_path)


def test_the_style_sheet_fetches_nothing_and_serves_screen_and_paper() -> None:
    css = style_sheet()
    assert "url(" not in css
    assert "@media print" in css
    assert "@media screen and (prefers-color-scheme: dark)" in css
    assert "</" not in css
