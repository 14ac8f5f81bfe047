"""The addresses of this workflow."""

from __future__ import annotations

import os

from aetherflow.arguments import check_text


def get_webhook_url(trigger_name: str) -> str:
    """Return the URL of a webhook trigger, which the environment holds as `<trigger>__webhook_url`.

    Raises:
        ValueError: No webhook trigger has this name.
    """
    url = os.environ.get(f"{check_text(trigger_name, 'trigger_name')}__webhook_url")
    if not url:
        raise ValueError(
            f"no webhook trigger is named {trigger_name!r} here; in a unit test give "
            f"run(..., triggers={{{trigger_name!r}: []}})"
        )
    return url
