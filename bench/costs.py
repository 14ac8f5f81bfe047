"""What processes cost, read from /proc (see proc(5)).

Processor time of a family of processes includes children that have ended, once their parent has waited for
them. The kernel's own work for the network is charged to whoever it interrupts, here as everywhere.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.reaper import family

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Costs:
    """Processor seconds of each part and of the whole machine, since some beginning."""

    parts: Mapping[str, float]
    machine: float

    def since(self, before: "Costs") -> "Costs":
        """What was spent between two readings."""
        return Costs(
            {name: seconds - before.parts.get(name, 0.0) for name, seconds in self.parts.items()},
            self.machine - before.machine,
        )

    def of(self, *names: str) -> float:
        """The seconds of some parts together."""
        return sum(self.parts.get(name, 0.0) for name in names)


def read_costs(roots: Mapping[str, int]) -> Costs:
    """Reads what the families of these processes, and everybody, have spent."""
    return Costs({name: cpu_seconds(family(pid)) for name, pid in roots.items()}, machine_seconds())


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of processes and of those of their children that have ended."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS_PER_SECOND


def machine_seconds() -> float:
    """Time in which the machine's cores were busy: with processes, or with interrupts on their behalf."""
    _, user, nice, system, _idle, _iowait, interrupts, soft, *_ = Path("/proc/stat").read_text().split()
    return sum(map(int, (user, nice, system, interrupts, soft))) / TICKS_PER_SECOND


def resident_megabytes(pids: Iterable[int]) -> float:
    """Resident memory summed over processes; pages that they share count for each."""
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return pages * PAGE_BYTES / MEGABYTE
