"""Noise taken off MNIST: by a denoising autoencoder, and by three rivals that are told how strong the noise is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _mnist import Rows, drawn, greys, part
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from sklearn.decomposition import PCA

import isthmus
from isthmus.bench.peers import Peer
from isthmus.core.code import Batch
from isthmus.parts.corruptions import Gaussian, Masking, SaltAndPepper

ROWS, EPOCHS, WIDTH, HIDDEN, SIDE = 10_000, 12, 256, 512, 28
JUDGED, TRIED = 1000, 200  # test images that are denoised; training images by which a rival's strength is chosen
MEDIANS = (3, 5)  # pixels along an edge of the window
SMOOTHINGS = (0.4, 0.8, 1.2)  # of non-local means, in deviations of the noise
RIVALS = ("median filter", "non-local means", "principal components")
COMPONENTS = (16, 32, 64, 128)

KINDS: dict[str, Callable[[float], Callable[[Batch], torch.Tensor]]] = {
    "gaussian": Gaussian,
    "masking": Masking,
    "salt-and-pepper": SaltAndPepper,
}
LEVELS = {"gaussian": (0.2, 0.5), "masking": (0.25, 0.5), "salt-and-pepper": (0.1, 0.3)}


def noisy(x: Rows, kind: str, level: float, seed: int) -> Rows:
    """Rows with noise on them."""
    batch = Batch(torch.from_numpy(x), generator=torch.Generator().manual_seed(seed))
    found: Rows = KINDS[kind](level)(batch).numpy()
    return found


def psnr(x: Rows, restored: NDArray[Any]) -> float:
    """Peak signal to noise in dB, the mean over images whose pixels run from 0 to 1."""
    squares = ((np.clip(restored, 0, 1).astype(np.float64) - x) ** 2).mean(1)
    return float(-10 * np.log10(np.maximum(squares, 1e-10)).mean())


def denoised(kind: str, level: float, peer: Peer, folder: Path, seed: int) -> dict[str, Any]:
    """Gain in dB of ours and of each rival, whose strength is the best one on training images."""
    train, tried, clean = drawn(ROWS, seed).x, drawn(TRIED, seed).x, part("test").x[:JUDGED]
    seen, seen_tried = noisy(clean, kind, level, seed), noisy(tried, kind, level, seed + 1)
    shape = {"hidden_dims": (HIDDEN,), "latent_dim": WIDTH, "scaling": "none", "epochs": EPOCHS}
    model = isthmus.DenoisingAutoencoder(corruption=kind, amount=level, **shape, random_state=seed).fit(train)
    restored = {"ours": model.denoise(seen)}
    for name, filters in rivals(train, float((seen_tried - tried).std()), peer, folder).items():
        best = max(filters, key=lambda take_off: psnr(tried, take_off(seen_tried)))
        restored[name] = best(seen)
    before = psnr(clean, seen)
    gains = {f"gain, {name}": psnr(clean, rows) - before for name, rows in restored.items()}
    shown = {"clean": clean, "noisy": seen, **restored}
    pictures = {name: greys(rows[:4]) for name, rows in shown.items()}
    return {"noisy PSNR": before, **gains, "pictures": pictures}


def rivals(train: Rows, sigma: float, peer: Peer, folder: Path) -> dict[str, list[Callable[[Rows], Rows]]]:
    """Each rival in several strengths."""

    def median(size: int) -> Callable[[Rows], Rows]:
        return lambda x: median_filter(x.reshape(-1, SIDE, SIDE), (1, size, size)).reshape(x.shape)

    def non_local_means(smoothing: float) -> Callable[[Rows], Rows]:
        def take_off(x: Rows) -> Rows:
            files = {name: str(folder / f"{name}.npy") for name in ("seen", "restored")}
            np.save(files["seen"], x.reshape(-1, SIDE, SIDE))
            peer.ask("non_local_means", sigma=sigma, smoothing=smoothing, **files)
            found: Rows = np.load(files["restored"]).reshape(x.shape)
            return found

        return take_off

    def components(pca: PCA, count: int) -> Callable[[Rows], Rows]:
        basis = pca.components_[:count]
        return lambda x: (x - pca.mean_) @ basis.T @ basis + pca.mean_

    pca = PCA(max(COMPONENTS), random_state=0).fit(train)
    strengths = (
        [median(size) for size in MEDIANS],
        [non_local_means(smoothing) for smoothing in SMOOTHINGS],
        [components(pca, count) for count in COMPONENTS],
    )
    return dict(zip(RIVALS, strengths, strict=True))
