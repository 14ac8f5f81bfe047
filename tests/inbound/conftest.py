"""A workspace in an empty database, of both kinds in turn, for the verbs of the inbound half."""

from tests.outbound.conftest import database_url, site

__all__ = ["database_url", "site"]
