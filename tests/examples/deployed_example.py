"""An example on the running service: deployed as its author would, and called from outside."""

import io
import tarfile
from collections.abc import Mapping
from typing import Any

import httpx2

from tests.checkout import ROOT
from tests.services import Service
from tests.waiting import until

FOLDER = ROOT / "examples"
EXAMPLES = sorted(path.name for path in FOLDER.iterdir() if list(path.glob("*.yaml")))

ENDED = ("completed", "failed", "stopped")


class DeployedExample:
    """An example and the addresses of its triggers."""

    def __init__(self, service: Service, name: str, changes: Mapping[str, str] | None = None) -> None:
        """Deploy a folder of `examples`, with texts in its manifest changed, such as times to wait."""
        self.service = service
        answer = service.api.post(
            "/workflows/deploy",
            content=pack_example(name, changes or {}),
            headers={"Content-Type": "application/gzip"},
        )
        assert answer.status_code in (200, 201), answer.text
        assert answer.json()["warnings"] == []
        self.workflow_id = answer.json()["workflow"]["id"]
        self.paths = {
            one["name"]: f"/webhooks/{one['slug']}" for one in answer.json()["triggers"] if one["slug"]
        }

    def set_var(self, name: str, value: str) -> None:
        """Give a secret its value."""
        answer = self.service.api.put(f"/workflows/{self.workflow_id}/vars/{name}", json={"value": value})
        answer.raise_for_status()

    def call(
        self, trigger: str, suffix: str = "", *, method: str = "POST", **options: Any
    ) -> httpx2.Response:
        """Send a request to a trigger; `options` are those of the HTTP client."""
        return self.service.http.request(method, self.paths[trigger] + suffix, **options)

    def end_of(self, accepted: httpx2.Response) -> dict[str, Any]:
        """Wait for the end of the session that a request has started, and return it."""
        session_id = accepted.headers["AetherFlow-Session-Id"]

        def ended() -> dict[str, Any] | None:
            session: dict[str, Any] = self.service.api.get(f"/sessions/{session_id}").json()
            return session if session["status"] in ENDED else None

        session = until(ended, what="the session has ended")
        assert session is not None
        return session

    def log_of(self, accepted: httpx2.Response, kind: str) -> list[str]:
        """Return the texts of one kind in the log of the session that a request has started."""
        path = f"/sessions/{accepted.headers['AetherFlow-Session-Id']}/log"
        return [entry["text"] for entry in self.service.api.get(path).json()["data"] if entry["kind"] == kind]

    def published(self, event_type: str) -> list[dict[str, Any]]:
        """Return the data of the events of a type, once there is one."""
        found = until(
            lambda: self.service.api.get("/events", params={"event": event_type}).json()["data"],
            what=f"{event_type} is published",
        )
        return [self.service.api.get(f"/events/{one['id']}").json()["payload"]["data"] for one in found]


def pack_example(name: str, changes: Mapping[str, str]) -> bytes:
    """Return the files of an example as a tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in sorted((FOLDER / name).iterdir()):
            if path.is_file():
                content = path.read_bytes()
                if path.suffix == ".yaml":
                    content = changed(content.decode(), changes).encode()
                member = tarfile.TarInfo(path.name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def changed(text: str, changes: Mapping[str, str]) -> str:
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text
