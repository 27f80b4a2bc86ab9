"""What a detector says about an alarm beyond its score: the columns behind it, a normal row like it, others like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isthmus.errors import AbilityError
from isthmus.estimator.inputs import give_back
from isthmus.tasks.anomaly.explanation.columns import Reason, reasons
from isthmus.tasks.anomaly.explanation.incidents import Incident, incidents_among
from isthmus.tasks.anomaly.scorer import Scorer


class Explained:
    """Verbs of a detector that explains its alarms; who inherits has scored tables."""

    if TYPE_CHECKING:
        scorer_: Scorer
        band_: Tensor
        threshold_: float

        def abilities(self) -> dict[str, bool | str]:
            """{verb: True, or the reason why not}."""

    def explain(self, X: Any, *, most: int = 5) -> list[Reason]:
        """Which columns make each row what it is: what was seen, what the model expected, and how far off is usual.

        Args:
            X: Rows of a table.
            most: Columns for each row, those with the largest share first.

        Returns:
            One `Reason` for each of them, row after row; pandas.DataFrame(...) makes a frame of the list.

        Raises:
            AbilityError: the detector was not fitted on a table.
        """
        self._check_able("explain")
        return reasons(self.scorer_, self.band_, X, most)

    def nearest_normal(self, X: Any) -> Any:
        r"""The normal row that each row is most like: the training row whose code lies nearest.

        .. math:: x_{i^*}, \quad i^* = \arg\min_i \lVert z - z_i \rVert

        z is the first member's code, z_i those of up to 4096 training rows, evenly spread over their order; of more
        than 1024 columns fewer rows are kept. They are saved with the detector: four bytes a cell, 16 MiB at most.

        Args:
            X: Rows of a table, such as those that raise an alarm.

        Returns:
            (n, D) in the container, columns, types and units of X, to the seven digits that a network reads; one row
            for each of X, in its order.

        Raises:
            AbilityError: the detector was not fitted on a table, or its score keeps no training rows.

        Example:
            >>> import isthmus
            >>> from sklearn.datasets import load_breast_cancer
            >>> X, benign = load_breast_cancer(return_X_y=True, as_frame=True)
            >>> model = isthmus.Autoencoder(epochs=5, device="cpu")
            >>> detector = isthmus.AnomalyDetector(model, alpha=0.1, random_state=0).fit(X[benign == 1])
            >>> near = detector.nearest_normal(X[:3])
            >>> near.columns.equals(X.columns), bool((X["mean area"][:3] > near["mean area"]).all())
            (True, True)
        """
        self._check_able("nearest_normal")
        examples: Any = self.scorer_.examples
        return give_back(self.scorer_.model, examples.nearest(self.scorer_.codes(X)), like=X)

    def incidents(self, X: Any) -> list[Incident]:
        r"""Alarms that are alike, put together: rows that the same columns made anomalous are one incident.

        .. math:: d(a, b) = 1 - \frac{p_a \cdot p_b}{\lVert p_a \rVert \lVert p_b \rVert}, \qquad
                  \frac{1}{|A| |B|} \sum_{a \in A} \sum_{b \in B} d(a, b) \le 0.5

        p has each column's share of what a row loses, as in `explain`. Incidents are joined, the nearest first, while
        the mean of d between their rows is at most one half. No label is read, and no number of incidents is given.
        The order of the rows decides nothing.

        At most 1024 alarms are compared with each other, those with the highest scores. Each other one goes to the
        incident whose mean direction is nearest, within the same distance; those that fit none are compared in turn.
        So the cost grows with the number of alarms, and not with its square.

        Args:
            X: Rows of a table, in memory; those that raise no alarm are left out.

        Returns:
            One `Incident` for each, the largest first; pandas.DataFrame(...) makes a frame of the list.

        Raises:
            AbilityError: the detector was not fitted on a table.
            InputError: rows that stay in their files.

        Paper:
            Joining by mean distances: Sokal & Michener 1958, Univ. Kansas Sci. Bull. 38, pp. 1409-1438 (UPGMA).

        Example:
            >>> import isthmus
            >>> made = isthmus.data.load("factors", rows=300)
            >>> normal, model = made.X[made.y == 0], isthmus.Autoencoder(epochs=5, device="cpu")
            >>> detector = isthmus.AnomalyDetector(model, alpha=0.1, random_state=0).fit(normal)
            >>> faulty = normal[:40].copy()
            >>> faulty[:25, 0] += 20
            >>> faulty[25:, 3] -= 20
            >>> [(one.size, next(iter(one.columns))) for one in detector.incidents(faulty)]
            [(25, 'x0'), (15, 'x3')]
        """
        self._check_able("incidents")
        return incidents_among(self.scorer_, X, self.scorer_.scores(X), self.threshold_)

    def _check_able(self, verb: str) -> None:
        """Refuse what these rows, or this score, cannot say."""
        check_is_fitted(self)
        able = self.abilities()[verb]
        if able is not True:
            came = f"{type(self).__name__}.{verb}()"
            raise AbilityError(came, f"{able}", "look at model_.reconstruct(X) beside X")
