"""A peer answers through a pipe, from an environment of its own that shares ours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from isthmus.bench import peers
from isthmus.bench.load import Load
from isthmus.bench.peers import Peer
from isthmus.errors import PeerError

WORKER = """
from isthmus.bench.worker import serve

def double(x):
    print("this is for people")
    return 2 * x

def leave():
    raise SystemExit

serve(double=double, leave=leave)
"""


@pytest.fixture
def peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Peer:
    """A peer that runs in our own environment."""
    monkeypatch.setattr(peers, "environment", lambda folder, requirements: Path(sys.executable))
    worker = tmp_path / "double_worker.py"
    worker.write_text(WORKER)
    return Peer("double", ("double==1",), worker, tmp_path, Load())


def test_a_peer_answers_again_and_again_and_is_a_friend(peer: Peer) -> None:
    assert [peer.ask("double", x=x) for x in (1, "a")] == [2, "aa"]
    assert peer.process is not None
    assert peer.load.friends == {peer.process.pid}
    peer.close()
    assert (peer.process, peer.load.friends) == (None, set())


@pytest.mark.parametrize(
    ("verb", "told"), [("triple", "KeyError: 'triple'"), ("double", "missing 1 required"), ("leave", "process ended")]
)
def test_a_peer_that_fails_says_how(peer: Peer, verb: str, told: str) -> None:
    with pytest.raises(PeerError, match=told):
        peer.ask(verb)
    peer.close()


@pytest.mark.slow
def test_an_environment_sees_our_torch_and_is_made_once(tmp_path: Path) -> None:
    python = peers.environment(tmp_path / "peer", ())
    stamp = (tmp_path / "peer" / peers.STAMP).stat().st_mtime_ns
    assert peers.environment(tmp_path / "peer", ()) == python
    assert (tmp_path / "peer" / peers.STAMP).stat().st_mtime_ns == stamp
    peer = Peer("torch", (), tmp_path / "torch_worker.py", tmp_path, Load())
    peer.worker.write_text("import torch\nfrom isthmus.bench.worker import serve\nserve(where=lambda: torch.__file__)")
    peer.folder = tmp_path / "peer"
    import torch

    assert peer.ask("where") == torch.__file__
    peer.close()
