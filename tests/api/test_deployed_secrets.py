"""What a workspace deploys is its own, and the values of secrets are nowhere in clear."""

import asyncio
import json
import secrets

import httpx2
import pytest

from app.store.models import Row
from tests.api.deployments import Sample, deploy
from tests.api.problems import assert_refused
from tests.opened import opened
from tests.services import Service


def test_workspaces_deploy_under_the_same_name_beside_each_other(
    service: Service, workspace: httpx2.Client, stranger: httpx2.Client
) -> None:
    mine, theirs = Sample(service, workspace), Sample(service, stranger)
    assert mine.id != theirs.id
    assert not set(mine.slugs.values()) & set(theirs.slugs.values())
    stranger.put(f"{theirs.path}/vars/TOKEN", json={"value": "theirs"})
    assert workspace.get(f"{mine.path}/vars").json()["data"][1]["value"] is None
    stranger.delete(theirs.path)
    assert mine.call("background").status_code == 202
    assert theirs.call("background").status_code == 404


@pytest.mark.parametrize(
    "attack",
    ["' OR 1=1 --", "%00", "..%2f..%2fworkflows", "wf_%", "*", "%F0%9F%A6%89", "a" * 3_000, "%ff"],
)
def test_ids_that_are_no_ids_lead_nowhere(service: Service, workspace: httpx2.Client, attack: str) -> None:
    Sample(service, workspace)
    for path in (
        f"/workflows/{attack}",
        f"/workflows/{attack}/triggers",
        f"/workflows/{attack}/sessions",
        f"/sessions/{attack}",
        f"/sessions/{attack}/log",
        f"/requests/{attack}",
    ):
        assert_refused(workspace.get(path), 404, "not_found")
    for parameter in ("workflow_id", "trigger", "request_id"):
        answer = workspace.get(f"/sessions?{parameter}={attack}")
        assert answer.status_code == 422 or answer.json()["data"] == []


def test_names_may_be_as_long_as_they_can_be(workspace: httpx2.Client) -> None:
    longest = "x" * 64
    manifest = f"""
version: v2
project:
  name: {longest}
  vars: [{{name: {longest}, secret: true, value: a}}]
  connections:
    - {{name: {longest}, integration: http, vars: [{{name: {longest}, secret: true, value: a}}]}}
triggers: [{{name: {longest}, webhook: {{}}}}]
"""
    answer = deploy(workspace, {"aetherflow.yaml": manifest})
    assert answer.status_code == 201, answer.text
    shown = workspace.get(f"/workflows/{answer.json()['workflow']['id']}/vars").json()["data"]
    assert [len(one["name"]) for one in shown] == [64, 130]


def test_the_value_of_a_secret_is_nowhere_in_clear(
    service: Service, workspace: httpx2.Client, stranger: httpx2.Client
) -> None:
    canaries = [f"canary{secrets.token_hex(16)}" for _ in range(4)]
    manifest = f"""
version: v2
project:
  name: sample
  vars:
    - {{name: TOKEN, secret: true, value: {canaries[0]}}}
    - {{name: LATER, secret: true}}
  connections:
    - {{name: shop, integration: http, vars: [{{name: KEY, secret: true, value: {canaries[1]}}}]}}
triggers:
  - {{name: api, webhook: {{}}, is_sync: true, call: "program.py:handle"}}
"""
    program = """
import hashlib, os

def handle(event):
    found = [os.environ[name] for name in ("TOKEN", "shop__KEY", "LATER", "MORE") if name in os.environ]
    return [hashlib.sha256(value.encode()).hexdigest() for value in found]
"""
    files = {"aetherflow.yaml": manifest, "program.py": program}
    answers = [deploy(workspace, files), deploy(workspace, files, headers={"Idempotency-Key": "k"})]
    sample = Sample(service, workspace, files)
    answers.append(workspace.put(f"{sample.path}/vars/LATER", json={"value": canaries[2]}))
    answers.append(workspace.put(f"{sample.path}/vars/UNUSED", json={"value": canaries[3]}))
    assert len(sample.call("api").json()) == 3, "handlers have them"
    workspace.post(f"{sample.path}/sessions", json={"trigger": "api"})
    broken = manifest.replace("secret: true}", "secret: true, colour: red}")
    answers.append(deploy(workspace, {**files, "aetherflow.yaml": broken}))
    for path in (sample.path, *(f"{sample.path}/{more}" for more in ("vars", "deployments", "triggers"))):
        answers += [workspace.get(path), stranger.get(path)]
    answers += [workspace.get("/workflows"), workspace.get("/sessions"), workspace.get("/requests")]
    told = json.dumps([[answer.text, dict(answer.headers)] for answer in answers])
    logs = "".join(service.logs().values())
    rows = read_database(service.environment["AETHERFLOW_DATABASE_URL"])
    assert sample.id in rows
    for canary in canaries:
        assert canary not in told
        assert canary not in logs
        assert canary not in rows


def read_database(url: str) -> str:
    """Return every row of every table of a database as Python writes it, bytes included."""

    async def read() -> str:
        async with opened(url) as database, database.read() as tx:
            tables = Row.metadata.sorted_tables
            return repr([(await tx.execute(table.select())).all() for table in tables])

    return asyncio.run(read())
