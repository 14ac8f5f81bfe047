"""docs/reference/errors.md, from the classes of `app.errors` and a page of cause and fix for each."""

from collections.abc import Iterator
from pathlib import Path

from app.errors import AetherFlowError, Misconfigured, Refused
from docs.generate.text import DOCS, code, page, table

FOLDER = DOCS / "errors"

INTRODUCTION = """
Every refusal is a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) of the media type
`application/problem+json`:

```json
{
  "type": "/docs/errors/invalid",
  "title": "The request does not fit",
  "status": 422,
  "detail": "The request does not fit",
  "code": "invalid",
  "request_id": "0199c4b2a6de7c30a9b1e6a4f5c80d17",
  "errors": [{"path": "/url", "message": "Field required", "code": "missing"}]
}
```

Programs look at `code`, which is stable; the other texts are for people. `type` names the page of that code.
`request_id` is also in the header `Request-Id` and in the log; a caller may choose it by sending that header.
Each entry of `errors` says where: a JSON pointer into the body, `?name` for a query parameter, or the name of a
header.

A request is checked in this order: the key (401), its rate (429) and scope (403), the thing that the path names
(404), parameters and body (400, 413, 415, 422), and what is asked for (409). A 503 comes when the database is away.
What goes wrong at a start is no answer but an exit status; it is told on standard error.
"""


def render() -> str:
    """Return the page."""
    classes = sorted(error_classes(), key=lambda one: (issubclass(one, Misconfigured), one.status, one.code))
    rows = [[f"[{code(one.code)}](#{one.code})", sign_of(one), one.title] for one in classes]
    sections = [section_of(one) for one in classes]
    return page("Errors", INTRODUCTION, table(["code", "status", "title"], rows), *sections)


def error_classes() -> Iterator[type[AetherFlowError]]:
    """Yield the class behind each code that callers can meet."""
    yield AetherFlowError
    for one in subclasses(AetherFlowError):
        # InternalError shares the code of the root; Refused is what all 4xx have in common.
        if one.code != AetherFlowError.code and one is not Refused:
            yield one


def subclasses(parent: type[AetherFlowError]) -> Iterator[type[AetherFlowError]]:
    """Yield all classes below one."""
    for child in parent.__subclasses__():
        yield child
        yield from subclasses(child)


def sign_of(one: type[AetherFlowError]) -> str:
    """Return the status, or the exit status of what stops a start."""
    return f"exit {one.exit_status}" if issubclass(one, Misconfigured) else str(one.status)


def section_of(one: type[AetherFlowError]) -> str:
    """Return the section of a code: its own page with other headings."""
    text = page_of(one.code).read_text().removeprefix(f"# {code(one.code)}\n\n")
    for word in ("Cause", "Fix"):
        text = text.replace(f"## {word}\n\n", f"**{word}.** ")
    return f"## {one.code}\n\n{text}"


def opening_of(one: type[AetherFlowError]) -> str:
    """Return how the page of a code begins."""
    return f"# {code(one.code)}\n\n{sign_of(one)}: {one.title}.\n\n## Cause\n\n"


def page_of(error_code: str) -> Path:
    """Return where the page of a code is. Its links begin with `../`, so that they hold in the reference too."""
    return FOLDER / f"{error_code}.md"
