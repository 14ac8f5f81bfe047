"""What the Python client promises as a package: old Pythons, no dependencies, a README that works."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import aetherflow
import httpx2
import pytest
from aetherflow import webhooks
from aetherflow.webhooks import ApiError, Client, Reason
from aetherflow.webhooks.testing import signed_request
from local_api import LocalApi

PACKAGE = Path(__file__).parents[2] / "clients" / "python"
SOURCES = [*sorted((PACKAGE / "src").rglob("*.py")), PACKAGE / "conformance"]
README = (PACKAGE / "README.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def example_with(text: str) -> str:
    (found,) = [example for example in EXAMPLES if text in example]
    return str(found)


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def is_for_type_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_a_source_file_parses_under_python_3_9(source: Path) -> None:
    ast.parse(source.read_text("utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_a_source_file_imports_nothing_beyond_the_standard_library_and_itself(source: Path) -> None:
    tree = ast.parse(source.read_text("utf-8"))
    tree.body = [node for node in tree.body if not is_for_type_checkers(node)]
    roots = {name.split(".")[0] for name in imported_modules(tree)}
    assert roots <= {*sys.stdlib_module_names, "aetherflow", "autokitteh"}


def test_the_package_says_that_it_is_typed_and_which_version_it_is() -> None:
    assert Path(aetherflow.__file__).with_name("py.typed").exists()
    assert re.fullmatch(r"\d+\.\d+\.\d+", aetherflow.__version__)


def test_everything_public_exists_and_errors_are_api_errors() -> None:
    assert all(hasattr(webhooks, name) for name in webhooks.__all__)
    errors = [getattr(webhooks, name) for name in webhooks.__all__ if name.endswith("Error")]
    others = {"FieldError", "WebhookVerificationError"}
    assert all(issubclass(each, ApiError) for each in errors if each.__name__ not in others)


def test_the_readme_lists_every_reason_and_every_exception() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE))
    exceptions = {name for name in webhooks.__all__ if name.endswith("Error")}
    assert set(get_args(Reason)) <= rows
    assert exceptions - {"ApiError", "FieldError", "WebhookVerificationError"} <= rows


def test_the_readme_lists_every_method_of_the_client() -> None:
    def public(thing: object) -> set[str]:
        return {name for name in dir(thing) if not name.startswith("_") and callable(getattr(thing, name))}

    with Client("http://127.0.0.1:1", "afk_x") as client:
        parts = {f"client.{name}": getattr(client, name) for name in ("events", "endpoints", "deliveries")}
        for name, thing in {"client": client, **parts}.items():
            (row,) = re.findall(rf"^\| `{re.escape(name)}` \| (.*) \|$", README, flags=re.MULTILINE)
            assert set(re.findall(r"`(\w+)`", row)) == public(thing)


def test_the_readme_lists_every_function_that_a_handler_calls() -> None:
    (section,) = re.findall(r"## Write workflows\n(.*?)\n## ", README, flags=re.DOTALL)
    functions = {name for name in aetherflow.__all__ if name.islower()}
    assert functions <= set(re.findall(r"`(\w+)`", section))


def test_the_tests_of_the_example_workflow_pass(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(example_with("def handle_order"))
    (tmp_path / "test_program.py").write_text(example_with("from program import"))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_flask_example_is_python() -> None:
    compile(example_with("from flask"), "README.md", "exec")


async def test_the_fastapi_example_accepts_deliveries_and_refuses_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    names: dict[str, Any] = {"__name__": "readme"}
    exec(example_with("from fastapi"), names)
    genuine = signed_request("invoice.paid", {}, SECRET)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=names["app"]), base_url="http://receiver.example"
    ) as receiver:
        accepted = await receiver.post("/webhook", content=genuine.body, headers=genuine.headers)
        refused = await receiver.post("/webhook", content=genuine.body + b" ", headers=genuine.headers)
    assert accepted.status_code == 204
    assert (refused.status_code, refused.json()) == (400, {"detail": "no_matching_signature"})


def test_the_testing_example_runs() -> None:
    exec(example_with("signed_request"), {})


def run_the_publishing_example(api: LocalApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETHERFLOW_URL", api.url)
    monkeypatch.setenv("AETHERFLOW_API_KEY", "afk_x")
    exec(example_with("client.publish"), {})


def test_the_publishing_example_publishes_and_retries_what_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalApi() as api:
        api.reply({"id": "evt_1", "deliveries": 2}, status=202)
        api.reply({"data": [{"id": "dlv_1"}], "next_cursor": None})
        run_the_publishing_example(api, monkeypatch)
    assert [asked.target.split("?")[0] for asked in api.asked] == [
        "/api/v1/events",
        "/api/v1/deliveries",
        "/api/v1/deliveries/dlv_1/retry",
    ]
    assert capsys.readouterr().out == "evt_1 2\n"


def test_the_publishing_example_tells_what_to_change_and_when_to_come_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = {"code": "invalid", "errors": [{"path": "/data", "message": "odd", "code": "type"}]}
    nothing: dict[str, object] = {"data": [], "next_cursor": None}
    with LocalApi() as api:
        api.reply(problem, status=422)
        api.reply(nothing)
        run_the_publishing_example(api, monkeypatch)
        api.reply({"code": "rate_limited"}, status=429, headers={"Retry-After": "7"})
        api.reply(nothing)
        run_the_publishing_example(api, monkeypatch)
    assert capsys.readouterr().out == "invalid [('/data', 'odd')]\nagain in 7.0 seconds\n"
