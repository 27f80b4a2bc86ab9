#!/usr/bin/env python3
"""A developer's day in one file; it needs nothing but Python 3.11 and makes its own environment in .venv.

    python3 dev.py demo                 train, calibrate and explain an anomaly detector on real data
    python3 dev.py test [--all] [...]   the tests and doctests; --all adds the slow ones; the rest goes to pytest
    python3 dev.py check                ruff, its formatter, mypy --strict, and the lock against pyproject.toml
    python3 dev.py docs                 the documentation, every warning an error
    python3 dev.py bench [QUESTION ...] the benchmarks by name, or one of them with its own options
    python3 dev.py run ...              the isthmus command
    python3 dev.py lock                 pin every dependency anew in requirements.lock
    python3 dev.py audit                licences of what is installed, and its known vulnerabilities

The first command sets up: pip installs torch (it reads your own pip settings, which uv does not), uv installs
the rest from requirements.lock with hashes. A stamp in .venv makes every later set-up a no-op, and from then on
nothing but `lock` and `audit` needs a network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMP = VENV / "isthmus-set-up"
LOCK = ROOT / "requirements.lock"

TORCH, UV = "torch==2.13.0", "uv==0.13.8"
INTO_VENV = ("--quiet", "--python", BIN / "python")
EDITABLE = ("--no-deps", "--no-build-isolation", "--editable")
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
OLDEST = (3, 11)

# Python keeps what it compiles in .venv, whatever the caller's shell prefers: pip need not compile all of torch
# (half of its time) for the part that is imported, and no later process compiles that part again.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


# ---------------------------------------------------------------------------------------------- set-up


def use_new_python() -> None:
    """Start again under a newer Python where this one is too old, or say in one sentence what is missing."""
    if sys.version_info >= OLDEST:
        return
    for minor in (14, 13, 12, 11):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, __file__, *sys.argv[1:]])
    sys.exit(f"This is Python {sys.version.split()[0]}; isthmus needs 3.11 or newer: install it, then run me with it.")


def set_up() -> None:
    """Bring .venv to what requirements.lock and pyproject.toml ask for; no work where the stamp says it is there."""
    wanted = fingerprint()
    if STAMP.is_file() and STAMP.read_text() == wanted:
        return
    make_environment()
    locked = ("--no-deps", "--require-hashes", "-r", LOCK)  # the lock is whole, and leaves torch out, which some need
    step("the locked packages", BIN / "uv", "pip", "install", *INTO_VENV, *locked)
    step("isthmus itself", BIN / "uv", "pip", "install", *INTO_VENV, *EDITABLE, ROOT)
    step("a check that all fit together", BIN / "uv", "pip", "check", *INTO_VENV)
    STAMP.write_text(wanted)


def make_environment() -> None:
    """Make .venv with torch and uv in it, as far as they are not there yet."""
    if not is_usable():
        step("an environment in .venv", sys.executable, "-m", "venv", "--clear", VENV)
    pip = (BIN / "python", "-m", "pip", "install", "-qq", "--no-compile", "--disable-pip-version-check")
    step(f"{TORCH} and {UV}", *pip, *cpu_wheels(), TORCH, UV)


def is_usable() -> bool:
    """Whether .venv is whole, as far as set-up needs it: a Python that is new enough, and pip."""
    python = shutil.which("python", path=str(BIN))
    if python is None:
        return False
    question = f"import pip, sys; sys.exit(sys.version_info < {OLDEST})"
    return subprocess.run([python, "-c", question], stderr=subprocess.DEVNULL).returncode == 0


def fingerprint() -> str:
    """What .venv depends on, as one hash; the checkout's own place is part of it, for .venv holds absolute paths."""
    parts = (LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), f"{TORCH} {UV} {ROOT}".encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def cpu_wheels() -> tuple[str, ...]:
    """Pip's option for PyTorch's own CPU wheels, where they are wanted and within reach.

    Linux alone has a choice: its default build brings gigabytes of CUDA. An index that cannot be reached costs pip
    minutes of retries, so it is asked first; a torch that is already there needs no index at all.
    """
    installed = f"lib/python*/site-packages/{TORCH.replace('==', '-')}*"
    if sys.platform != "linux" or has_gpu() or any(VENV.glob(installed)):
        return ()
    return ("--extra-index-url", CPU_WHEELS) if answers_within(3.0, CPU_WHEELS + "/") else ()


def has_gpu() -> bool:
    """Whether this Linux shows the driver of an NVIDIA or AMD device."""
    return bool(shutil.which("nvidia-smi")) or any(map(os.path.exists, ("/proc/driver/nvidia", "/dev/kfd")))


