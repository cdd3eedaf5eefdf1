"""The embedded Postgres keeps what was committed, and leaves no process behind."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dev import postgres_binaries, postgres_home
from dev.accounts import unprivileged
from dev.child import start_blocking
from dev.errors import AlreadyRunningError, MissingProgramError, StateVersionError
from dev.ports import free_port
from dev.postgres import create_database, grant_application, running_postgres
from dev.postgres_cluster import open_cluster
from dev.processes import identify, working_in
from tests.integration.dev.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
STARTER = """
import pathlib, sys, time
from dev.postgres import running_postgres
with running_postgres(pathlib.Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    time.sleep(600)
"""


def rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS lamp (id int)")
        connection.execute("INSERT INTO lamp VALUES (1)")
        counted = connection.execute("SELECT count(*) FROM lamp").fetchone()
    assert counted is not None
    return int(counted[0])


def living(directory: Path) -> list[object]:
    return [*working_in(directory / "data", "postgres")]


def test_a_cluster_answers_on_the_loopback_address_and_leaves_no_process(tmp_path: Path) -> None:
    """What `onhand dev` promises first: no process outlives it."""
    with running_postgres(tmp_path) as server:
        assert rows(server.superuser_url) == 1
        assert living(tmp_path)
        with psycopg.connect(server.superuser_url) as connection:
            listening = connection.execute("SHOW listen_addresses").fetchone()
    assert listening == ("127.0.0.1",)
    assert not living(tmp_path)


def test_it_is_as_durable_as_a_ledger_needs(tmp_path: Path) -> None:
    """A fast but forgetful dev database would hide what a kill -9 does."""
    wanted = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    with running_postgres(tmp_path) as server, psycopg.connect(server.superuser_url) as connection:
        for name, value in {**wanted, "data_checksums": "on", "max_connections": "200"}.items():
            assert connection.execute("SELECT current_setting(%s)", [name]).fetchone() == (value,)


def test_it_sorts_by_code_point_in_utf8(tmp_path: Path) -> None:
    """So that order never depends on the machine."""
    with running_postgres(tmp_path) as server:
        urls = create_database(server, "onhand")
        with psycopg.connect(urls.owner_url) as connection:
            query = "SELECT string_agg(word, '' ORDER BY word) FROM unnest(%s::text[]) AS word"
            assert connection.execute(query, [["é", "a", "B"]]).fetchone() == ("Baé",)


def test_rows_survive_a_restart(tmp_path: Path) -> None:
    """The state of a dev stack stays until --fresh."""
    for expected in (1, 2):
        with running_postgres(tmp_path) as server:
            assert rows(server.superuser_url) == expected


def test_committed_rows_survive_a_kill(tmp_path: Path) -> None:
    """And the restart is not hindered by what the killed server left."""
    with running_postgres(tmp_path) as server:
        assert rows(server.superuser_url) == 1
        os.kill(server.pid, signal.SIGKILL)
    with running_postgres(tmp_path) as server:
        assert rows(server.superuser_url) == 2


def test_it_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    """The kernel tells it; nobody is left to."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
    )
    with starter:
        assert starter.stdout is not None
        assert starter.stdout.readline()
        assert living(tmp_path)
        starter.kill()
    eventually(lambda: not living(tmp_path))


def test_a_server_left_running_is_ended_at_the_next_start(tmp_path: Path) -> None:
    """Where the kernel does not tell it, the data directory does."""
    cluster = open_cluster(tmp_path, port=free_port())
    cluster.prepare()
    with start_blocking(cluster.child(tmp_path / "left.log")) as left:
        eventually(cluster.answers)
        with running_postgres(tmp_path) as server:
            assert left.wait(20) == 0
            assert server.pid != left.pid


