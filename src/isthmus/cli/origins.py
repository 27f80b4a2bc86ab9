"""Where an option's value comes from: the command line, else the environment, else a TOML file, else the default.

cyclopts gives each option the values of the command line, then asks the sources below in turn; one that finds an
option settled leaves it alone.
"""

from __future__ import annotations

import functools
import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, Token, UnknownOptionError
from cyclopts.config import Dict, Env

from isthmus.errors import UsageError

Source = Callable[[App, tuple[str, ...], ArgumentCollection], None]

NOT_SHOWN = ("*", "--print-config")
"""What stands for a group of options, and the option that asks."""
RECORD = "config.toml"
"""In a run's folder: the options that it was begun with."""


def sources(command: str = "", known_only: bool = True) -> list[Source]:
    """The sources of every command, strongest first.

    Args:
        command: Whose environment variables are meant, for an app that is no command of `isthmus`.
        known_only: Refuse a name that no option has; else pass over it.
    """

    def environment(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """ISTHMUS_COMMAND_OPTION."""
        prefix = "_".join(["ISTHMUS", *(commands or command.split()), ""]).replace("-", "_").upper()
        for name in filter(lambda name: name.startswith(prefix), os.environ):
            option = "--" + name.removeprefix(prefix).lower().replace("_", "-")
            if known_only and arguments.get(option, None) is None:
                raise UnknownOptionError(token=Token(keyword=option, source=name), argument_collection=arguments)
        Env(prefix, command=False, show=False)(app, commands, arguments)

    def file(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """The options that a TOML file holds by name."""
        for path in _files(arguments):
            # Below the command's own name, where cyclopts takes no option for one of the other commands.
            options = functools.reduce(lambda inner, name: {name: inner}, reversed(commands), read_toml(path))
            Dict(options, source=str(path), allow_unknown=not known_only)(app, commands, arguments)

    return [environment, file, print_all]


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds.

    Raises:
        UsageError: it is not there, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as missing:
        raise UsageError(
            f"{path}", f"a file of options is read from there ({missing.strerror})", "check the path"
        ) from missing
    except ValueError as broken:
        raise UsageError(f"{path}: {broken}", "options are written as TOML: epochs = 20", "mend that line") from broken


def _files(arguments: ArgumentCollection) -> list[Path]:
    """The file given by --config, then the record of the run that --resume takes up."""
    given = {name: _last(arguments, name) for name in ("--config", "--resume", "--out")}
    record = Path(given["--out"] or "") / RECORD
    again = [record] if given["--resume"] and given["--out"] and record.is_file() else []
    return ([Path(given["--config"])] if given["--config"] else []) + again


def _last(arguments: ArgumentCollection, name: str) -> str:
    """What an option was last given, "" for nothing; a flag that was given says so."""
    argument = arguments.get(name, None)
    tokens = argument.tokens if argument else []
    return tokens[-1].value or str(tokens[-1].implicit_value or "") if tokens else ""


def print_all(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """With --print-config: print each option with its value and where that comes from, and leave."""
    if not _last(arguments, "--print-config"):
        return
    shown = {one.name.lstrip("-"): one for one in arguments if one.name not in NOT_SHOWN and not one.children}
    rows = [{"option": name, **_value(one)} for name, one in shown.items()]
    width = max(len(row["option"]) for row in rows)
    lines = [f"{row['option']:{width}}  {row['value']!s:20}  {row['origin']}" for row in rows]
    print(json.dumps(rows) if _last(arguments, "--json") else "\n".join(lines))
    raise SystemExit(0)


def _value(argument: Any) -> dict[str, Any]:
    """An option's value as it was written, and its origin."""
    tokens = argument.tokens
    if not tokens:
        default = argument.field_info.default
        empty = argument.field_info.empty
        return {"value": None if default is empty else default, "origin": "required" if default is empty else "default"}
    values = [token.value or token.implicit_value for token in tokens]
    named = {"cli": "command line", "env": tokens[0].keyword}
    origin = named.get(tokens[0].source, tokens[0].source)
    return {"value": values[0] if len(values) == 1 else values, "origin": origin}
