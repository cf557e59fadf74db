# SPDX-License-Identifier: Apache-2.0
"""What goes wrong: one class for each code of the project, all under `Error`.

The codes and their numbers are those of kvnode/base/result.h; the ones that a node can answer with
are in thrift/kv.thrift. The outcome of a write is one of three: done (no exception), refused (any
class but UnknownOutcome: it is surely not applied) and unknown (UnknownOutcome).
"""

import enum
from typing import ClassVar


class ErrorCode(enum.IntEnum):
    INVALID_ARGUMENT = 1
    NOT_FOUND = 2
    EXISTS = 3
    PERMISSION_DENIED = 4
    NOT_PERMITTED = 5
    NOT_DIRECTORY = 6
    IS_DIRECTORY = 7
    NOT_EMPTY = 8
    NAME_TOO_LONG = 9
    TOO_MANY_LINKS = 10
    NO_DATA = 11
    OUT_OF_RANGE = 12
    TOO_BIG = 13
    FILE_TOO_BIG = 14
    NO_SPACE = 15
    READ_ONLY = 16
    STALE = 17
    UNSUPPORTED = 18
    CONFLICT = 19
    BUSY = 20
    UNAVAILABLE = 21
    DEADLINE_EXCEEDED = 22
    CANCELLED = 23
    UNKNOWN_OUTCOME = 24
    CORRUPT = 25
    IO = 26
    FORMAT_MISMATCH = 27
    INTERNAL = 28


class Error(Exception):
    """The base of all. `message` is one sentence for a person."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL

    def __init__(self, message: str, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_ms = retry_after_ms  # when a retry may do better; 0: at once

    def __str__(self) -> str:
        return f'{self.message} ({self.code.name.lower()})'


class InvalidArgument(Error):
    """The request itself is wrong; the message names the field and the limit."""

    code = ErrorCode.INVALID_ARGUMENT


class NotFound(Error):
    """What the request names does not exist: a keyspace, a path. Not: a missing key."""

    code = ErrorCode.NOT_FOUND


class Exists(Error):
    """What must not exist does."""

    code = ErrorCode.EXISTS


class PermissionDenied(Error):
    """Role and grants do not allow this, or a certificate was not accepted."""

    code = ErrorCode.PERMISSION_DENIED


class NotPermitted(Error):
    """Nobody may do this to this object (EPERM)."""

    code = ErrorCode.NOT_PERMITTED


class NotDirectory(Error):
    """A part of a path, or what is listed, is not a directory."""

    code = ErrorCode.NOT_DIRECTORY


class IsDirectory(Error):
    """A directory, where it must not be one."""

    code = ErrorCode.IS_DIRECTORY


class NotEmpty(Error):
    """A directory that has entries."""

    code = ErrorCode.NOT_EMPTY


class NameTooLong(Error):
    """A name over 255 bytes, or a path over 4095."""

    code = ErrorCode.NAME_TOO_LONG


class TooManyLinks(Error):
    """Symbolic links that go on for too long."""

    code = ErrorCode.TOO_MANY_LINKS


class NoData(Error):
    """There is no such extended attribute."""

    code = ErrorCode.NO_DATA


class OutOfRange(Error):
    """A length that is not in its range."""

    code = ErrorCode.OUT_OF_RANGE


class TooBig(Error):
    """Over a fixed limit."""

    code = ErrorCode.TOO_BIG


class FileTooBig(Error):
    """Beyond the largest file size."""

    code = ErrorCode.FILE_TOO_BIG


class NoSpace(Error):
    """The quota or the disk is full; deletes and reads go on."""

    code = ErrorCode.NO_SPACE


class ReadOnly(Error):
    """Only reading is possible."""

    code = ErrorCode.READ_ONLY


class Stale(Error):
    """The object is gone, or the name means another one by now."""

    code = ErrorCode.STALE


class Unsupported(Error):
    """A method, mode or flag that is not known here."""

    code = ErrorCode.UNSUPPORTED


class Conflict(Error):
    """Lost against concurrent writers too often."""

    code = ErrorCode.CONFLICT


class Busy(Error):
    """Over a bound; surely not done."""

    code = ErrorCode.BUSY


class Unavailable(Error):
    """No node answered; surely not done."""

    code = ErrorCode.UNAVAILABLE


class DeadlineExceeded(Error):
    """The time is over; of a write: surely not done."""

    code = ErrorCode.DEADLINE_EXCEEDED


class Cancelled(Error):
    """The client was closed meanwhile."""

    code = ErrorCode.CANCELLED


class UnknownOutcome(Error):
    """A write that may or may not be done."""

    code = ErrorCode.UNKNOWN_OUTCOME


class Corrupt(Error):
    """Stored data that is wrong in itself."""

    code = ErrorCode.CORRUPT


class Io(Error):
    """The disk or the system failed."""

    code = ErrorCode.IO


class FormatMismatch(Error):
    """Another cluster, no node at all, or a volume of a newer format."""

    code = ErrorCode.FORMAT_MISMATCH


class Internal(Error):
    """A broken invariant."""

    code = ErrorCode.INTERNAL


_CLASSES: dict[int, type[Error]] = {int(each.code): each for each in Error.__subclasses__()}


def error_of(code: int | None, message: str | None, retry_after_ms: int | None = None) -> Error:
    """Total: what is unknown is Internal."""
    known = _CLASSES.get(code or 0, Internal)
    return known(message or 'no reason was given', max(retry_after_ms or 0, 0))
