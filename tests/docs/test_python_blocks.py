"""The Python in the how-to about signatures, run against signed requests."""

from pathlib import Path
from typing import Any

import pytest
from aetherflow.webhooks.testing import SignedRequest, public_key, signed_request

from tests.docs.doc_pages import blocks, read

PAGE = Path("docs/how-to/verify-signatures-in-python.md")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEWER_SECRET = "whsec_JQXBsyMwHdxgQs5TQ1nwHCcn0dDTV1kH"
PAIR = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="


def block_with(text: str) -> str:
    (found,) = [one.text for one in blocks(read(PAGE)) if one.language == "python" and text in one.text]
    return found


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the blocks of the page share, once the first one has run."""
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("NEW_WEBHOOK_SECRET", NEWER_SECRET)
    monkeypatch.setenv("WEBHOOK_PUBLIC_KEY", public_key(PAIR))
    handled: list[str] = []
    names: dict[str, Any] = {
        "handled": handled,
        "is_new": lambda event_id: event_id not in handled,
        "handle": lambda event, _: handled.append(event),
    }
    exec(block_with("def receive"), names)
    return names


@pytest.fixture
def request_() -> SignedRequest:
    return signed_request("invoice.paid", {"invoice": {"id": "in_1"}}, SECRET)


def test_the_receiver_takes_what_is_signed_and_refuses_what_was_changed(
    names: dict[str, Any], request_: SignedRequest
) -> None:
    assert names["receive"](request_.body, request_.headers) == 204
    assert names["handled"] == ["invoice.paid"]
    assert names["receive"](request_.body + b" ", request_.headers) == 400


@pytest.mark.parametrize("secret", [SECRET, NEWER_SECRET])
def test_with_two_secrets_either_may_have_signed(names: dict[str, Any], secret: str) -> None:
    exec(block_with("NEW_WEBHOOK_SECRET"), names)
    request = signed_request("invoice.paid", {}, secret)
    assert names["receive"](request.body, request.headers) == 204


def test_a_public_key_goes_where_the_secret_would(names: dict[str, Any], request_: SignedRequest) -> None:
    exec(block_with("WEBHOOK_PUBLIC_KEY"), names)
    signed = signed_request("invoice.paid", {}, PAIR)
    assert names["receive"](signed.body, signed.headers) == 204
    assert names["receive"](request_.body, request_.headers) == 400


def test_a_library_for_standard_webhooks_takes_the_same_secret(
    names: dict[str, Any], request_: SignedRequest
) -> None:
    names |= {"body": request_.body, "headers": request_.headers}
    exec(block_with("standardwebhooks"), names)
    assert names["event"]["data"] == {"invoice": {"id": "in_1"}}


def test_the_check_without_a_library_takes_what_is_genuine_and_nothing_else(
    names: dict[str, Any], request_: SignedRequest
) -> None:
    exec(block_with("def is_genuine"), names)
    old = signed_request("invoice.paid", {}, SECRET, timestamp=1614265330)
    assert names["is_genuine"](request_.body, request_.headers, SECRET)
    assert not names["is_genuine"](request_.body + b" ", request_.headers, SECRET)
    assert not names["is_genuine"](request_.body, request_.headers, NEWER_SECRET)
    assert not names["is_genuine"](old.body, old.headers, SECRET)
