"""The egress guard at registration: may the service connect to this URL, or this mail server?"""

from collections.abc import Callable
from typing import assert_never

from app.errors import BlockedDestination, InvalidUrl, Problem
from app.resolver import NoWay, Resolver, resolve_and_vet
from app.rules.addresses import EgressPolicy, Target, parse_mail_server, parse_target
from app.rules.integrations.services import HttpService, MailServer, Service

UNRESOLVED = "The host name does not resolve now; deliveries wait until it does."
UNRESOLVED_SERVICE = "The host name does not resolve now."


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
        return await self._vet(lambda: parse_target(url, self._policy), "/url", UNRESOLVED)

    async def check_service(self, service: Service) -> list[str]:
        """Return warnings about a service that an integration may connect to.

        Raises:
            InvalidUrl, BlockedDestination: as for deliveries.
        """
        match service:
            case HttpService(base_url=url):
                path = "/config/base_url"
                return await self._vet(lambda: parse_target(url, self._policy), path, UNRESOLVED_SERVICE)
            case MailServer(host=host, port=port, encryption=encryption):
                return await self._vet(
                    lambda: parse_mail_server(host, port, self._policy, is_encrypted=encryption != "none"),
                    "/config/host",
                    UNRESOLVED_SERVICE,
                )
            case _:
                assert_never(service)

    async def _vet(self, parse: Callable[[], Target], path: str, unresolved: str) -> list[str]:
        try:
            target = parse()
        except (InvalidUrl, BlockedDestination) as error:
            raise type(error)(error.detail, problems=[Problem(path, error.detail, error.code)]) from None
        found = await resolve_and_vet(target, self._policy, self._resolver.resolve)
        if found is NoWay.DENIED:
            title = BlockedDestination.title
            raise BlockedDestination(problems=[Problem(path, title, BlockedDestination.code)])
        return [unresolved] if found is NoWay.UNRESOLVED else []

    def close(self) -> None:
        """Let go of the resolver's threads."""
        self._resolver.close()
