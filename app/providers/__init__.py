"""Who sends webhooks here, and how each proves it. Pure: secrets, time and bytes come in as parameters.

A new provider is one file with a `Provider` in it and one line in `PROVIDERS`.
"""

from app.errors import InternalError
from app.providers.aetherflow import AETHERFLOW
from app.providers.discord import DISCORD
from app.providers.github import GITHUB
from app.providers.meta import META
from app.providers.microsoft_graph import MICROSOFT_GRAPH
from app.providers.plain_hmac import HMAC
from app.providers.provider import Answer, HeaderLookup, Provider, SignedRequest
from app.providers.shopify import SHOPIFY
from app.providers.slack import SLACK
from app.providers.standard import STANDARD
from app.providers.stripe import STRIPE
from app.providers.x import X
from app.providers.zoom import ZOOM

__all__ = ["PROVIDERS", "Answer", "HeaderLookup", "Provider", "SignedRequest", "find_provider"]

PROVIDERS = (
    GITHUB,
    STRIPE,
    SLACK,
    SHOPIFY,
    STANDARD,
    HMAC,
    AETHERFLOW,
    META,
    MICROSOFT_GRAPH,
    DISCORD,
    ZOOM,
    X,
)


def find_provider(name: str) -> Provider:
    """Return the provider that a deployed trigger names.

    Raises `InternalError` for any other name, since deploying has refused those.
    """
    for provider in PROVIDERS:
        if provider.name == name:
            return provider
    raise InternalError(f"There is no provider called {name!r}.")
