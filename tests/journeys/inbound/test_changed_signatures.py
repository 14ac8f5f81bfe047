"""What is to be checked of a request counts from the moment in which it was set or deployed."""

import httpx2

from tests.journeys.inbound.deployments import Deployed, deploy
from tests.providers.genuine import sign_hub
from tests.services import Service

MANIFEST = """
version: v2
project:
  name: {name}
  vars:
    - name: SECRET
      secret: true
triggers:
  - name: hook
    type: webhook
    call: program.py:handle
"""
VERIFY = "    verify: {provider: github, secret: SECRET}\n"
PROGRAM = "def handle(event): ...\n"


def set_secret(deployed: Deployed, value: str) -> None:
    path = f"/workflows/{deployed.workflow_id}/vars/SECRET"
    deployed.service.api.put(path, json={"value": value}).raise_for_status()


def send(deployed: Deployed, secret: str) -> httpx2.Response:
    return deployed.call("hook", content=b"{}", headers=sign_hub(secret, b"{}", 0))


def deploy_hook(service: Service, name: str, verify: str = "") -> Deployed:
    return deploy(service, {"aetherflow.yaml": MANIFEST.format(name=name) + verify, "program.py": PROGRAM})


def test_a_secret_counts_as_soon_as_it_is_set(service: Service) -> None:
    deployed = deploy_hook(service, "changed_secret", VERIFY)
    assert send(deployed, "first").status_code == 401
    set_secret(deployed, "first")
    assert send(deployed, "first").status_code == 202
    set_secret(deployed, "second")
    assert send(deployed, "first").status_code == 401
    assert send(deployed, "second").status_code == 202


def test_a_check_counts_as_soon_as_it_is_deployed(service: Service) -> None:
    open_to_all = deploy_hook(service, "changed_check")
    assert open_to_all.call("hook").status_code == 202
    checked = deploy_hook(service, "changed_check", VERIFY)
    set_secret(checked, "secret")
    assert checked.path("hook") == open_to_all.path("hook")
    assert checked.call("hook").status_code == 401
    assert send(checked, "secret").status_code == 202
