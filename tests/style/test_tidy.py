"""Rules of the house that no linter knows; each says why it is one."""

from __future__ import annotations

import ast
import re
from importlib import metadata
from pathlib import Path

import pytest

from tests.style.tree import ROOMS, ROOT, committed, product_modules

LINES_A_FILE = 400
LINES_A_FUNCTION = 60

NAMELESS = {
    "utils",
    "util",
    "common",
    "helpers",
    "helper",
    "manager",
    "service",
    "misc",
    "data",
    "info",
}
"""If a thing has no better name it has no reason to exist."""

THE_FIELDS_OWN_WORDS = {"dev/postgres_home.py": {"data"}}  # Postgres's data directory

SYNONYMS = {
    "qty": "quantity",
    "inventory_item": "stock",
    "warehouse_id": "location",
    "hold_id": "reservation_id",
    "psp": "provider",
    "amount_cents": "amount_minor",
    "expiry_time": "expires_at",
}
"""One word per idea, the same in SQL, Python, URLs and runbooks."""


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", committed("*.py"), ids=_name)
def test_a_file_is_small_enough_to_hold_in_the_head(path: Path) -> None:
    """When it is not, there is a noun to split along."""
    assert len(path.read_text().splitlines()) <= LINES_A_FILE


@pytest.mark.parametrize("path", product_modules(), ids=_name)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    """Above sixty lines nobody reads the middle."""
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = [
        node.name for node in functions if (node.end_lineno or 0) - node.lineno >= LINES_A_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("path", product_modules(), ids=_name)
def test_a_name_says_what_it_is(path: Path) -> None:
    """`utils` and its like are where things go to be forgotten."""
    names = {path.stem} | {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    words = {word for name in names for word in re.findall(r"[a-z]+", name.lower())}
    openings = {name for name in names if re.match(r"_?(process|handle)_", name)}
    assert words & NAMELESS <= THE_FIELDS_OWN_WORDS.get(_name(path), set())
    assert openings == set()


@pytest.mark.parametrize("path", committed("*.py", "*.md", "*.sql"), ids=_name)
def test_one_word_per_idea(path: Path) -> None:
    """A synonym makes the reader look for a difference that is not there."""
    if path == Path(__file__).resolve():
        return
    text = path.read_text().lower()
    found = {word: better for word, better in SYNONYMS.items() if re.search(rf"\b{word}\b", text)}
    assert found == {}


def test_nothing_in_the_tree_names_a_machine() -> None:
    """A path or a host of somebody's machine is of no use to anybody else."""
    machine = re.compile(r"(?<![\w.-])/(?:root|home)/\w")
    texts = (
        path
        for path in committed()
        if path.suffix in {".py", ".md", ".sql", ".yml", ".toml", ".json", ".txt"}
    )
    found = {
        _name(path)
        for path in texts
        if path != Path(__file__).resolve() and machine.search(path.read_text())
    }
    assert found == set()


@pytest.mark.parametrize("lock", ["production.txt", "development.txt"])
def test_a_lock_names_no_address(lock: str) -> None:
    """Where packages come from is the installer's choice; what they are is pinned by hash."""
    text = (ROOT / "requirements" / lock).read_text()
    assert "://" not in text
    pinned = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
    assert len(pinned) > 20
    assert text.count("--hash=sha256:") >= len(pinned)


def test_the_locks_know_every_dependency() -> None:
    """A dependency that is not pinned is not installed from a fresh clone."""
    import tomllib  # noqa: PLC0415

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    development = (ROOT / "requirements" / "development.txt").read_text()
    production = (ROOT / "requirements" / "production.txt").read_text()
    extras = [line for extra in project["optional-dependencies"].values() for line in extra]

    def missing(requirements: list[str], lock: str) -> list[str]:
        names = [re.split(r"[\[<>=]", line)[0].lower() for line in requirements]
        return [name for name in names if not re.search(rf"^{name}(\[.*\])?==", lock, re.MULTILINE)]

    assert missing(project["dependencies"], production) == []
    assert missing(project["dependencies"] + extras, development) == []


def test_no_dependency_brings_a_package_of_our_name() -> None:
    """Our rooms have short names at the top level: one of the same name would shadow ours, or be shadowed."""
    ours = {*ROOMS, "tests", "console"}
    brought = {
        (name, distribution)
        for name, distributions in metadata.packages_distributions().items()
        for distribution in distributions
        if name in ours and distribution != "onhand"
    }
    assert brought == set()


def test_a_sized_proof_is_run_in_full() -> None:
    """`make prove` takes what is marked: a size without the mark is one that nobody ever tries."""
    modules = {path: path.read_text() for path in committed("tests/**/test_*.py")}
    sized = {path for path, text in modules.items() if re.search(r"\bsize\(\s*share=", text)}
    marked = {path for path, text in modules.items() if "pytest.mark.proof" in text}
    assert len(sized) > 5
    assert [_name(path) for path in sorted(sized - marked)] == []


def test_sql_stays_with_the_tables() -> None:
    """A query anywhere else than in the ledger and the noticeboards would be a second opinion on what they mean."""
    statement = re.compile(
        r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM)\b", re.DOTALL
    )
    elsewhere = [
        _name(path)
        for path in product_modules()
        if path.relative_to(ROOT).parts[0] not in {"ledger", "projections"}
        and any(
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and statement.search(node.value)
            for node in ast.walk(ast.parse(path.read_text()))
        )
    ]
    # The dev stack and a benchmark ask their own servers whether a login or a database exists. What a benchmark
    # fills tables with is in files of its own, and every invariant holds for it.
    assert set(elsewhere) <= {"dev/database.py", "bench/ledger/ground.py"}


def test_only_the_edges_read_the_clock() -> None:
    """Rules take the time as a value, or nobody can replay them."""
    asked = re.compile(r"datetime\.(now|utcnow|today)\(|\btime\.time\(")
    pure = [
        path
        for path in product_modules()
        if path.relative_to(ROOT).parts[0] in {"ledger", "workflows", "activities"}
    ]
    assert [_name(path) for path in pure if asked.search(path.read_text())] == []
