"""Runs a command that ends when its starter does: `tether.py [--mapped | --user UID:GID] SIGNAL PARENT COMMAND…`.

`--mapped` runs it as an ordinary user inside a user namespace of its own, which on disk still is the
caller; `--user` as another account. Started by path with `python -I -S`, so it knows the standard
library alone and costs some 15 ms. Elsewhere than on Linux it only replaces itself by the command.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
MAPPED_ID = 1000


def main(arguments: list[str]) -> None:
    """Change identity if asked, tie this process to its parent, and become the command."""
    # A shell's background job ignores Ctrl-C; a server must not inherit that, since it is how it is ended.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    rest = _take_identity(arguments)
    parent, command = int(rest[1]), rest[2:]
    # Last, since a change of identity clears it.
    _die_with(parent, signal.Signals[rest[0]])
    os.execv(command[0], command)


def _take_identity(arguments: list[str]) -> list[str]:
    if arguments[0] == "--mapped":
        _enter_user_namespace()
        return arguments[1:]
    if arguments[0] == "--user":
        uid, _, gid = arguments[1].partition(":")
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
        return arguments[2:]
    return arguments


def _enter_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER)
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{MAPPED_ID} {uid} 1")
    (own / "gid_map").write_text(f"{MAPPED_ID} {gid} 1")


def _die_with(parent: int, death_signal: signal.Signals) -> None:
    if sys.platform != "linux":
        return
    _call("prctl", PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != parent:  # It died before we asked to be told.
        sys.exit(1)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


if __name__ == "__main__":
    main(sys.argv[1:])
