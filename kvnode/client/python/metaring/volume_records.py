# SPDX-License-Identifier: Apache-2.0
"""The stored records as what stat(2) says: fusefs/meta/codec.cc and directory.cc.

Ranges are checked as there: a record that is out of them is Corrupt.
"""

import copy
import dataclasses
import stat
from collections.abc import Mapping
from typing import Any

from . import volume_keys as keys
from .errors import Corrupt, FormatMismatch
from .protocol import DecodeError, decode_record, encode_record
from .wire.records import ttypes

NAME_BYTES_MAX = 255
_U64 = (1 << 64) - 1
_U32 = (1 << 32) - 1
_NANOS = 1_000_000_000
_LINKS_MAX = 65_000
_FILE_BYTES_MAX = 1 << 47
_SYMLINK_BYTES_MAX = 4095
_NEVER = -(1 << 63)
_TYPES = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO,
          stat.S_IFSOCK)


@dataclasses.dataclass(frozen=True)
class Stat:
    """What stat(2) says. Times are nanoseconds since 1970."""

    ino: int
    mode: int     # type and permission bits, as st_mode; the module stat takes it apart
    nlink: int    # directories: 2 and their subdirectories
    uid: int
    gid: int
    rdev: int     # devices only
    size: int     # bytes; directories: number of entries
    blocks: int   # of 512 bytes
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    symlink_target: str  # symbolic links only

    def is_dir(self) -> bool:
        return stat.S_ISDIR(self.mode)

    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)

    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self.mode)


@dataclasses.dataclass(frozen=True)
class Node:
    """An object as it was read: its attributes, and where what lies beside its record is."""

    stat: Stat
    home: int    # the ino beside whose keys large xattrs lie
    parent: int  # directories: the ino of '..'
    version: int
    xattrs: Mapping[str, bytes]  # the small ones
    has_large_xattrs: bool
    record: Any  # the InodeRecord or DirectoryRecord itself
    key: bytes   # where it is stored: under its own key, or inside of an entry


@dataclasses.dataclass(frozen=True)
class Entry:
    """A name in a directory: with the inode in it, or a reference."""

    ino: int
    type: int  # S_IFMT bits
    inode: Any  # wire InodeRecord, or None

    def refers_to_directory(self) -> bool:
        return self.type == stat.S_IFDIR


def text(raw: bytes) -> str:
    """Names need not be UTF-8: what is not comes as surrogates, as os.fsdecode has it."""
    return raw.decode('utf-8', 'surrogateescape')


def _read(raw: bytes, record: Any) -> Any:
    try:
        return decode_record(raw, record)
    except DecodeError as error:
        raise Corrupt(f'a record does not decode: {error}') from None


def _is_mode(mode: int | None) -> bool:
    return mode is not None and 0 <= mode <= 0o177777 and stat.S_IFMT(mode) in _TYPES


def _time(record: Any, name: str, default: int) -> int:
    seconds = getattr(record, f'{name}_seconds')
    if seconds is None:
        return default
    nanos = getattr(record, f'{name}_nanos') or 0
    if not 0 <= nanos < _NANOS:
        raise Corrupt('a time is out of its range')
    return int(seconds) * _NANOS + int(nanos)


def _times(record: Any) -> tuple[int, int, int]:
    ctime = _time(record, 'ctime', 0)
    mtime = _time(record, 'mtime', ctime)
    return _time(record, 'atime', mtime), mtime, ctime


def volume_seed(raw: bytes) -> tuple[int, bool]:
    """Of a VolumeRecord: the hash seed, and whether the volume may be written. FormatMismatch for
    features that forbid to read it."""
    record = _read(raw, ttypes.VolumeRecord())
    if record.features_incompat:
        raise FormatMismatch('the volume has features that this version does not know')
    if not record.id or record.hash_seed is None:
        raise Corrupt("a volume's field is out of its range")
    return int(record.hash_seed) & _U64, not record.features_ro_compat


def decode_entry(raw: bytes) -> Entry:
    record = _read(raw, ttypes.EntryRecord())
    if record.inode is not None:
        _check_inode(record.inode)
        return Entry(record.inode.ino, stat.S_IFMT(record.inode.mode), record.inode)
    kind = (record.ref_type or 0) << 12
    if (record.ref_ino or 0) <= 0 or kind not in _TYPES:
        raise Corrupt('an entry without an inode')
    return Entry(record.ref_ino, kind, None)


