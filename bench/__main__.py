"""`python -m bench`: measures the service on this machine and compares it with its targets.

Each row of `bench.rows` is run in both wirings, on a service that starts with an empty database. Several runs
are stated one by one, and their median counts. Processes end with the benchmark, whatever ends it.
"""

import argparse
import signal
import sys
from collections.abc import Sequence

from bench.machine import describe_backing, describe_machine, short_name
from bench.report import Report, Result, now, number, table
from bench.rig import run_rig
from bench.row import Measured, Row
from bench.rows import ROWS
from bench.stack import Backing, Database, run_backing
from tests.servers import MissingServerError

RUNS = 3
SECONDS = 6.0  # with three runs, everything takes about a quarter of an hour


def main() -> int:
    """Runs what the arguments ask for. Exit status 1 when a target was missed or a run went wrong."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = parse()
    rows = [row for row in ROWS if not arguments.only or row.name in arguments.only]
    if arguments.list:
        for row in rows:
            print(f"{row.name:18} {', '.join(row.databases):20} {row.title}")
        return 0
    started, machine, results = now(), describe_machine(), []
    for database in databases(arguments.database):
        chosen = [row for row in rows if database in row.databases]
        try:
            with run_backing(database) as backing:
                machine |= describe_backing(backing) if backing else {}
                results += [run_row(row, database, backing, arguments) for row in chosen]
        except MissingServerError as missing:
            say(f"{database}: {missing}")
            results += [Result(row, database, failure=str(missing)) for row in chosen]
    report = Report(started, machine, results, arguments.seconds)
    if arguments.save:
        say(f"saved {report.save(short_name())}")
    print("\n".join(table(results)))
    verdicts = {result.verdict(figure) for result in results for figure in result.row.figures}
    return 1 if verdicts & {"missed", "void"} else 0


def run_row(row: Row, database: Database, backing: Backing | None, arguments: argparse.Namespace) -> Result:
    """All runs of one row; what goes wrong is part of the result and does not keep other rows from it."""
    result = Result(row, database)
    try:
        while len(result.runs) < arguments.runs:
            with run_rig(backing) as rig:
                row.prepare(rig)
                for _ in range(1 if row.is_destructive else arguments.runs):
                    measured = row.measure(rig, arguments.seconds)
                    result.runs.append(measured)
                    tell(row, database, measured)
    except Exception as error:
        whole = f"{type(error).__name__}: {error}"
        result.failure = whole.splitlines()[0]
        say("\n".join([f"{row.name} {database}: {whole}", *getattr(error, "__notes__", ())]))
    return result


def tell(row: Row, database: Database, measured: Measured) -> None:
    """One line of progress."""
    figures = ", ".join(
        f"{figure.name} {number(measured.figures[figure.key])} {figure.unit}".rstrip()
        for figure in row.figures
    )
    say(f"{row.name} {database}: {figures}{''.join(f' [{problem}]' for problem in measured.problems)}")


def say(line: str) -> None:
    """Progress goes where it does not mix with the table."""
    print(line, file=sys.stderr, flush=True)


def databases(choice: str) -> Sequence[Database]:
    """What `--database` means."""
    return tuple(Database) if choice == "both" else (Database(choice),)


def parse() -> argparse.Namespace:
    """The arguments, checked."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure the service on this machine."
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=[row.name for row in ROWS], help="rows to run"
    )
    parser.add_argument(
        "--database", choices=[*Database, "both"], default="both", help="the wiring to measure"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"publishing time of a run ({SECONDS:g})"
    )
    parser.add_argument("--runs", type=int, default=RUNS, help=f"how often each row is run ({RUNS})")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    parser.add_argument("--no-save", dest="save", action="store_false", help="do not write bench/results")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
