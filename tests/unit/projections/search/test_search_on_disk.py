"""The index as files: who may write, what readers see, and what is noticed of damage."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from ledger.errors import Transient
from projections.search import document, index
from projections.search.index import Damaged, Indexes
from tests.unit.projections.search.shelf import NUMBER, Shelf, product

ANOTHER_WRITER = """
import sys
from pathlib import Path
from projections.search.index import Indexes
from tests.unit.projections.search.shelf import product

writer = Indexes(Path(sys.argv[1])).writer(1)
print("writing", flush=True)
writer.put([product("rug", "Long rug")])
sys.stdin.readline()
writer.commit()
print("committed", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Give an index of a lamp."""
    return Shelf.of(tmp_path, [product("lamp", "Brass lamp")])


@contextmanager
def another_writer(shelf: Shelf) -> Iterator[subprocess.Popen[str]]:
    """Have another process write, until it is told to commit, and then to end."""
    command = [sys.executable, "-c", ANOTHER_WRITER, str(shelf.indexes.directory)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert said(process) == "writing"
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> str:
    """Wait for the next line."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    """Have it go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_reader_sees_what_another_process_commits(shelf: Shelf) -> None:
    """Not before, and at once: each look is as of the last commit."""
    with another_writer(shelf) as process:
        assert shelf.skus() == ["lamp"]
        tell(process)
        assert said(process) == "committed"
        assert shelf.skus() == ["lamp", "rug"]


def test_a_second_writer_is_told_to_come_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost, and nobody takes what it brings for poison."""
    monkeypatch.setattr(index, "PATIENCE_SECONDS", 0.0)
    with another_writer(shelf), pytest.raises(Transient) as refused:
        shelf.indexes.writer(NUMBER)
    assert refused.value.code == "index-busy"


def test_a_second_writer_waits_its_turn(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is short: whoever waits that long need not come again."""
    monkeypatch.setattr(index, "PATIENCE_SECONDS", 60.0)
    writers = []
    with another_writer(shelf) as process:
        waiting = threading.Thread(target=lambda: writers.append(shelf.indexes.writer(NUMBER)))
        waiting.start()
        tell(process)
        assert said(process) == "committed"
        assert writers == []
        tell(process)
        waiting.join()
    (writer,) = writers
    assert set(writer.entries(["lamp", "rug"])) == {"lamp", "rug"}
    writer.close()


def test_a_writer_that_is_killed_leaves_no_lock_and_nothing_else(shelf: Shelf) -> None:
    """What it had not committed comes again."""
    with another_writer(shelf):
        pass
    writer = shelf.indexes.writer(NUMBER)
    assert set(writer.entries(["lamp", "rug"])) == {"lamp"}
    writer.close()
    assert shelf.skus() == ["lamp"]


def test_what_was_not_committed_is_forgotten(shelf: Shelf) -> None:
    """A writer that is closed after a failure has written nothing."""
    writer = shelf.indexes.writer(NUMBER)
    writer.put([product("rug")])
    writer.close()
    assert shelf.skus() == ["lamp"]


def test_a_closed_writer_writes_no_more(shelf: Shelf) -> None:
    """Its directory may be another's by now. Closing it again does nothing."""
    writer = shelf.indexes.writer(NUMBER)
    writer.close()
    writer.close()
    with pytest.raises(Transient):
        writer.put([product("rug")])


def test_a_reader_goes_on_reading_what_is_removed(shelf: Shelf) -> None:
    """A search that is under way when generations change ends well; the next one is told."""
    look = shelf.reader.look()
    shelf.indexes.remove(NUMBER)
    assert set(look.entries(["lamp"])) == {"lamp"}
    with pytest.raises(Damaged):
        shelf.reader.look()
    shelf.indexes.remove(NUMBER)


def test_it_is_removed_though_another_process_writes(shelf: Shelf) -> None:
    """A rebuild takes away what was followed until a moment ago. What is written then is written nowhere."""
    with another_writer(shelf) as process:
        shelf.indexes.remove(NUMBER)
        tell(process)
        assert said(process) != "committed"
    assert list(shelf.indexes.directory.iterdir()) == []


def test_what_was_left_of_a_removal_is_removed(shelf: Shelf) -> None:
    """Whoever did it died halfway."""
    path = shelf.indexes.path(NUMBER)
    path.rename(path.with_name(f"{path.name}.gone"))
    shelf.indexes.remove(NUMBER)
    assert list(shelf.indexes.directory.iterdir()) == []


def test_an_index_that_was_not_filled_to_its_end_is_none(tmp_path: Path) -> None:
    """Its process died: what is there may be half of the catalogue."""
    indexes = Indexes(tmp_path)
    writer = indexes.begin(NUMBER)
    writer.put([product("lamp")], fresh=True)
    writer.commit()
    writer.close()
    with pytest.raises(Damaged):
        indexes.reader(NUMBER)
    with pytest.raises(Transient) as refused:
        indexes.writer(NUMBER)
    assert refused.value.code == "index-damaged"
    indexes.begin(NUMBER).close()


def test_an_index_of_another_shape_is_none(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that reads words differently makes it anew."""
    monkeypatch.setattr(index, "SHAPE", document.SHAPE + 1)
    with pytest.raises(Damaged):
        shelf.indexes.reader(NUMBER)


def test_nothing_where_there_is_no_directory(tmp_path: Path) -> None:
    """A volume that is not mounted."""
    with pytest.raises(Damaged):
        Indexes(tmp_path / "nowhere").reader(NUMBER)


def files(shelf: Shelf) -> list[Path]:
    """List the files that hold anything."""
    path = shelf.indexes.path(NUMBER)
    return sorted(file for file in path.iterdir() if file.stat().st_size)


@pytest.mark.parametrize("seed", range(12))
def test_damage_is_noticed_or_harmless(tmp_path: Path, seed: int) -> None:
    """Whatever happens to a file, a reader says that it cannot read, or reads what is right; it never crashes."""
    random = Random(seed)
    lamps = [product(f"lamp-{number:03}", f"Lamp {number}") for number in range(200)]
    whole = Shelf.of(tmp_path / "whole", lamps)
    for number, name in enumerate(file.name for file in files(whole)):
        copy = Indexes(tmp_path / f"copy-{number}")
        shutil.copytree(whole.indexes.path(NUMBER), copy.path(NUMBER))
        spoil(copy.path(NUMBER) / name, random)
        try:
            look = copy.reader(NUMBER).look()
            look.read_some()
            look.entries(["lamp-001"])
        except Damaged:
            continue


def spoil(file: Path, random: Random) -> None:
    """Lose it, cut it, empty it, or change some of its bytes."""
    body = bytearray(file.read_bytes())
    match random.randrange(4):
        case 0:
            file.unlink()
        case 1:
            file.write_bytes(body[: len(body) // 2])
        case 2:
            file.write_bytes(b"")
        case 3:
            for _ in range(20):
                body[random.randrange(len(body))] = random.randrange(256)
            file.write_bytes(body)


@pytest.mark.parametrize("suffix", [".store", ".idx", ".term", ".fast", "meta.json", "filled.json"])
def test_a_lost_file_is_noticed(shelf: Shelf, suffix: str) -> None:
    """Any one of them; the others cannot make up for it."""
    for file in files(shelf):
        if file.name.endswith(suffix):
            file.unlink()
    with pytest.raises(Damaged):
        shelf.indexes.reader(NUMBER).look().read_some()
