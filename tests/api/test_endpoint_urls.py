"""Where endpoints may lead: what is refused at registration and by PATCH, and what the caller is told."""

import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from threading import Event
from typing import Any

import httpx2
import pytest

from app.api.destinations import Destinations
from app.resolver import Resolver
from app.rules.addresses import EgressPolicy
from tests.api.in_process import Inside
from tests.api.problems import assert_refused
from tests.processes import temporary_folder
from tests.services import Service, embedded

NO_URLS = [
    "",
    "hooks",
    "example.com/hooks",
    "//example.com/",
    "https:",
    "https://",
    "https:///x",
    "https://example.com:x/",
    "https://example.com/ x",
    " https://example.com/",
    "https://example.com/" + "a" * 2_029,
]

# What is no longer the same once a client has normalised it.
CHANGING = [
    "https://93.184.215.14/a/../b",
    "https://93.184.215.14/./",
    "https://93.184.215.14/%7Ea",
    "https://93.184.215.14/ä",
    "https://93.184.215.14/%zz",
    "https://ｅxample.com/",
    "https://[2606:4700:0:0::1]/",
]

# Ways into the operator's network, or past those who guard it.
ATTACKS = [
    "http://93.184.215.14/",
    "ftp://93.184.215.14/",
    "file://93.184.215.14/etc/passwd",
    "gopher://93.184.215.14/",
    "https://127.0.0.1/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://1.2.3.4.5/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[127.0.0.1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://intranet/",
    "https://db.internal/",
    "https://printer.local/",
    "https://router.home.arpa/",
    "https://1.0.0.127.in-addr.arpa/",
    "https://a.test/",
    "https://a.invalid/",
    "https://a.onion/",
    "https://93.184.215.14:22/",
    "https://93.184.215.14:80/",
    "https://93.184.215.14:6379/",
    "https://user:password@93.184.215.14/",
    "https://127.0.0.1@93.184.215.14/",
    "https://93.184.215.14\\@127.0.0.1/",
    "https://93.184.215.14/#fragment",
    "https://93.184.215.14/\r\nHost:x",
    "https://93.184.215.14/\0",
    "https://exa%6dple.com/",
    "https://a..example.com/",
    "https://-a.example.com/",
]

ACCEPTED = [
    "https://93.184.215.14",
    "https://93.184.215.14/",
    "HTTPS://93.184.215.14:443/Hooks?a=b&c[]=d;e",
    "https://93.184.215.14:8443//a//%C3%A4%2F",
    "https://[2606:4700::1]/",
    "https://93.184.215.14/" + "a" * 2_026,
]


@pytest.fixture(scope="module")
def strict() -> Iterator[Service]:
    """A service that allows what services allow unless told otherwise."""
    with (
        temporary_folder() as folder,
        embedded(folder, egress_allow="", egress_ports="", allow_http="") as service,
    ):
        yield service


@pytest.fixture(scope="module")
def registered(strict: Service) -> str:
    """The path of an endpoint that is changed in vain."""
    made = strict.api.post("/endpoints", json={"url": "https://93.184.215.14/first"})
    return f"/endpoints/{made.json()['id']}"


def refusals(service: Service, path: str, url: str) -> list[httpx2.Response]:
    return [service.api.post("/endpoints", json={"url": url}), service.api.patch(path, json={"url": url})]


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_is_invalid(strict: Service, registered: str, url: str) -> None:
    for answer in refusals(strict, registered, url):
        assert_refused(answer, 422, "invalid_url", "/url")


@pytest.mark.parametrize("url", CHANGING)
def test_what_sending_would_change_is_refused_with_a_reason(
    strict: Service, registered: str, url: str
) -> None:
    for answer in refusals(strict, registered, url):
        assert "rite " in assert_refused(answer, 422, "invalid_url", "/url")["detail"]


@pytest.mark.parametrize("url", ATTACKS)
def test_every_destination_that_is_not_allowed_is_refused_in_the_same_words(
    strict: Service, registered: str, url: str
) -> None:
    for answer in refusals(strict, registered, url):
        problem = assert_refused(answer, 422, "blocked_destination", "/url")
        assert problem["detail"] == "Deliveries to this destination are not allowed"
        assert problem["errors"][0]["message"] == problem["detail"]
    assert strict.api.get(registered).json()["url"] == "https://93.184.215.14/first"


@pytest.mark.parametrize("url", ACCEPTED)
def test_a_url_is_kept_and_shown_as_it_was_given(strict: Service, url: str) -> None:
    answer = strict.api.post("/endpoints", json={"url": url, "enabled": False})
    assert (answer.status_code, answer.json()["url"]) == (201, url)
    assert strict.api.get(answer.headers["location"].removeprefix("/api/v1")).json()["url"] == url


def test_logs_hold_no_more_of_a_url_than_its_origin(strict: Service) -> None:
    strict.api.post("/endpoints", json={"url": "https://93.184.215.14/CANARY?CANARY", "enabled": False})
    strict.api.post("/endpoints", json={"url": "https://10.0.0.1/CANARY"})
    assert "CANARY" not in "".join(strict.logs().values())


# What names resolve to: by a resolver of the tests, for nothing is looked up in the world from here.

ANSWERS: dict[str, Sequence[str]] = {
    "public.example.com": ["93.184.215.14", "2606:4700::1"],
    "private.example.com": ["10.0.0.1"],
    "mixed.example.com": ["93.184.215.14", "127.0.0.1"],
    "mapped.example.com": ["::ffff:169.254.169.254"],
    "nowhere.example.com": [],
}

SILENT = Event()


def look_up(name: str) -> list[Any]:
    if name == "silent.example.com":
        SILENT.wait(20)
    return [ip_address(text) for text in ANSWERS.get(name, [])]


@pytest.fixture
def inside(inside: Inside) -> Iterator[Inside]:
    inside.app.state.destinations = Destinations(EgressPolicy(), Resolver(look_up))
    yield inside
    SILENT.set()


# Where a URL leads has nothing to do with the database.
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@on_one_database
@pytest.mark.parametrize("name", ["private", "mixed", "mapped"])
async def test_a_name_with_one_address_that_is_not_allowed_is_refused(inside: Inside, name: str) -> None:
    answer = await inside.api.post("/endpoints", json={"url": f"https://{name}.example.com/"})
    problem = assert_refused(answer, 422, "blocked_destination", "/url")
    assert problem["detail"] == "Deliveries to this destination are not allowed"


@on_one_database
async def test_a_name_that_resolves_to_public_addresses_is_accepted(inside: Inside) -> None:
    answer = await inside.api.post("/endpoints", json={"url": "https://public.example.com./"})
    assert (answer.status_code, answer.json()["warnings"]) == (201, [])
    assert answer.json()["url"] == "https://public.example.com./"


@on_one_database
async def test_a_name_that_does_not_resolve_now_is_accepted_with_one_warning_whatever_the_cause(
    inside: Inside,
) -> None:
    begun = time.monotonic()
    warnings = []
    for name in ("nowhere", "silent"):
        answer = await inside.api.post("/endpoints", json={"url": f"https://{name}.example.com/"})
        assert answer.status_code == 201
        warnings.append(answer.json()["warnings"])
    assert warnings[0] == warnings[1]
    assert len(warnings[0]) == 1
    # The deadline is 3 s; without one the resolver would have taken 20.
    assert time.monotonic() - begun < 10
    path = answer.headers["location"].removeprefix("/api/v1")
    changed = await inside.api.patch(path, json={"url": "https://nowhere.example.com/x"})
    assert changed.json()["warnings"] == warnings[0]
    assert (await inside.api.get(path)).json()["warnings"] == []
