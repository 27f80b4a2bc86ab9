"""scikit-image's non-local means, doing what core_quality asks of it."""

from __future__ import annotations

import numpy as np
from skimage.restoration import denoise_nl_means

from isthmus.bench.worker import serve


def non_local_means(seen: str, restored: str, sigma: float, smoothing: float) -> int:
    """Denoise the images of one file, (n, h, w), into another; how many there were."""
    images = np.load(seen)
    options = {"patch_size": 5, "patch_distance": 6, "h": smoothing * sigma, "sigma": sigma, "fast_mode": True}
    np.save(restored, np.stack([denoise_nl_means(image, **options) for image in images]).astype(np.float32))
    return len(images)


if __name__ == "__main__":
    serve(non_local_means=non_local_means)
