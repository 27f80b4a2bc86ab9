"""`isthmus models`."""

from __future__ import annotations

from isthmus.cli.members import members
from isthmus.cli.output import PLAIN, Output


def models(*, output: Output = PLAIN) -> None:
    """List the family: each member's name, what it is, and where it comes from."""
    found = members().values()
    width = max(len(member.name) for member in found)
    lines = [f"{member.name:{width}}  {member.sentence}\n{'':{width}}  {member.paper}" for member in found]
    output.answer("\n".join(lines), [member.as_dict() for member in found])
