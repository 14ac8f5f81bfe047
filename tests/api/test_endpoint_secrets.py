"""Secrets: shown once, to the one who registers, and nowhere else ever."""

import asyncio
import base64
import secrets
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.api.problems import assert_refused
from tests.services import Service
from tests.waiting import until

URL = "http://127.0.0.1:9/"

# From the specification of Standard Webhooks.
ED25519 = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
ED25519_PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


def make_secret(length: int = 24) -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(length)).decode()


def register(workspace: httpx2.Client, **members: Any) -> dict[str, Any]:
    answer = workspace.post("/endpoints", json={"url": URL, **members})
    assert answer.status_code == 201, answer.text
    endpoint: dict[str, Any] = answer.json()
    return endpoint


def test_a_secret_is_made_for_each_endpoint(workspace: httpx2.Client) -> None:
    first, second = (register(workspace)["secret"] for _ in range(2))
    assert first != second
    for secret in (first, second):
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 24


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_may_be_brought_along_and_is_shown_in_the_first_answer_too(
    workspace: httpx2.Client, length: int
) -> None:
    secret = make_secret(length)
    endpoint = register(workspace, secret=secret)
    assert endpoint.pop("secret") == secret
    assert workspace.get(f"/endpoints/{endpoint['id']}").json() == endpoint


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "secret",
        make_secret(23),
        make_secret(65),
        make_secret().removeprefix("whsec_"),
        make_secret(25).rstrip("="),
        "whsec_" + "A" * 31 + "!",
        ED25519,
        " " + make_secret(),
    ],
)
def test_a_malformed_secret_is_refused(workspace: httpx2.Client, secret: str) -> None:
    answer = workspace.post("/endpoints", json={"url": URL, "secret": secret})
    assert_refused(answer, 422, "invalid", "/secret")
    assert workspace.get("/endpoints").json()["data"] == []


def test_an_ed25519_pair_comes_with_its_scheme_and_shows_its_public_half(workspace: httpx2.Client) -> None:
    made = register(workspace, schemes=["v1a"])
    key = base64.b64decode(made["public_key"].removeprefix("whpk_"), validate=True)
    assert (made["public_key"].startswith("whpk_"), len(key)) == (True, 32)
    brought = register(workspace, schemes=["v1", "v1a"], ed25519_secret=ED25519)
    assert brought["public_key"] == ED25519_PUBLIC
    for endpoint in (made, brought):
        shown = workspace.get(f"/endpoints/{endpoint['id']}").json()
        assert shown["public_key"] == endpoint["public_key"]
    assert "whsk_" not in workspace.get("/endpoints").text


def test_an_endpoint_that_asks_for_ed25519_later_gets_a_pair_and_keeps_it(workspace: httpx2.Client) -> None:
    path = f"/endpoints/{register(workspace)['id']}"
    first = workspace.patch(path, json={"schemes": ["v1a"]}).json()["public_key"]
    assert first.startswith("whpk_")
    assert workspace.patch(path, json={"schemes": None}).json()["public_key"] is None
    assert workspace.patch(path, json={"schemes": ["v1", "v1a"]}).json()["public_key"] == first


@pytest.mark.parametrize(
    "members",
    [
        {"ed25519_secret": ED25519},
        {"ed25519_secret": ED25519, "schemes": ["v1"]},
        {"ed25519_secret": "", "schemes": ["v1a"]},
        {"ed25519_secret": make_secret(64), "schemes": ["v1a"]},
        {"ed25519_secret": ED25519[:-4] + "AAA=", "schemes": ["v1a"]},
        {"ed25519_secret": "whsk_" + base64.b64encode(b"x" * 64).decode(), "schemes": ["v1a"]},
    ],
)
def test_an_ed25519_pair_that_cannot_sign_is_refused(
    workspace: httpx2.Client, members: dict[str, Any]
) -> None:
    answer = workspace.post("/endpoints", json={"url": URL, **members})
    assert_refused(answer, 422, "invalid", "/ed25519_secret")


def test_no_secret_is_found_anywhere_once_it_was_shown(service: Service, workspace: httpx2.Client) -> None:
    """Secrets of all kinds go in and are used; then everything that comes out or lies about is searched."""
    header = f"Bearer {secrets.token_hex(16)}"
    pair = make_pair()
    imported = make_secret()
    schemes = ["aetherflow", "v1", "v1a"]
    endpoints = [
        register(workspace, schemes=schemes),
        register(
            workspace,
            schemes=schemes,
            secret=imported,
            ed25519_secret=pair,
            headers={"Authorization": header},
        ),
    ]
    headers = {"Idempotency-Key": "once"}
    for _ in range(2):
        kept = workspace.post("/endpoints", json={"url": URL}, headers=headers)
        issued = workspace.post("/api-keys", json={"name": "x", "scopes": ["read"]}, headers=headers)
        endpoints += [kept.json()] if "secret" in kept.json() else []
        if "key" in issued.json():
            key = issued.json()["key"]
    canaries = [imported, pair, header, key, *(endpoint["secret"] for endpoint in endpoints)]
    assert len(canaries) == 7

    event = workspace.post("/events", json={"event": "a.b", "data": {}}).json()["id"]

    def all_are_tried() -> bool:
        rows = workspace.get("/deliveries", params={"event_id": event}).json()["data"]
        return all(row["attempt_count"] for row in rows)

    until(all_are_tried, what="every delivery was tried")
    with service.client(key) as client:
        assert client.get("/events").status_code == 200
    places = {**read_everything(service, workspace), **service.logs(), **stored(service)}
    assert len(places) > 10
    for canary in canaries:
        # A prefix is a part of the text, not of the secret.
        bare = canary.rpartition("_")[2].removeprefix("Bearer ")
        found = [place for place, content in places.items() if bare in content]
        assert found == []


def make_pair() -> str:
    seed = secrets.token_bytes(32)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return "whsk_" + base64.b64encode(seed + public).decode()


def read_everything(service: Service, workspace: httpx2.Client) -> dict[str, str]:
    """Return what every GET answers, for every row of the workspace."""
    texts = {path: service.http.get(path).text for path in ("/metrics", "/readyz", "/openapi.json")}
    for path in ("/events", "/endpoints", "/deliveries", "/api-keys"):
        answer = workspace.get(path)
        texts[path] = answer.text
        for row in answer.json()["data"]:
            if path != "/api-keys":
                texts[f"{path}/{row['id']}"] = workspace.get(f"{path}/{row['id']}").text
    return texts


def stored(service: Service) -> dict[str, str]:
    """Return what lies in the database: the bytes of SQLite's files, every row of PostgreSQL's tables."""
    url = service.environment["AETHERFLOW_DATABASE_URL"]
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return {file.name: file.read_bytes().decode("latin-1") for file in path.parent.glob(f"{path.name}*")}
    return dump(url)


def dump(url: str) -> dict[str, str]:
    async def read() -> dict[str, str]:
        connection = await asyncpg.connect(url)
        try:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            return {name: str(await connection.fetch(f'SELECT * FROM "{name}"')) for (name,) in tables}
        finally:
            await connection.close()

    return asyncio.run(read())
