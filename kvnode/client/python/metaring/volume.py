# SPDX-License-Identifier: Apache-2.0
"""Volume: the files of a volume by path: stat, list and extended attributes.

The stored records are Thrift (thrift/records.thrift); which key holds which is in volume_keys.py.
An operation here reads what fusefs/ops reads, in the same order, and so sees what a mount sees that
caches nothing. Permissions are not looked at: whoever may read the keyspace may read every file's
attributes. Xattrs are changed as fusefs/ops does, in one transaction that compares the version of
the record; all else that writes is left to C++ (README.md says why).
"""

import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from . import volume_keys as keys
from . import xattr_set
from .errors import (Conflict, Corrupt, Exists, InvalidArgument, NameTooLong, NoData, NotDirectory,
                     NotFound, NotPermitted, ReadOnly, TooBig, TooManyLinks, Unsupported)
from .keyspace import Item, Keyspace
from .transaction import Record, Text, Transaction, decode_i64, to_bytes
from .volume_records import (NAME_BYTES_MAX, Entry, Node, Stat, decode_entry, decode_inode,
                             directory_node, inode_node, text, volume_seed, with_xattrs)
from .xattr_set import XattrSet

PATH_BYTES_MAX = 4095
SYMLINKS_MAX = 40
_ATTEMPTS_MAX = 64
_PAGE = 500  # entries; with attributes a directory is five keys of a multi_get

_log = logging.getLogger('metaring')

Path = str | bytes | os.PathLike[str]
Reply = TypeVar('Reply')
# Volume has a method `list`, so its annotations cannot say list[...].
Names = list[str]
Inos = list[int]
Keys = list[bytes]
XattrChange = Callable[[Node, XattrSet], None]
Records = list[Record | None]
Nodes = list[Node | None]
Page = list[tuple[bytes, Entry, Item]]  # names, what they stand for, where they were


class DirectoryEntry(NamedTuple):
    name: str   # what is not UTF-8 in it comes as surrogates (os.fsencode takes it back)
    ino: int
    type: int   # S_IFMT bits, as stat.S_IFMT(mode)
    stat: Stat | None  # with attributes=True; None when it went meanwhile