def decode_inode(raw: bytes, ino: int, version: int) -> Node:
    """An inode that has a place of its own."""
    record = _read(raw, ttypes.InodeRecord())
    _check_inode(record)
    if record.ino != ino:
        raise Corrupt("an inode under another's key")
    return inode_node(record, ino, version, keys.own_inode(ino))


def _check_inode(record: Any) -> None:
    sane = ((record.ino or 0) > 0 and _is_mode(record.mode) and not stat.S_ISDIR(record.mode)
            and 0 <= (1 if record.nlink is None else record.nlink) <= _LINKS_MAX
            and 0 <= (record.size or 0) <= _FILE_BYTES_MAX and (record.bytes_allocated or 0) >= 0
            and len(record.symlink_target or b'') <= _SYMLINK_BYTES_MAX)
    if not sane:
        raise Corrupt("an inode's field is out of its range")


def inode_node(record: Any, home: int, version: int, key: bytes) -> Node:
    """Of a checked InodeRecord. `home`: its directory, or itself at a place of its own."""
    atime, mtime, ctime = _times(record)
    attributes = Stat(
        ino=record.ino, mode=record.mode, nlink=1 if record.nlink is None else record.nlink,
        uid=(record.uid or 0) & _U32, gid=(record.gid or 0) & _U32,
        rdev=(record.rdev or 0) & _U64, size=record.size or 0,
        blocks=((record.bytes_allocated or 0) + 511) // 512, atime_ns=atime, mtime_ns=mtime,
        ctime_ns=ctime, symlink_target=text(record.symlink_target or b''))
    return Node(attributes, home, 0, version, record.xattrs or {}, bool(record.has_large_xattrs),
                record, key)


def directory_node(ino: int, raw: bytes, version: int, counters: Mapping[bytes, int]) -> Node:
    """Of a DirectoryRecord and the counters beside it, by their letters."""
    record = _read(raw, ttypes.DirectoryRecord())
    if ((record.parent or 0) <= 0 or not _is_mode(record.mode) or not stat.S_ISDIR(record.mode)
            or len(record.name or b'') > NAME_BYTES_MAX):
        raise Corrupt("a directory's field is out of its range")
    atime, mtime, ctime = _times(record)
    changed = counters.get(keys.CHANGED, _NEVER)
    accessed = counters.get(keys.ACCESSED, _NEVER)
    if changed > (_NEVER if record.mtime_set_at is None else record.mtime_set_at):
        mtime = changed
    if accessed > (_NEVER if record.atime_set_at is None else record.atime_set_at):
        atime = accessed
    subdirectories = min(max(counters.get(keys.SUBDIRECTORIES, 0), 0), (1 << 31) - 1)
    attributes = Stat(
        ino=ino, mode=record.mode, nlink=2 + subdirectories, uid=(record.uid or 0) & _U32,
        gid=(record.gid or 0) & _U32, rdev=0, size=max(counters.get(keys.ENTRIES, 0), 0), blocks=0,
        atime_ns=atime, mtime_ns=mtime, ctime_ns=max(ctime, changed), symlink_target='')
    return Node(attributes, ino, record.parent, version, record.xattrs or {},
                bool(record.has_large_xattrs), record, keys.header(ino))


def with_xattrs(node: Node, small: Mapping[str, bytes], has_large: bool, ctime_ns: int) -> bytes:
    """The record of `node` anew, with these xattrs and this time of change."""
    record = copy.copy(node.record)
    atime, mtime, _ = _times(record)
    record.xattrs = dict(small) or None
    record.has_large_xattrs = has_large or None
    # A time that is its default is not written; mtime's default moves with ctime.
    _set_time(record, 'ctime', ctime_ns, 0)
    _set_time(record, 'mtime', mtime, ctime_ns)
    _set_time(record, 'atime', atime, mtime)
    in_entry = node.key not in (keys.header(node.stat.ino), keys.own_inode(node.stat.ino))
    return encode_record(ttypes.EntryRecord(inode=record) if in_entry else record)


def _set_time(record: Any, name: str, time_ns: int, default: int) -> None:
    seconds, nanos = divmod(time_ns, _NANOS)
    setattr(record, f'{name}_seconds', None if time_ns == default else seconds)
    setattr(record, f'{name}_nanos', None if time_ns == default or not nanos else nanos)
