"""The egress guard at registration: may deliveries go to this URL?"""

from app.errors import BlockedDestination, InvalidUrl, Problem
from app.resolver import NoWay, Resolver, resolve_and_vet
from app.rules.addresses import EgressPolicy, parse_target

UNRESOLVED = "The host name does not resolve now; deliveries wait until it does."


class Destinations:
    """Judges URLs, asking for the addresses of their names."""

    def __init__(self, policy: EgressPolicy, resolver: Resolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or Resolver()

    async def check(self, url: str) -> list[str]:
        """Return warnings about a URL that deliveries may go to.

        Raises:
            InvalidUrl: it is no URL that can be used as it stands.
            BlockedDestination: the operator does not allow it, for whatever cause.
        """
        try:
            target = parse_target(url, self._policy)
        except (InvalidUrl, BlockedDestination) as error:
            raise type(error)(error.detail, problems=[Problem("/url", error.detail, error.code)]) from None
        found = await resolve_and_vet(target, self._policy, self._resolver.resolve)
        if found is NoWay.DENIED:
            title = BlockedDestination.title
            raise BlockedDestination(problems=[Problem("/url", title, BlockedDestination.code)])
        return [UNRESOLVED] if found is NoWay.UNRESOLVED else []

    def close(self) -> None:
        """Let go of the resolver's threads."""
        self._resolver.close()
