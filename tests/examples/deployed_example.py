"""Examples on the running service, deployed as their authors would."""

from collections.abc import Mapping
from typing import Any

from tests.checkout import ROOT
from tests.journeys.inbound.deployments import Deployed, deploy
from tests.services import Service
from tests.waiting import until

FOLDER = ROOT / "examples"
EXAMPLES = sorted(path.name for path in FOLDER.iterdir() if list(path.glob("*.yaml")))

NOTHING: Mapping[str, str] = {}


def files_of(name: str) -> dict[str, str]:
    """Return the files of an example by path."""
    return {path.name: path.read_text() for path in sorted((FOLDER / name).iterdir()) if path.is_file()}


def deploy_example(service: Service, name: str, changes: Mapping[str, str] = NOTHING) -> Deployed:
    """Deploy a folder of `examples`, with texts in its manifest changed, such as times to wait."""
    files = files_of(name)
    (manifest,) = (path for path in files if path.endswith(".yaml"))
    for before, after in changes.items():
        assert before in files[manifest]
        files[manifest] = files[manifest].replace(before, after)
    return deploy(service, files)


def set_var(deployed: Deployed, name: str, value: str) -> None:
    """Give a secret its value."""
    path = f"/workflows/{deployed.workflow_id}/vars/{name}"
    deployed.service.api.put(path, json={"value": value}).raise_for_status()


def published(service: Service, event_type: str) -> list[dict[str, Any]]:
    """Return the data of the events of a type, once there is one."""
    found = until(
        lambda: service.api.get("/events", params={"event": event_type}).json()["data"],
        what=f"{event_type} is published",
    )
    return [service.api.get(f"/events/{one['id']}").json()["payload"]["data"] for one in found]
