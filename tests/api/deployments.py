"""Programs that tests of the API deploy, into whichever workspace, and what is asked of them."""

import io
import tarfile
from collections.abc import Mapping
from typing import Any

import httpx2

from tests.services import Service
from tests.waiting import until

PROGRAM = """
import time

from aetherflow import custom_data, http_outcome, next_event, next_signal, sleep, start, step, subscribe


def handle(event):
    http_outcome(200, json={"got": event.body.text})


def background(event):
    print("working")
    return {"done": True}


def park(event):
    print("waiting")
    sleep(600)


def waiter(event):
    subscription = subscribe("calls_nothing")
    print("subscribed")
    print(next_event(subscription).body.text)


def busy(event):
    while True:
        pass


def chatty(event):
    while True:
        print("still there")
        time.sleep(0.1)


def parent(event):
    child = start("program.py:park")
    print(child)
    signal = next_signal([child], timeout=30)
    print(signal.payload["completed"])


def broken(event):
    raise ValueError("it cannot be")


def detailed(event):
    custom_data(order=2**70)
    with step("fetch"):
        pass
    print("one")
    print("two")
    return {"big": 2**70, "text": "\\ud800"}


def show_data(event):
    return {"type": event.event_type, "data": dict(event.data)}
"""

MANIFEST = """
version: v2
project:
  name: sample
  vars:
    - name: GREETING
      value: Hello
    - name: TOKEN
      secret: true
triggers:
  - {name: background, webhook: {}, call: "program.py:background"}
  - {name: api, webhook: {}, is_sync: true, call: "program.py:handle"}
  - {name: park, webhook: {}, is_durable: true, call: "program.py:park"}
  - {name: busy, webhook: {}, call: "program.py:busy"}
  - {name: chatty, webhook: {}, call: "program.py:chatty"}
  - {name: waiter, webhook: {}, is_durable: true, call: "program.py:waiter"}
  - {name: parent, webhook: {}, is_durable: true, call: "program.py:parent"}
  - {name: detailed, webhook: {}, call: "program.py:detailed"}
  - {name: broken, webhook: {}, call: "program.py:broken"}
  - {name: picky, webhook: {}, filter: data.body.json.size > 3, call: "program.py:background"}
  - {name: posts, webhook: {}, event_type: post, call: "program.py:background"}
  - {name: calls_nothing, webhook: {}}
"""

FILES = {"aetherflow.yaml": MANIFEST, "program.py": PROGRAM}

GZIP = {"Content-Type": "application/gzip"}

HEAD = "version: v2\nproject:\n  name: sample\n"
CALL = 'call: "program.py:handle"'

ENDED = ("completed", "failed", "stopped")


def pack(files: Mapping[str, str | bytes]) -> bytes:
    """Return files as a tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for path, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def deploy(
    client: httpx2.Client, files: Mapping[str, str | bytes] = FILES, **options: Any
) -> httpx2.Response:
    """Deploy files; `options` are those of the HTTP client."""
    headers = {"Content-Type": "application/gzip", **options.pop("headers", {})}
    return client.post("/workflows/deploy", content=pack(files), headers=headers, **options)


class Sample:
    """The sample, deployed into a workspace."""

    def __init__(
        self, service: Service, client: httpx2.Client, files: Mapping[str, str | bytes] = FILES
    ) -> None:
        answer = deploy(client, files)
        assert answer.status_code in (200, 201), answer.text
        self.service, self.client, self.deployed = service, client, answer.json()
        self.id: str = self.deployed["workflow"]["id"]
        self.path = f"/workflows/{self.id}"
        self.slugs = {one["name"]: one["slug"] for one in self.deployed["triggers"]}

    def call(self, trigger: str, **options: Any) -> httpx2.Response:
        """Send a request to a trigger."""
        return self.service.http.post(f"/webhooks/{self.slugs[trigger]}", **options)

    def begin(self, trigger: str, *, until_status: tuple[str, ...] = ENDED, **options: Any) -> dict[str, Any]:
        """Send a request to a trigger, and return its session once that has one of these states."""
        answer = self.call(trigger, **options)
        return self.wait(answer.headers["aetherflow-session-id"], until_status)

    def wait(self, session_id: str, until_status: tuple[str, ...] = ENDED) -> dict[str, Any]:
        """Return a session once it has one of these states."""

        def reached() -> dict[str, Any] | None:
            session: dict[str, Any] = self.session(session_id)
            return session if session["status"] in until_status else None

        session = until(reached, what=f"the session is {' or '.join(until_status)}")
        assert session is not None
        return session

    def session(self, session_id: str) -> dict[str, Any]:
        session: dict[str, Any] = self.client.get(f"/sessions/{session_id}").raise_for_status().json()
        return session

    def log(self, session_id: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = self.client.get(f"/sessions/{session_id}/log", params=parameters).raise_for_status()
        entries: list[dict[str, Any]] = answer.json()["data"]
        return entries

    def prints(self, session_id: str) -> list[str]:
        return [entry["text"] for entry in self.log(session_id) if entry["kind"] == "print"]


def manifest_of(*triggers: str, head: str = HEAD) -> dict[str, str]:
    lines = "".join(f"  - {{{trigger}}}\n" for trigger in triggers)
    return {"aetherflow.yaml": f"{head}triggers:\n{lines}", "program.py": PROGRAM}


def state_of(workspace: httpx2.Client) -> list[Any]:
    """Return everything that deploying can change."""
    workflows = workspace.get("/workflows").json()["data"]
    paths = [
        f"/workflows/{one['id']}{more}"
        for one in workflows
        for more in ("", "/deployments", "/triggers", "/vars")
    ]
    return [workflows, *(workspace.get(path).json() for path in paths)]


def errors_of(answer: httpx2.Response, status: int, code: str) -> list[dict[str, Any]]:
    """Return what is wrong by a problem document of this kind."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert problem["code"] == code, problem
    errors: list[dict[str, Any]] = problem["errors"]
    assert all(
        {"path", "message", "code"} <= error.keys() <= {"path", "message", "code", "file", "line"}
        for error in errors
    )
    return errors


def send_form(workspace: httpx2.Client, parts: list[tuple[str, Any]], **options: Any) -> httpx2.Response:
    return workspace.post("/workflows/deploy", files=parts, **options)
