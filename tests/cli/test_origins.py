"""Where options come from: the command line, the environment, a TOML file, the default, in this order."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import isthmus as package
from isthmus.cli.fields import TOLD_OTHERWISE, model_named
from tests.cli.command import Isthmus


def options(isthmus: Isthmus, *words: object) -> dict[str, tuple[Any, str]]:
    """What --print-config says: value and origin by name."""
    rows = isthmus.ok("fit", *words, "--print-config", "--json").facts
    return {row["option"]: (row["value"], row["origin"]) for row in rows}


OPTIONS = """
model = "denoising-autoencoder"
epochs = 5
batch_size = 16
hidden-dims = [8, 4]
amount = 0.5
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """A file with options."""
    path = tmp_path / "run.toml"
    path.write_text(
        'model = "denoising-autoencoder"\nepochs = 5\nbatch_size = 16\nhidden-dims = [8, 4]\namount = 0.5\n'
    )
    return path


def test_a_flag_beats_the_environment_the_environment_the_file_the_file_the_default(
    isthmus: Isthmus, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTHMUS_FIT_EPOCHS", "6")
    monkeypatch.setenv("ISTHMUS_FIT_BATCH_SIZE", "32")
    found = options(isthmus, "--epochs", 7, "--config", toml)
    assert found["epochs"] == ("7", "command line")
    assert found["batch-size"] == ("32", "ISTHMUS_FIT_BATCH_SIZE")
    assert found["hidden-dims"] == (["8", "4"], str(toml))
    assert found["amount"] == ("0.5", str(toml))
    assert found["corruption"] == ("gaussian", "default")
    assert found["data"] == (None, "required")


def test_a_fit_uses_what_print_config_shows(
    isthmus: Isthmus, toml: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTHMUS_FIT_EPOCHS", "2")
    monkeypatch.setenv("ISTHMUS_FIT_CONFIG", str(toml))
    isthmus.ok("fit", data / "cancer.npy", "--out", tmp_path / "run", "--batch-size", 64)
    model = package.load(tmp_path / "run")
    assert type(model).__name__ == "DenoisingAutoencoder"
    assert (model.epochs, model.batch_size, model.hidden_dims, model.amount) == (2, 64, (8, 4), 0.5)
    assert (model.random_state, model.learning_rate) == (0, "auto")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("epoch = 3", "Did you mean --epochs?"),
        ("epochs = ", "typo.toml: Invalid value (at line 2"),
        ("amount = 1", "[amount]"),
    ],
)
def test_a_file_with_other_than_options_is_refused(isthmus: Isthmus, tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "typo.toml"
    path.write_text(f'model = "vae"\n{line}\n')
    answer = isthmus("fit", "rows.csv", "--out", tmp_path / "o", "--config", path)
    assert answer.code == 2
    assert told in answer.err


def test_an_option_may_be_called_like_a_command(isthmus: Isthmus, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('data = "rows.csv"\n')
    assert options(isthmus, "--config", path)["data"] == ("rows.csv", str(path))


def test_an_environment_variable_that_is_no_option_is_refused(
    isthmus: Isthmus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTHMUS_FIT_LATNT_DIM", "3")
    told = isthmus("fit", "rows.csv", "--model", "vae", "--out", "o")
    assert told.code == 2
    assert "ISTHMUS_FIT_LATNT_DIM" in told.err and "Did you mean --latent-dim?" in told.err
    assert isthmus("models").code == 0


def test_the_model_is_found_wherever_it_is_named(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_named(["fit", "--epochs", "3", "rows.csv"], "fit") == ""
    assert model_named(["fit", "--epochs", "3", "--model=vae", "rows.csv"], "fit") == "vae"
    assert model_named(["fit", "rows.csv", "--config", str(toml)], "fit") == "denoising-autoencoder"
    assert model_named(["detect", "fit", "rows.csv", "--model", "vae"], "detect fit") == "vae"
    monkeypatch.setenv("ISTHMUS_FIT_MODEL", "autoencoder")
    assert model_named(["fit", "rows.csv", "--config", str(toml)], "fit") == "autoencoder"


@pytest.mark.parametrize("name", package.family())
def test_every_field_of_a_model_is_an_option_with_its_default(isthmus: Isthmus, name: str) -> None:
    found = options(isthmus, "--model", name)
    for field in fields(package.family()[name]):
        if field.name not in TOLD_OTHERWISE:
            default = list(field.default) if isinstance(field.default, tuple) else field.default  # as JSON has it
            assert found[field.name.replace("_", "-")] == (default, "default")
    assert "(" + name + ")" not in isthmus.ok("fit", "--model", name, "--help").out


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        (["--hidden-dims", "8,4"], "hidden_dims", (8, 4)),
        (["--hidden-dims", "8", "--hidden-dims", "4"], "hidden_dims", (8, 4)),
        (["--hidden-dims", "16"], "hidden_dims", (16,)),
        (["--hidden-dims", "auto"], "hidden_dims", "auto"),
        (["--latent-dim", "2"], "latent_dim", 2),
        (["--learning-rate", "3e-3"], "learning_rate", 3e-3),
        (["--allow-overcomplete", "--latent-dim", "30"], "allow_overcomplete", True),
        (["--no-allow-overcomplete"], "allow_overcomplete", False),
        (["--architecture", "mlp"], "architecture", "mlp"),
    ],
)
def test_words_become_values_of_the_fields_types(
    isthmus: Isthmus, data: Path, tmp_path: Path, words: list[str], field: str, value: Any
) -> None:
    fit = ("fit", data / "cancer.npy", "--model", "autoencoder", "--out", tmp_path / "run", "--epochs", 1)
    isthmus.ok(*fit, *words)
    assert getattr(package.load(tmp_path / "run"), field) == value