def answers_within(seconds: float, url: str) -> bool:
    """Whether `url` answers in time; a thread keeps the time, since no timeout covers the look-up of a name."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds):  # noqa: S310
                answered.set()
        except OSError:
            return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return answered.is_set()


def step(what: str, *command: object) -> None:
    """Run one step of the set-up, or stop with the step's name after its own message."""
    print(f"dev.py: {what} ...", file=sys.stderr, flush=True)
    code = call(*command)
    if code:
        print("dev.py: it ran", *command, file=sys.stderr)
        sys.exit(f"dev.py: set-up stopped at {what} (exit {code}): mend what is said above, then run me again.")


def call(*command: object, cwd: Path = ROOT, environment: Mapping[str, str] = ENVIRONMENT) -> int:
    """Run a command to its end and return its exit code; 127 where the program is not there."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(words, cwd=cwd, env=environment).returncode
    except FileNotFoundError as missing:
        print(missing, file=sys.stderr)
        return 127


# -------------------------------------------------------------------------------------------- commands


def demo(*options: str) -> int:
    """The main job on real data; ends with the path of its report."""
    return run("demo", *options)


def run(*options: str) -> int:
    """The isthmus command, in the folder it was called from."""
    set_up()
    return call(BIN / "python", "-m", "isthmus", *options, cwd=Path.cwd())


def test(*options: str) -> int:
    """Tests and doctests on two workers with a thread each, so that they do not fight over the cores."""
    set_up()
    tier = ("-m", "") if "--all" in options else ()
    rest = [option for option in options if option != "--all"]
    one_thread = {"OMP_NUM_THREADS": "1", **ENVIRONMENT}
    return call(BIN / "python", "-m", "pytest", "-n", "2", *tier, *rest, environment=one_thread)


def check() -> int:
    """Every static check, each run whatever the ones before it found."""
    set_up()
    codes = [
        call(BIN / "ruff", "check"),
        call(BIN / "ruff", "format", "--check"),
        call(BIN / "mypy"),
        call(BIN / "python", "-m", "pytest", "--quiet", "tests/architecture/test_lock.py"),
    ]
    return max(codes)


def docs(*options: str) -> int:
    """The documentation, into docs/_build/html."""
    set_up()
    page = ROOT / "docs" / "_build" / "html" / "index.html"
    code = call(BIN / "python", "-m", "sphinx", "-W", "--keep-going", "-q", *options, "docs", page.parent)
    if not code:
        print(page)
    return code


def bench(*words: str) -> int:
    """The questions that benchmarks/ can answer, or the answer to one."""
    questions = sorted(file.stem for file in (ROOT / "benchmarks").glob("[!_]*.py"))
    if not words or words[0] not in questions:
        print("dev.py bench QUESTION [--budget MINUTES]; the questions:", *questions, sep="\n  ")
        return 2 if words else 0
    set_up()
    return call(BIN / "python", ROOT / "benchmarks" / f"{words[0]}.py", *words[1:])


def lock() -> int:
    """Resolve pyproject.toml into uv.lock (ignored by git: it names hosts), write requirements.lock, install it.

    torch's private tree is pruned, for pip installs it; the user's own find-links would end up in the result.
    """
    make_environment()
    clean = {name: value for name, value in ENVIRONMENT.items() if name != "UV_FIND_LINKS"}
    kept = ("--prune", "torch", "--no-emit-project", "--no-header", "--extra", "all", "--group", "dev")
    code = call(BIN / "uv", "lock", "--upgrade", environment=clean)
    code = code or call(BIN / "uv", "export", "--quiet", "--frozen", *kept, "--output-file", LOCK, environment=clean)
    if not code:
        set_up()
    return code


def audit() -> int:
    """Name, version and licence of all that is installed; then the vulnerabilities that the OSV database knows."""
    set_up()
    for line in sorted(licences(), key=str.casefold):
        print(line)
    return call(BIN / "uv", "audit", "--preview-features", "audit-command")


def licences() -> Iterator[str]:
    """One line for each distribution in .venv, its licence as the distribution itself declares it."""
    (packages,) = VENV.glob("lib/python*/site-packages" if os.name != "nt" else "Lib/site-packages")
    for found in metadata.distributions(path=[str(packages)]):
        about = found.metadata.json
        classes = [line.split(" :: ")[-1] for line in about.get("classifier", ()) if line.startswith("License ::")]
        licence = about.get("license_expression") or "; ".join(classes) or about.get("license", "not declared")
        yield f"{found.name + ' ' + found.version:40} {licence}"


COMMANDS: dict[str, Callable[..., int]] = {
    command.__name__: command for command in (demo, test, check, docs, bench, run, lock, audit)
}


def main(words: list[str]) -> int:
    """Run the command that the first word names, with the other words."""
    use_new_python()
    if not words or words[0] not in COMMANDS:
        print(__doc__, file=sys.stdout if words in (["--help"], ["-h"]) else sys.stderr)
        return 0 if words in (["--help"], ["-h"]) else 2
    try:
        return COMMANDS[words[0]](*words[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
