"""A question that a benchmark answers: lines with a figure each, and what the figure must be."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from isthmus.bench.answers import Absent, Cache, Figure, commit, fingerprint
from isthmus.bench.load import Load
from isthmus.bench.machine import machine
from isthmus.bench.page import told, write_page
from isthmus.bench.peers import Peer
from isthmus.bench.timing import Timings, interleave
from isthmus.errors import PeerError

BOUNDS = ("at_least", "at_most", "stretch")
Row: TypeAlias = dict[str, Any]
"""A line's answer as it is written: name, value, low, high, unit, what they must be, and whether they are."""


@dataclass(frozen=True)
class Desk:
    """What a line works with.

    Args:
        load: Watches the others.
        peers: {name: peer}.
        cache: Keeps the line's intermediate results, if it has any.
        seeds: Of whatever is random.
        seconds: That the line should take at most, roughly.
    """

    load: Load
    peers: Mapping[str, Peer]
    cache: Cache
    seeds: tuple[int, ...]
    seconds: float

    def interleave(self, things: Mapping[str, Callable[[], object]], rounds: int = 11) -> Timings:
        """Time things in turns within the line's seconds."""
        return interleave(things, self.load, rounds=rounds, most_seconds=self.seconds)


@dataclass(frozen=True)
class Line:
    """One figure that a question asks for.

    Args:
        name: What is measured, in words, with its data.
        measure: Measures it.
        at_least: It passes from here on ...
        at_most: ... or up to here; with neither it is there to be known.
        stretch: What we would like it to be.
        unit: Of the value; "x" says how many times.
    """

    name: str
    measure: Callable[[Desk], Figure | Absent]
    at_least: float | None = None
    at_most: float | None = None
    stretch: float | None = None
    unit: str = "x"

    def row(self, found: Figure | Absent) -> Row:
        """The line's answer: `pass` is about the value, `sure` about both ends of its interval as well."""
        row: Row = {"name": self.name, "unit": self.unit, "value": None, "low": None, "high": None}
        row |= {bound: getattr(self, bound) for bound in BOUNDS if getattr(self, bound) is not None}
        if isinstance(found, Absent):
            return row | {"note": found.reason} | ({"pass": None} if found.is_due else {})
        row |= found.interval._asdict()
        if self.at_least is not None or self.at_most is not None:
            row["pass"] = found.holds and self._meets(found.interval.value)
            row["sure"] = found.holds and all(map(self._meets, found.interval))
        rest = {"beside": found.beside, "note": found.note, "noisy": found.is_noisy}
        return row | {name: value for name, value in rest.items() if value}

    def asks(self, row: Row) -> bool:
        """Whether a row of results was held to the same bounds."""
        return bool(row) and all(row.get(bound) == getattr(self, bound) for bound in BOUNDS)

    def _meets(self, value: float) -> bool:
        is_enough = self.at_least is None or value >= self.at_least
        return is_enough and (self.at_most is None or value <= self.at_most)


