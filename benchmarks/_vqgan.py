"""One VQ-GAN whose critic is heard and one whose critic is not, on digits of 28 by 28 pixels."""

from __future__ import annotations

from typing import Any

from _matching import images, network, sharpness
from _mnist import drawn, part

import isthmus
from isthmus.metrics import psnr

ROWS, JUDGED, EPOCHS, BATCH, CODES = 4000, 1000, 10, 32, 16
HEARD, UNHEARD = "critic heard", "critic not heard"
START = {HEARD: 0.3, UNHEARD: 1.0}


def rebuilt(method: str, seed: int) -> dict[str, Any]:
    """Figures of test images after their way through symbols; both methods are one model until the gate opens."""
    options = {"codes": CODES, "epochs": EPOCHS, "batch_size": BATCH, "random_state": seed}
    model = isthmus.VQGAN(start=START[method], **options).fit(images(drawn(ROWS, seed).x))
    real = images(part("test").x[:JUDGED])
    made = model.reconstruct(real)
    found = network().compare(real, made, draws=2)
    return {
        "FID": found["FID"].value,
        "PSNR": float(psnr(real, made).mean()),
        "sharpness": sharpness(made) / sharpness(real),
        "hash": network().hash_,
    }
