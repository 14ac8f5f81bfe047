"""What importing the author's surface costs, and what an editor knows of it."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import aetherflow
import autokitteh
import pytest
from autokitteh import errors
from autokitteh.store import Op

PACKAGE = Path(__file__).parents[2] / "clients" / "python"

# Every process that runs handlers pays for what is imported.
SLOW = {
    "asyncio",
    "concurrent.futures",
    "dataclasses",
    "email",
    "http",
    "inspect",
    "logging",
    "socket",
    "ssl",
}
SLOW |= {"aetherflow.testing", "aetherflow.webhooks", "subprocess", "tempfile", "unittest", "urllib.request"}

# The top-level names of AutoKitteh's SDK.
NAMES = [
    "AttrDict",
    "AutoKittehError",
    "Event",
    "Signal",
    "activity",
    "add_values",
    "check_and_set_value",
    "del_value",
    "errors",
    "get_store_public_url",
    "get_value",
    "get_webhook_url",
    "http_outcome",
    "inhibit_activities",
    "list_values_keys",
    "mutate_value",
    "next_event",
    "next_signal",
    "outcome",
    "publish_value",
    "register_no_activity",
    "set_value",
    "signal",
    "start",
    "store",
    "subscribe",
    "unpublish_value",
    "unsubscribe",
]


@pytest.mark.parametrize("package", ["aetherflow", "autokitteh"])
def test_importing_it_imports_only_the_standard_library_and_nothing_that_is_slow(package: str) -> None:
    program = (
        "import json, sys; before = set(sys.modules); "
        f"import {package}; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=30
    )
    imported = set(json.loads(printed.stdout))
    assert not imported & SLOW
    roots = {name.split(".")[0] for name in imported}
    assert roots <= {*sys.stdlib_module_names, "aetherflow", "autokitteh"}


def test_the_distribution_holds_both_packages_and_both_are_typed() -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert packages == ["src/aetherflow", "src/autokitteh"]
    assert all((PACKAGE / each / "py.typed").exists() for each in packages)


def test_everything_public_exists_and_says_what_it_is() -> None:
    for name in aetherflow.__all__:
        assert getattr(aetherflow, name).__doc__, name


class TestAutoKitteh:
    @pytest.mark.parametrize("name", NAMES)
    def test_every_top_level_name_is_there(self, name: str) -> None:
        assert name in autokitteh.__all__
        assert hasattr(autokitteh, name)

    def test_what_both_packages_have_is_the_same(self) -> None:
        for name in set(autokitteh.__all__) & set(aetherflow.__all__):
            assert getattr(autokitteh, name) is getattr(aetherflow, name)
        assert autokitteh.AutoKittehError is aetherflow.AetherFlowError
        assert issubclass(errors.ConnectionInitError, autokitteh.AutoKittehError)
        assert autokitteh.AttrDict({"server": {"port": 1}}).server.port == 1

    def test_values_can_be_changed_by_the_name_of_the_operation(self) -> None:
        from aetherflow.testing import run

        def handler(event: object) -> list[object]:
            change = autokitteh.mutate_value
            return [
                change("a", Op.SET, 1),
                change("a", "add", 2),
                change("a", Op.CHECK_AND_SET, 3, 4),
                change("a", Op.GET),
                change("a", Op.DEL),
            ]

        assert run(handler).returned == [None, 3, True, 4, None]
        with pytest.raises(ValueError, match="multiply"):
            autokitteh.mutate_value("a", "multiply", 2)

    def test_what_is_not_served_says_so(self) -> None:
        for call in (
            autokitteh.get_store_public_url,
            lambda: autokitteh.publish_value("a"),
            lambda: autokitteh.unpublish_value("a"),
        ):
            with pytest.raises(autokitteh.AutoKittehError, match="no public address"):
                call()

    @pytest.mark.parametrize("name", ["slack", "github", "google", "openai"])
    def test_the_modules_for_other_services_name_what_to_use_instead(self, name: str) -> None:
        for statement in (f"import autokitteh.{name}", f"from autokitteh import {name}"):
            with pytest.raises(ImportError, match=rf'integration\("{name}"\)'):
                exec(statement)

    def test_other_names_are_missing_as_in_any_package(self) -> None:
        with pytest.raises(ModuleNotFoundError, match=r"autokitteh\.nonsense"):
            exec("import autokitteh.nonsense")
        with pytest.raises(ImportError, match="cannot import name"):
            exec("from autokitteh import nonsense")

    def test_a_deployment_may_bring_its_own(self, tmp_path: Path) -> None:
        (tmp_path / "autokitteh").mkdir()
        (tmp_path / "autokitteh" / "slack.py").write_text("def slack_client(name): return name.upper()\n")
        (tmp_path / "program.py").write_text(
            "from autokitteh.slack import slack_client\nfrom autokitteh import http_outcome\n"
            "print(slack_client('mine'), http_outcome.__module__)\n"
        )
        printed = subprocess.run(
            [sys.executable, "program.py"],
            cwd=tmp_path,
            capture_output=True,
            check=True,
            text=True,
            timeout=30,
        )
        assert printed.stdout == "MINE aetherflow.outcomes\n"


PROGRAM = """
from datetime import timedelta
from typing import Any, assert_type

import autokitteh
from aetherflow import Event, Signal, activity, http_outcome, integration, next_event, next_signal, sleep, start
from aetherflow import step, store, subscribe
from aetherflow.testing import Result, make_event, run


@step("charge")
def charge(amount: int) -> str:
    return str(amount)


@step
async def refund(amount: int) -> bool:
    return amount > 0


@activity
def fetch(url: str) -> bytes:
    return url.encode()


async def handler(event: Event, session_id: str) -> dict[str, Any]:
    assert_type(charge(5), str)
    assert_type(await refund(5), bool)
    assert_type(fetch("x"), bytes)
    assert_type(next_event(subscribe("second"), timeout=timedelta(minutes=1)), Event | None)
    assert_type(next_signal(["a"], 5), Signal | None)
    assert_type(start("a.py:f", {"a": 1}), str)
    with step("note"):
        sleep(1)
    store["a"] = event.data.body.json.name
    http_outcome(201, {"X-A": ["1", "2"]}, {"a": 1})
    http_outcome(200, "text")
    assert_type(integration("crm").get("/users").status_code, int)
    autokitteh.outcome(event.body.text)
    return {}


result = run(handler, make_event(json={"name": "Alice"}), triggers={"second": [make_event()]})
assert_type(result, Result)
assert_type(result.response.status_code, int)
charge("5")  # type: ignore[arg-type]
fetch(5)  # type: ignore[arg-type]
http_outcome("200")  # type: ignore[arg-type]
sleep("1")  # type: ignore[arg-type]
step(5)  # type: ignore[call-overload]
"""


def test_a_program_is_checked_as_strictly_as_its_author_likes(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "program.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert found.returncode == 0, found.stdout + found.stderr
