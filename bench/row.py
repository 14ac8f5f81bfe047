"""What a row of the benchmark is: something to do, and the figures that come out of it with their targets."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from bench.rig import OTHERS, Rig
from bench.stack import Database

TRIFLING_CORES = 0.1
BOTH = (Database.POSTGRESQL, Database.SQLITE)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a row measures, by the key that `measure` gives it.

    `target` is None for a number that is stated without one. Of several runs the median counts; for losses,
    where one is too many, the worst run does.
    """

    key: str
    name: str
    unit: str
    target: float | Mapping[Database, float] | None = None
    better: Literal["lower", "higher"] = "lower"
    counts: Literal["median", "worst"] = "median"

    def target_on(self, database: Database) -> float | None:
        """The target in one wiring."""
        return self.target[database] if isinstance(self.target, Mapping) else self.target

    def value_of(self, runs: Sequence[float]) -> float:
        """The one value that stands for several runs; not a number when there are none."""
        if not runs:
            return math.nan
        if self.counts == "median":
            return median(runs)
        return max(runs) if self.better == "lower" else min(runs)

    def is_met(self, value: float, database: Database) -> bool | None:
        """Whether a value reaches the target; None without one."""
        target = self.target_on(database)
        if target is None:
            return None
        return value <= target if self.better == "lower" else value >= target


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: the figures by key, facts for judging them, and reasons why they do not count."""

    figures: Mapping[str, float]
    facts: Mapping[str, float]
    problems: Sequence[str] = ()

    @property
    def is_disturbed(self) -> bool:
        """Whether programs that have no part in the benchmark took more than a trifle of the machine."""
        return self.facts.get(OTHERS, 0) > TRIFLING_CORES


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to measure.

    `prepare` registers endpoints and warms the service up; `measure` is one run. Runs share a service unless
    `is_destructive`, when each gets a fresh one.
    """

    name: str
    title: str
    figures: tuple[Figure, ...]
    prepare: Callable[[Rig], None]
    measure: Callable[[Rig, float], Measured]
    databases: tuple[Database, ...] = BOTH
    is_destructive: bool = field(default=False, kw_only=True)
