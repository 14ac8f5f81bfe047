"""The pure-Python check of Ed25519 signatures, held against RFC 8032 and against OpenSSL."""

from hashlib import sha512

import pytest
from aetherflow.webhooks.ed25519 import FIELD, ORDER, PublicKey
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

# RFC 8032, section 7.1: public key, message, signature.
RFC_8032 = {
    "TEST 1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    "TEST 2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    "TEST 3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
    "TEST SHA(abc)": (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
        "454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
        "3dca179c138ac17ad9bef1177331a704",
    ),
}

# The points whose eightfold is the neutral element: orders 1, 2, 4 and 8, in canonical encoding.
SMALL_ORDER = [
    bytes(32),
    bytes(31) + b"\x80",
    (1).to_bytes(32, "little"),
    (FIELD - 1).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
]


def openssl_accepts(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("name", RFC_8032)
def test_the_vectors_of_the_rfc_are_accepted(name: str) -> None:
    public, message, signature = (bytes.fromhex(part) for part in RFC_8032[name])
    assert PublicKey(public).accepts(signature, message)
    assert not PublicKey(public).accepts(signature, message + b"\x00")


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_signature_counts_until_any_bit_of_it_changes(
    seed: bytes, message: bytes, data: st.DataObject
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key, signature = PublicKey(private.public_key().public_bytes_raw()), private.sign(message)
    assert key.accepts(signature, message)
    bit = data.draw(st.integers(0, 511))
    changed = (int.from_bytes(signature, "little") ^ 1 << bit).to_bytes(64, "little")
    assert not key.accepts(changed, message)


@given(
    public=st.binary(min_size=32, max_size=32),
    signature=st.binary(min_size=64, max_size=64),
    message=st.binary(max_size=50),
)
@settings(max_examples=100, deadline=None)
def test_nothing_is_accepted_that_openssl_refuses(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        key = PublicKey(public)
    except ValueError:
        return
    assert key.accepts(signature, message) == openssl_accepts(public, signature, message)


@given(message=st.binary(max_size=50), multiple=st.integers(1, 15))
@settings(max_examples=30, deadline=None)
def test_s_above_the_order_of_the_group_is_refused(message: bytes, multiple: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signature = private.sign(message)
    s = int.from_bytes(signature[32:], "little") + multiple * ORDER
    if s < 2**256:
        malleable = signature[:32] + s.to_bytes(32, "little")
        assert not PublicKey(private.public_key().public_bytes_raw()).accepts(malleable, message)


def test_a_key_that_is_not_canonical_is_refused() -> None:
    # y = p + 3 encodes the same point as y = 3, which is on the curve.
    PublicKey((3).to_bytes(32, "little"))
    with pytest.raises(ValueError, match="canonical"):
        PublicKey((FIELD + 3).to_bytes(32, "little"))


def test_the_neutral_element_with_a_negative_x_is_refused() -> None:
    with pytest.raises(ValueError, match="canonical"):
        PublicKey((1 | 1 << 255).to_bytes(32, "little"))


@pytest.mark.parametrize("encoded", SMALL_ORDER, ids=bytes.hex)
def test_a_key_of_small_order_is_refused(encoded: bytes) -> None:
    with pytest.raises(ValueError, match="small order"):
        PublicKey(encoded)


def test_bytes_that_are_no_point_are_refused() -> None:
    for not_a_point in (b"", bytes(31), bytes(33), (2).to_bytes(32, "little")):
        with pytest.raises(ValueError, match="not a point"):
            PublicKey(not_a_point)


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    public = bytes.fromhex(RFC_8032["TEST 1"][0])
    assert not PublicKey(public).accepts(bytes(length), b"")


def test_an_r_that_is_not_canonical_is_refused_where_the_canonical_one_counts() -> None:
    # Whoever has the private scalar can make a signature whose R is the neutral element (S = k * scalar),
    # one of the few points that have a second encoding.
    seed = bytes(32)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    digest = sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ~7 & ~(1 << 255) | 1 << 254

    def forged(r: bytes) -> bytes:
        k = int.from_bytes(sha512(r + public + b"message").digest(), "little") % ORDER
        return r + (k * scalar % ORDER).to_bytes(32, "little")

    canonical, other = (1).to_bytes(32, "little"), (FIELD + 1).to_bytes(32, "little")
    assert PublicKey(public).accepts(forged(canonical), b"message")
    assert not PublicKey(public).accepts(forged(other), b"message")
