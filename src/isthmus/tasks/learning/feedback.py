"""What people say of alarms, and what may be learnt from it: false alarms wait until others have confirmed them.

A verdict is a line of a ledger. What follows from all lines is worked out anew each time, so that a verdict which is
taken back leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.errors import ColumnError, ParameterError, UnknownNameError
from isthmus.tasks.drift.history import CONFIRMED, FALSE_ALARM, VERDICTS
from isthmus.tasks.learning.ledger import Ledger, name_of
from isthmus.tasks.learning.rows import rows_of
from isthmus.tasks.learning.versions import check_person

UNDO = "undo"


@dataclass(frozen=True)
class Rules:
    """When a false alarm may be learnt as normal.

    Args:
        confirmations: How many different people have to say so.
        per_person: False alarms that count of those whom one person was the first to report.
        per_entity: Of those of one entity: a host, a machine, a customer.
        share: The most that they may be of all normal rows that are learnt from.

    Raises:
        ParameterError: nobody has to say so, or a share that is none.

    Example:
        >>> Rules().confirmations
        2
    """

    confirmations: int = 2
    per_person: int = 200
    per_entity: int = 20
    share: float = 0.05

    def __post_init__(self) -> None:
        for name in ("confirmations", "per_person", "per_entity"):
            if getattr(self, name) < 1:
                came = f"{name}={getattr(self, name)!r}"
                raise ParameterError(came, "it is a number of people or rows", f"use {name}=1 at least")
        if not 0 <= self.share < 1:
            raise ParameterError(f"share={self.share!r}", "it is a share of the normal rows", "use share=0.05")


@dataclass(frozen=True)
class Item:
    """One row that somebody has spoken of.

    Args:
        name: Of the row.
        row: {column: value}.
        entity: Whose row it is; "" where nobody said.
        first: Who spoke first.
        false_alarm: Who said that it is normal.
        confirmed: Who said that it is an anomaly.
    """

    name: str
    row: Mapping[str, Any]
    entity: str
    first: str
    false_alarm: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """Where each row stands after all that was said.

    Args:
        admitted: False alarms that are normal rows now.
        quarantined: (row, why it waits) of those that are not yet, or never.
        pinned: Confirmed anomalies: no model may learn them, and each has to go on finding them.
    """

    admitted: Sequence[Item] = ()
    quarantined: Sequence[tuple[Item, str]] = ()
    pinned: Sequence[Item] = ()

    def __str__(self) -> str:
        """In words."""
        said = f"{len(self.admitted)} false alarms are normal rows now, {len(self.quarantined)} wait, "
        reasons = Counter(reason for _, reason in self.quarantined)
        waiting = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        return f"{said}{len(self.pinned)} anomalies are pinned" + (f" (waiting: {waiting})" if waiting else "")


@dataclass(frozen=True)
class Feedback:
    """The ledger of verdicts.

    Args:
        path: Its file.
        rules: What may be learnt.

    Example:
        >>> import tempfile
        >>> feedback = Feedback(Path(tempfile.mkdtemp()) / "feedback.jsonl")
        >>> number = feedback.say({"bytes": 9.0}, "false_alarm", by="ann")
        >>> print(feedback.standing(1000))
        0 false alarms are normal rows now, 1 wait, 0 anomalies are pinned (waiting: 1 not confirmed)
        >>> _ = feedback.say({"bytes": 9.0}, "false_alarm", by="bo")
        >>> len(feedback.standing(1000).admitted), feedback.undo(number, by="ann")
        (1, 3)
        >>> len(feedback.standing(1000).admitted)
        0
    """

    path: Path
    rules: Rules = field(default_factory=Rules)

    def say(self, row: Mapping[str, Any], verdict: str, *, by: str, entity: str = "", **facts: Any) -> int:
        """Write a verdict down; returns its number.

        Args:
            row: {column: value}.
            verdict: "false_alarm" or "confirmed".
            by: Who says so.
            entity: Whose row it is.
            **facts: Where it comes from: its score, the version that raised the alarm.

        Raises:
            UnknownNameError: another verdict.
            ParameterError: nobody says so.
        """
        check_person(by)
        if verdict not in VERDICTS:
            raise UnknownNameError.among("verdict", verdict, VERDICTS)
        known = {"row": dict(row), "name": name_of(row), "entity": entity}
        return int(self._ledger.add(verdict=verdict, by=by, **known, **facts)["number"])

    def take(self, table: Any) -> int:
        """Write down the verdicts of a table that are not written yet; returns how many.

        Args:
            table: Rows as they were scored, with the columns verdict, by, and maybe entity.

        Raises:
            ColumnError: no such columns.
        """
        known = {(line["name"], line["verdict"], line["by"]) for line in self._ledger.lines() if "name" in line}
        taken = 0
        for row in rows_of(table):
            if missing := [name for name in ("verdict", "by") if name not in row]:
                allowed = "each row says what it is, and who said so"
                raise ColumnError(
                    f"verdicts without {' and '.join(missing)}", allowed, "add the columns verdict and by"
                )
            verdict, by, entity = row.pop("verdict"), str(row.pop("by")), str(row.pop("entity", "") or "")
            if (name_of(row), verdict, by) not in known:
                self.say(row, verdict, by=by, entity=entity)
                taken += 1
        return taken

    def undo(self, number: int, *, by: str, why: str = "") -> int:
        """Take a verdict back; both lines stay, and it counts no more.

        Raises:
            ParameterError: no verdict has that number, or it was taken back before.
        """
        check_person(by)
        valid = [line["number"] for line in self._valid()]
        if number not in valid:
            allowed = f"of {len(valid)} verdicts that count, none has it"
            raise ParameterError(f"number={number}", allowed, "see feedback.jsonl")
        return int(self._ledger.add(verdict=UNDO, of=number, by=by, why=why)["number"])

    def standing(self, normals: int) -> Standing:
        """What follows from all that was said.

        Args:
            normals: Normal rows that are learnt from beside; false alarms may be a share of all.
        """
        items = self._items()
        pinned = [item for item in items if item.confirmed and not item.false_alarm]
        admitted: list[Item] = []
        waiting: list[tuple[Item, str]] = []
        most = int(self.rules.share / (1 - self.rules.share) * normals)
        for item in items:
            if item.false_alarm:
                reason = self._hindrance(item, admitted, most)
                if reason:
                    waiting.append((item, reason))
                else:
                    admitted.append(item)
        return Standing(admitted, waiting, pinned)

    def false_share(self) -> float:
        """Of the rows that were looked at, how many are normal; 1 where nobody has looked."""
        items = self._items()
        return sum(not item.confirmed for item in items) / len(items) if items else 1.0

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.path)

    def _valid(self) -> list[dict[str, Any]]:
        """The verdicts that were not taken back."""
        lines = self._ledger.lines()
        gone = {line["of"] for line in lines if line["verdict"] == UNDO}
        return [line for line in lines if line["verdict"] != UNDO and line["number"] not in gone]

    def _items(self) -> list[Item]:
        """Every row that was spoken of, in the order of its first verdict."""
        found: dict[str, Item] = {}
        for line in self._valid():
            item = found.get(line["name"]) or Item(line["name"], line["row"], line["entity"], line["by"])
            said = {word: getattr(item, word) for word in VERDICTS}
            said[line["verdict"]] = tuple(dict.fromkeys((*said[line["verdict"]], line["by"])))
            found[item.name] = Item(item.name, item.row, item.entity, item.first, said[FALSE_ALARM], said[CONFIRMED])
        return list(found.values())

    def _hindrance(self, item: Item, admitted: Sequence[Item], most: int) -> str:
        """Why a false alarm is not learnt as normal; "" where it is."""
        if item.confirmed:
            return "contradicted"
        if len(item.false_alarm) < self.rules.confirmations:
            return "not confirmed"
        if sum(one.first == item.first for one in admitted) >= self.rules.per_person:
            return "over the cap of one person"
        if item.entity and sum(one.entity == item.entity for one in admitted) >= self.rules.per_entity:
            return "over the cap of one entity"
        return "over the share of normal rows" if len(admitted) >= most else ""
