"""Charts from arrays. Each function returns a `Chart` block; drawing needs matplotlib (the extra `plot`).

What all of them do: names and labels are shown literally, values that are not finite are left out and counted in the
caption, the description for screen readers is written from the numbers, and the same data gives the same bytes.
"""

from isthmus.report.charts.distributions import histogram, scatter
from isthmus.report.charts.lines import curves, roc
from isthmus.report.charts.rows import bars, contributions

__all__ = ["bars", "contributions", "curves", "histogram", "roc", "scatter"]
