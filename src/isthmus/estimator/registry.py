"""The family's register: a variant is a keyword-only dataclass that signs in under its file's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

import isthmus
from isthmus.errors import UnknownNameError

T = TypeVar("T", bound=type)

REGISTRY: dict[str, type] = {}
"""Every variant that has been imported, by its command-line name."""


@dataclass_transform(kw_only_default=True, eq_default=False)
def variant(*, paper: str) -> Callable[[T], T]:
    """Make a class a member of the family: its fields become keyword-only parameters, its file's name its own.

    Args:
        paper: Author, year, place and equation of what it implements.

    Example:
        >>> from isthmus.models.vae import VAE
        >>> REGISTRY["vae"] is VAE
        True
    """

    def register(cls: T) -> T:
        made: Any = dataclass(kw_only=True, eq=False, repr=False)(cls)
        made.paper = paper
        made.name = made.__module__.rpartition(".")[2].replace("_", "-")
        REGISTRY[made.name] = made
        return made  # type: ignore[no-any-return]

    return register


def saved_class(name: str) -> type:
    """The class called `name` among the public names, and nothing else: what a saved model may ask for.

    Raises:
        UnknownNameError: isthmus has no such class that can be saved.
    """
    homes = ("isthmus.models.", "isthmus.tasks.", "isthmus.estimator.predictors")
    known = [public for public in isthmus.__all__ if isthmus.home_of(public).startswith(homes) and public[0].isupper()]
    if name not in known:
        raise UnknownNameError.among("class", name, known)
    cls: type = getattr(isthmus, name)
    return cls
