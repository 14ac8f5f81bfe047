"""Ed25519 signatures (RFC 8032, section 5.1), checked with integers alone.

The standard library has no Ed25519 and this package has no dependencies, so the curve is here. It is
for checking only: key, message and signature are all public then, which is why nothing in this file
runs in constant time, and why no private key may be used with it outside tests.

What is accepted is what the strict implementations accept:
1. S must be below the group's order, or a second valid signature could be made from any first one.
2. Points must be in their canonical encoding.
3. The equation is the one without cofactor: R is computed from S, the key and the message, and its
   encoding compared with what was sent.
4. A key of small order is no key: anybody can make signatures that fit it.
"""

from __future__ import annotations

import hashlib

# A point (X, Y, Z, T) in extended homogeneous coordinates: x = X/Z, y = Y/Z, x*y = T/Z (RFC 8032, 5.1.4).
Point = tuple[int, int, int, int]

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY: Point = (0, 1, 1, 0)

# The base point (RFC 8032, 5.1): y is 4/5, x the even one of the two that belong to it.
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y = 4 * pow(5, -1, FIELD) % FIELD
BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % FIELD)

_D = -121665 * pow(121666, -1, FIELD) % FIELD
_SQUARE_ROOT_OF_MINUS_ONE = pow(2, (FIELD - 1) // 4, FIELD)


class PublicKey:
    """A public key of 32 bytes. Raises ValueError when the bytes are no key."""

    def __init__(self, encoded: bytes) -> None:
        point = decode(encoded)
        if point is None:
            raise ValueError("the bytes are not a point of the curve in its canonical encoding")
        if _is_of_small_order(point):
            raise ValueError("the point is of small order, so any signature could fit it")
        self.encoded = encoded
        self._negated = _negate(point)

    def accepts(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature (64 bytes: R, then S) was made over the message with this key."""
        if len(signature) != 64:
            return False
        r_encoded, s = signature[:32], int.from_bytes(signature[32:], "little")
        if s >= ORDER:
            return False
        k = challenge(r_encoded, self.encoded, message)
        return encode(sum_of_multiples(s, BASE, k, self._negated)) == r_encoded


def challenge(r_encoded: bytes, key_encoded: bytes, message: bytes) -> int:
    """The number that binds a signature to its key and message (RFC 8032, 5.1.7, step 2)."""
    return int.from_bytes(hashlib.sha512(r_encoded + key_encoded + message).digest(), "little") % ORDER


def decode(encoded: bytes) -> Point | None:
    """The point that 32 bytes stand for, or None (RFC 8032, 5.1.3)."""
    if len(encoded) != 32:
        return None
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= FIELD:
        return None
    x = _x_from(y, sign)
    return None if x is None else (x, y, 1, x * y % FIELD)


def encode(point: Point) -> bytes:
    """The canonical 32 bytes of a point (RFC 8032, 5.1.2)."""
    x, y, z, _ = point
    inverse = pow(z, -1, FIELD)
    x, y = x * inverse % FIELD, y * inverse % FIELD
    return (y | (x & 1) << 255).to_bytes(32, "little")


def sum_of_multiples(a: int, p: Point, b: int, q: Point) -> Point:
    """a*P + b*Q, both in one pass over the bits, which halves the doublings."""
    choices = (IDENTITY, p, q, _add(p, q))
    total = IDENTITY
    for bit in reversed(range(max(a.bit_length(), b.bit_length()))):
        total = _double(total)
        choice = (a >> bit & 1) | (b >> bit & 1) << 1
        if choice:
            total = _add(total, choices[choice])
    return total


def _x_from(y: int, sign: int) -> int | None:
    """The x of the given lowest bit with -x^2 + y^2 = 1 + d*x^2*y^2, or None if there is none."""
    u, v = (y * y - 1) % FIELD, (_D * y * y + 1) % FIELD
    x = u * pow(v, 3, FIELD) * pow(u * pow(v, 7, FIELD), (FIELD - 5) // 8, FIELD) % FIELD
    if v * x * x % FIELD != u:
        x = x * _SQUARE_ROOT_OF_MINUS_ONE % FIELD
    if v * x * x % FIELD != u or (x == 0 and sign):
        return None
    return FIELD - x if x & 1 != sign else x


def _add(p: Point, q: Point) -> Point:
    """P + Q by the complete formulas of RFC 8032, 5.1.4, which hold for equal points too."""
    x1, y1, z1, t1 = p
    x2, y2, z2, t2 = q
    a, b = (y1 - x1) * (y2 - x2) % FIELD, (y1 + x1) * (y2 + x2) % FIELD
    c, d = 2 * t1 * t2 * _D % FIELD, 2 * z1 * z2 % FIELD
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD


def _double(p: Point) -> Point:
    x, y, z, _ = p
    a, b = x * x % FIELD, y * y % FIELD
    h = a + b
    e = h - (x + y) * (x + y)
    g = a - b
    f = 2 * z * z + g
    return e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD


def _negate(p: Point) -> Point:
    x, y, z, t = p
    return -x % FIELD, y, z, -t % FIELD


def _is_of_small_order(p: Point) -> bool:
    """Whether 8*P is the identity; the curve's cofactor is 8."""
    x, y, z, _ = _double(_double(_double(p)))
    return x == 0 and y == z
