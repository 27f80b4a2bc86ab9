"""`isthmus`: the commands, and what becomes of their errors.

Standard output carries data only; progress, warnings and errors go to standard error. The exit code is 0 where all
went well, 1 where something failed, 2 where the command or its data cannot be used, 3 where `--fail-on-...` found
something, 130 after Ctrl-C. A command imports torch when it begins to work, so that asking is quick.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter

import isthmus
from isthmus.cli import origins
from isthmus.cli.backtest import backtest
from isthmus.cli.data import data
from isthmus.cli.demo import demo
from isthmus.cli.detect import detect
from isthmus.cli.doctor import doctor
from isthmus.cli.export import export
from isthmus.cli.fields import Command, with_fields
from isthmus.cli.fit import fit
from isthmus.cli.groups import Group
from isthmus.cli.models import models
from isthmus.cli.report import report
from isthmus.cli.sae import sae
from isthmus.cli.sample import sample
from isthmus.cli.score import score
from isthmus.cli.serve import serve
from isthmus.cli.store import store
from isthmus.cli.tune import tune
from isthmus.cli.verbs import decode, encode, reconstruct
from isthmus.cli.version import version
from isthmus.cli.versions import promote, retrain, rollback
from isthmus.cli.watch import watch
from isthmus.errors import DataFileError, IsthmusError, StoreError, TrainingError, UsageError

_LEARN = (demo, data, models, fit, tune, detect)
_USE = (encode, decode, reconstruct, sample, score)
_KEEP = (serve, export, store, watch, retrain, promote, rollback, backtest)
COMMANDS: tuple[Command | Group, ...] = (*_LEARN, *_USE, sae, *_KEEP, doctor, report, version)
"""In the order of `isthmus --help`."""

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Carry out one command line.

    Args:
        words: What stands behind `isthmus`.

    Returns:
        The exit code.

    Example:
        >>> run(["version"])
        isthmus ...
        0
    """
    with warnings.catch_warnings():
        warnings.showwarning = _warn
        try:
            code = build(words)(words, exit_on_error=False, print_error=False) or 0
            sys.stdout.flush()  # where nobody reads any more, it is said here and not when Python ends
            return int(code)
        except CycloptsError as refused:
            return _tell(_usage(refused, words), words)
        except IsthmusError as error:
            return _tell(error, words)
        except SystemExit as left:
            return int(left.code or 0)
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except OSError as failed:
            fix = "see to it (space? permissions?) and run the command again"
            _tell(DataFileError(str(failed), "the system refused it", fix), words)
            return FAILED


def build(words: Sequence[str] = ()) -> App:
    """The whole command; `words` say which model's fields are among the options of those that train one."""
    app = App(
        name="isthmus",
        help="Autoencoders that say what crosses, what crossing costs and what is lost.\n\n"
        "`isthmus COMMAND --help` says what a command takes.",
        version=f"isthmus {isthmus.__version__}",
        config=origins.sources(),
        default_parameter=Parameter(negative_bool=(), negative_iterable=(), negative_none=()),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    for place, command in enumerate(COMMANDS):
        if isinstance(command, Group):
            app.command(command.app(words, place))
        else:
            app.command(with_fields(command, words), sort_key=place)
    return app


def _usage(refused: CycloptsError, words: Sequence[str]) -> UsageError:
    """A refused command line in our three sentences."""
    came, _, near = str(refused).replace("\n", " ").partition(" Did you mean ")
    command = " ".join(["isthmus", *(refused.command_chain or ())])
    fix = f"did you mean {near.partition('?')[0]}?" if near else f"see {command} --help"
    return UsageError(came or " ".join(words), f"{command} --help lists what it takes", fix)


def _tell(error: IsthmusError, words: Sequence[str]) -> int:
    """Print an error on standard error, as JSON where that was asked for; returns the exit code."""
    told = json.dumps(error.as_dict()) if "--json" in words else f"{type(error).__name__}: {error}"
    print(told, file=sys.stderr)
    return FAILED if isinstance(error, TrainingError | StoreError) else USAGE


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning without the line of code that gave it."""
    print(f"warning: {message}", file=sys.stderr)
