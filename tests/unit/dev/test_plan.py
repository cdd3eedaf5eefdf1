"""What each process of a dev stack is told, and who may say otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.errors import PortTakenError
from dev.plan import API_PORT, Databases, Plan, make_plan
from dev.ports import PortClaims, free_port
from dev.state import StateDirectory

DATABASES = Databases("postgresql://onhand", "postgresql://owner")


def plan(tmp_path: Path, **caller: str) -> Plan:
    with PortClaims() as claims:
        return make_plan(StateDirectory(tmp_path), caller, claims)


def _state(place: Path) -> StateDirectory:
    place.mkdir()
    return StateDirectory(place)


def test_two_stacks_planned_at_once_never_share_a_port(tmp_path: Path) -> None:
    """The first has not begun to listen when the second chooses."""
    with PortClaims() as ada, PortClaims() as bob:
        first = make_plan(_state(tmp_path / "ada"), {}, ada).ports
        second = make_plan(_state(tmp_path / "bob"), {}, bob).ports
    assert set(first.values()) & set(second.values()) == set()


def test_a_port_asked_for_by_number_is_not_shared_either(tmp_path: Path) -> None:
    """Who names one is told, and not moved elsewhere."""
    asked = {API_PORT: str(free_port())}
    with PortClaims() as ada, PortClaims() as bob:
        first = make_plan(_state(tmp_path / "ada"), asked, ada).ports
        with pytest.raises(PortTakenError):
            make_plan(_state(tmp_path / "bob"), asked, bob)
    assert str(first["api"]) == asked[API_PORT]


def test_the_callers_own_settings_win(tmp_path: Path) -> None:
    """Fault tests shorten timeouts that way."""
    shortened = plan(tmp_path, ONHAND_START_TO_CLOSE_SECONDS="2", ONHAND_TTL_MIN_SECONDS="3")
    for environment in (
        shortened.worker_environment(DATABASES),
        shortened.api_environment(DATABASES),
    ):
        assert environment["ONHAND_START_TO_CLOSE_SECONDS"] == "2"
        assert environment["ONHAND_TTL_MIN_SECONDS"] == "3"


def test_holds_of_a_second_are_allowed_by_default(tmp_path: Path) -> None:
    """Nobody wants to watch an expiry for a minute."""
    assert plan(tmp_path).api_environment(DATABASES)["ONHAND_TTL_MIN_SECONDS"] == "1"


def test_variables_for_other_servers_stay_outside(tmp_path: Path) -> None:
    """A live key or a TLS setting in the shell must not reach the dev stack."""
    strange = {
        "STRIPE_API_KEY": "sk_live_1",
        "TEMPORAL_TLS": "true",
        "TEMPORAL_API_KEY": "k",
        "PGSSLMODE": "require",
    }
    ours = plan(tmp_path, **strange)
    worker = ours.worker_environment(DATABASES)
    assert worker["STRIPE_API_KEY"] == ours.keys.payments_key
    assert not {"TEMPORAL_TLS", "TEMPORAL_API_KEY", "PGSSLMODE"} & worker.keys()


def test_the_worker_holds_the_providers_key_and_the_api_the_tokens(tmp_path: Path) -> None:
    """Each process holds what it needs and no more."""
    ours = plan(tmp_path)
    assert "STRIPE_API_KEY" not in ours.api_environment(DATABASES)
    worker = ours.worker_environment(DATABASES)
    assert not {"ONHAND_TOKEN_SECRET", "STRIPE_WEBHOOK_SECRETS"} & worker.keys()


def test_keys_and_ports_stay_over_a_restart(tmp_path: Path) -> None:
    """So that tokens stay valid and a client finds its server again."""
    first, second = plan(tmp_path), plan(tmp_path)
    assert (first.keys, first.ports) == (second.keys, second.ports)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_token_secret_of_the_callers_is_the_one_that_is_told(tmp_path: Path) -> None:
    """`onhand token` signs with what the API checks."""
    ours = plan(tmp_path, ONHAND_TOKEN_SECRET="given")
    told = ours.runtime(DATABASES).token_secret
    assert told == ours.api_environment(DATABASES)["ONHAND_TOKEN_SECRET"] == "given"


def test_a_given_database_is_used(tmp_path: Path) -> None:
    """Its owner's address falls back to it."""
    assert plan(tmp_path).given_databases() is None
    given = plan(tmp_path, DATABASE_URL="postgresql://a").given_databases()
    assert given == Databases("postgresql://a", "postgresql://a")
    both = plan(tmp_path, DATABASE_URL="postgresql://a", DATABASE_OWNER_URL="postgresql://b")
    assert both.given_databases() == Databases("postgresql://a", "postgresql://b")


def test_the_search_is_read_where_it_is_kept(tmp_path: Path) -> None:
    """Two directories would be a search that finds nothing."""
    made = plan(tmp_path)
    kept = made.projections_environment(DATABASES)["ONHAND_SEARCH_DIRECTORY"]
    assert kept == made.api_environment(DATABASES)["ONHAND_SEARCH_DIRECTORY"]
    assert Path(kept).is_absolute()
