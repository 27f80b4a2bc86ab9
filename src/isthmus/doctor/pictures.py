"""Checks of what images look like when they come out."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from isthmus.doctor.findings import Answer, Finding, NotAsked, Sound, percent
from isthmus.doctor.patient import FULL, Patient
from isthmus.estimator.defaults import narrow

SMALLEST = 8  # pixels along an edge: below, the finest pattern has no others beside it
LOUD = 2.0  # times the next finer pattern's energy, and times what the images themselves have
SOFT = 0.5  # of the contrast of details: where opticians say that a lens resolves no more
SOMETHING = 0.1  # share of the variance below which nothing comes out that could be sharp


def checkerboard(patient: Patient) -> Answer:
    r"""A pattern that alternates from pixel to pixel, as decoders leave it that do not reach all pixels alike.

    Of the energy e_k of all patterns with k periods along an edge of n pixels, the finest one is compared with the
    next, along both edges, in what comes out and in the images themselves:

    .. math:: s = e_{n/2} / e_{n/2 - 1}

    Blur lowers both and leaves their ratio; only what treats even and odd pixels otherwise lifts the first alone.

    Paper:
        Odena, Dumoulin & Olah 2016, Distill, "Deconvolution and checkerboard artifacts": where they come from, and
        that resizing before the convolution leaves none.
    """
    if patient.spec.kind != "image" or min(patient.spec.shape[1:]) < SMALLEST:
        return NotAsked(f"It is asked of images of at least {SMALLEST} x {SMALLEST} pixels.")
    shown, came = patient.rows.x, patient.rows.rebuilt.view(-1, *patient.spec.shape)
    before, after = alternation(shown), alternation(came)
    figures = {"finest_pattern": after, "finest_pattern_of_images": before}
    seen = f"The finest pattern is {after:.2g} times as strong as the next, {before:.2g} times in the images."
    if after < LOUD * max(before, 1.0):
        return Sound(seen, figures)
    why = "The decoder reaches neighbouring pixels unevenly: images show a grid, and scores hold its errors."
    return Finding(seen, why, _even(patient), figures)


def alternation(images: Tensor) -> float:
    """How much stronger the finest pattern is than the next, along the edge where it is most so.

    Args:
        images: (n, C, H, W); an odd last row or column is left out.

    Example:
        >>> rows = torch.rand(50, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> grid = torch.linspace(0, 1, 50).view(50, 1, 1, 1) * torch.tensor([1.0, -1.0] * 8)
        >>> alternation(rows) < 1.5, alternation(rows + grid) > 3
        (True, True)
    """
    n, height, width = images.flatten(0, 1).shape
    even = images.double().reshape(n, height, width)[:, : height - height % 2, : width - width % 2]
    energy = torch.fft.fft2(even - even.mean(0)).abs().square().mean(0)  # (n, H, W) -> (H, W)
    profiles = (energy.sum(1), energy.sum(0))
    return max(float(e[len(e) // 2] / e[len(e) // 2 - 1].clamp_min(1e-12)) for e in profiles)


def blur(patient: Patient) -> Answer:
    r"""Details that come out with less than half of their contrast.

    .. math:: c = \sqrt{\frac{\sum (\nabla^2 (\hat x - \bar x))^2}{\sum (\nabla^2 (x - \bar x))^2}}

    The Laplacian answers where a pixel differs from those around it. What all images share is left out, since it comes
    out for nothing. Asked is how sharp images are and not how right: details count that a critic made up. And where
    what is lost is noise, it is well lost.

    Paper:
        Pech-Pacheco, Cristobal, Chamorro-Martinez & Fernandez-Valdivia 2000, ICPR, section 3: the variance of the
        Laplacian says how well a picture is focused.
    """
    if patient.spec.kind != "image" or min(patient.spec.shape[1:]) < SMALLEST:
        return NotAsked(f"It is asked of images of at least {SMALLEST} x {SMALLEST} pixels.")
    if patient.kept < SOMETHING:
        return NotAsked("Next to nothing comes out that could be sharp.")
    shown, came = patient.rows.x, patient.rows.rebuilt.view(-1, *patient.spec.shape)
    contrast = details(came, shown) / max(details(shown, shown), 1e-12)
    figures = {"contrast_of_details": contrast}
    seen = f"Details come out with {percent(contrast)} of their contrast in the images."
    if contrast >= SOFT:
        return Sound(seen, figures)
    largest, chance = patient.structure_lost
    if largest <= chance:
        return Sound(f"{seen} What is lost of them is noise.", figures)
    why = "Edges and strokes are smeared: what comes out looks out of focus, and scores overlook what is small."
    return Finding(seen, why, _sharper(patient), figures)


def details(images: Tensor, others: Tensor) -> float:
    """Root mean square of the Laplacian of images, as they differ from the mean of others.

    Args:
        images: (n, C, H, W).
        others: As many.

    Example:
        >>> x = torch.rand(50, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> soft = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
        >>> details(soft, x) / details(x, x) < 0.4
        True
    """
    apart = images.double() - others.double().mean(0)
    inner = apart[..., 1:-1, 1:-1]
    across = apart[..., 1:-1, 2:] + apart[..., 1:-1, :-2]
    down = apart[..., 2:, 1:-1] + apart[..., :-2, 1:-1]
    return float((across + down - 4 * inner).square().mean().sqrt())


def _sharper(patient: Patient) -> str:
    """A call after which details cross: a rate that is no longer too dear, else a price that sees what is smeared.

    At equal width features bring out more than a wider code does, whose errors are still squared pixel by pixel.
    """
    priced, units = 0 < patient.rate < FULL * patient.units, patient.units
    if priced and patient.settings.likelihood not in ("gaussian-optimal", "perceptual"):
        return 'model.set_params(likelihood="gaussian-optimal").fit(X)'
    is_narrow = units < narrow(patient.spec) and len(patient.model.latent_shape_) == 1
    wider = ', latent_dim="auto"' if is_narrow else ""
    return f'model.set_params(likelihood="perceptual"{wider}).fit(X)'


def _even(patient: Patient) -> str:
    """A call that resizes before it convolves."""
    backbone = patient.settings.architecture
    if getattr(backbone, "upsampling", "resize") == "resize":
        return "model.set_params(epochs=2 * model.n_iter_).fit(X)"
    return f"model.set_params(architecture=isthmus.{dataclasses.replace(backbone, upsampling='resize')!r}).fit(X)"
