"""The settings in force, as they may be shown."""

import os
import re
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import SecretStr

from app.rules.masking import HIDDEN, mask
from app.settings import PREFIX, Settings, variable_of

Source = Literal["environment", "file", "default"]

# User and password of a URL end at its last @, because passwords contain slashes and @ more often than paths do.
_CREDENTIALS = re.compile(r"(?<=://)([^:@/]*):(.*)@", re.DOTALL)
_SECRET_PARAMETER = re.compile(r"([?&][^=&]*(?:password|passphrase|secret|token)[^=&]*=)[^&]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting; `shown` is its value, or what may be shown of it."""

    variable: str
    shown: Any
    source: Source


def describe(settings: Settings) -> list[Row]:
    """Return every setting."""
    return [
        Row(f"{PREFIX}{name.upper()}", show_setting(name, getattr(settings, name)), source_of(name, settings))
        for name in Settings.model_fields
    ]


def show_setting(name: str, value: Any) -> Any:
    """Return a setting's value without what is secret in it."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        if name == "keyring":
            return show_keyring(text)
        if name == "bootstrap_password":
            # A person chose it, so its end could be a good part of it.
            return HIDDEN
        return mask_url(text) if "://" in text else mask(text)
    return mask_url(value) if isinstance(value, str) else value


def show_keyring(text: str) -> str:
    """Return a keyring's ids in their order: they tell one ring from another and open nothing."""
    ids = [entry.strip().partition(":") for entry in text.split(",")]
    # What has no colon is no entry, and may be a bare key.
    return ",".join(f"{key_id}:{HIDDEN}" if colon else HIDDEN for key_id, colon, _ in ids)


def mask_url(url: str) -> str:
    """Return a URL without its password, wherever it stands."""
    return _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", _CREDENTIALS.sub(rf"\1:{HIDDEN}@", url))


def source_of(name: str, settings: Settings) -> Source:
    """Return where a setting's value came from."""
    if name not in settings.model_fields_set:
        return "default"
    return "environment" if os.environ.get(variable_of(name)) else "file"
