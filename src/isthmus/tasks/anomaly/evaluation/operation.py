"""How a detector will be used: how many rows it sees, how many of them are anomalies, and what outcomes cost."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.errors import ParameterError

DAYS = 365  # of a year


@dataclass(frozen=True)
class Operation:
    """The work that a detector is meant for. Prices are in one currency, whichever it is.

    Args:
        rows_per_day: New rows a day.
        anomaly_share: Share of anomalies among them; the share among the labelled rows unless told otherwise.
        miss: Price of an anomaly that raises no alarm; without it nothing is priced.
        false_alarm: Price of an alarm on a normal row, beside its review.
        review: Price of looking at one row.

    Raises:
        ParameterError: no rows, a share outside 0 to 1, or a price below 0.

    Example:
        >>> work = Operation(rows_per_day=1000, miss=500, review=5)
        >>> work.cost(recall=0.5, false_alarm_rate=0.01, share=0.001)
        302.45
    """

    rows_per_day: float = 1000.0
    anomaly_share: float | None = None
    miss: float = 0.0
    false_alarm: float = 0.0
    review: float = 0.0

    def __post_init__(self) -> None:
        if not self.rows_per_day > 0:
            raise ParameterError(
                f"rows_per_day={self.rows_per_day}", "rows a day are more than 0", "count those of a week"
            )
        if self.anomaly_share is not None and not 0 < self.anomaly_share < 1:
            allowed = "it is a share of the rows, between 0 and 1"
            raise ParameterError(f"anomaly_share={self.anomaly_share}", allowed, "use 0.001 for one row in a thousand")
        for name in ("miss", "false_alarm", "review"):
            if not getattr(self, name) >= 0:
                came = f"{name}={getattr(self, name)}"
                raise ParameterError(came, "a price is not negative", "leave it out where it is nothing")

    def alerts(self, recall: float, false_alarm_rate: float, share: float) -> float:
        """Alarms a day.

        Args:
            recall: Share of the anomalies that raise an alarm.
            false_alarm_rate: Share of the normal rows that do.
            share: Of anomalies among the rows.
        """
        return self.rows_per_day * (share * recall + (1 - share) * false_alarm_rate)

    def cost(self, recall: float, false_alarm_rate: float, share: float) -> float:
        """Price of a day with a detector: what it misses, what is reviewed, and false alarms; arguments as above."""
        missed = self.rows_per_day * share * (1 - recall)
        false = self.rows_per_day * (1 - share) * false_alarm_rate
        reviewed = self.alerts(recall, false_alarm_rate, share)
        return missed * self.miss + reviewed * self.review + false * self.false_alarm

    def without(self, share: float) -> tuple[str, float]:
        """The cheaper day without a detector: nobody looks, or (where a review has a price) every row is reviewed."""
        ways = {"nobody looks": self.rows_per_day * share * self.miss}
        if self.review:
            ways["every row is reviewed"] = self.rows_per_day * self.review
        cheapest = min(ways, key=lambda way: ways[way])
        return cheapest, ways[cheapest]
