"""Writes the pages of docs/reference from the code that they describe.

`python -m docs.generate` writes them all; a test fails while one of them differs from what this would write.
A new page is one file with a `render` and one line in `PAGES`.
"""

from collections.abc import Callable

from docs.generate import api, cli, errors, events, manifest, sdk, settings

PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings.render,
    "errors.md": errors.render,
    "events.md": events.render,
    "api.md": api.render,
    "cli.md": cli.render,
    "sdk.md": sdk.render,
    "manifest.md": manifest.render,
}
