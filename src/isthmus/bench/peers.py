"""Other people's libraries, each in an environment of its own, behind a process that does what it is told now.

The environment adds to ours: what it needs and we lack, or have in a version that clashes, is installed into it and
found first; all else, torch above all, is the very same as ours.
"""

from __future__ import annotations

import json
import site
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path
from typing import IO, Any, cast

from isthmus.bench.load import Load
from isthmus.errors import PeerError

STAMP = "isthmus-peer"  # the file that says what a finished environment holds


class Peer:
    """A library to be compared with: installed at first use, then kept running, so that it can be timed in turns.

    Args:
        name: Its name, and that of its environment.
        requirements: What pip is to install.
        worker: The script that imports the library and calls `bench.worker.serve`.
        environments: The folder that holds the environments.
        load: Learns that the worker is a friend.
    """

    def __init__(self, name: str, requirements: tuple[str, ...], worker: Path, environments: Path, load: Load) -> None:
        self.name, self.requirements, self.worker, self.load = name, requirements, worker, load
        self.folder = environments / name
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        """The worker, which is started, in an environment that is made first, unless it runs."""
        if self.process is None:
            command = [str(environment(self.folder, self.requirements)), str(self.worker)]
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8")  # noqa: S603
            self.load.friends.add(self.process.pid)
        return self.process

    def ask(self, verb: str, **given: Any) -> Any:
        """What the worker answers to a verb of its own.

        Raises:
            PeerError: it failed, or could not be installed.
        """
        process = self.start()
        print(json.dumps({"verb": verb, "given": given}), file=process.stdin, flush=True)
        answer = json.loads(cast(IO[str], process.stdout).readline() or "{}")
        if "value" not in answer:
            came = f"{verb} of the peer {self.name!r}: {answer.get('error', 'its process ended').strip()}"
            raise PeerError(came, "a peer answers what it is asked", f"run {self.worker.name} by itself to see why")
        return answer["value"]

    def close(self) -> None:
        """End the worker, if there is one."""
        if self.process is not None:
            self.load.friends.discard(self.process.pid)
            self.process.communicate()  # closes its input, on which it ends
            self.process = None


def environment(folder: Path, requirements: tuple[str, ...]) -> Path:
    """The interpreter of an environment that holds the requirements, made unless it is there.

    Raises:
        PeerError: pip could not install them.
    """
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp, wanted = folder / STAMP, "\n".join([sys.version, *site.getsitepackages(), *requirements])
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    venv.create(folder, clear=True, with_pip=True, symlinks=sys.platform != "win32")
    own = next(folder.glob("lib/python*/site-packages"), folder / "Lib/site-packages")
    ours = "".join(f"import site; site.addsitedir({place!r})\n" for place in site.getsitepackages())
    (own / "ours.pth").write_text(ours, encoding="utf-8")
    constraints = folder / "constraints.txt"
    constraints.write_text(f"torch=={metadata.version('torch')}\n", encoding="utf-8")
    if requirements:
        _install(python, requirements, constraints)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _install(python: Path, requirements: tuple[str, ...], constraints: Path) -> None:
    """Let pip, which knows the user's own settings, install what is needed and leave torch alone."""
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(constraints)]
    done = subprocess.run([*pip, *requirements], capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        came = f"pip install {' '.join(requirements)}: {done.stderr.strip()[-500:]}"
        raise PeerError(came, "a peer is installed from where pip's settings say", "give pip a network, and run again")
