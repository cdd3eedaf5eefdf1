"""The ledger's database and its two logins on a server of ours."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString, Protocol

import psycopg
from psycopg import sql

from dev.ports import HOST
from dev.private_file import read_json, write_private_json

OWNER = "onhand_owner"
APPLICATION = "onhand"
APPLICATION_GROUP = "onhand_application"
"""Made by the ledger's migrations; the application takes it with SET ROLE."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server of ours."""

    directory: Path
    superuser_url: str
    port: int
    pid: int


class DatabaseServer(Protocol):
    """Any server of ours that runs."""

    @property
    def directory(self) -> Path:
        """Where its passwords are kept."""

    @property
    def superuser_url(self) -> str:
        """Where its superuser connects."""

    @property
    def port(self) -> int:
        """Where it listens."""


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """How to reach one database: to change its schema, and to use it."""

    owner_url: str
    application_url: str


def database_urls(server: DatabaseServer, name: str) -> DatabaseUrls:
    """Name where that database is, or will be."""
    passwords = _kept_passwords(server.directory)
    place = f"{HOST}:{server.port}/{name}"
    return DatabaseUrls(
        owner_url=f"postgresql://{OWNER}:{passwords[OWNER]}@{place}",
        application_url=f"postgresql://{APPLICATION}:{passwords[APPLICATION]}@{place}",
    )


def create_database(server: DatabaseServer, name: str) -> DatabaseUrls:
    """Make the database and its logins where missing; a second call answers the same."""
    passwords = _kept_passwords(server.directory)
    with _superuser(server) as connection:
        for role, rights in ((OWNER, "LOGIN CREATEROLE"), (APPLICATION, "LOGIN")):
            _make_role(connection, role, rights, passwords[role])
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", name):
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(OWNER)))
    return database_urls(server, name)


def grant_application(server: DatabaseServer) -> None:
    """Let the application's login take the group role; call it after the migrations made that."""
    with _superuser(server) as connection:
        statement = sql.SQL("GRANT {} TO {}")
        connection.execute(
            statement.format(sql.Identifier(APPLICATION_GROUP), sql.Identifier(APPLICATION))
        )


@contextmanager
def _superuser(server: DatabaseServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        server.superuser_url, autocommit=True, connect_timeout=10, sslmode="disable"
    ) as connection:
        yield connection


def _make_role(
    connection: psycopg.Connection, role: str, rights: LiteralString, password: str
) -> None:
    exists = _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", role)
    verb = "ALTER" if exists else "CREATE"
    statement = sql.SQL("{} ROLE {} {} PASSWORD {}")
    connection.execute(
        statement.format(
            sql.SQL(verb), sql.Identifier(role), sql.SQL(rights), sql.Literal(password)
        )
    )


def _exists(connection: psycopg.Connection, query: LiteralString, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None


def _kept_passwords(directory: Path) -> dict[str, str]:
    path = directory / "role-passwords.json"
    kept = read_json(path)
    missing = {role: secrets.token_urlsafe(24) for role in (OWNER, APPLICATION) if role not in kept}
    if missing:
        write_private_json(path, kept | missing)
    return kept | missing
