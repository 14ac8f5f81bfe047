"""Everything an operator can set, each from an environment variable `AETHERFLOW_<NAME>`.

An empty variable is an unset one. A secret can also be handed over in a file, named by
`AETHERFLOW_<NAME>_FILE`, as container platforms do.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.errors import Misconfigured

PREFIX = "AETHERFLOW_"

PositiveSeconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """The effective configuration of one process; frozen, and made once at its start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr = Field(
        SecretStr("sqlite:///./.aetherflow/aetherflow.db"),
        description="Where everything is kept: `sqlite:///path` or `postgresql://user:password@host:port/name`.",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis for hints to workers, `redis://host:port/0`. Unset: one process does everything.",
    )
    keyring: SecretStr | None = Field(
        None,
        description="Keys that seal secrets at rest, `id:base64(32 bytes)[,id:...]`; the first one seals. "
        "`dev` and `up` make one in the data folder; `serve` and `worker` require it.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8400, ge=1, le=65535, description="Port to listen on.")
    public_url: str | None = Field(
        None, description="Address under which people reach this service; deliveries to its host are refused."
    )
    hooks_url: str | None = Field(
        None,
        description="Address under which triggers are reached, if it is another than PUBLIC_URL. With an origin of "
        "their own, handlers' answers may set cookies and other things that count for the whole origin.",
    )
    egress_allow: str = Field(
        "",
        description="Networks or addresses, comma-separated, that deliveries may reach although they are private.",
    )
    egress_ports: str = Field(
        "", description="Ports and ranges, comma-separated, that deliveries may use besides 443 and 8443."
    )
    allow_http: bool = Field(False, description="Let endpoints use http, and port 80, besides https.")
    bootstrap_api_key: SecretStr | None = Field(
        None,
        description="A known first API key, `afk_` and 32-128 of `[A-Za-z0-9_]`, for automation. It belongs to the "
        "workspace `default` and has the scopes admin and operator.",
    )
    bootstrap_email: str | None = Field(
        None,
        description="E-mail address of the first owner of the workspace `default`, made at a start that finds no "
        "member with it.",
    )
    bootstrap_password: SecretStr | None = Field(
        None,
        description="The first owner's password, 8 to 1,024 characters. It counts when the owner is made; another "
        "value later changes nothing.",
    )
    url: str | None = Field(
        None,
        description="The server that the command line talks to; default PUBLIC_URL, else the local port.",
    )
    api_key: SecretStr | None = Field(
        None, description="The API key that the command line sends; default BOOTSTRAP_API_KEY."
    )
    log_format: Literal["console", "json"] = Field("console", description="How log lines look.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least level to log."
    )
    worker_concurrency: int = Field(1000, ge=1, description="Attempts in flight at once in one process.")
    sweep_seconds: PositiveSeconds = Field(1, description="Pause between looks for due work in the database.")
    lease_seconds: PositiveSeconds = Field(
        5,
        ge=2,
        description="How long a process that died keeps a delivery from the others; renewed each second.",
    )
    event_max_bytes: int = Field(262_144, ge=1024, description="Largest body of an event, as it is sent.")
    batch_max_bytes: int = Field(5_242_880, ge=1024, description="Largest request that publishes a batch.")
    hook_max_bytes: int = Field(524_288, ge=1024, description="Largest body of a request to a trigger.")
    hook_rate_limit: int | None = Field(
        None, ge=1, description="Requests a second for one trigger in one process; unset means no limit."
    )
    webhook_timeout_seconds: PositiveSeconds = Field(
        30,
        description="How long the caller of a synchronous trigger waits, unless the trigger says otherwise; also read "
        "from OPS_WEBHOOK_TIMEOUT_SECONDS.",
    )
    runner_processes: int | None = Field(
        None, ge=1, description="Sessions that may work at once in one process; default twice the processors."
    )
    runner_memory_mb: int = Field(
        512, ge=64, description="Memory of a session's process that it shares with none, in MiB."
    )
    runner_grace_seconds: PositiveSeconds = Field(
        5, description="How long a session that is to stop may go on before it is ended by force."
    )
    runner_session_seconds: PositiveSeconds = Field(
        900,
        description="How long a session may be active, waits not counted, unless its trigger says otherwise.",
    )
    runner_python: str | None = Field(
        None, description="The interpreter that runs handlers; default the service's own."
    )
    runner_folder: str | None = Field(
        None,
        description="Where deployed files are written for running; default beside the SQLite file, else below the "
        "system's temporary folder.",
    )
    runner_install: bool = Field(
        False,
        description="Install what a deployment's requirements.txt names, from the package index of pip.",
    )
    integration_check_seconds: PositiveSeconds = Field(
        300,
        ge=1,
        description="Pause between two checks of an integration that is in use, a tenth more or less.",
    )
    api_rate_limit: int = Field(1000, ge=1, description="API requests a second for one key in one process.")
    publish_rate_limit: int = Field(
        10_000, ge=1, description="Publishing requests a second for one key in one process."
    )
    retention_days: int = Field(90, ge=1, description="Days after which events and deliveries go.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit values first, then the environment, then the files that it names, then others' variables."""
        return init_settings, env_settings, SecretFiles(settings_cls), Borrowed(settings_cls)


class SecretFiles(PydanticBaseSettingsSource):
    """Reads `AETHERFLOW_<NAME>_FILE` for each field that holds a secret."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the file's content without its last line end, or None."""
        variable = f"{PREFIX}{field_name.upper()}_FILE"
        path = os.environ.get(variable)
        if not path or SecretStr not in (field.annotation, *getattr(field.annotation, "__args__", ())):
            return None, field_name, False
        try:
            return Path(path).read_text().strip(), field_name, False
        except OSError as error:
            raise Misconfigured(f"{variable}: cannot read {path}: {error.strerror}.") from None

    def __call__(self) -> dict[str, Any]:
        """Return what the files hold, by field."""
        found = {name: self.get_field_value(field, name)[0] for name, field in Settings.model_fields.items()}
        return {name: value for name, value in found.items() if value}


# Variables of other products that are heeded when our own is not set.
BORROWED = {"webhook_timeout_seconds": "OPS_WEBHOOK_TIMEOUT_SECONDS"}


class Borrowed(PydanticBaseSettingsSource):
    """Reads what a user of another product has set already."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the other product's variable, or None."""
        return os.environ.get(BORROWED.get(field_name, ""), "") or None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return what is set, by field."""
        found = {name: os.environ.get(variable) for name, variable in BORROWED.items()}
        return {name: value for name, value in found.items() if value}


def variable_of(name: str) -> str:
    """Return the variable that a setting's value came from, or should come from."""
    own, borrowed = f"{PREFIX}{name.upper()}", BORROWED.get(name, "")
    return borrowed if os.environ.get(borrowed) and not os.environ.get(own) else own


def read_settings(**given: Any) -> Settings:
    """Return the effective settings; `given` beats the environment.

    Raises:
        Misconfigured: a variable has a value that it cannot have; every such variable is named.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [f"{variable_of(str(one['loc'][0]))}: {one['msg']}" for one in error.errors()]
        raise Misconfigured("; ".join(lines)) from None
