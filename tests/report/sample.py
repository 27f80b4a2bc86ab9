"""A page that holds every block once, with numbers made up for it, and a reader that judges its HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from isthmus.report import (
    Block,
    Chart,
    Code,
    Excerpts,
    Figures,
    Folded,
    Gallery,
    Images,
    Note,
    Page,
    Section,
    Table,
    Text,
    charts,
    spark,
)

VOID = frozenset("meta link img br hr input".split())
HOSTILE = "\"><script>alert(1)</script>'&\x00 $x_1$ </svg><style>*{}</style> `*a*` `<b>`"


def drawings(name: str = "benign") -> dict[str, Chart]:
    """One chart of each kind; `name` is shown wherever a caller's text can be."""
    rng = np.random.default_rng(0)
    scores = rng.lognormal(3, 0.4, 80)
    rates = np.linspace(0, 1, 9), np.linspace(0, 1, 9) ** 0.2
    return {
        "histogram": charts.histogram({name: scores, "other": 2 * scores}, title=name, x=name, threshold=40.0),
        "curves": charts.curves(
            {name: (np.arange(30), scores[:30])}, title=name, x=name, y=name, mark=12, mark_name=name
        ),
        "roc": charts.roc({name: rates}, title=name, operating=(0.05, 0.6), caption=name),
        "bars": charts.bars([name, "b"], [0.9, -0.2], [0.8, -0.3], [0.95, -0.1], title=name, x=name, reference=0.5),
        "contributions": charts.contributions([name, "b"], [0.7, 0.3], [name, 1.5], [2, None], title=name, x=name),
        "scatter": charts.scatter(rng.normal(size=(60, 2)), [name, "b"] * 30, title=name, x=name, y=name),
    }


def sample(name: str = "benign") -> Page:
    """The page; `name` stands wherever a caller's text can."""
    table = Table([name, "AP"], [[name, 0.987], ["PCA", None]], caption=name)
    grid = Images([(np.eye(4), name), (np.zeros((3, 5, 3), np.uint8), "colour")], caption=name)
    gallery = Gallery([(name, [np.eye(4), np.ones((4, 4))])], caption=name, columns=[name, "b"])
    excerpts = Excerpts([(name, [(name, 0.0), (name, 0.7)])], caption=name)
    folded = Folded(name, name, [excerpts, spark([1, 0, 3], name, name, title=name)], is_open=True)
    inner = Section(name, [grid, gallery, Code(name, caption=name), folded])
    notes = [Note(kind, name, title=name) for kind in ("note", "good", "warning")]
    blocks: list[Block] = [Figures([(name, name, name), ("rows", 1234, "")]), Text(name), table, *notes]
    return Page(name, name, [*blocks, Section(name, [*drawings(name).values(), inner])], footer=name)


class Reader(HTMLParser):
    """Reads a page and notes what a browser would have to forgive; `elements` holds (tag, attributes, text before)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.faults += [f"{name} twice on <{tag}>" for name in set(names) if names.count(name) > 1]
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        """The attributes of every element with one of these tags, in order."""
        return [attributes for tag, attributes in self.elements if tag in tags]
