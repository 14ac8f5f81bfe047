"""Commands that look at an installation: config, doctor."""

import typer

from app.cli.event_loop import run
from app.cli.failures import ExitStatus
from app.cli.output import Output, print_json, print_table


def config(output: Output = "table") -> None:
    """Show the settings in force, with secrets masked, and where each comes from."""
    from app.cli.diagnosis.effective_settings import describe
    from app.settings import read_settings

    rows = describe(read_settings())
    if output == "json":
        print_json({row.variable: row.shown for row in rows})
    else:
        print_table(["setting", "value", "from"], [[row.variable, row.shown, row.source] for row in rows])


def doctor(output: Output = "table") -> None:
    """Check the installation and say what to do about what is wrong; exit status 1 when something fails."""
    from app.cli.diagnosis.examination import examine

    findings = run(examine())
    worst = max(findings, key=lambda finding: finding.level.severity).level
    if output == "json":
        checks = [
            {"check": each.check, "status": each.level, "detail": each.detail, "remedy": each.remedy}
            for each in findings
        ]
        print_json({"status": worst, "checks": checks})
    else:
        for each in findings:
            print(f"{each.level:<4}  {each.check}: {each.detail}")
            if each.remedy:
                print(f"      {each.remedy}")
    if worst == "fail":
        raise typer.Exit(ExitStatus.FAILED)


COMMANDS = (config, doctor)
