"""Where Temporal is, and as whom we come: its own TEMPORAL_* settings, with the address of a server beside us."""

from __future__ import annotations

from temporalio.envconfig import ClientConfig, ClientConnectConfig

ADDRESS = "localhost:7233"


def temporal_profile() -> ClientConnectConfig:
    """Give what a client connects with. Raises what Temporal's own reading of them does."""
    profile = ClientConfig.load_client_connect_config()
    profile.setdefault("target_host", ADDRESS)
    return profile
