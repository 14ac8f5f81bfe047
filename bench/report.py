"""Results as a table for people and as JSON for programs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from bench.row import TRIFLING_CORES, Figure, Measured, Row
from bench.stack import Database

RESULTS = Path(__file__).parent / "results"
HEADINGS = ("figure", "wiring", "target", "runs", "median", "verdict")
WIRING = {"sqlite": "embedded (SQLite)", "postgresql": "PostgreSQL + Redis"}


@dataclass(slots=True)
class Result:
    """All runs of one row in one wiring; `failure` says why there are no more."""

    row: Row
    database: Database
    runs: list[Measured] = field(default_factory=list)
    failure: str = ""

    @property
    def problems(self) -> list[str]:
        """What keeps the figures from counting, of all runs."""
        found = [f"run {number}: {what}" for number, run in enumerate(self.runs, 1) for what in run.problems]
        return [*found, *([self.failure] if self.failure else [])]

    def values(self, figure: Figure) -> list[float]:
        """One figure of each run."""
        return [run.figures[figure.key] for run in self.runs]

    def verdict(self, figure: Figure) -> str:
        """`met` or `missed`, `-` without a target, `void` when a run went wrong."""
        if figure.target is None:
            return "-"
        if self.problems or not self.runs:
            return "void"
        return "met" if figure.is_met(figure.value_of(self.values(figure)), self.database) else "missed"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one call of the benchmark."""

    started: datetime
    machine: Mapping[str, str]
    results: Sequence[Result]
    seconds: float

    def text(self) -> str:
        """The Markdown page."""
        return "\n".join(self._lines()) + "\n"

    def content(self) -> dict[str, Any]:
        """The same for programs, with the facts of every run."""
        return {
            "started": self.started.isoformat(),
            "machine": dict(self.machine),
            "seconds": self.seconds,
            "results": [
                {
                    "row": result.row.name,
                    "database": result.database,
                    "figures": [
                        {
                            "key": figure.key,
                            "name": figure.name,
                            "unit": figure.unit,
                            "target": figure.target_on(result.database),
                            "runs": result.values(figure),
                            "value": figure.value_of(result.values(figure)),
                            "verdict": result.verdict(figure),
                        }
                        for figure in result.row.figures
                    ],
                    "facts": [dict(run.facts) for run in result.runs],
                    "problems": result.problems,
                }
                for result in self.results
            ],
        }

    def save(self, machine_name: str) -> Path:
        """Writes both forms below `bench/results`, beside what is there, and returns the page's path."""
        RESULTS.mkdir(exist_ok=True)
        stem = f"{self.started:%Y-%m-%d}-{machine_name}"
        path = RESULTS / f"{stem}.md"
        number = 1
        while path.exists():
            number += 1
            path = RESULTS / f"{stem}-{number}.md"
        path.write_text(self.text())
        path.with_suffix(".json").write_bytes(
            orjson.dumps(self.content(), option=orjson.OPT_INDENT_2) + b"\n"
        )
        return path

    def _lines(self) -> Iterator[str]:
        yield f"# Benchmark of {self.started:%d %B %Y, %H:%M} UTC"
        yield ""
        yield "Service, databases, load generator and receiver share the machine and its loopback."
        yield f"Each run publishes for {self.seconds:g} s unless its row says otherwise. Every run is listed."
        yield ""
        yield from (f"- {name}: {value}" for name, value in self.machine.items())
        yield ""
        yield from table(self.results)
        yield ""
        yield "## What stands behind it"
        yield ""
        for result in self.results:
            yield from facts(result)


def table(results: Sequence[Result]) -> Iterator[str]:
    """The lines of the table, columns aligned, so that it reads well in a terminal too."""
    cells = [HEADINGS, *(line for result in results for line in cells_of(result))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    for number, line in enumerate(cells):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        if number == 0:
            yield "| " + " | ".join("-" * width for width in widths) + " |"
    if any(run.is_disturbed for result in results for run in result.runs):
        yield ""
        yield f"\\* Other programs took more than {TRIFLING_CORES} cores during this run."


def cells_of(result: Result) -> Iterator[tuple[str, ...]]:
    """One line for each figure of a row."""
    for figure in result.row.figures:
        target = figure.target_on(result.database)
        sign = "at most" if figure.better == "lower" else "at least"
        values = result.values(figure)
        yield (
            f"{result.row.title}: {figure.name}",
            WIRING[result.database],
            "-" if target is None else f"{sign} {number(target)} {figure.unit}".rstrip(),
            ", ".join(f"{number(run.figures[figure.key])}{'*' * run.is_disturbed}" for run in result.runs)
            or "none",
            f"{number(figure.value_of(values))}{' (worst)' if figure.counts == 'worst' else ''}",
            result.verdict(figure),
        )


def facts(result: Result) -> Iterator[str]:
    """What every run of a row tells beside its figures."""
    yield f"- **{result.row.name}**, {WIRING[result.database]}"
    for position, run in enumerate(result.runs, 1):
        yield f"  - run {position}: " + ", ".join(
            f"{name} {number(value)}" for name, value in run.facts.items()
        )
    yield from (f"  - void, {problem}" for problem in result.problems)


def number(value: float) -> str:
    """A number with as many digits as it deserves."""
    if math.isnan(value):
        return "-"
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def now() -> datetime:
    """When a report begins."""
    return datetime.now(UTC)
