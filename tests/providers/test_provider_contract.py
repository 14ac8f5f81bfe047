"""What holds for every provider in the registry. A new one needs a sender in `genuine.SENDERS`."""

import importlib
import pkgutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app.providers
from app.errors import InternalError
from app.providers import PROVIDERS, Provider, SignedRequest, find_provider
from tests.providers.genuine import (
    NOW,
    SENDERS,
    TOLERANCE_SECONDS,
    Headers,
    genuine,
    request,
    with_header,
)

# What several providers share; every other file of the package is one provider.
SHARED = {"body_signatures", "checks", "ed25519", "handshakes", "provider", "stamped_signatures"}

SECONDS = int(NOW.timestamp())

every_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
every_dated_one = pytest.mark.parametrize(
    "provider",
    [provider for provider in PROVIDERS if SENDERS[provider.name].signs_time],
    ids=lambda provider: provider.name,
)
every_signing_one = pytest.mark.parametrize(
    "provider",
    [provider for provider in PROVIDERS if SENDERS[provider.name].signs_body],
    ids=lambda provider: provider.name,
)

header_names = st.sampled_from(
    sorted(
        {name for sender in SENDERS.values() for name in sender.sign(sender.secret, sender.body, SECONDS)}
        | {"webhook-signature", "svix-signature", "svix-id", "svix-timestamp", "X-AetherFlow-Signature-2"}
    )
)
ODDITIES = ("", " ", ",", "=", "sha256=", "v0=", "v1,", "t=,v1=", "t=1,t=2,v1=a", "\ud800", "é" * 128)
ODD_TIMES = ("-1", "1e9", "9" * 5000, "٣" * 10, f"{SECONDS}, {SECONDS}")
LONG_ONES = ("a" * 70_000, "0" * 128, "v1a," + "A" * 86 + "==", "v1," * 20_000, "t=1," * 20_000)
garbage = st.one_of(
    st.text(max_size=60),
    st.text(max_size=20).map(lambda text: f"t=1,v1={text},t={text}"),
    st.text(max_size=20).map(lambda text: f"v1,{text} v1a,{text} v1a,AAAA"),
    st.integers().map(str),
    st.sampled_from(ODDITIES + ODD_TIMES + LONG_ONES),
)


def verdict(provider: Provider, received: SignedRequest, *secrets: str) -> str | None:
    return provider.verify(received, secrets=secrets, tolerance_seconds=TOLERANCE_SECONDS, now=NOW)


def test_every_file_of_the_package_is_a_provider_in_the_registry_or_shared_by_several() -> None:
    names = {module.name for module in pkgutil.iter_modules(app.providers.__path__)}
    assert names > SHARED
    made: dict[str, Provider] = {}
    for name in names - SHARED:
        module = importlib.import_module(f"app.providers.{name}")
        found = {each.name: each for each in vars(module).values() if isinstance(each, Provider)}
        assert found, f"{name} is no provider"
        made |= found
    assert made == {provider.name: provider for provider in PROVIDERS}
    assert len(names - SHARED) == len(PROVIDERS)


def test_every_provider_has_its_own_name_and_a_sender_to_test_it() -> None:
    assert [provider.name for provider in PROVIDERS] == list(dict.fromkeys(p.name for p in PROVIDERS))
    assert {provider.name for provider in PROVIDERS} == set(SENDERS)


@every_provider
def test_a_provider_is_found_by_its_name(provider: Provider) -> None:
    assert find_provider(provider.name) is provider


def test_a_name_that_deploying_would_have_refused_is_a_mistake_of_ours() -> None:
    with pytest.raises(InternalError):
        find_provider("GitHub")


@every_provider
def test_a_genuine_request_passes_under_any_of_the_secrets(provider: Provider) -> None:
    sender = SENDERS[provider.name]
    assert verdict(provider, genuine(sender), sender.secret) is None
    assert verdict(provider, genuine(sender), sender.other_secret, sender.secret) is None


@every_provider
def test_another_secret_fails_and_so_does_none(provider: Provider) -> None:
    sender = SENDERS[provider.name]
    for secrets in ([sender.other_secret], [], [""], ["", sender.other_secret]):
        assert verdict(provider, genuine(sender), *secrets)


@pytest.mark.parametrize(
    "provider",
    # The secrets of the others have a form, which the empty text does not have.
    [provider for provider in PROVIDERS if provider.name not in ("standard", "aetherflow", "discord")],
    ids=lambda provider: provider.name,
)
def test_nobody_can_sign_with_the_empty_secret(provider: Provider) -> None:
    sender = SENDERS[provider.name]
    body = sender.body.replace(b"first", b"")
    assert verdict(provider, request(sender.sign("", body, SECONDS), body), "") == "no usable secret is set"


