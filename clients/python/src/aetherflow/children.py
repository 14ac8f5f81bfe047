"""Starting other sessions."""

from __future__ import annotations

from typing import Any

from aetherflow.arguments import check_object, check_text
from aetherflow.binding import current


def start(
    call: str, data: dict[str, Any] | None = None, memo: dict[str, Any] | None = None, project: str = ""
) -> str:
    """Start another session and return its id at once.

    `call` is `path.py:function`, in this workflow or in that of the same workspace named by `project`.
    `data` becomes the `event.data` of the other session, `memo` is kept with it for people. When it ends,
    this session gets a signal named by its id: `next_signal(id)` waits for it.

    Raises:
        AetherFlowError: There is no such function or workflow.
        TypeError, ValueError: `data` or `memo` is no dict that JSON can hold.
    """
    check_text(call, "call")
    if not isinstance(project, str):
        raise TypeError(f"project must be a str, not {type(project).__name__}")
    arguments = {
        "call": call,
        "data": check_object(data, "data"),
        "memo": check_object(memo, "memo"),
        "project": project or None,
    }
    return str(current().perform("start", arguments))
