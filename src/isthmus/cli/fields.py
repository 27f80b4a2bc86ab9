"""A model's fields as options, read from its class: no list of options is written by hand for any model.

A command that trains takes `model: str` and `**fields: Any`. `with_fields` puts the fields that every model has, and
those of the model that the words name, in the place of the latter.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from dataclasses import field, fields, make_dataclass
from typing import Annotated, Any, get_type_hints

from cyclopts import App, Group, Parameter, Token, convert

from isthmus.cli import origins
from isthmus.cli.members import common, member

TOLD_OTHERWISE = ("random_state", "verbose")
"""Fields that the commands have options of their own for: --random-state (0 unless told) and --quiet."""

Command = Callable[..., Any]


def with_fields(command: Command, words: Sequence[str], group: str = "") -> Command:
    """The command with its model's fields among its parameters; one without `**fields` comes back as it is.

    Args:
        command: The function.
        words: The command line.
        group: The word before the command's own, where there is one.

    Raises:
        UnknownNameError: the words name a model that there isn't.
    """
    signature = inspect.signature(command)
    taken = list(signature.parameters.values())
    if taken[-1].kind is not inspect.Parameter.VAR_KEYWORD:
        return command
    path, usual = f"{group} {command.__name__}".split(), signature.parameters["model"].default
    named = model_named(words, " ".join(path)) if list(words[: len(path)]) == path else ""
    name = named or ("" if usual is inspect.Parameter.empty else usual)
    own = [(member(name).source, f"Fields of {member(name).name}")] if name else []
    sources = [*own, (common(), "Fields of every model")]

    def filled(*args: Any, **options: Any) -> Any:
        """Call the command with each field by its name."""
        groups = [vars(options.pop(source.name)) for source, _ in sources if source.name in options]
        return command(*args, **options, **{key: value for group in groups for key, value in group.items()})

    added = [_parameter(source, group) for source, group in own]
    known = [one.name for parameter in added for one in fields(parameter.default)]  # with defaults of the model's own
    known += [name for source, _ in own for name in fixed(source)]
    added.append(_parameter(*sources[-1], known))
    filled.__name__, filled.__doc__ = command.__name__, command.__doc__
    filled.__signature__ = signature.replace(parameters=[*taken[:-1], *added])  # type: ignore[attr-defined]
    hints = get_type_hints(command, include_extras=True)
    filled.__annotations__ = {**hints, **{one.name: one.annotation for one in added}}
    return filled


def model_named(words: Sequence[str], command: str) -> str:
    """The model that a command line, the environment or the TOML file names; "" for none.

    Example:
        >>> model_named(["fit", "rows.csv", "--model", "vae", "--epochs", "3"], "fit")
        'vae'
    """

    # The options that lead to a file with options in it are read too.
    def look(
        *rest: Annotated[str, Parameter(allow_leading_hyphen=True)],
        model: str = "",
        out: str = "",
        config: str = "",
        resume: bool = False,
    ) -> str:
        """Take in any command line."""
        return model

    app = App(default_command=look, help_flags=(), version_flags=(), result_action="return_value")
    app.config = origins.sources(command, known_only=False)
    return str(app(words[len(command.split()) :], exit_on_error=False, print_error=False))


def _parameter(source: ast.ClassDef, group: str, known: Sequence[str] = ()) -> inspect.Parameter:
    """One keyword parameter that stands for all fields of a class but those that are known already."""
    options = _options(source, known)
    hint: Any = Annotated[options, Parameter(name="*", group=Group(group, sort_key=1), negative_bool="no-")]
    return inspect.Parameter(source.name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=options())


def _options(source: ast.ClassDef, known: Sequence[str]) -> Any:
    """The dataclass fields of a class in the syntax tree, as a dataclass that the command line can read."""
    assigned = [line for line in source.body if isinstance(line, ast.AnnAssign) and line.value is not None]
    found = [
        (name, _hint(hint), field(default=ast.literal_eval(line.value)))
        for line in assigned
        if line.value is not None
        and (name := ast.unparse(line.target)) not in (*TOLD_OTHERWISE, *known)
        and not (hint := ast.unparse(line.annotation)).startswith("ClassVar")
    ]
    namespace = {"__doc__": ast.get_docstring(source), "__module__": __name__}
    return make_dataclass(source.name, found, kw_only=True, namespace=namespace)


def fixed(source: ast.ClassDef) -> list[str]:
    """What a class has for good, and no caller says, though other models have fields of that name.

    Example:
        >>> fixed(ast.parse("class A: depth: ClassVar[int] = 3").body[0])
        ['depth']
    """
    assigned = [line for line in source.body if isinstance(line, ast.AnnAssign)]
    return [ast.unparse(line.target) for line in assigned if ast.unparse(line.annotation).startswith("ClassVar")]


def _hint(written: str) -> Any:
    """An annotation as the command line reads it: where Python takes anything it takes text, and lists have commas."""
    hint: Any = written.replace("Any", "str")
    return Annotated[hint, Parameter(converter=_listed)] if written.startswith("tuple") else hint


def _listed(hint: Any, tokens: Sequence[Token]) -> Any:
    """Several values: `--hidden-dims 64,32`, the option given twice, or a list of the TOML file."""
    return convert(hint, [token.evolve(value=part) for token in tokens for part in token.value.split(",")])
