"""The how-to says of providers what the code says."""

import re
from pathlib import Path

from app.providers import PROVIDERS
from app.providers.plain_hmac import HEADERS
from app.providers.provider import answer_nothing
from tests.docs.doc_pages import read
from tests.providers.genuine import SENDERS

PAGE = read(Path("docs/how-to/verify-incoming-webhooks.md"))
ROWS = {
    cells[0].strip("`"): cells
    for cells in (line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `"))
    if cells[0] != "`provider`"
}


def test_the_table_has_a_row_for_every_provider_in_their_order() -> None:
    assert list(ROWS) == [provider.name for provider in PROVIDERS]


def test_the_table_tells_which_providers_sign_the_time_and_which_try_a_url_out() -> None:
    for provider in PROVIDERS:
        _, _, _, signed_time, setup = ROWS[provider.name]
        assert signed_time.startswith("yes") == SENDERS[provider.name].signs_time, provider.name
        assert setup.startswith("none") == (provider.handshake is answer_nothing), provider.name


def test_every_header_that_is_checked_stands_in_its_row() -> None:
    for name, sender in SENDERS.items():
        if name == "hmac":
            continue
        for header in sender.signatures:
            # What this service sends is described where Standard Webhooks is.
            row = ROWS["standard" if name == "aetherflow" else name]
            assert f"`{header.lower()}`" in " ".join(row).lower(), name


def test_the_headers_of_the_generic_check_are_listed_in_their_order() -> None:
    assert tuple(re.findall(r"^\d\. `([\w-]+)`$", PAGE, re.MULTILINE)) == HEADERS
