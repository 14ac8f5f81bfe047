"""What holds for every scheme in the registry. A new scheme needs a verifier in `VERIFIERS`."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InternalError, Invalid
from app.signatures import SCHEMES, Scheme, SigningKeys, pick_schemes
from app.signatures.secrets import make_ed25519, make_secret, parse_ed25519, public_key

NEW, OLD = make_secret(b"n" * 24), make_secret(b"o" * 24)
NEW_ED25519, OLD_ED25519 = make_ed25519(b"N" * 32), make_ed25519(b"O" * 32)
SETTLED = SigningKeys.of([NEW], primary=NEW, ed25519=[NEW_ED25519])
ROTATING = SigningKeys.of([NEW, OLD], primary=OLD, second=NEW, ed25519=[NEW_ED25519, OLD_ED25519])


def accepts_aetherflow(written: bytes, content: bytes, secrets: Sequence[str]) -> bool:
    expected = [hmac.new(secret.encode(), content, hashlib.sha256).hexdigest() for secret in secrets]
    lines = written.decode().removesuffix("\r\n").split("\r\n")
    return [line.partition(": ")[2] for line in lines] == expected


def accepts_v1(written: bytes, content: bytes, secrets: Sequence[str]) -> bool:
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    expected = [base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys]
    return written.decode().split(" ") == [f"v1,{signature}" for signature in expected]


def accepts_v1a(written: bytes, content: bytes, secrets: Sequence[str]) -> bool:
    entries = written.decode().split(" ")
    published = [base64.b64decode(public_key(parse_ed25519(s)).removeprefix("whpk_")) for s in secrets]
    try:
        for entry, key in zip(entries, published, strict=True):
            version, _, signature = entry.partition(",")
            assert version == "v1a"
            Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature), content)
    except InvalidSignature:
        return False
    return True


Verifier = Callable[[bytes, bytes, Sequence[str]], bool]

# Per scheme: an independent verifier, the secret of SETTLED, and those of ROTATING in their order.
VERIFIERS: dict[str, tuple[Verifier, list[str], list[str]]] = {
    "aetherflow": (accepts_aetherflow, [NEW], [OLD, NEW]),
    "v1": (accepts_v1, [NEW], [NEW, OLD]),
    "v1a": (accepts_v1a, [NEW_ED25519], [NEW_ED25519, OLD_ED25519]),
}

every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)


def test_every_scheme_has_its_own_name_and_an_independent_verifier() -> None:
    assert [scheme.name for scheme in SCHEMES] == list(VERIFIERS)


@every_scheme
@given(content=st.binary(max_size=300))
def test_what_a_scheme_writes_verifies_under_every_live_key(scheme: Scheme, content: bytes) -> None:
    accepts, settled, rotating = VERIFIERS[scheme.name]
    assert accepts(scheme.write(SETTLED, content), content, settled)
    assert accepts(scheme.write(ROTATING, content), content, rotating)


@every_scheme
@given(content=st.binary(min_size=1, max_size=100), data=st.data())
def test_one_changed_bit_of_the_content_is_noticed(
    scheme: Scheme, content: bytes, data: st.DataObject
) -> None:
    accepts, settled, _ = VERIFIERS[scheme.name]
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    assert not accepts(scheme.write(SETTLED, content), bytes(changed), settled)


@every_scheme
def test_what_a_scheme_writes_is_either_whole_header_lines_or_entries_without_line_breaks(
    scheme: Scheme,
) -> None:
    written = scheme.write(ROTATING, b"content")
    if scheme.covers == "body":
        assert written.endswith(b"\r\n")
        assert all(line.count(b": ") == 1 for line in written.split(b"\r\n")[:-1])
    else:
        assert written.count(b"\r") == written.count(b"\n") == 0
        assert all(entry.startswith(scheme.name.encode() + b",") for entry in written.split(b" "))


def test_the_asymmetric_scheme_without_a_key_is_a_mistake_of_ours_and_not_an_empty_header() -> None:
    (v1a,) = pick_schemes(["v1a"])
    with pytest.raises(InternalError):
        v1a.write(SigningKeys.of([NEW], primary=NEW), b"content")


def test_schemes_are_picked_in_the_order_of_the_registry_and_once_each() -> None:
    assert pick_schemes(["v1a", "aetherflow", "v1a"]) == (SCHEMES[0], SCHEMES[2])
    assert pick_schemes([scheme.name for scheme in SCHEMES]) == SCHEMES


@pytest.mark.parametrize(
    ("names", "paths"),
    [([], ["/schemes"]), (["v1", "v2"], ["/schemes/1"]), (["V1", "v1 ", "v1"], ["/schemes/0", "/schemes/1"])],
)
def test_unknown_schemes_and_no_schemes_are_refused_by_position(names: list[str], paths: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        pick_schemes(names)
    assert [problem.path for problem in caught.value.problems] == paths
