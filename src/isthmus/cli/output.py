"""What every command takes, and how it answers: data on standard output, everything else on standard error."""

from __future__ import annotations

import json as jsons
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

FLAG = Parameter(negative="", show_default=False)
"""A switch that is off unless it is named."""


@Parameter(name="*", group=Group("Every command", sort_key=2))
@dataclass(frozen=True)
class Output:
    """How a command is told what to do, and how it answers.

    Args:
        config: A TOML file with options. An environment variable such as ISTHMUS_FIT_EPOCHS beats it, and an option
            on the command line beats both.
        print_config: Print every option with its value and where that comes from, and do nothing else.
        json: Answer in JSON.
        quiet: Say nothing on the way.
    """

    config: Path | None = None
    print_config: Annotated[bool, FLAG] = False
    json: Annotated[bool, FLAG] = False
    quiet: Annotated[bool, FLAG] = False

    def answer(self, text: str, facts: Any) -> None:
        """Print the answer: `text` for people, or `facts` as JSON."""
        print(jsons.dumps(facts) if self.json else text)

    def say(self, text: str) -> None:
        """Report progress."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)


PLAIN = Output()
