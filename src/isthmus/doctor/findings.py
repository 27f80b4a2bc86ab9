"""What the doctor answers: findings with their remedies, what is in order, what could not be asked; and all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from isthmus.report.blocks import Block, Code, Note, Section
from isthmus.report.table import Table


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Args:
        seen: What was seen, with its figures.
        why: Why it matters.
        remedy: A call to make, where `model` is the model and `X` the rows that it was given.
        figures: What was measured, by name.
    """

    seen: str
    why: str
    remedy: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sound:
    """Something that was looked at and is in order.

    Args:
        seen: What was seen, with its figures.
        figures: What was measured, by name.
    """

    seen: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class NotAsked:
    """A question that does not arise, or for which something is missing.

    Args:
        reason: Why.
    """

    reason: str


Answer: TypeAlias = Finding | Sound | NotAsked


def percent(share: float) -> str:
    """A share for people; nothing has no sign.

    Example:
        >>> percent(0.953), percent(-0.001)
        ('95%', '0%')
    """
    return f"{round(share, 2) + 0.0:.0%}"


@dataclass(frozen=True)
class Diagnosis:
    """The answers of every check, by the check's name.

    Args:
        model: The class that was examined.
        rows: How many rows it was examined on; 0 where they could not be read.
        held_out: How many rows that it had not seen.
        answers: Name of the check -> what it answered.

    Example:
        >>> told = {"dead-units": Finding("3 of 8 units.", "They are idle.", "model.set_params(latent_dim=5).fit(X)")}
        >>> diagnosis = Diagnosis("Autoencoder", 150, 0, told | {"rate-collapsed": NotAsked("the code is free")})
        >>> list(diagnosis.findings)
        ['dead-units']
        >>> print(diagnosis)
        Autoencoder on 150 rows: 1 finding in 2 checks
        <BLANKLINE>
        dead-units
          seen    3 of 8 units.
          matters They are idle.
          do      model.set_params(latent_dim=5).fit(X)
        <BLANKLINE>
        not asked
          rate-collapsed: the code is free
    """

    model: str
    rows: int
    held_out: int
    answers: Mapping[str, Answer]

    @property
    def findings(self) -> dict[str, Finding]:
        """What is wrong, by name."""
        return {name: answer for name, answer in self.answers.items() if isinstance(answer, Finding)}

    @property
    def sound(self) -> dict[str, Sound]:
        """What is in order, by name."""
        return {name: answer for name, answer in self.answers.items() if isinstance(answer, Sound)}

    @property
    def not_asked(self) -> dict[str, str]:
        """What could not be asked, by name, and why."""
        return {name: answer.reason for name, answer in self.answers.items() if isinstance(answer, NotAsked)}

    @property
    def headline(self) -> str:
        """Who was examined, on what, and how many findings there are."""
        number = len(self.findings)
        found = f"{number or 'no'} finding{'s' if number != 1 else ''} in {len(self.answers)} checks"
        held_out = f" and {self.held_out} that it had not seen" if self.held_out else ""
        return f"{self.model} on {self.rows or 'unreadable'} rows{held_out}: {found}"

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "model": self.model,
            "rows": self.rows,
            "held_out": self.held_out,
            "findings": {name: asdict(finding) for name, finding in self.findings.items()},
            "sound": {name: asdict(answer) for name, answer in self.sound.items()},
            "not_asked": self.not_asked,
        }

    def blocks(self) -> list[Block]:
        """Everything as blocks of a report: the findings with their remedies, then a table of the rest."""
        found: list[Block] = [Section(name, _told(finding)) for name, finding in self.findings.items()]
        rest = [[name, "in order", answer.seen] for name, answer in self.sound.items()]
        rest += [[name, "not asked", reason] for name, reason in self.not_asked.items()]
        return [*found, Table(["check", "answer", "what was seen"], rest, "What else was looked at")] if rest else found

    def __str__(self) -> str:
        """Everything as text for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield self.headline
        for name, finding in self.findings.items():
            told = {"seen": finding.seen, "matters": finding.why, "do": finding.remedy}
            yield from ("", name, *(f"  {word:7} {text}" for word, text in told.items()))
        sound = {name: answer.seen for name, answer in self.sound.items()}
        for title, group in (("in order", sound), ("not asked", self.not_asked)):
            if group:
                yield from ("", title, *(f"  {name}: {text}" for name, text in group.items()))


def _told(finding: Finding) -> list[Block]:
    """A finding as blocks: what was seen and why it matters, and the call to make."""
    return [Note("warning", f"{finding.seen}\n\n{finding.why}"), Code(finding.remedy, "What to do")]
