"""`autokitteh.errors`."""

from aetherflow.errors import AetherFlowError

AutoKittehError = AetherFlowError


class ConnectionInitError(AutoKittehError):
    """A connection is not there yet; kept for programs that catch it."""


class EnvVarError(AutoKittehError):
    """A variable of the environment is missing or wrong; kept for programs that catch it."""


class OAuthRefreshError(AutoKittehError):
    """A token could not be renewed; kept for programs that catch it."""


class AtlassianOAuthError(AutoKittehError):
    """A connection does not allow a call; kept for programs that catch it."""