def test_a_stranger_named_in_the_pid_file_is_left_alone(tmp_path: Path) -> None:
    """Process ids are used again; ours is known by its data directory."""
    with running_postgres(tmp_path):
        pass
    with subprocess.Popen(["/bin/sleep", "600"]) as stranger:
        (tmp_path / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n")
        with running_postgres(tmp_path):
            assert identify(stranger.pid) is not None
        stranger.kill()


def test_an_initdb_that_was_cut_off_is_begun_anew(tmp_path: Path) -> None:
    """A data directory gets its name when it is whole."""
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18\n")
    with running_postgres(tmp_path) as server:
        assert rows(server.superuser_url) == 1


def test_one_directory_has_one_server(tmp_path: Path) -> None:
    """Otherwise the second would take the first for a left-over and end it."""
    with (
        running_postgres(tmp_path),
        pytest.raises(AlreadyRunningError),
        running_postgres(tmp_path),
    ):
        pass


def test_data_of_another_major_version_is_refused_with_a_way_out(tmp_path: Path) -> None:
    """Postgres' own message speaks of catalog versions."""
    with running_postgres(tmp_path):
        pass
    (tmp_path / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(StateVersionError, match="--fresh"), running_postgres(tmp_path):
        pass


def test_the_two_logins_are_made_once_and_keep_their_passwords(tmp_path: Path) -> None:
    """The owner may make roles and tables; the application may do nothing until it is granted."""
    with running_postgres(tmp_path) as server:
        urls = create_database(server, "onhand")
        assert create_database(server, "onhand") == urls
        with psycopg.connect(urls.owner_url, autocommit=True) as owner:
            owner.execute("CREATE ROLE onhand_application NOLOGIN")
            owner.execute("CREATE TABLE lamp (id int)")
            owner.execute("GRANT SELECT ON lamp TO onhand_application")
        grant_application(server)
        with psycopg.connect(urls.application_url) as application:
            application.execute("SET ROLE onhand_application")
            assert application.execute("SELECT count(*) FROM lamp").fetchone() == (0,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute("CREATE TABLE chair (id int)")


def test_passwords_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Others on the machine reach the port, but not the files."""
    with running_postgres(tmp_path) as server:
        create_database(server, "onhand")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://postgres:guess@127.0.0.1:{server.port}/postgres")
    for name in ("superuser-password", "role-passwords.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_missing_postgres_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names both ways out."""
    monkeypatch.setattr(postgres_binaries, "find_spec", lambda _name: None)
    monkeypatch.setattr(postgres_binaries, "SYSTEM", tmp_path)
    with pytest.raises(MissingProgramError, match="DATABASE_URL"):
        postgres_binaries.find_postgres()


def test_a_system_postgres_serves_where_the_wheel_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A young package that dies must cost nothing."""
    if not list(postgres_binaries.SYSTEM.glob("*/bin/postgres")):
        pytest.skip("no system Postgres on this machine")
    monkeypatch.setattr(postgres_binaries, "find_spec", lambda _name: None)
    with running_postgres(tmp_path) as server:
        assert rows(server.superuser_url) == 1


@pytest.fixture
def reachable_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a place of our own where homes for another account may be made."""
    root = Path(tempfile.mkdtemp(prefix="onhand-homes-"))
    root.chmod(0o755)
    monkeypatch.setattr(postgres_home, "FOREIGN_ROOT", root)
    yield root
    shutil.rmtree(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
def test_root_without_namespaces_hands_it_to_an_unprivileged_account(
    tmp_path: Path, reachable_root: Path
) -> None:
    """Most containers forbid namespaces, and Postgres refuses root everywhere."""
    before = {parent: parent.stat().st_mode for parent in tmp_path.parents}
    for expected in (1, 2):
        with running_postgres(tmp_path, account=unprivileged()) as server:
            assert rows(server.superuser_url) == expected
            assert Path(f"/proc/{server.pid}").stat().st_uid != 0
            os.kill(server.pid, signal.SIGKILL)
    assert before == {parent: parent.stat().st_mode for parent in tmp_path.parents}
    postgres_home.remove_home(tmp_path)
    assert not list(reachable_root.iterdir())
