"""The index on disk: a directory a generation, one writer at a time, and any number of readers in any process.

All of this waits for a disk: it is called in threads.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson
from tantivy import Index, IndexWriter, Occur, Query, Schema, Searcher

from ledger.errors import Transient
from projections.search.asking import Page, Wish, asked
from projections.search.document import SHAPE, document, schema
from projections.search.entry import Entry, decoded

MEMORY_BYTES = 32 * 1024 * 1024
"""What is written is kept there until it is full, or committed."""
PATIENCE_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.02
SAMPLE = 1_000
"""Entries that are read to see whether an index can be."""
FILLED = "filled.json"
"""Written last: a directory without it was never filled to its end."""


class Damaged(Exception):
    """The index is not there, or cannot be read. It is made again from the ledger."""


@contextmanager
def readable() -> Iterator[None]:
    """Raise Damaged for whatever tantivy and the disk say of an index that they cannot read."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise Damaged from error
    except BaseException as error:
        # Bytes that cannot be: Rust's panic is no Exception in Python.
        if type(error).__name__ == "PanicException":
            raise Damaged from error
        raise


class Indexes:
    """Where the generations lie beside each other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, generation: int) -> Path:
        """Name the directory of a generation."""
        return self.directory / f"search-{generation}"

    def reader(self, generation: int) -> Reader:
        """Open a generation for reading. Raises Damaged where it is not there, not whole, or of another shape."""
        path = self.path(generation)
        _whole(path)
        return Reader(path)

    def writer(self, generation: int) -> Writer:
        """Open a generation for writing. Raises Transient while another writes, and where it cannot be read."""
        path = self.path(generation)
        try:
            _whole(path)
            return Writer(path)
        except Damaged as error:
            raise Transient("index-damaged") from error

    def begin(self, generation: int) -> Writer:
        """Begin a generation with nothing in it, whatever was there. Raises Transient."""
        path = self.path(generation)
        try:
            self.remove(generation)
            path.mkdir(parents=True)
            with readable():
                Index(schema(), path=str(path))
            return Writer(path)
        except (OSError, Damaged) as error:
            raise Transient("index-damaged") from error

    def remove(self, generation: int) -> None:
        """Take a generation away. Whoever has it open may go on reading what they see. Raises OSError.

        Another process may be writing: first it is no longer where that one would put another file.
        """
        path = self.path(generation)
        gone = path.with_name(f"{path.name}.gone")
        # Left by whoever died between the two.
        with suppress(FileNotFoundError):
            shutil.rmtree(gone)
        with suppress(FileNotFoundError):
            path.rename(gone)
            shutil.rmtree(gone)


def _whole(path: Path) -> None:
    with readable():
        if orjson.loads((path / FILLED).read_bytes())["shape"] != SHAPE:
            raise Damaged


class Reader:
    """An index as others write it. For any thread."""

    def __init__(self, path: Path) -> None:
        self._meta = path / "meta.json"
        self._lock = threading.Lock()
        with readable():
            self._seen = self._mark()
            self._index = Index.open(str(path))
            self._index.config_reader("manual")

    def look(self) -> Look:
        """See what is committed by now, and nothing that comes later. Raises Damaged."""
        with self._lock, readable():
            mark = self._mark()
            if mark != self._seen:
                self._index.reload()
                self._seen = mark
            return Look(self._index.searcher(), self._index.schema)

    def _mark(self) -> tuple[int, int]:
        """Give what changes with each commit, which puts another file in this one's place."""
        meta = self._meta.stat()
        return meta.st_ino, meta.st_mtime_ns


class Look:
    """An index at one moment. All of it raises Damaged."""

    def __init__(self, searcher: Searcher, fields: Schema) -> None:
        self._searcher = searcher
        self._schema = fields

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._searcher.num_docs

    def find(self, wish: Wish) -> Page:
        """Find what a customer looks for."""
        with readable():
            return asked(self._searcher, self._schema, wish)

    def entries(self, skus: Collection[str]) -> dict[str, list[Entry]]:
        """Read the entries of these skus; of each there is one at most, where all is well."""
        found: dict[str, list[Entry]] = {}
        with readable():
            for entry in self._read(self._of(skus), most=2 * len(skus)):
                found.setdefault(entry.sku, []).append(entry)
        return found

    def flagged_in_stock(self, skus: Collection[str]) -> set[str]:
        """Give those of these skus that are found among what is in stock."""
        with readable():
            flag = Query.term_query(self._schema, "in_stock", True, "basic")
            both = Query.boolean_query([(Occur.Must, self._of(skus)), (Occur.Must, flag)])
            return {entry.sku for entry in self._read(both, most=len(skus))}

    def read_some(self) -> None:
        """Sort and count all of it once, and read the first entries."""
        self.find(Wish())
        with readable():
            for _ in self._read(Query.all_query(), most=SAMPLE):
                pass

    def _of(self, skus: Collection[str]) -> Query:
        return Query.term_set_query(self._schema, "sku", sorted(skus))

    def _read(self, wanted: Query, *, most: int) -> Iterator[Entry]:
        for _, address in self._searcher.search(wanted, limit=max(1, most), count=False).hits:
            yield decoded(self._searcher.doc(address)["entry"][0])


class Writer:
    """The one who writes, as long as it is open: the directory is locked, and free again when it is closed.

    A process that dies leaves no lock behind, and nothing that it had not committed.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock, then look: nobody writes between what is read and what is written.

        Raises Transient while another has it, and Damaged.
        """
        self.path = path
        self._lock = threading.Lock()
        with readable():
            self._writer = _taken(Index.open(str(path)))
        self._reader = Reader(path)

    def entries(self, skus: Collection[str]) -> dict[str, Entry]:
        """Read the entries of these skus as they are committed. Raises Transient."""
        try:
            found = self._reader.look().entries(skus)
        except Damaged as error:
            raise Transient("index-damaged") from error
        return {sku: each[0] for sku, each in found.items()}

    def put(self, entries: Iterable[Entry], *, fresh: bool = False) -> None:
        """Put each in the place of what is there of its sku; fresh, nothing is. Raises Transient."""
        documents = [(entry.sku, document(entry)) for entry in entries]
        with self._writing() as writer:
            for sku, made in documents:
                if not fresh:
                    writer.delete_documents_by_term("sku", sku)
                writer.add_document(made)

    def commit(self) -> None:
        """Make it last: on the disk, and seen by readers from now on. Raises Transient."""
        with self._writing() as writer:
            writer.commit()

    def sign(self) -> None:
        """Say that all is in it that was to be. Raises Transient."""
        beside = self.path / f"{FILLED}.new"
        try:
            with beside.open("wb") as file:
                file.write(orjson.dumps({"shape": SHAPE}))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path / FILLED)
        except OSError as error:
            raise Transient("index-damaged") from error

    def close(self) -> None:
        """Let go of the directory, once segments that were being merged are; what is not committed is forgotten."""
        with suppress(Transient), self._writing() as writer:
            writer.wait_merging_threads()

    @contextmanager
    def _writing(self) -> Iterator[IndexWriter]:
        try:
            with self._lock, readable():
                yield self._writer
        except Damaged as error:
            raise Transient("index-damaged") from error


def _taken(index: Index) -> IndexWriter:
    """Wait for whoever writes, which takes as long as a batch. Raises Transient."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return index.writer(heap_size=MEMORY_BYTES, num_threads=1)
        except ValueError as error:
            if "LockBusy" not in str(error):
                raise
            if time.monotonic() > until:
                raise Transient("index-busy") from error
        time.sleep(LOOK_AGAIN_SECONDS)
