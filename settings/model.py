"""What each process is told from outside, read from environment variables.

Each class is one concern, so that a process names (and fails on) only what it needs: the worker holds
the payment provider's key, the API does not. A missing or malformed value stops the process at its
start, in one sentence (`explain`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[int, Field(ge=1, le=86_400)]


class Group(BaseSettings):
    """One concern's settings. Ours carry the prefix ONHAND_; names the field already knows keep theirs."""

    model_config = SettingsConfigDict(
        env_prefix="ONHAND_", frozen=True, extra="ignore", populate_by_name=True
    )


class DatabaseSettings(Group):
    """Where the ledger lives. The application connects as `database_url` and takes a role of ours."""

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")
    database_pool_size: int = Field(default=10, ge=1, le=200)


class OwnerSettings(Group):
    """Who may change the schema; falls back to DATABASE_URL. Read by `onhand migrate` and `onhand prune` alone."""

    database_owner_url: SecretStr | None = Field(
        default=None, validation_alias="DATABASE_OWNER_URL"
    )
    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")


class EngineSettings(Group):
    """Our side of Temporal; its address, namespace and credentials are TEMPORAL_* (temporalio.envconfig)."""

    task_queue: str = "checkout"
    start_to_close_seconds: Seconds = 10
    sticky_schedule_to_start_seconds: Seconds = 10
    max_cached_workflows: int = Field(default=1000, ge=0)
    attention_after_seconds: Seconds = 300
    deployment_name: str | None = Field(default=None, validation_alias="TEMPORAL_DEPLOYMENT_NAME")
    worker_build_id: str | None = Field(
        default=None, validation_alias="TEMPORAL_WORKER_BUILD_ID", validate_default=True
    )
    versioning_behavior: Literal["pinned", "auto_upgrade"] = "pinned"

    @field_validator("worker_build_id")
    @classmethod
    def _with_its_deployment(cls, build: str | None, told: ValidationInfo) -> str | None:
        if (told.data.get("deployment_name") is None) != (build is None):
            message = "the deployment's name and the build go together"
            raise ValueError(message)
        return build


class BusSettings(Group):
    """Where events go: NATS with JetStream, one server or a cluster (comma-separated addresses)."""

    nats_url: SecretStr = Field(validation_alias="NATS_URL")
    bus_replicas: int = Field(default=1, ge=1, le=5)
    """Servers of a cluster that keep each event. Heeded when the stream is made."""


class RelaySettings(Group):
    """How the relay goes about it. Intervals are wall-clock seconds, and nets: a change wakes it."""

    relay_interval_seconds: float = Field(default=1.0, gt=0, le=60)
    backlog_interval_seconds: float = Field(default=5.0, gt=0, le=600)


class ProjectionSettings(Group):
    """How the noticeboards are kept. Intervals are wall-clock seconds."""

    freshness_interval_seconds: float = Field(default=0.5, gt=0, le=60)
    """How often it is told how fresh they are: their age is never known to be less than that."""


class SearchSettings(Group):
    """Where the search's index lies: a directory that whoever keeps it and the API share."""

    search_directory: str = ""
    """Empty, there is no search."""


class ProviderSettings(Group):
    """The payment provider: Stripe, or anything that speaks its wire."""

    stripe_api_key: SecretStr = Field(validation_alias="STRIPE_API_KEY")
    stripe_api_base: str = Field(
        default="https://api.stripe.com", validation_alias="STRIPE_API_BASE"
    )
    stripe_timeout_seconds: Seconds = 5


class WebhookSettings(Group):
    """Signing secrets, comma-separated: during a rotation the old and the new one are both valid."""

    stripe_webhook_secrets: SecretStr = Field(validation_alias="STRIPE_WEBHOOK_SECRETS")

    def secrets(self) -> tuple[str, ...]:
        """Every secret a signature may be made with, newest first."""
        return _listed(self.stripe_webhook_secrets)


class TokenSettings(Group):
    """Whose tokens the API accepts: a shared secret (HS256), or the keys an issuer publishes (JWKS)."""

    token_issuer: str = "onhand"  # noqa: S105 - a name
    token_audience: str = "onhand"  # noqa: S105 - a name
    token_secret: SecretStr | None = None
    token_jwks_url: str | None = None


