"""The stopwatch of a fit: wall time and CPU time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Clocks at the start of a fit.

    Attributes
    ----------
    cpu, wall : float
        CPU time of the process, and time on the wall, when the watch was made (s).
    """

    cpu: float = field(default_factory=time.process_time)
    wall: float = field(default_factory=time.perf_counter)

    def times(self) -> dict[str, float]:
        """Return the time since then, as entries of a training record (s)."""
        return {
            "fit_cpu_seconds": time.process_time() - self.cpu,
            "fit_wall_seconds": time.perf_counter() - self.wall,
        }
