"""The masked autoencoder: shown a part of each row, it must answer for the rest."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from isthmus.core.code import Batch, Terms
from isthmus.core.spec import Kind, Spec
from isthmus.errors import ParameterError
from isthmus.estimator.face import Estimator
from isthmus.estimator.registry import variant
from isthmus.parts.backbones.choose import ARCHITECTURES
from isthmus.parts.backbones.mlp import MLP
from isthmus.parts.backbones.transformer import Transformer
from isthmus.parts.masked import MaskedCells, MaskedPatches

BLOCKS, WIDTH = 4, 128  # of an image's encoder
PATCHES, CELLS = 0.75, 0.3  # shares that are hidden unless told otherwise


@variant(paper="He, Chen, Xie, Li, Dollar & Girshick 2022, arXiv:2111.06377, section 3")
class MaskedAutoencoder(Estimator):
    r"""Autoencoder that is shown a part of each row and priced on what it was not shown.

        x -> hide -> visible patches -> transformer -> tokens -> light decoder -> params of all patches

    .. math:: L = -\log p(x_{hidden} | x_{visible})

    An encoder of images works on the visible patches alone: with three quarters hidden that is about a quarter of the
    work. Use it to learn from unlabelled images what `finetune` can put to use, and on tables to `fill` gaps.
    `transform` gives the tokens of the whole row, nothing hidden. A score is the expectation over a fixed set of masks,
    each cell priced by those that hide it; `reconstruct` shows each cell as it is expected from others.
    `inverse_transform` asks of the decoder what training never did, and is coarse.

    Differs from the paper in that costs are summed over the hidden cells, and in tables: a dense network sees a row
    with cells missing, and is told which.

    Args:
        ratio: Share of the patches, or of a table's cells, that is hidden in training; None for 0.75 of patches and 0.3
            of cells, which have more to say than their neighbours do.
        normalize_targets: Whether patches are priced at mean 0 and variance 1, which helps fine-tuning; such a model
            can neither fill nor decode codes.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().images[:200].astype("uint8")
        >>> model = MaskedAutoencoder(hidden_dims=(16,), epochs=2, random_state=0).fit(X)
        >>> model.latent_shape_, model.fill(X, X < 12).shape
        ((17, 16), (200, 8, 8))
    """

    ratio: float | None = None
    normalize_targets: bool = False
    activation: str = "gelu"

    array_scaling: ClassVar[str] = "standard"  # as the paper's images; between 0 and 1 patches hardly differ
    kinds: ClassVar[tuple[Kind, ...]] = ("table", "image", "series")
    backbones: ClassVar[tuple[str, ...]] = ("mlp", "residual", "transformer")

    def build(self, spec: Spec) -> nn.Module:
        """A transformer over patches, or a dense network over cells."""
        ratio = self.ratio if self.ratio is not None else CELLS if spec.kind == "table" else PATCHES
        if not 0 < ratio < 1:
            raise ParameterError(f"ratio={self.ratio!r}", "some places are hidden and some are not", "leave out ratio")
        wanted = ("mlp", "residual") if spec.kind == "table" else ("transformer",)
        if not isinstance(self.settings_.architecture, tuple(ARCHITECTURES[name] for name in wanted)):
            came = f"architecture={self.architecture!r} for {'an image' if spec.kind == 'image' else f'a {spec.kind}'}"
            allowed = "cells of a table are hidden from dense layers, patches from a transformer"
            raise ParameterError(came, allowed, "use architecture='auto'")
        if spec.kind == "table":
            return MaskedCells(spec, self.settings_, ratio)
        return MaskedPatches(spec, self.settings_, ratio, self.normalize_targets)

    def objective(self, network: Any, batch: Batch) -> Terms:
        """L = -log p(x_hidden | x_visible)."""
        return {"distortion": network(batch)}

    def usual(self, spec: Spec) -> dict[str, Any]:
        """Dense layers for tables, blocks of attention for all else."""
        if spec.kind == "table":
            return {"architecture": MLP()}
        return {"architecture": Transformer(), "hidden_dims": (WIDTH,) * BLOCKS}

    def may_be_wide(self) -> bool:
        """What is hidden limits what crosses."""
        return True

    def fills(self) -> bool:
        """It learnt nothing else, unless patches have lost their mean and contrast."""
        return not self.normalize_targets
