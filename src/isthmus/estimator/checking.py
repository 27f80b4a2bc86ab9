"""The verb that asks the doctor, who stands above the estimator and is reached by the package's public name."""

from __future__ import annotations

from typing import Any

import isthmus


class Checked:
    """The verb of an estimator that can be looked at by the doctor."""

    def diagnose(self, X: Any, held_out: Any = None, *, y: Any = None) -> Any:
        """What is wrong with this model, see `isthmus.diagnose`: a `Diagnosis` with findings and remedies.

        Args:
            X: The rows that it was fitted on, or rows like them.
            held_out: Rows that it was not fitted on; without them it is not asked whether it holds for such. A
                conditional member's with their y, as a pair.
            y: What a conditional member is told beside the rows of X.
        """
        return isthmus.diagnose(self, X, held_out, y=y)
