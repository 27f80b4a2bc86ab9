"""Commands that share their first word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cyclopts import App

from isthmus.cli.fields import Command, with_fields


class Group(NamedTuple):
    """A word of the command line, and the commands below it.

    Args:
        name: The word.
        help: What the commands are for.
        commands: Each by its own word, in the order of the help.
    """

    name: str
    help: str
    commands: dict[str, Command]

    def app(self, words: Sequence[str], place: int) -> App:
        """The group as the command line has it, at its place in the help; `words` as in `with_fields`."""
        made = App(name=self.name, help=self.help, sort_key=place)
        for number, (name, command) in enumerate(self.commands.items()):
            made.command(with_fields(command, words, self.name), name=name, sort_key=number)
        return made
