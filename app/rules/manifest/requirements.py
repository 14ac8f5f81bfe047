"""The names in a `requirements.txt`."""

import re

# https://packaging.python.org/specifications/name-normalization, followed by what may follow a name.
_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?=$|[\[<>=!~;@(,])")
_COMMENT = re.compile(r"(?:^|\s)#.*")


def read_requirements(text: str) -> list[str]:
    """Return the distributions that it names, once each, as they are written first.

    Versions, extras and markers are left out, and so are lines that name none: options, paths and URLs.
    """
    names: dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        match = _NAME.match(_COMMENT.sub("", line).split(" --", 1)[0].strip())
        if match:
            names.setdefault(re.sub(r"[-_.]+", "-", match[1]).lower(), match[1])
    return list(names.values())