@every_signing_one
@given(data=st.data())
def test_one_changed_bit_of_the_body_fails(provider: Provider, data: st.DataObject) -> None:
    sender = SENDERS[provider.name]
    changed = bytearray(sender.body)
    bit = data.draw(st.integers(0, len(changed) * 8 - 1))
    changed[bit // 8] ^= 1 << bit % 8
    assert verdict(provider, replace(genuine(sender), body=bytes(changed)), sender.secret)


@every_signing_one
@pytest.mark.parametrize("body", [b"", b"\xff\x00", b'{"number":1,"action":"opened"}'])
def test_an_emptied_or_rewritten_body_fails(provider: Provider, body: bytes) -> None:
    sender = SENDERS[provider.name]
    assert verdict(provider, replace(genuine(sender), body=body), sender.secret)


@every_signing_one
@given(data=st.data())
def test_one_changed_character_of_a_signed_header_fails(provider: Provider, data: st.DataObject) -> None:
    sender = SENDERS[provider.name]
    original = genuine(sender)
    name = data.draw(st.sampled_from(sender.signatures))
    value = original.headers.get(name) or ""
    position = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.characters(exclude_characters=[value[position]]))
    # At either end, white space would be one character less, which is the next test.
    changed = value[:position] + other + value[position + 1 :]
    assert verdict(provider, with_header(original, name, changed), sender.secret)


@every_signing_one
def test_a_signed_header_that_is_missing_empty_cut_short_or_there_twice_fails(provider: Provider) -> None:
    sender = SENDERS[provider.name]
    original = genuine(sender)
    for name in sender.signatures:
        value = original.headers.get(name) or ""
        # A `webhook-signature` is a list, which repeating it makes longer and no less genuine.
        twice = [] if name == "webhook-signature" else [f"{value}, {value}", f"{value},{value}"]
        for changed in (None, "", " ", value[:-1], value[1:], *twice):
            assert verdict(provider, with_header(original, name, changed), sender.secret), (name, changed)


@every_signing_one
def test_a_request_without_any_header_fails(provider: Provider) -> None:
    sender = SENDERS[provider.name]
    assert verdict(provider, request({}, sender.body), sender.secret)


@every_dated_one
@pytest.mark.parametrize("offset", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
def test_a_time_within_the_tolerance_passes_the_limit_included(provider: Provider, offset: int) -> None:
    sender = SENDERS[provider.name]
    assert verdict(provider, genuine(sender, moment=SECONDS + offset), sender.secret) is None


@every_dated_one
@pytest.mark.parametrize("moment", [0, SECONDS - 301, SECONDS + 301, SECONDS * 10])
def test_an_old_and_a_future_time_fail_however_well_they_are_signed(provider: Provider, moment: int) -> None:
    sender = SENDERS[provider.name]
    reason = verdict(provider, genuine(sender, moment=moment), sender.secret)
    assert reason in (f"signed {SECONDS - moment} s ago", f"signed {moment - SECONDS} s from now")


@every_dated_one
def test_a_time_that_cannot_be_one_fails_however_well_it_is_signed(provider: Provider) -> None:
    sender = SENDERS[provider.name]
    for moment in (-1, 10**12):
        if provider.name == "standard":
            # The independent signer does not take what is no date.
            continue
        received = request(sender.sign(sender.secret, sender.body, moment), sender.body)
        assert verdict(provider, received, sender.secret), moment


@every_provider
@given(
    headers=st.dictionaries(header_names, garbage),
    body=st.binary(max_size=50),
    secret=st.sampled_from(["genuine", "\ud800", "whsec_", "whpk_AAAA", "whpk_" + "A" * 43 + "=", ":", "é"]),
)
def test_garbage_fails_and_never_raises(
    provider: Provider, headers: dict[str, str], body: bytes, secret: str
) -> None:
    sender = SENDERS[provider.name]
    secrets = [sender.secret if secret == "genuine" else secret]
    assert verdict(provider, request(headers, body), *secrets)
    unsettled = Headers(dict(genuine(sender).headers.items()) | headers)  # type: ignore[attr-defined]
    verdict(provider, replace(genuine(sender), headers=unsettled), sender.secret)


@every_provider
@given(headers=st.dictionaries(header_names, garbage))
def test_a_reason_is_short_and_tells_nothing_of_the_secret_or_the_request(
    provider: Provider, headers: dict[str, str]
) -> None:
    sender = SENDERS[provider.name]
    marked = {name: f"{value}canary" for name, value in headers.items()}
    reason = verdict(provider, request(marked, b"canary"), sender.secret) or ""
    assert 0 < len(reason) <= 110
    assert reason.isascii()
    assert reason.isprintable()
    assert "canary" not in reason
    assert sender.secret not in reason


@every_provider
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "", "\x00"]),
    query=st.dictionaries(
        st.sampled_from(["hub.mode", "hub.verify_token", "hub.challenge", "validationToken", "crc_token"]),
        garbage,
    ),
    body=st.binary(max_size=50)
    | st.sampled_from([b"[" * 5000, b'{"type":' * 2000, b"null", b'{"type":1e999}', b'{"payload":[]}']),
    secret=st.sampled_from(["first", "", "\ud800", ":"]) | st.none(),
)
def test_a_handshake_never_raises(
    provider: Provider, method: str, query: dict[str, str], body: bytes, secret: str | None
) -> None:
    provider.handshake(request({}, body, method=method, query=query), secret=secret, now=NOW)


@every_provider
def test_an_event_is_no_handshake(provider: Provider) -> None:
    sender = SENDERS[provider.name]
    assert provider.handshake(genuine(sender), secret=sender.secret, now=NOW) is None
