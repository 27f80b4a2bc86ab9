"""Dictionaries of what our own members have in their codes: patches of a masked autoencoder, rows of a table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

import isthmus
from isthmus.data import sprites
from isthmus.data.activations import Activations

pytestmark = pytest.mark.slow


def test_patches_of_sprites_are_shown_where_they_lie(tmp_path: Path) -> None:
    pictures, factors = sprites(300, random_state=0)
    model = isthmus.MaskedAutoencoder(hidden_dims=(32,), epochs=2, random_state=0).fit(pictures)
    tokens, width = model.latent_shape_  # the first token stands for the whole
    rows = model.transform(pictures).reshape(300, tokens, width)[:, 1:].reshape(-1, width)
    places, numbers = np.tile(np.arange(tokens - 1), 300), np.repeat(np.arange(300), tokens - 1)
    seen = Activations.of_arrays(rows, positions=places, documents=numbers)
    sae = isthmus.SAE(n_latents=64, k=3, epochs=2, random_state=0).fit(seen)
    patch = 32 // int((tokens - 1) ** 0.5)
    empty = pictures.reshape(300, 32 // patch, patch, 32 // patch, patch).max((2, 4)).ravel() == 0
    names = np.where(empty, "background", np.array(["square", "ellipse", "heart"])[factors[numbers, 0]])
    html = sae.dashboard(seen, tmp_path / "page.html", rows=pictures, patch=patch, labels=names).read_text()
    titles = re.findall(r"<summary><strong>([^<]*)", html)
    assert sum("background" in title for title in titles) >= 1
    assert sum("background" not in title and "“" in title for title in titles) >= 3
    assert html.count("data:image/png;base64,") > 100


def test_a_table_members_latents_are_named_by_its_columns(tmp_path: Path) -> None:
    cancer = load_breast_cancer(as_frame=True)
    codes = isthmus.Autoencoder(latent_dim=8, random_state=0).fit_transform(cancer.data.to_numpy())
    sae = isthmus.SAE(n_latents=32, k=3, random_state=0).fit(codes)
    labels = cancer.target_names[cancer.target]
    html = sae.dashboard(codes, tmp_path / "page.html", rows=cancer.data, labels=labels).read_text()
    titles = re.findall(r"<summary><strong>([^<]*)", html)
    assert sum("malignant" in title for title in titles) >= 1
    assert sum(" high”" in title or " low”" in title for title in titles) > len(titles) / 2
