"""requirements.lock pins, with hashes, everything that pyproject.toml asks for on every supported Python and system.

Read offline; `dev.py check` runs this file.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator

import dev
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.architecture.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
ENTRIES = [entry for entry in re.split(r"\n(?=\S)", LOCK.replace("\\\n", "")) if not entry.startswith("#")]
PINS = [Requirement(re.split(r"\s+--hash=", entry)[0].split("\n")[0]) for entry in ENTRIES]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = (("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"), ("win32", "Windows", "nt"))


def environment(python: str, system: tuple[str, str, str]) -> dict[str, str]:
    """What markers are judged by, for one Python on one system."""
    platform, name, family = system
    version = {"python_version": python, "python_full_version": f"{python}.8", "implementation_name": "cpython"}
    return version | {
        "sys_platform": platform,
        "platform_system": name,
        "os_name": family,
        "platform_python_implementation": "CPython",
    }


def extra(name: str) -> Iterator[Requirement]:
    """The requirements of one extra, those of the extras that it names included."""
    for requirement in map(Requirement, PROJECT["project"]["optional-dependencies"][name]):
        if requirement.name == "isthmus":
            yield from itertools.chain.from_iterable(map(extra, sorted(requirement.extras)))
        else:
            yield requirement


def group(name: str) -> Iterator[Requirement]:
    """The requirements of one dependency group, those of the groups that it includes included."""
    for entry in PROJECT["dependency-groups"][name]:
        if isinstance(entry, dict):
            yield from group(entry["include-group"])
        else:
            yield Requirement(entry)


def asked() -> list[Requirement]:
    """All that a developer's environment must hold; torch apart, which pip installs."""
    core = map(Requirement, PROJECT["project"]["dependencies"])
    return [one for one in itertools.chain(core, extra("all"), group("dev")) if one.name != "torch"]


def unmet(wanted: Iterable[Requirement], pins: Iterable[Requirement], where: dict[str, str]) -> list[str]:
    """The requirements that no pin for this environment satisfies."""
    active = (pin for pin in pins if pin.marker is None or pin.marker.evaluate(where))
    versions = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in active}
    return [
        f"{one} (pinned: {versions.get(canonicalize_name(one.name))})"
        for one in wanted
        if (one.marker is None or one.marker.evaluate(where))
        and not one.specifier.contains(versions.get(canonicalize_name(one.name), "0"), prereleases=True)
    ]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system[1])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_satisfies_the_project(python: str, system: tuple[str, str, str]) -> None:
    missing = unmet(asked(), PINS, environment(python, system))
    assert not missing, f"{missing}: run python3 dev.py lock"


def test_every_pin_is_exact_and_carries_hashes() -> None:
    assert all(str(pin.specifier).startswith("==") for pin in PINS)
    assert all("--hash=sha256:" in entry for entry in ENTRIES)


def test_the_torch_that_set_up_installs_is_one_that_users_may_have() -> None:
    pinned = Requirement(dev.TORCH)
    wanted = next(one for one in map(Requirement, PROJECT["project"]["dependencies"]) if one.name == "torch")
    assert not unmet([wanted], [pinned], environment("3.11", SYSTEMS[0]))
    assert dev.TORCH in PROJECT["tool"]["uv"]["constraint-dependencies"]
    assert "torch" not in {pin.name for pin in PINS}


def test_a_missing_and_an_old_pin_would_be_seen() -> None:
    wanted = [Requirement("numpy>=2"), Requirement("rich>=14")]
    assert len(unmet(wanted, [Requirement("numpy==1.26.4")], environment("3.11", SYSTEMS[0]))) == len(wanted)
