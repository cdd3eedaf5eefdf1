"""What may keep the dev stack from running, each told in one sentence."""

from __future__ import annotations


class DevError(Exception):
    """The dev stack cannot do what was asked; the message is a sentence for a person."""


class MissingProgramError(DevError):
    """A program or package that the stack needs is not installed."""


class PortTakenError(DevError):
    """A port that was asked for by number is in use by someone else."""


class ForeignDirectoryError(DevError):
    """The state directory holds things that are not ours, or may not be used by us."""


class StateVersionError(DevError):
    """The kept state was written by another major version of its server."""


class AlreadyRunningError(DevError):
    """Somebody else holds the lock of this state directory."""


class NotRunningError(DevError):
    """No stack runs on this state directory."""


class DidNotStartError(DevError):
    """A process of the stack did not become ready."""