class Question:
    """A benchmark: its lines in order, its peers, its command line, its file of results.

    Args:
        name: Its name, and that of its files.
        about: The question itself, in a sentence.
        root: The checkout.
        seeds: Of whatever is random.
    """

    def __init__(self, name: str, about: str, root: Path, seeds: tuple[int, ...] = (0, 1, 2)) -> None:
        self.name, self.about, self.seeds = name, about, seeds
        self.root, self.home = root, root / "benchmarks"
        self.file = self.home / "results" / f"{name}.json"
        self.lines: list[Line] = []
        self.peers: dict[str, Peer] = {}
        self.load = Load()

    def peer(self, name: str, *requirements: str) -> None:
        """Compare with a library whose worker is `benchmarks/peers/NAME_worker.py`."""
        worker = self.home / "peers" / f"{name}_worker.py"
        self.peers[name] = Peer(name, requirements, worker, self.home / ".environments", self.load)

    def line(self, name: str, **bounds: Any) -> Callable[[Callable[[Desk], Figure | Absent]], Line]:
        """Add a line, measured by the function below this decorator; `bounds` are those of `Line`."""

        def add(measure: Callable[[Desk], Figure | Absent]) -> Line:
            self.lines.append(Line(name, measure, **bounds))
            return self.lines[-1]

        return add

    def main(self, words: Sequence[str] | None = None) -> int:
        """Answer the question within a budget, write the results, and return 0, or 1 where a line fails."""
        asked = self._parsed(words)
        code = fingerprint([self.root / "src", self.home])
        cache = Cache(self.home / ".cache" / self.name, code)
        if asked.fresh:
            cache.clear()
        rows, earlier, end = list[Row](), self._earlier(), time.monotonic() + 60 * asked.budget
        for line in self.lines:
            is_asked = asked.only is None or any(word in line.name for word in asked.only)
            left = (end - time.monotonic()) * is_asked / (len(self.lines) - len(rows))
            rows.append(self._row(line, Desk(self.load, self.peers, cache, self.seeds, left), earlier))
            print(told(rows[-1]), flush=True)
        for peer in self.peers.values():
            peer.close()
        self._write(rows)
        due = sum(row.get("pass", True) is None for row in rows)
        reached = f"{asked.budget:g} min reached {len(rows) - due} of {len(rows)} lines"
        print(reached + ("; run again to go on." if due else "."))
        return int(any(row.get("pass") is False for row in rows))

    def _parsed(self, words: Sequence[str] | None) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog=f"dev.py bench {self.name}", description=self.about)
        parser.add_argument("--budget", type=float, default=30.0, metavar="MINUTES", help="time to spend (30)")
        parser.add_argument("--fresh", action="store_true", help="measure anew what earlier runs have measured")
        parser.add_argument("--only", nargs="+", metavar="WORD", help="only lines with such a word in the name")
        return parser.parse_args(words)

    def _row(self, line: Line, desk: Desk, earlier: Mapping[str, Row]) -> Row:
        """The line's answer: as kept, as measured now, as measured with earlier code, or without a value."""
        key = {"question": self.name, "line": line.name, "seeds": self.seeds}
        row: Row | None = desk.cache.find(**key)
        if row is not None:
            return row
        if desk.seconds <= 0:
            return earlier.get(line.name, line.row(Absent("not reached", is_due=True)))
        try:
            found = line.measure(desk)
        except PeerError as error:
            found = Absent(str(error), is_due=True)
        if isinstance(found, Absent) and found.is_due:
            return line.row(found)  # not kept: the next run is to go on
        row = {**line.row(found), "budget": round(desk.seconds / 60, 1)}  # minutes that it had to answer within
        return desk.cache.keep(row, **key)  # type: ignore[no-any-return]

    def _earlier(self) -> dict[str, Row]:
        """{name: row} of what was measured on such a machine before, each with the commit that it was measured at."""
        if not self.file.is_file():
            return {}
        answer = json.loads(self.file.read_text(encoding="utf-8"))
        here, there = machine(), answer["machine"]
        if any(here[name] != there[name] for name in ("processor", "cores", "torch")):
            return {}
        found = {row["name"]: {"commit": answer["commit"], **row} for row in answer["rows"] if row["value"] is not None}
        return {line.name: found[line.name] for line in self.lines if line.asks(found.get(line.name, {}))}

    def _write(self, rows: list[Row]) -> None:
        """Write the results, and the page of all of them."""
        answer = {
            "question": self.about,
            "commit": commit(self.root),
            "machine": machine(),
            "seeds": self.seeds,
            "noisy": [row["name"] for row in rows if row.get("noisy")],
            "rows": rows,
            "pass": all(row.get("pass", True) for row in rows),
        }
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text(json.dumps(answer, indent=2) + "\n", encoding="utf-8")
        write_page(self.file.parent, self.root / "docs" / "benchmarks.md")
