"""What every library's dictionary is, whatever it calls its parts: two matrices, two biases, and a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from isthmus.errors import CorruptFileError, ParameterError

Rule = Literal["relu", "topk", "jumprelu", "gated"]


@dataclass(frozen=True, eq=False)
class Record:
    r"""A dictionary of n latents for rows of d numbers.

    .. math:: p = W (x - s b_d) + b_e, \quad \hat x = z V + b_d, \quad z = \begin{cases}
        \max(p, 0) & \text{relu} \\
        \max(p, 0) \text{ of the k largest } p & \text{topk} \\
        \max(p, 0) \, [p > \theta] & \text{jumprelu} \\
        [p > 0] \, \max(e^r (p - b_e) + b_m, 0) & \text{gated}
        \end{cases}

    Args:
        encoder_weight: W, (n, d).
        encoder_bias: b_e, (n,); of "gated" the gate's.
        decoder_weight: V, (n, d).
        decoder_bias: b_d, (d,).
        rule: Which latents are on.
        k: How many, of "topk".
        threshold: theta, (n,), of "jumprelu".
        stretch: r, (n,), of "gated".
        lift: b_m, (n,), of "gated".
        centred: Whether b_d is taken off the row first (s = 1) or not (s = 0).
        facts: What else the files say: which model, which place.

    Raises:
        CorruptFileError: shapes do not fit together.
    """

    encoder_weight: Tensor
    encoder_bias: Tensor
    decoder_weight: Tensor
    decoder_bias: Tensor
    rule: Rule = "relu"
    k: int | None = None
    threshold: Tensor | None = None
    stretch: Tensor | None = None
    lift: Tensor | None = None
    centred: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, d = self.encoder_weight.shape
        wanted = {"encoder_bias": (n,), "decoder_weight": (n, d), "decoder_bias": (d,)}
        wanted |= {name: (n,) for name in ("threshold", "stretch", "lift") if getattr(self, name) is not None}
        for name, shape in wanted.items():
            came = tuple(getattr(self, name).shape)
            if came != shape:
                allowed = f"an encoder of {n} latents for {d} numbers goes with {shape}"
                raise CorruptFileError(f"{name} of shape {came}", allowed, "name the layout, or take the file anew")
        if self.k is not None and not 1 <= self.k <= n:
            raise CorruptFileError(f"k={self.k} of {n} latents", "at least one is on, at most all", "check the config")

    def encode(self, x: Tensor) -> Tensor:
        """z of rows as a dense code, (B, n), straight from the formula.

        Args:
            x: Rows, (B, d).

        Example:
            >>> record = Record(torch.eye(2), torch.zeros(2), torch.eye(2), torch.zeros(2), "topk", k=1)
            >>> record.encode(torch.tensor([[1.0, 3.0]]))
            tensor([[0., 3.]])
        """
        product = (x - self.decoder_bias if self.centred else x) @ self.encoder_weight.T
        p = product + self.encoder_bias
        if self.rule == "gated":
            return (p > 0) * (product * given(self.stretch).exp() + given(self.lift)).relu()
        if self.rule == "jumprelu":
            return p.relu() * (p > given(self.threshold))
        if self.rule == "topk":
            best = p.topk(self.k or 1)
            return torch.zeros_like(p).scatter(-1, best.indices, best.values.relu())
        return p.relu()

    def decode(self, z: Tensor) -> Tensor:
        """The rows that codes stand for, (B, d)."""
        return z @ self.decoder_weight + self.decoder_bias

    def turned(self, centred: bool) -> Record:
        """The same dictionary with b_d taken off the rows, or not; what that changes goes into the encoder's bias.

        .. math:: W (x - b_d) + b_e = W x + (b_e - W b_d)

        Example:
            >>> record = Record(torch.ones(1, 2), torch.zeros(1), torch.ones(1, 2), torch.tensor([1.0, 2.0]))
            >>> record.turned(centred=False).encoder_bias
            tensor([-3.])
        """
        if centred == self.centred:
            return self
        moved = (self.encoder_weight.double() @ self.decoder_bias.double()) * (1 if centred else -1)
        bias = (self.encoder_bias.double() + moved).float()
        lift = self.lift
        if lift is not None:
            lift = (lift.double() + moved * given(self.stretch).double().exp()).float()
        return replace(self, encoder_bias=bias, lift=lift, centred=centred)

    def rescaled(self, offset: Tensor, factor: Tensor) -> Record:
        """The dictionary for rows in their own units, of one for scaled rows (x - offset) / factor.

        Args:
            offset: (d,).
            factor: (d,).
        """
        bias = self.decoder_bias * factor + offset
        made = replace(self.turned(centred=True), encoder_weight=self.encoder_weight / factor)
        return replace(made, decoder_weight=self.decoder_weight * factor, decoder_bias=bias)

    def ranked(self) -> Record:
        r"""Of a dictionary that ranks p by the length of its direction, the same one with directions of length 1.

        .. math:: p_j \lVert v_j \rVert \to p_j, \quad v_j / \lVert v_j \rVert \to v_j
        """
        length = self.decoder_weight.norm(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
        weight, bias = self.encoder_weight * length[:, None], self.encoder_bias * length
        return replace(
            self, encoder_weight=weight, encoder_bias=bias, decoder_weight=self.decoder_weight / length[:, None]
        )


def given(tensor: Tensor | None) -> Tensor:
    """A tensor that the rule needs.

    Raises:
        CorruptFileError: it is not there.
    """
    if tensor is None:
        allowed = "a jumprelu has thresholds, a gate its stretch and lift"
        raise CorruptFileError("a dictionary without one of its tensors", allowed, "take the file anew")
    return tensor


def refuse(record: Record, layout: str, rules: tuple[Rule, ...]) -> None:
    """Refuse a rule that a layout has no words for.

    Raises:
        ParameterError: it has none.
    """
    if record.rule not in rules:
        came = f"layout={layout!r} for a dictionary whose rule is {record.rule!r}"
        allowed = f"its files can say {', '.join(map(repr, rules))}"
        raise ParameterError(came, allowed, "use layout='saelens', which can say all four")
