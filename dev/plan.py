"""What a dev stack will be, before any of it runs: ports, keys, addresses, and each process's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dev.clean_environment import clean_environment
from dev.errors import PortTakenError
from dev.keys import StackKeys, kept_keys
from dev.ports import HOST, PortClaims, choose_ports
from dev.private_file import read_json, write_private_json
from dev.runtime import Runtime
from dev.state import StateDirectory
from dev.temporal import NAMESPACE

PREFERRED_PORTS: Mapping[str, int | None] = {
    "api": 8000,
    "temporal_ui": 8233,
    "temporal": None,
    "postgres": None,
    "payments": None,
    "nats": None,
    "nats_monitoring": None,
}
PORTS = range(1, 65_536)
OWN_PREFIX = "ONHAND_"
API_PORT = "ONHAND_API_PORT"
NATS_URL = "NATS_URL"
TOKEN_SECRET = "ONHAND_TOKEN_SECRET"  # noqa: S105 - the variable's name
RESERVATION_TOKEN_KEYS = "ONHAND_RESERVATION_TOKEN_KEYS"  # noqa: S105 - the variable's name
DEFAULTS = {
    "ONHAND_API_HOST": HOST,
    "ONHAND_TTL_MIN_SECONDS": "1",
    # Everybody calls from one address here, a whole shop's load included.
    "ONHAND_PUBLIC_REQUESTS_PER_MINUTE": "0",
    "ONHAND_STREAMS_PER_ADDRESS": "0",
}
"""Ours, where they differ from the settings' own; the caller's win."""
SEARCH_DIRECTORY = "ONHAND_SEARCH_DIRECTORY"


@dataclass(frozen=True, slots=True)
class Databases:
    """Where the ledger is."""

    application_url: str
    owner_url: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that the processes of a stack must agree on."""

    state: StateDirectory
    caller: Mapping[str, str]
    ports: Mapping[str, int]
    keys: StackKeys

    def given_databases(self) -> Databases | None:
        """Name the server that the caller gives with DATABASE_URL; None when we start our own."""
        url = self.caller.get("DATABASE_URL")
        return Databases(url, self.caller.get("DATABASE_OWNER_URL") or url) if url else None

    def given_bus(self) -> str | None:
        """Name the bus that the caller gives with NATS_URL; None when we start our own."""
        return self.caller.get(NATS_URL) or None

    def bus_url(self) -> str:
        """Name where the bus is."""
        return self.given_bus() or f"nats://{HOST}:{self.ports['nats']}"

    def own(self, name: str, default: str) -> str:
        """Read one of our settings as the caller set it, else the default."""
        return self.caller.get(name) or default

    def url(self, name: str) -> str:
        """Name where a server answers HTTP."""
        return f"http://{HOST}:{self.ports[name]}"

    def temporal_address(self) -> str:
        """Name where the engine is."""
        return f"{HOST}:{self.ports['temporal']}"

    def token_secret(self) -> str:
        """Give the secret of the tokens that the API accepts."""
        return self.own(TOKEN_SECRET, self.keys.token_secret)

    def worker_environment(self, databases: Databases) -> dict[str, str]:
        """Tell the worker what it needs: it alone holds the provider's key."""
        return self._shared_environment(databases) | {
            "STRIPE_API_KEY": self.keys.payments_key,
            "STRIPE_API_BASE": self.url("payments"),
        }

    def api_environment(self, databases: Databases) -> dict[str, str]:
        """Tell the API what it needs: it alone verifies webhooks and tokens."""
        return self._shared_environment(databases) | {
            "STRIPE_WEBHOOK_SECRETS": self.keys.webhook_secret,
            TOKEN_SECRET: self.token_secret(),
            SEARCH_DIRECTORY: self.search_directory(),
        }

    def relay_environment(self, databases: Databases) -> dict[str, str]:
        """Tell the relay what it needs: the outbox and the bus, and nothing of the engine."""
        return self.bare_environment() | {
            "DATABASE_URL": databases.application_url,
            NATS_URL: self.bus_url(),
        }

    def projections_environment(self, databases: Databases) -> dict[str, str]:
        """Tell whoever keeps the noticeboards what it needs: what the relay does, and where the search lies."""
        return self.relay_environment(databases) | {SEARCH_DIRECTORY: self.search_directory()}

    def search_directory(self) -> str:
        """Name where the search's index is kept, and read."""
        return self.own(SEARCH_DIRECTORY, str(self.state.path.resolve() / "search"))

    def bare_environment(self) -> dict[str, str]:
        """Give what every process of ours starts from."""
        return clean_environment(self.caller) | {"PYTHONUNBUFFERED": "1"}

    def _shared_environment(self, databases: Databases) -> dict[str, str]:
        defaults = DEFAULTS | {RESERVATION_TOKEN_KEYS: self.keys.reservation_token_keys}
        ours = {name: self.own(name, default) for name, default in defaults.items()}
        return (
            self.bare_environment()
            | ours
            | {
                "DATABASE_URL": databases.application_url,
                "TEMPORAL_ADDRESS": self.temporal_address(),
                "TEMPORAL_NAMESPACE": NAMESPACE,
                API_PORT: str(self.ports["api"]),
            }
        )

    def runtime(self, databases: Databases) -> Runtime:
        """Say what others are told of this stack; process ids come later."""
        return Runtime(
            api=self.url("api"),
            temporal_address=self.temporal_address(),
            temporal_ui=self.url("temporal_ui"),
            temporal_namespace=NAMESPACE,
            payments=self.url("payments"),
            payments_key=self.keys.payments_key,
            webhook_secret=self.keys.webhook_secret,
            database_url=databases.application_url,
            database_owner_url=databases.owner_url,
            nats=self.bus_url(),
            token_secret=self.token_secret(),
            token_issuer=self.own("ONHAND_TOKEN_ISSUER", "onhand"),
            token_audience=self.own("ONHAND_TOKEN_AUDIENCE", "onhand"),
            state_directory=str(self.state.path),
            pids={},
        )


def make_plan(state: StateDirectory, caller: Mapping[str, str], claims: PortClaims) -> Plan:
    """Choose ports and keys, as before where possible, and keep them. The ports are ours while the claims are.

    Raises: PortTakenError for a port that the caller asked for by number.
    """
    kept = {name: port for name, port in read_json(state.ports).items() if isinstance(port, int)}
    wished = caller.get(API_PORT, "0")
    if wished != "0":
        kept["api"] = _asked_port(wished, claims)
    # Who names a port of their own shares the machine with another stack, which has the usual ones.
    usual = PREFERRED_PORTS if wished == "0" else dict.fromkeys(PREFERRED_PORTS)
    ports = choose_ports(usual, kept, claims.take)
    write_private_json(state.ports, ports)
    return Plan(state, caller, ports, kept_keys(state.secrets))


def _asked_port(text: str, claims: PortClaims) -> int:
    port = int(text) if text.isdecimal() else 0
    if port not in PORTS or not claims.take(port):
        message = f"{API_PORT} is {text}, which is not a free port."
        raise PortTakenError(message)
    return port
