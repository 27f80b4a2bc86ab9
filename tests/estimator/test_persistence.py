"""A folder is a whole model or none: what was written comes back, whatever was changed is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris, load_wine

import isthmus
from isthmus import VAE, Autoencoder, Convolutional, DenoisingAutoencoder
from isthmus.errors import (
    AbilityError,
    CorruptFileError,
    MissingFileError,
    ModelFileError,
    NewerFormatError,
    UnknownNameError,
)
from isthmus.estimator import persistence
from isthmus.estimator.persistence import CARD, CONFIG, NEXT, TENSORS

X = load_wine().data


def fitted(cls: Any = VAE, **params: Any) -> Any:
    """A small model."""
    usual = {"latent_dim": 2, "hidden_dims": (8,), "epochs": 1, "random_state": 0}
    return cls(**{**usual, **params}).fit(X)


@pytest.fixture(scope="module")
def model() -> Any:
    return fitted()


@pytest.fixture
def folder(model: Any, tmp_path: Path) -> Path:
    """A saved model."""
    return model.save(tmp_path / "model")


def same(folder: Path, model: Any) -> bool:
    """Whether the folder holds this model."""
    return np.array_equal(isthmus.load(folder).score_samples(X), model.score_samples(X))


def resealed(folder: Path, **changes: Any) -> None:
    """Change the config and give it the digest it then needs, as somebody who knows the format would."""
    body = json.loads((folder / CONFIG).read_bytes())
    del body[persistence.SEAL]
    (folder / CONFIG).write_bytes(persistence._sealed({**body, **changes}))


def test_a_folder_has_the_layout_of_the_hub(folder: Path, model: Any) -> None:
    assert sorted(file.name for file in folder.iterdir()) == [CARD, CONFIG, TENSORS]
    config = json.loads((folder / CONFIG).read_bytes(), parse_constant=pytest.fail)
    assert (config["class"], config["format"]) == ("VAE", 1)
    assert (folder / CARD).read_text().startswith("# VAE\n")
    assert same(folder, model)


def places(size: int, seed: int) -> list[int]:
    """The first and last byte of a file, and some between."""
    return sorted({0, size - 1, *np.random.default_rng(seed).integers(0, size, 60).tolist()})


@pytest.mark.parametrize("name", [CONFIG, TENSORS])
@pytest.mark.parametrize("bit", [0, 5, 7])
def test_every_changed_byte_is_seen(name: str, bit: int, folder: Path) -> None:
    whole = (folder / name).read_bytes()
    for place in places(len(whole), bit):
        changed = bytearray(whole)
        changed[place] ^= 1 << bit
        (folder / name).write_bytes(changed)
        with pytest.raises((CorruptFileError, NewerFormatError)) as caught:
            isthmus.load(folder)
        assert name in caught.value.came or "format" in caught.value.came


@pytest.mark.parametrize("name", [CONFIG, TENSORS])
@pytest.mark.parametrize("length", [0, 1, -1])
def test_a_file_that_was_cut_short_is_seen(name: str, length: int, folder: Path) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:length])
    with pytest.raises(CorruptFileError, match=name):
        isthmus.load(folder)


@pytest.mark.parametrize("text", ["[]", "3", '"text"', "null", "{}", '{"format": null}', "[" * 100_000])
def test_a_config_that_is_none_is_seen(text: str, folder: Path) -> None:
    (folder / CONFIG).write_text(text)
    with pytest.raises(CorruptFileError, match="not a config that isthmus wrote"):
        isthmus.load(folder)


def test_white_space_and_notation_count_too(folder: Path) -> None:
    text = (folder / CONFIG).read_text()
    for changed in (text + "\n", text.replace("\n ", "\n\t", 1), text.replace("e-0", "E-0", 1)):
        if changed != text:
            (folder / CONFIG).write_text(changed)
            with pytest.raises(CorruptFileError, match="digest"):
                isthmus.load(folder)


@pytest.mark.parametrize("name", [CONFIG, TENSORS])
def test_a_missing_file_is_named(name: str, folder: Path) -> None:
    (folder / name).unlink()
    with pytest.raises(MissingFileError, match=name):
        isthmus.load(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="nowhere"):
        isthmus.load(tmp_path / "nowhere")


def test_the_card_may_be_edited_or_go(folder: Path, model: Any) -> None:
    (folder / CARD).write_text("# My model\n")
    assert same(folder, model)
    (folder / CARD).unlink()
    assert same(folder, model)


def test_a_newer_format_is_refused(folder: Path) -> None:
    resealed(folder, format=99, isthmus="9.9")
    with pytest.raises(NewerFormatError, match=r"format 99 \(isthmus 9.9\)"):
        isthmus.load(folder)


@pytest.mark.parametrize("name", ["os.system", "Pipeline", "EarlyStopping", "split_for_detection", "load", "Va"])
def test_classes_that_are_no_members_are_refused(name: str, folder: Path) -> None:
    resealed(folder, **{"class": name})
    with pytest.raises(UnknownNameError, match="known are"):
        isthmus.load(folder)


def test_tensors_of_another_network_are_refused(folder: Path, tmp_path: Path) -> None:
    other = fitted(latent_dim=3).save(tmp_path / "other")
    (folder / TENSORS).write_bytes((other / TENSORS).read_bytes())
    with pytest.raises(CorruptFileError, match="digest"):
        isthmus.load(folder)
    resealed(folder, tensors_sha256=json.loads((other / CONFIG).read_bytes())["tensors_sha256"])
    with pytest.raises(CorruptFileError, match="has shape"):
        isthmus.load(folder)


class Killed(BaseException):
    """The process was killed here."""


def killed_at(moment: int, patch: pytest.MonkeyPatch) -> None:
    """Let the process die at the given renaming, before it happens; negative: after it."""
    count, replace = [0], Path.replace

    def replacing(self: Path, target: Any) -> Path:
        count[0] += 1
        if count[0] == moment:
            raise Killed
        answer = replace(self, target)
        if count[0] == -moment:
            raise Killed
        return answer

    patch.setattr(Path, "replace", replacing)


@pytest.mark.parametrize("moment", [1, -1, 2, -2, 3, -3, 4, -4])
@pytest.mark.parametrize("again", [False, True])
def test_a_killed_save_leaves_the_old_model_or_the_new(moment: int, again: bool, folder: Path, model: Any) -> None:
    other = fitted(random_state=1)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        killed_at(moment, patch)
        other.save(folder)
    assert same(folder, other if moment in (-3, 4, -4) else model)
    if again:  # one more that dies before it has changed anything but what the first left behind
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            killed_at(3, patch)
            fitted(random_state=2).save(folder)
        assert same(folder, other if moment in (-3, 4, -4) else model)
    assert same(model.save(folder), model)
    assert NEXT not in os.listdir(folder)


@pytest.mark.parametrize("moment", [1, 2, -2, 3, 4])
def test_a_first_save_that_is_killed_is_no_model(moment: int, model: Any, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        killed_at(moment, patch)
        model.save(tmp_path / "model")
    with pytest.raises(MissingFileError):
        isthmus.load(tmp_path / "model")
    assert same(model.save(tmp_path / "model"), model)


def test_what_else_the_folder_holds_stays(folder: Path, model: Any) -> None:
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("precious")
    fitted(random_state=1).save(folder)
    assert (folder / "notes" / "mine.txt").read_text() == "precious"
    assert same(model.save(folder), model)


def test_a_file_is_not_written_over(model: Any, tmp_path: Path) -> None:
    (tmp_path / "model").write_text("precious")
    with pytest.raises(ModelFileError, match="Name another path"):
        model.save(tmp_path / "model")
    assert (tmp_path / "model").read_text() == "precious"


def test_paths_may_be_text_and_relative(model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert same(model.save("deep/in/model"), model)
    assert same(model.save("."), model)
    assert isthmus.load("deep/in/model").get_params() == model.get_params()


@pytest.mark.parametrize(
    ("param", "value", "back"),
    [
        ("random_state", np.random.RandomState(0), None),
        ("random_state", np.int64(3), 3),
        ("hidden_dims", [8, 4], (8, 4)),
        ("hidden_dims", np.array([8, 4]), (8, 4)),
        ("learning_rate", np.float64(0.01), 0.01),
        ("architecture", isthmus.MLP(dropout=0.1), isthmus.MLP(dropout=0.1)),
        ("architecture", "residual", "residual"),
    ],
)
def test_parameters_come_back_as_plain_values(param: str, value: Any, back: Any, tmp_path: Path) -> None:
    model = fitted(**{param: value})
    twin = isthmus.load(model.save(tmp_path / "model"))
    assert getattr(twin, param) == back
    assert np.array_equal(twin.score_samples(X), model.score_samples(X))


def test_backbones_of_images_come_back(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((40, 8, 8, 1), dtype=np.float32)
    backbone = Convolutional(upsampling="pixel-shuffle", normalization="batch")
    model = Autoencoder(architecture=backbone, hidden_dims=(4, 8), epochs=1, random_state=0).fit(images)
    twin = isthmus.load(model.save(tmp_path / "model"))
    assert twin.architecture == backbone
    assert np.array_equal(twin.reconstruct(images), model.reconstruct(images))


def test_a_history_with_gaps_is_saved_as_json(model: Any, tmp_path: Path) -> None:
    other = fitted()
    other.history_ = [{**other.history_[0], "loss": float("nan"), "figure": float("inf")}]
    folder = other.save(tmp_path / "model")
    json.loads((folder / CONFIG).read_bytes(), parse_constant=pytest.fail)
    line = isthmus.load(folder).history_[0]
    assert np.isnan([line["loss"], line["figure"]]).all()
    assert line["steps"] == other.history_[0]["steps"]


def test_a_loaded_model_goes_on_and_stands_on_the_cpu(model: Any, folder: Path) -> None:
    twin = isthmus.load(folder)
    assert {parameter.device.type for parameter in twin.network_.parameters()} == {"cpu"}
    before = twin.score_samples(X)
    twin.partial_fit(X)
    assert not np.array_equal(twin.score_samples(X), before)
    assert twin.n_iter_ == model.n_iter_ + 1


def test_loading_leaves_randomness_alone(folder: Path) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
    isthmus.load(folder)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002


def test_a_corrupted_save_of_another_member_does_not_load_as_this_one(folder: Path, tmp_path: Path) -> None:
    other = fitted(DenoisingAutoencoder).save(tmp_path / "other")
    (folder / CONFIG).write_bytes((other / CONFIG).read_bytes())
    with pytest.raises(CorruptFileError):
        isthmus.load(folder)


@pytest.mark.parametrize("cls", [isthmus.Autoencoder, isthmus.VAE, isthmus.MaskedAutoencoder])
def test_an_encoder_saved_alone_transforms_and_learns_labels_and_nothing_else(cls: Any, tmp_path: Any) -> None:
    rows, labels = load_iris(return_X_y=True)
    model = cls(latent_dim=2, epochs=2, random_state=0).fit(rows)
    alone = isthmus.load(model.save(tmp_path / "encoder", encoder_only=True))
    whole = model.save(tmp_path / "whole")
    assert np.array_equal(alone.transform(rows), model.transform(rows))
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (tmp_path / "encoder", whole)]
    assert sizes[0] < 0.8 * sizes[1]
    tuned = alone.finetune(rows, labels, epochs=1, random_state=0)
    other = model.finetune(rows, labels, epochs=1, random_state=0)
    saved = [tuned.save(tmp_path / "tuned"), other.save(tmp_path / "other", encoder_only=True)]
    for twin in map(isthmus.load, saved):
        assert np.array_equal(twin.predict_proba(rows), other.predict_proba(rows))
    twice = isthmus.load(alone.save(tmp_path / "again"))
    assert [verb for verb, answer in twice.abilities().items() if answer is True] == [
        "fit",
        "transform",
        "finetune",
        "save",
    ]
    for verb in (twice.reconstruct, twice.score_samples, twice.inverse_transform):
        with pytest.raises(AbilityError, match="no decoder"):
            verb(rows[:, : 2 if verb == twice.inverse_transform else 4])
    assert isthmus.load(whole).abilities() == model.abilities()
