"""How deliveries are signed. Pure: randomness, time and secrets come in as parameters.

A new scheme is one file with a `Scheme` in it and one line in `SCHEMES`.
"""

from collections.abc import Sequence

from app.errors import Invalid, Problem
from app.signatures.aetherflow import AETHERFLOW
from app.signatures.headers import sign
from app.signatures.keys import SigningKeys
from app.signatures.scheme import Scheme
from app.signatures.v1 import V1
from app.signatures.v1a import V1A

__all__ = ["SCHEMES", "Scheme", "SigningKeys", "pick_schemes", "sign"]

SCHEMES = (
    AETHERFLOW,
    V1,
    V1A,
)


def pick_schemes(names: Sequence[str]) -> tuple[Scheme, ...]:
    """Return the named schemes in the order of `SCHEMES`, each once.

    Raises `Invalid`, naming `/schemes`, when there is no name or one that is unknown.
    """
    known = [scheme.name for scheme in SCHEMES]
    message = f"must be one of {', '.join(known)}"
    problems = [
        Problem(f"/schemes/{index}", message) for index, name in enumerate(names) if name not in known
    ]
    if not names:
        problems = [Problem("/schemes", "must name at least one scheme")]
    if problems:
        raise Invalid("The signature schemes do not fit.", problems=problems)
    return tuple(scheme for scheme in SCHEMES if scheme.name in names)