class CheckoutSettings(Group):
    """The rules of a checkout that a shop may set."""

    ttl_default_seconds: Seconds = 900
    ttl_min_seconds: Seconds = 60
    ttl_max_seconds: Seconds = 3_600
    extension_max_seconds: Seconds = 600
    payment_attempts: int = Field(default=1, ge=1, le=10)
    refund_attempts: int = Field(default=5, ge=1, le=100)
    """How often a refund fails before a person is asked; it is tried on after that."""


class ReservationTokenSettings(Group):
    """What signs the tokens with which a customer cancels or extends a hold."""

    reservation_token_keys: SecretStr
    """`key_id:secret`, comma-separated; the first signs, all verify."""

    @field_validator("reservation_token_keys")
    @classmethod
    def _named_and_secret(cls, keys: SecretStr) -> SecretStr:
        pairs = [item.partition(":") for item in _listed(keys)]
        if not pairs or not all(key_id and secret for key_id, _, secret in pairs):
            message = "each must be key_id:secret, and one at least"
            raise ValueError(message)
        return keys

    def token_keys(self) -> dict[str, str]:
        """Secret by key id, the signing one first."""
        pairs = (item.partition(":") for item in _listed(self.reservation_token_keys))
        return {key_id: secret for key_id, _, secret in pairs}


class ApiSettings(Group):
    """How the API listens."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65_535)
    api_wait_seconds: Seconds = 3
    """How long POST /checkouts waits for the decision before it answers 202."""
    cors_origins: str = ""
    lag_budget_seconds: float = Field(default=2.0, gt=0, le=60)
    """How old availability may be and still be relied on; past that, it is confirmed at checkout."""
    stream_listeners: int = Field(default=5_000, ge=0, le=100_000)
    streams_per_address: int = Field(default=20, ge=0)
    public_requests_per_minute: int = Field(default=6_000, ge=0)
    trusted_proxies: str = ""

    def origins(self) -> tuple[str, ...]:
        """List the origins from which a browser may call the public routes."""
        return _parts(self.cors_origins)

    def proxies(self) -> tuple[str, ...]:
        """List the addresses and networks whose word about their caller's address is taken."""
        return _parts(self.trusted_proxies)


class LoopSettings(Group):
    """The worker's loops that need no workflow. Intervals and graces are wall-clock seconds."""

    delivery_interval_seconds: float = Field(default=1.0, gt=0, le=60)
    reaper_interval_seconds: float = Field(default=5.0, gt=0, le=600)
    reaper_grace_seconds: float = Field(default=60.0, ge=0, le=3_600)
    documents_interval_seconds: float = Field(default=1.0, gt=0, le=600)
    orphan_interval_seconds: float = Field(default=5.0, gt=0, le=600)
    orphan_grace_seconds: float = Field(default=10.0, ge=0, le=3_600)
    orphan_recheck_seconds: float = Field(default=60.0, ge=0, le=3_600)
    polling_interval_seconds: float = Field(default=5.0, gt=0, le=600)
    polling_silence_seconds: float = Field(default=60.0, gt=0, le=3_600)


class DrillSettings(Group):
    """Dying on purpose. Empty, as in every shop that sells, nothing does."""

    drill_directory: str = ""
    """Holds a file for each crash point where a process is to die once; it takes the file with it."""


class TelemetrySettings(Group):
    """Logs and metrics. A metrics port of 0 serves none."""

    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_format: str = Field(default="json", pattern="^(json|text)$")
    metrics_port: int = Field(default=0, ge=0, le=65_535)


def explain(error: ValidationError) -> str:
    """One sentence that names the variables to set; never their values."""
    places = sorted({str(part["loc"][0]) for part in error.errors() if part["loc"]})
    named = ", ".join(place if place.isupper() else f"ONHAND_{place.upper()}" for place in places)
    return f"These settings are missing or malformed: {named}. See docs/settings.md."


def _listed(secret: SecretStr) -> tuple[str, ...]:
    return _parts(secret.get_secret_value())


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
