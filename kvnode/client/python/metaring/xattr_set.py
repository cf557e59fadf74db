# SPDX-License-Identifier: Apache-2.0
"""XattrSet: all extended attributes of one object, small ones (in its record) and large ones
(beside it), loaded, changed and stored again: fusefs/ops/xattr_set.cc with its limits."""

from collections.abc import Iterator

from . import volume_keys as keys
from .errors import Corrupt, InvalidArgument, NoSpace, OutOfRange, Unsupported
from .keyspace import Keyspace
from .transaction import Transaction
from .volume_records import Node, text

NAME_BYTES_MAX = 255
VALUE_BYTES_MAX = 64 << 10
_SMALL_BYTES_MAX = 256         # in the record lie values up to this,
_SMALL_TOTAL_BYTES_MAX = 1024  # and names and values of all of them up to this
_TOTAL_BYTES_MAX = 256 << 10
_LIST_BYTES_MAX = 64 << 10
_COUNT_MAX = 1024
_SPACES = ('user.', 'trusted.', 'security.')
ACLS = ('system.posix_acl_access', 'system.posix_acl_default')


def name_bytes(name: str) -> bytes:
    return name.encode('utf-8', 'surrogateescape')


def check_name(name: str) -> None:
    """OutOfRange, Unsupported, InvalidArgument: as fusefs/ops."""
    if not 1 <= len(name_bytes(name)) <= NAME_BYTES_MAX:
        raise OutOfRange(f"an xattr's name has 1 to {NAME_BYTES_MAX} bytes")
    if name in ACLS:
        return
    if not name.startswith(_SPACES):
        raise Unsupported('xattrs are of user, trusted, security and POSIX ACLs')
    if name in _SPACES or '\0' in name:
        raise InvalidArgument("an xattr's namespace needs a name after it")


def large_prefix(node: Node) -> bytes:
    return keys.large_xattr_prefix(node.home, node.stat.ino)


def large_key(node: Node, name: str) -> bytes:
    return keys.large_xattr(node.home, node.stat.ino, name_bytes(name))


def large_names(keyspace: Keyspace, node: Node) -> list[str]:
    return [name for name, _ in _scan_large(keyspace, node, True)]


def _scan_large(keyspace: Keyspace, node: Node, keys_only: bool) -> Iterator[tuple[str, bytes]]:
    prefix = large_prefix(node)
    for item in keyspace.scan(prefix, keys_only=keys_only):
        name = keys.large_xattr_name(prefix, item.key)
        if not name:
            raise Corrupt('a large xattr under a wrong key')
        yield text(name), item.value


class XattrSet:
    """One caller."""

    def __init__(self, keyspace: Keyspace, node: Node) -> None:
        """One scan when the object has large ones, else no read."""
        self._node = node
        self.small = dict(node.xattrs)
        self._large = dict(_scan_large(keyspace, node, False)) if node.has_large_xattrs else {}
        self._changed_large: set[str] = set()

    def has(self, name: str) -> bool:
        return name in self.small or name in self._large

    def has_large(self) -> bool:
        return bool(self._large)

    def set(self, name: str, value: bytes) -> None:
        """NoSpace over a limit; then nothing is changed."""
        kept = {each: len(old) for each, old in (self.small | self._large).items()
                if each != name}
        sizes = {**kept, name: len(value)}
        names = sum(len(name_bytes(each)) for each in sizes)
        if (len(sizes) > _COUNT_MAX or names + sum(sizes.values()) > _TOTAL_BYTES_MAX
                or names + len(sizes) > _LIST_BYTES_MAX):
            raise NoSpace("the object's extended attributes are too many or too large")
        self.remove(name)
        used = sum(len(name_bytes(each)) + len(old) for each, old in self.small.items())
        fits = used + len(name_bytes(name)) + len(value) <= _SMALL_TOTAL_BYTES_MAX
        if len(value) <= _SMALL_BYTES_MAX and fits:
            self.small[name] = value
        else:
            self._large[name] = value
            self._changed_large.add(name)

    def remove(self, name: str) -> bool:
        """Whether there was one."""
        if self.small.pop(name, None) is not None:
            return True
        if self._large.pop(name, None) is None:
            return False
        self._changed_large.add(name)
        return True

    def store(self, transaction: Transaction) -> None:
        """Adds what changed of the large ones; the small ones are the record's."""
        for name in self._changed_large:
            if name in self._large:
                transaction.put(large_key(self._node, name), self._large[name])
            else:
                transaction.delete(large_key(self._node, name))
