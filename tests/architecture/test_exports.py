"""The public names: sorted, resolvable, and the ones that `dir` shows."""

from __future__ import annotations

import pytest

import isthmus


def test_names_are_sorted_where_they_are_written() -> None:
    assert list(isthmus._NAMES) == sorted(isthmus._NAMES)
    assert list(isthmus._MODULES) == sorted(isthmus._MODULES)


@pytest.mark.parametrize("name", isthmus.__all__)
def test_every_public_name_resolves(name: str) -> None:
    value = getattr(isthmus, name)
    home = isthmus._NAMES.get(name)
    assert value.__name__ in (name, f"isthmus.{name}")
    assert value.__doc__
    assert home is None or value.__module__.startswith("isthmus.")


def test_dir_shows_the_public_names() -> None:
    assert set(dir(isthmus)) == {*isthmus.__all__, "__version__"}


def test_an_unknown_name_is_an_attribute_error_that_lists_the_known() -> None:
    with pytest.raises(AttributeError, match=r"isthmus\.Autoencodr.*errors"):
        _ = isthmus.Autoencodr
