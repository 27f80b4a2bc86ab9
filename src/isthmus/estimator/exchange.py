"""A sparse dictionary in the files of other libraries, and theirs as a fitted one of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.core.spec import Spec
from isthmus.data.memory import TensorSource
from isthmus.data.tables import learn_table
from isthmus.errors import ModelFileError, ParameterError
from isthmus.estimator import persistence
from isthmus.estimator.fitting import settle
from isthmus.parts.exchange.layouts import check_layout, read_record, write_record
from isthmus.parts.exchange.record import Record, Rule, given

if TYPE_CHECKING:
    from isthmus.estimator.face import Estimator as Base
else:
    Base = object

OWN = "isthmus"
RULES: dict[str, Rule] = {"batch-topk": "jumprelu", "matryoshka": "jumprelu"}
"""What those are when they are served; every other activation is called as its rule."""


class Exchanges(Base):
    """A sparse dictionary that is saved in our layout or another library's, and loaded from any of them."""

    def save(self, path: str | Path, *, encoder_only: bool = False, layout: str = OWN) -> Path:
        """Write the dictionary as a folder.

        In another library's layout rows go into it in their own units: the scale of training is folded into the
        weights. A batch-top-k or Matryoshka dictionary is written as what serves it, thresholds.

        Args:
            path: The folder.
            encoder_only: As for every model; in our layout alone.
            layout: "isthmus", "saelens" (version 6), "dictionary-learning", "sparsify" or "gemma-scope".

        Raises:
            UnknownNameError: no such layout.
            ParameterError: what the layout has no words for: another rule, several sources, other targets.
        """
        check_layout(layout, OWN)
        if layout == OWN:
            return super().save(path, encoder_only=encoder_only)
        check_is_fitted(self)
        if encoder_only:
            came = f"encoder_only=True with layout={layout!r}"
            raise ParameterError(came, "other libraries' dictionaries are whole", "leave it out")
        return write_record(record_of(self), path, layout)

    @classmethod
    def load(cls, path: str | Path, layout: str = "auto", device: str = "cpu") -> Self:
        """A fitted dictionary from a folder of any layout; nothing in it is run.

        Args:
            path: The folder.
            layout: As for `save`; "auto" goes by the files.
            device: Where to put it.

        Raises:
            UnknownNameError: no such layout.
            MissingFileError: the folder or one of its files is not there.
            ModelFileError: no known layout, or a kind of dictionary that is not read.
            CorruptFileError: a file is damaged, or something is missing in it.

        Example:
            >>> import tempfile, isthmus
            >>> X = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
            >>> sae = isthmus.SAE(n_latents=8, k=2, epochs=1, random_state=0).fit(X)
            >>> twin = isthmus.SAE.load(sae.save(tempfile.mkdtemp(), layout="saelens"))
            >>> twin.activation, bool(abs(twin.transform(X) - sae.transform(X)).max() < 1e-5)
            ('topk', True)
        """
        check_layout(layout, "auto") if layout != OWN else None
        if layout == OWN or (layout == "auto" and is_ours(Path(path))):
            model = persistence.load(path, device)
            if not isinstance(model, cls):
                came = f"{path}, which holds a {type(model).__name__}"
                raise ModelFileError(came, f"{cls.__name__}.load reads dictionaries", "use isthmus.load(path)")
        else:
            model = dictionary_of(cls, read_record(path, layout), device)
        loaded: Self = model
        return loaded


def is_ours(folder: Path) -> bool:
    """Whether a folder was saved by isthmus."""
    return (folder / persistence.TENSORS).is_file() and (folder / persistence.CONFIG).is_file()


def record_of(model: Any) -> Record:
    """A fitted dictionary for rows in their own units.

    Raises:
        ParameterError: it is of several sources, or makes other rows of them.
    """
    for name, what in (("sources_", "several sources"), ("answers_", "rows that become others")):
        if hasattr(model, name):
            allowed = "other libraries' files are of dictionaries that rebuild one kind of rows"
            raise ParameterError(f"an SAE of {what}", allowed, f"use layout={OWN!r}")
    network = model.network_
    rule: Rule = RULES.get(model.activation, model.activation)
    record = Record(
        copied(network.encoder_weight),
        copied(network.encoder_bias),
        copied(network.decoder_weight),
        copied(network.decoder_bias),
        rule,
        k=round(network.wanted) if rule == "topk" else None,
        threshold=copied(network.threshold) if rule == "jumprelu" else None,
        stretch=copied(network.magnitude_scale) if rule == "gated" else None,
        lift=copied(network.magnitude_bias) if rule == "gated" else None,
    )
    return record.rescaled(*scale_of(model.spec_))


def copied(tensor: Tensor) -> Tensor:
    """A tensor of its own, on the CPU."""
    return tensor.detach().cpu().float().clone()


def scale_of(spec: Spec) -> tuple[Tensor, Tensor]:
    """Centre and scale of each column, (d,) each."""
    columns = [(column.center, column.scale) for column in spec.columns]
    center, scale = torch.tensor(columns, dtype=torch.float32).unbind(1)
    return center, scale


def dictionary_of(cls: type[Any], record: Record, device: str) -> Any:
    """A record as a fitted dictionary whose rows are not scaled."""
    n, d = record.encoder_weight.shape
    told = {"k": record.k} if record.rule == "topk" else {}
    model = cls(n_latents=n, activation=record.rule, scaling="none", device=device, **told)
    spec = learn_table(np.zeros((2, d), np.float32), "none")
    settle(model, TensorSource(torch.zeros(1, d), spec), seed=0)
    fill(model.network_, record.turned(centred=True))
    model.network_.eval()
    model.history_, model.n_iter_, model.n_features_in_ = [], 0, d
    return model


@torch.no_grad()
def fill(network: Any, record: Record) -> None:
    """Put the record's tensors in their places."""
    own = {name: getattr(record, name) for name in ("encoder_weight", "encoder_bias", "decoder_weight", "decoder_bias")}
    if record.rule == "jumprelu":  # below zero a threshold lets nothing through that a rectifier would keep
        own["threshold"] = given(record.threshold).clamp_min(0)
    if record.rule == "gated":
        own |= {"magnitude_scale": given(record.stretch), "magnitude_bias": given(record.lift)}
    for name, tensor in own.items():
        getattr(network, name).copy_(tensor)
    network.begun.fill_(1)
