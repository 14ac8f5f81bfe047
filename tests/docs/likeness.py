"""Whether an answer is like the one that a page shows.

Members and types must be the same. Texts without digits must be the same too; ids, times and addresses differ
from run to run, and so do numbers. `"...": "..."` in an object stands for members that the page leaves out.
"""

import json
import re
from typing import Any

REST = "..."


def find_object(text: str) -> Any:
    """Return the first JSON object that begins a line of a text, or None."""
    for found in re.finditer(r"^\{", text, re.MULTILINE):
        try:
            return json.JSONDecoder().raw_decode(text, found.start())[0]
        except json.JSONDecodeError:
            continue
    return None


def differences(shown: Any, real: Any, path: str = "") -> list[str]:
    """Return in what an answer differs from the one that is shown."""
    if isinstance(shown, dict) and isinstance(real, dict):
        expected = shown.keys() - {REST}
        missing = [f"{path}/{name} is missing" for name in expected - real.keys()]
        hidden = [f"{path}/{name} is not shown" for name in real.keys() - expected if REST not in shown]
        inner = [differences(shown[name], real[name], f"{path}/{name}") for name in expected & real.keys()]
        return missing + hidden + [one for found in inner for one in found]
    if isinstance(shown, list) and isinstance(real, list):
        if len(shown) != len(real):
            return [f"{path} has {len(real)} entries, {len(shown)} are shown"]
        pairs = enumerate(zip(shown, real, strict=True))
        return [one for number, pair in pairs for one in differences(*pair, f"{path}/{number}")]
    if isinstance(shown, str) and isinstance(real, str):
        fixed = not re.search(r"\d", shown)
        return [f"{path} is {real!r}, {shown!r} is shown"] if fixed and shown != real else []
    alike = kind_of(shown) == kind_of(real) and (not isinstance(shown, bool) or shown == real)
    return [] if alike else [f"{path} is {real!r}, {shown!r} is shown"]


def kind_of(value: Any) -> str:
    """Return the JSON type of a value; whole numbers and others are one type."""
    return "number" if type(value) in (int, float) else type(value).__name__
