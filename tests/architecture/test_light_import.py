"""What a shell user waits for: asking for help or a name must not load torch or scikit-learn."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "sklearn", "pandas", "polars", "pyarrow", "matplotlib")
REPORT = f"import sys; heavy = [name for name in {HEAVY} if name in sys.modules]; sys.exit(str(heavy) if heavy else 0)"


@pytest.mark.parametrize("statement", ["import isthmus", "import isthmus; dir(isthmus); isthmus.__version__"])
def test_import_loads_nothing_heavy(statement: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"{statement}; {REPORT}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