class Volume:
    """Thread-safe. Paths begin at the root of the volume and are resolved as path_resolution(7) has
    it. NotFound, NotDirectory, NameTooLong, TooManyLinks; FormatMismatch and NotFound for the
    volume itself."""

    def __init__(self, keyspace: Keyspace) -> None:
        self._keyspace = keyspace
        self._hash_seed: int | None = None  # it never changes
        self._writable = False  # known with the seed

    @property
    def name(self) -> str:
        return self._keyspace.name

    def stat(self, path: Path, *, follow_symlinks: bool = True) -> Stat:
        return self._walk(path, follow_symlinks).stat

    def list(self, path: Path = '/', *, attributes: bool = False) -> Iterator[DirectoryEntry]:
        """The entries of a directory but '.' and '..', in no particular order, page by page: what
        is made or removed meanwhile may be in it or not. `attributes`: each with its stat."""
        directory = self._walk(path, True)
        if not directory.stat.is_dir():
            raise NotDirectory(f'{_shown(path)} is not a directory')
        return self._entries(directory.stat.ino, attributes)

    def get_xattr(self, path: Path, name: str, *, follow_symlinks: bool = True) -> bytes:
        """NoData when there is none."""
        xattr_set.check_name(name)
        return _retried(lambda: self._try_get_xattr(path, name, follow_symlinks))

    def list_xattr(self, path: Path, *, follow_symlinks: bool = True) -> Names:
        return _retried(lambda: self._try_list_xattr(path, follow_symlinks))

    def set_xattr(self, path: Path, name: str, value: Text, *, create: bool = False,
                  replace: bool = False, follow_symlinks: bool = True) -> None:
        """Names of user, trusted and security. `create`: Exists when there is one; `replace`:
        NoData when there is none. TooBig over 64 KiB; NoSpace; NotPermitted for user xattrs of what
        is neither file nor directory; ReadOnly."""
        self._check_change(name)
        raw = to_bytes(value, 'value')
        if len(raw) > xattr_set.VALUE_BYTES_MAX:
            raise TooBig(f"an xattr's value has at most {xattr_set.VALUE_BYTES_MAX} bytes")
        if create and replace:
            raise InvalidArgument('create and replace exclude each other')

        def change(node: Node, xattrs: XattrSet) -> None:
            if name.startswith('user.') and not (node.stat.is_file() or node.stat.is_dir()):
                raise NotPermitted('user xattrs are for files and directories')
            if create and xattrs.has(name):
                raise Exists(f'{_shown(path)} has an xattr {name}')
            if replace and not xattrs.has(name):
                raise NoData(f'{_shown(path)} has no xattr {name}')
            xattrs.set(name, raw)
        _retried(lambda: self._try_change_xattrs(path, follow_symlinks, change, False))

    def remove_xattr(self, path: Path, name: str, *, follow_symlinks: bool = True) -> None:
        """NoData when there is none; ReadOnly."""
        self._check_change(name)

        def change(_: Node, xattrs: XattrSet) -> None:
            if not xattrs.remove(name):
                raise NoData(f'{_shown(path)} has no xattr {name}')
        _retried(lambda: self._try_change_xattrs(path, follow_symlinks, change, True))

    # --- walking ---

    def _walk(self, path: Path, follow_last: bool) -> Node:
        names = _names(_path_bytes(path))
        names.reverse()  # the next one is the last
        root = self._by_ino(keys.ROOT_INO)
        at, symlinks = root, 0
        while names:
            name = names.pop()
            if not at.stat.is_dir():
                raise NotDirectory(f'a part of {_shown(path)} is not a directory')
            if name == b'.':
                continue
            if name == b'..':
                at = self._by_ino(at.parent)
                continue
            found = self._lookup(at.stat.ino, name)
            if found is None:
                raise NotFound(f'there is no {_shown(path)}')
            if not found.stat.is_symlink() or (not names and not follow_last):
                at = found
                continue
            symlinks += 1
            if symlinks > SYMLINKS_MAX:
                raise TooManyLinks(f'more than {SYMLINKS_MAX} symbolic links in {_shown(path)}')
            target = found.stat.symlink_target.encode('utf-8', 'surrogateescape')
            if target.startswith(b'/'):
                at = root
            names += reversed(_names(target))
            if len(names) > PATH_BYTES_MAX:
                raise NameTooLong('a path with its symbolic links has too many names')
        return at

    def _lookup(self, directory: int, name: bytes) -> Node | None:
        if len(name) > NAME_BYTES_MAX:
            raise NameTooLong(f'a name is at most {NAME_BYTES_MAX} bytes')
        key = keys.entry(directory, self._seed(), name)
        for _ in range(_ATTEMPTS_MAX):
            record = self._keyspace.get_record(key)
            if record is None:
                return None
            entry = decode_entry(record.value)
            found = self._follow(directory, key, entry, record.version)
            if found is not None:
                return found
            # What it refers to went after the entry was read: read that again.
        raise Corrupt('an entry refers to an object that does not exist')

    def _follow(self, directory: int, key: bytes, entry: Entry, version: int) -> Node | None:
        if entry.inode is not None:
            return inode_node(entry.inode, directory, version, key)
        if entry.refers_to_directory():
            return self._directories([entry.ino])[0]
        return self._own_inodes([entry.ino])[0]

    def _by_ino(self, directory: int) -> Node:
        found = self._directories([directory])[0]
        if found is None:
            self._seed()  # says so when this is no volume at all
            raise NotFound('the directory is gone')
        return found

    def _seed(self) -> int:
        if self._hash_seed is None:
            raw = self._keyspace.get(keys.VOLUME)
            if raw is None:
                raise NotFound(f'the keyspace {self.name} is not formatted as a volume')
            self._hash_seed, self._writable = volume_seed(raw)
        return self._hash_seed

    # --- by number, each a batch of one read ---

    def _directories(self, inos: Inos) -> Nodes:
        wanted = [key for ino in inos for key in
                  (keys.header(ino), *(keys.counter(ino, letter) for letter in keys.COUNTERS))]
        records = self._multi_get(wanted)
        size = 1 + len(keys.COUNTERS)
        found: Nodes = []
        for at, ino in enumerate(inos):
            header, *counters = records[at * size:(at + 1) * size]
            if header is None:
                found.append(None)
                continue
            numbers = {letter: _counter(record) for letter, record
                       in zip(keys.COUNTERS, counters) if record is not None}
            found.append(directory_node(ino, header.value, header.version, numbers))
        return found

    def _own_inodes(self, inos: Inos) -> Nodes:
        records = self._multi_get([keys.own_inode(ino) for ino in inos])
        return [None if record is None else decode_inode(record.value, ino, record.version)
                for ino, record in zip(inos, records)]

    def _multi_get(self, wanted: Keys) -> Records:
        if not wanted:
            return []
        return self._keyspace.multi_get_records(wanted)

    # --- listing ---

    def _entries(self, directory: int, attributes: bool) -> Iterator[DirectoryEntry]:
        page: Page = []
        for item in self._keyspace.scan(keys.entry_prefix(directory), page_size=_PAGE,
                                        keep_damaged=True):
            if entry := _entry_of(directory, item):
                page.append(entry)
            if len(page) == _PAGE:
                yield from self._page(directory, page, attributes)
                page = []
        yield from self._page(directory, page, attributes)

    def _page(self, directory: int, page: Page, attributes: bool
              ) -> Iterator[DirectoryEntry]:
        nodes: dict[int, Node | None] = {}
        if attributes:
            refs = [entry for _, entry, _ in page if entry.inode is None]
            inos = [entry.ino for entry in refs if entry.refers_to_directory()]
            nodes.update(zip(inos, self._directories(inos)))
            inos = [entry.ino for entry in refs if not entry.refers_to_directory()]
            nodes.update(zip(inos, self._own_inodes(inos)))
        for name, entry, item in page:
            node = nodes.get(entry.ino)
            if attributes and entry.inode is not None:
                node = inode_node(entry.inode, directory, item.version, item.key)
            yield DirectoryEntry(text(name), entry.ino, entry.type, node.stat if node else None)

    # --- xattrs ---

    def _try_get_xattr(self, path: Path, name: str, follow: bool) -> bytes | None:
        node = self._walk(path, follow)
        if name in node.xattrs:
            return node.xattrs[name]
        if node.has_large_xattrs:
            value = self._keyspace.get(xattr_set.large_key(node, name))
            if value is not None:
                return value
            # It is beside the record, so it may have moved away, or grown, between the reads.
            again = self._walk(path, follow)
            if (again.version, again.home) != (node.version, node.home):
                return None
        raise NoData(f'{_shown(path)} has no xattr {name}')

    def _try_list_xattr(self, path: Path, follow: bool) -> Names | None:
        node = self._walk(path, follow)
        names = list(node.xattrs)
        if not node.has_large_xattrs:
            return names
        large = xattr_set.large_names(self._keyspace, node)
        return names + large if large else None  # none: they moved between the two reads

    def _try_change_xattrs(self, path: Path, follow: bool, change: XattrChange,
                           frees_space: bool) -> bool | None:
        """One transaction; None when it lost against another writer."""
        node = self._walk(path, follow)
        xattrs = XattrSet(self._keyspace, node)
        change(node, xattrs)
        transaction = Transaction().require_version(node.key, node.version)
        if frees_space:
            transaction.frees_space()
        xattrs.store(transaction)
        record = with_xattrs(node, xattrs.small, xattrs.has_large(), time.time_ns())
        transaction.put(node.key, record)
        return True if self._keyspace.transact(transaction) else None

    def _check_change(self, name: str) -> None:
        xattr_set.check_name(name)
        if name in xattr_set.ACLS:
            raise Unsupported('ACLs also change the mode: kvctl fs and mounts set them')
        self._seed()
        if not self._writable:
            raise ReadOnly('the volume has features that this version may only read')


