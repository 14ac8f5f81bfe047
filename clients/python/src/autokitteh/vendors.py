"""The submodules of AutoKitteh that wrap other companies' libraries, and are not here.

Importing one says what to use instead, unless the deployment brings its own `autokitteh/<name>.py`.
"""

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, Optional

NAMES = frozenset(
    [
        "airtable",
        "anthropic",
        "asana",
        "atlassian",
        "auth0",
        "aws",
        "azurebot",
        "connections",
        "discord",
        "gemini",
        "github",
        "google",
        "height",
        "hubspot",
        "jira",
        "kubernetes",
        "linear",
        "microsoft",
        "notion",
        "oauth2_session",
        "openai",
        "packages",
        "pipedrive",
        "pydantic",
        "reddit",
        "redis",
        "salesforce",
        "slack",
        "telegram",
        "twilio",
        "zoom",
    ]
)


class VendorFinder:
    """The last of the finders, so it is asked only for what nobody else has."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """Return the deployment's own module.

        Raises:
            ImportError: It has none, and AutoKitteh has one of this name.
        """
        package, _, name = fullname.rpartition(".")
        if package != "autokitteh" or name not in NAMES:
            return None
        spec = PathFinder.find_spec(fullname, [os.path.join(folder, package) for folder in sys.path])
        if spec is None:
            raise ImportError(
                f"{fullname} is not part of this SDK. Call the service with "
                f'integration("{name}") from aetherflow, or deploy a library of its own with the program.',
                name=fullname,
            )
        return spec


def install() -> None:
    """Be asked from now on."""
    if VendorFinder not in sys.meta_path:
        sys.meta_path.append(VendorFinder)
