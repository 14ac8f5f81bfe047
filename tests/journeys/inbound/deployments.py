"""Programs that tests deploy to the running service, the addresses of their triggers, and what became of requests."""

import io
import itertools
import tarfile
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.services import Service
from tests.waiting import until

numbers = itertools.count(1)

ENDED = ("completed", "failed", "stopped")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A workflow on the running service, and its triggers by name."""

    service: Service
    workflow_id: str
    triggers: Mapping[str, dict[str, Any]]

    def path(self, trigger: str) -> str:
        """Return `/webhooks/<slug>`."""
        return f"/webhooks/{self.triggers[trigger]['slug']}"

    def call(
        self, trigger: str, suffix: str = "", *, method: str = "POST", **options: Any
    ) -> httpx2.Response:
        """Send a request to a trigger; `options` are those of the HTTP client."""
        return self.service.http.request(method, self.path(trigger) + suffix, **options)

    def kept(self, trigger: str, key: str, **options: Any) -> Any:
        """Wait until a handler has kept a value under a key; the trigger answers with a list of what it holds."""

        def found() -> list[Any] | None:
            values: list[Any] = self.call(trigger, json=key, **options).json()
            return None if values[0] is None else values

        return until(found, what=f"{key} is kept")[0]


def deploy(service: Service, files: Mapping[str, str], *, api: httpx2.Client | None = None) -> Deployed:
    """Deploy files by their paths, indented as they may be; `NAME` in the manifest becomes a fresh name.

    `api` is the client of another workspace than the first.
    """
    name = f"journey_{next(numbers)}"
    files = {
        path: textwrap.dedent(text).replace("NAME", name) if path.endswith(".yaml") else textwrap.dedent(text)
        for path, text in files.items()
    }
    answer = (api or service.api).post(
        "/workflows/deploy", content=pack(files), headers={"Content-Type": "application/gzip"}
    )
    assert answer.status_code in (200, 201), answer.text
    shown = answer.json()
    return Deployed(
        service,
        shown["workflow"]["id"],
        {one["name"]: one for one in shown["triggers"]},
    )


def pack(files: Mapping[str, str]) -> bytes:
    """Return files as a tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for path, text in files.items():
            content = text.encode()
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def make_workspace(service: Service) -> httpx2.Client:
    """Return a client of a new workspace; the caller closes it."""
    made = service.api.post("/workspaces", json={"name": f"workspace of journey {next(numbers)}"})
    return service.client(made.raise_for_status().json()["api_key"])


def session_of(service: Service, answer: httpx2.Response) -> dict[str, Any]:
    """Wait for the end of the session that an answer names, and return it."""
    path = f"/sessions/{answer.headers['aetherflow-session-id']}"

    def ended() -> dict[str, Any] | None:
        session: dict[str, Any] = service.api.get(path).raise_for_status().json()
        return session if session["status"] in ENDED else None

    session = until(ended, what="the session has ended")
    assert session is not None
    return session


def log_of(service: Service, session_id: str) -> list[dict[str, Any]]:
    """Return the whole log of a session."""
    answer = service.api.get(f"/sessions/{session_id}/log", params={"limit": 100})
    entries: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
    return entries


def prints_of(service: Service, session_id: str) -> list[str]:
    """Return what a session has printed."""
    return [entry["text"] for entry in log_of(service, session_id) if entry["kind"] == "print"]
