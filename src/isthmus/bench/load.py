"""What other processes did to the processors while something was timed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
WORKING = (1, 2, 3, 6, 7, 8)  # of /proc/stat's first line: user, nice, system, irq, softirq, stolen by the host


@dataclass(frozen=True)
class Reading:
    """Seconds that the processors had worked when it was taken, for anybody and for us."""

    moment: float
    anybody: float
    us: float

    def others_since(self, earlier: Reading) -> float:
        """Processors that others kept busy since an earlier reading.

        Example:
            >>> Reading(moment=12.0, anybody=7.0, us=4.0).others_since(Reading(10.0, 4.0, 3.0))
            1.0
        """
        passed = max(self.moment - earlier.moment, 1e-9)
        return max(0.0, (self.anybody - earlier.anybody) - (self.us - earlier.us)) / passed


class Load:
    """Watches the load of other processes, which are all but this one and those it is told of.

    Linux counts in hundredths of a second, so a reading of much less than a tenth says little. Elsewhere there is no
    such count: `is_seen` is False, and nobody else is ever seen.
    """

    def __init__(self) -> None:
        self.is_seen = Path("/proc/stat").is_file()
        self.friends: set[int] = set()

    def read(self) -> Reading:
        """The count now."""
        if not self.is_seen:
            return Reading(time.perf_counter(), 0.0, 0.0)
        total = Path("/proc/stat").read_text().split("\n", 1)[0].split()
        anybody = sum(int(total[place]) for place in WORKING) / TICKS
        return Reading(time.perf_counter(), anybody, sum(map(_worked, ("self", *self.friends))))

    def wait(self, most: float, seconds: float) -> None:
        """Wait until others keep fewer than `most` processors busy, for so many seconds at the longest."""
        end = time.perf_counter() + seconds
        while self.is_seen and time.perf_counter() < end:
            before = self.read()
            time.sleep(min(0.1, seconds))
            if self.read().others_since(before) < most:
                return


def _worked(process: object) -> float:
    """Seconds that a process has worked; 0 for one that has ended."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.is_file():
        return 0.0
    numbers = stat.read_text().rpartition(")")[2].split()  # the name before may hold blanks
    return (int(numbers[11]) + int(numbers[12])) / TICKS