def _retried(attempt: Callable[[], Reply | None]) -> Reply:
    """Again while it returns None: what was read first did not fit to what was read then."""
    for losses in range(_ATTEMPTS_MAX):
        reply = attempt()
        if reply is not None:
            return reply
        time.sleep(random.uniform(0, min(losses, 20) / 1000))
    raise Conflict('lost against writers too often')


def _entry_of(directory: int, item: Item) -> tuple[bytes, Entry, Item] | None:
    name = keys.entry_name(directory, item.key)
    if not name or len(name) > NAME_BYTES_MAX or b'/' in name or b'\0' in name:
        raise Corrupt('an entry under a wrong key')
    try:
        if item.damaged:
            raise Corrupt('a wrong checksum')
        return name, decode_entry(item.value), item
    except Corrupt as error:
        # One damaged record must not hide the rest of its directory.
        _log.warning('directory %d: entry %a is left out: %s', directory, name, error.message)
        return None


def _counter(record: Record) -> int:
    if len(record.value) != 8:
        raise Corrupt("a directory's counter is not 8 bytes")
    return decode_i64(record.value)


def _path_bytes(path: Path) -> bytes:
    given = os.fspath(path)
    raw = given.encode('utf-8', 'surrogateescape') if isinstance(given, str) else given
    if len(raw) > PATH_BYTES_MAX:
        raise NameTooLong(f'a path is at most {PATH_BYTES_MAX} bytes')
    if b'\0' in raw:
        raise InvalidArgument('a path has no NUL')
    return raw


def _names(path: bytes) -> list[bytes]:
    return [name for name in path.split(b'/') if name]


def _shown(path: Path) -> str:
    given = os.fspath(path)
    return ascii(given)
