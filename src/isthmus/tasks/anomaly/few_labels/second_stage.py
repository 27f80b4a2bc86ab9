"""What learns from labelled rows: a classifier of what a detector says of a row, kept as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.data.memory import TensorSource
from isthmus.errors import CorruptFileError
from isthmus.estimator.inputs import read
from isthmus.parts.entry import flat_entry

FEATURES = ("both", "code", "raw")
LEAF = 20  # rows that a leaf holds at least where there are many
SHARE = 0.3  # of the features that each split may choose from, so that many of them get a say in few rows
Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]


def opinions(detector: Any, X: Any, which: str) -> Floats:
    """What a classifier is told of each row, (n, 1 + ...): the anomaly score first, then code, columns or both.

    Args:
        detector: A fitted `AnomalyDetector`.
        X: Rows like those of its training.
        which: One of `FEATURES`. Columns are told as its model's encoder receives them: scaled, names one-hot, gaps
            filled and marked.
    """
    model, scorer = detector.model_, detector.scorer_
    source = read(model, X)
    x = source.block(0, len(source))
    rows = TensorSource(x, source.spec)
    told = [torch.from_numpy(scorer.scores(rows))[:, None]]
    if which != "raw":
        told.append(scorer.codes(rows))
    if which != "code":
        entry, _ = flat_entry(source.spec, model.settings_.likelihood)
        told.append((x if entry is None else entry(x)).double())
    return torch.cat(told, 1).numpy()


class Labelled(NamedTuple):
    """What a classifier learnt from.

    Args:
        anomalies: Rows labelled anomalous.
        normal: Rows labelled normal.
        left_out: Labelled rows that it did not learn from, since equal ones calibrate.
    """

    anomalies: int
    normal: int
    left_out: int


@dataclass(frozen=True, eq=False)
class Logistic:
    r"""Logistic regression of standardised features.

    .. math:: \ln \frac{p}{1 - p} = b + \sum_d w_d \frac{v_d - m_d}{s_d}

    Args:
        center: m, (D,), of the labelled rows.
        scale: s, (D,), 1 where they do not differ.
        weights: w, (D,).
        offset: b, (1,).

    Example:
        >>> rows = np.arange(8.0)[:, None]
        >>> int(Logistic.learnt(rows, rows[:, 0] > 5, seed=0).log_odds(rows).argmax())
        7
    """

    center: Floats
    scale: Floats
    weights: Floats
    offset: Floats

    @classmethod
    def learnt(cls, rows: Floats, anomalous: Bools, seed: int) -> Self:
        """Learn it from labelled rows, (n, D) and (n,); the seed is not used."""
        from sklearn.linear_model import LogisticRegression

        center, spread = rows.mean(0), rows.std(0)
        scale = np.where(spread > 0, spread, 1.0)
        model = LogisticRegression(max_iter=1000).fit((rows - center) / scale, anomalous)
        return cls(center, scale, model.coef_[0], model.intercept_)

    def log_odds(self, rows: Floats) -> Floats:
        """ln of the odds that a row is an anomaly, (n, D) -> (n,).

        Column by column, so that the rows beside it do not change the last bit of a row's sum.
        """
        total = np.full(len(rows), self.offset[0])
        for column in range(rows.shape[1]):
            total += self.weights[column] * ((rows[:, column] - self.center[column]) / self.scale[column])
        return total


@dataclass(frozen=True, eq=False)
class Boosting:
    r"""Boosted trees, grown by scikit-learn and kept as arrays.

    .. math:: \ln \frac{p}{1 - p} = b + \sum_t \text{leaf}_t(v)

    A saved forest is read, not grown again: it needs no labelled rows, gives the same bits on any machine, and does
    not depend on the scikit-learn that reads it. All trees stand in one list of nodes; a leaf leads to itself.

    Args:
        feature: Which feature a node asks for, (N,).
        threshold: A row goes left where the feature is at most that, (N,).
        left: The node that comes then, (N,).
        right: The node that comes otherwise, (N,).
        value: What a leaf adds, (N,).
        roots: The first node of each tree, (T,).
        offset: b, (1,).

    Paper:
        Friedman 2001, Annals of Statistics 29, pp. 1189-1232; on binned features: Ke et al. 2017, NeurIPS (LightGBM).

    Example:
        >>> rows = np.arange(8.0)[:, None]
        >>> odds = Boosting.learnt(rows, rows[:, 0] > 5, seed=0).log_odds(rows)
        >>> (odds > 0).tolist()
        [False, False, False, False, False, False, True, True]
    """

    feature: NDArray[np.int64]
    threshold: Floats
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: Floats
    roots: NDArray[np.int64]
    offset: Floats

    @classmethod
    def learnt(cls, rows: Floats, anomalous: Bools, seed: int) -> Self:
        """Grow it from labelled rows, (n, D) and (n,), with leaves that a few anomalies can fill."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        fewest = int(min(anomalous.sum(), (~anomalous).sum()))
        leaf = min(LEAF, max(1, fewest // 2))
        model = HistGradientBoostingClassifier(
            min_samples_leaf=leaf, max_features=SHARE, early_stopping=False, random_state=seed
        )
        return cls._read(model.fit(rows, anomalous))

    @classmethod
    def _read(cls, model: Any) -> Self:
        """The trees of scikit-learn's model, which has no public way to them."""
        trees = [tree.nodes for (tree,) in model._predictors]
        roots = np.cumsum([0, *map(len, trees[:-1])]).astype(np.int64)
        nodes, first = np.concatenate(trees), np.repeat(roots, list(map(len, trees)))
        here, is_leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
        left, right = (np.where(is_leaf, here, nodes[side].astype(np.int64) + first) for side in ("left", "right"))
        feature, threshold = np.where(is_leaf, 0, nodes["feature_idx"]), np.where(is_leaf, 0.0, nodes["num_threshold"])
        return cls(feature, threshold, left, right, nodes["value"].copy(), roots, model._baseline_prediction.ravel())

    def log_odds(self, rows: Floats) -> Floats:
        """ln of the odds that a row is an anomaly, (n, D) -> (n,)."""
        total = np.full(len(rows), self.offset[0])
        everyone = np.arange(len(rows))
        for root in self.roots:
            at = np.full(len(rows), root)
            while len(rows):
                goes_left = rows[everyone, self.feature[at]] <= self.threshold[at]
                after = np.where(goes_left, self.left[at], self.right[at])
                if (after == at).all():
                    break
                at = after
            total += self.value[at]
        return total


CLASSIFIERS: dict[str, type[Boosting] | type[Logistic]] = {"boosting": Boosting, "logistic": Logistic}
Classifier: TypeAlias = Boosting | Logistic


def as_tensors(classifier: Classifier) -> dict[str, Tensor]:
    """Its arrays by name."""
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in vars(classifier).items()}


def from_tensors(name: str, tensors: dict[str, Tensor]) -> Classifier:
    """The classifier that `as_tensors` wrote.

    Args:
        name: One of `CLASSIFIERS`.
        tensors: By the names of its arrays.

    Raises:
        CorruptFileError: they are not those of such a classifier.
    """
    cls = CLASSIFIERS[name]
    wanted = set(cls.__dataclass_fields__)
    if wanted != set(tensors):
        came = f"a {name} classifier with the tensors {sorted(tensors)}"
        raise CorruptFileError(came, f"it has {sorted(wanted)}", "save it again")
    return cls(**{each: tensor.numpy() for each, tensor in tensors.items()})
