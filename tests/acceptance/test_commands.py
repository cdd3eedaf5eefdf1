"""The commands, typed as a person types them."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from dev.ports import free_port
from tests.acceptance.stacks import Stack, onhand, processes_of

COMMANDS = ("demo", "dev", "token", "migrate", "api", "worker", "doctor")


def test_help_names_every_command() -> None:
    """It is where a person starts."""
    told = onhand("--help")
    assert told.returncode == 0
    words = told.stdout.split()
    assert [command for command in COMMANDS if command not in words] == []


@pytest.mark.timeout(180)
@pytest.mark.proof(only=True)
def test_the_demo_keeps_every_promise_and_says_where_to_look(tmp_path: Path) -> None:
    """From an empty directory: exit 0, the docs and the UI named, and no process left."""
    told = onhand("demo", cwd=tmp_path, ONHAND_STATE_DIR="", ONHAND_API_PORT=str(free_port()))
    assert told.returncode == 0, told.stdout[-3_000:] + told.stderr
    assert "Every promise held." in told.stdout
    assert "✗" not in told.stdout
    assert "/docs" in told.stdout
    assert "Temporal UI" in told.stdout
    assert "exactly ten buyers have a poster" in told.stdout
    assert processes_of(tmp_path / ".onhand-demo") == []


def test_a_token_from_the_command_line_opens_what_it_names(stack: Stack) -> None:
    """And no more."""
    told = stack.run("token", "--scope", "stock:read", "--scope", "checkout")
    assert (told.returncode, told.stdout.count("\n")) == (0, 1)
    headers = {"Authorization": f"Bearer {told.stdout.strip()}"}
    with httpx2.Client(base_url=stack.runtime.api, headers=headers) as client:
        assert client.get("/stock/NOTHING").json()["code"] == "unknown-sku"
        receipt = client.post("/warehouse/receipts", json={})
    assert (receipt.status_code, receipt.json()["code"]) == (403, "forbidden")


def test_a_token_may_be_bound_to_a_subject_and_a_customer(stack: Stack) -> None:
    """As a browser's would be."""
    told = stack.run(
        "token", "--scope", "checkout", "--subject", "canary-shop", "--customer", "canary-ada"
    )
    headers = {"Authorization": f"Bearer {told.stdout.strip()}", "Idempotency-Key": "canary-bound"}
    body = {"customer_id": "canary-bob", "lines": [{"sku": "NOTHING", "quantity": 1}]}
    with httpx2.Client(base_url=stack.runtime.api, headers=headers) as client:
        assert client.post("/checkouts", json=body).json()["code"] == "other-customer"
        own = client.post("/checkouts", json=body | {"customer_id": "canary-ada"})
    assert own.json()["code"] == "unknown-sku"


def test_without_a_stack_there_is_no_token(tmp_path: Path) -> None:
    """One sentence says what to do."""
    told = onhand("token", "--scope", "checkout", ONHAND_STATE_DIR=str(tmp_path / "state"))
    assert (told.returncode, told.stdout) == (1, "")
    assert "onhand dev" in told.stderr
    assert told.stderr.count("\n") == 1
