"""What a look at an outside service can find, and what it is called.

The codes are upper-case words that events, errors and rows show: how a connection failed, `HTTP_503` for a status,
`CREDENTIALS_REFUSED` for 401 and 403.
"""

from dataclasses import dataclass

from app.rules.lifecycle import ResultClass

CREDENTIALS_REFUSED = "CREDENTIALS_REFUSED"

# RFC 9110 sections 15.5.2 and 15.5.4.
_REFUSING = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Healthy:
    """The service answers, and takes the credentials."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The service answers, and does not take the credentials."""

    message: str
    code: str = CREDENTIALS_REFUSED


@dataclass(frozen=True, slots=True)
class Failing:
    """The service cannot be reached, or is not in order."""

    code: str
    message: str


Finding = Healthy | Refused | Failing


def code_of(result: ResultClass, status_code: int | None) -> str:
    """Return what a failure is called: `HTTP_503`, or how no answer came, such as `TIMEOUT`."""
    return result.upper() if status_code is None else f"HTTP_{status_code}"


def refuses_credentials(status_code: int | None) -> bool:
    """Whether a status says that the credentials do not count."""
    return status_code in _REFUSING


def judge_status(status_code: int) -> Finding:
    """Return what the status of an answer to a check says: a service that answers 404 is there."""
    if refuses_credentials(status_code):
        return Refused(f"The service refuses the credentials with status {status_code}.")
    if status_code >= 500:
        return Failing(code_of(ResultClass.SERVER_ERROR, status_code), f"The service answers {status_code}.")
    return Healthy()
