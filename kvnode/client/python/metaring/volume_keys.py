# SPDX-License-Identifier: Apache-2.0
"""The keys of a volume: fusefs/meta/keys.h is the table, this is the part of it that reading by
path needs."""

from typing import Any

from .errors import Unsupported

xxhash: Any
try:
    import xxhash
except ImportError:
    xxhash = None

ROOT_INO = 1
VOLUME = b'/~/0/v'
# The counters beside a directory's header.
ACCESSED, CHANGED, ENTRIES, SUBDIRECTORIES = b'a', b'm', b'n', b's'
COUNTERS = (ACCESSED, CHANGED, ENTRIES, SUBDIRECTORIES)

_DIGITS = b'0123456789abcdefghijklmnopqrstuv'
_FIXED_DIGITS = 13
_HASH_MIN = 6


def _base32(number: int) -> bytes:
    digits = bytearray()
    while number or not digits:
        digits.append(_DIGITS[number & 31])
        number >>= 5
    return bytes(reversed(digits))


def _base32_fixed(number: int) -> bytes:
    return _base32(number).rjust(_FIXED_DIGITS, b'0')


def _in_place(ino: int, kind: bytes) -> bytes:
    return b'/%b/0/%b' % (_base32(ino), kind)


def entry_prefix(directory: int) -> bytes:
    return _in_place(directory, b'e')


def entry(directory: int, hash_seed: int, name: bytes) -> bytes:
    """Unsupported without python3-xxhash."""
    if xxhash is None:
        raise Unsupported('the names of a volume are hashed by xxh3; install python3-xxhash')
    digest: int = xxhash.xxh3_64_intdigest(name, seed=hash_seed)
    return entry_prefix(directory) + _base32_fixed(max(digest & ~1, _HASH_MIN)) + name


def entry_name(directory: int, key: bytes) -> bytes:
    """Of a key that starts with entry_prefix; empty when it is no entry's."""
    return key[len(entry_prefix(directory)) + _FIXED_DIGITS:]


def header(directory: int) -> bytes:
    return _in_place(directory, b'h')


def counter(directory: int, which: bytes) -> bytes:
    return header(directory) + which


def own_inode(ino: int) -> bytes:
    return _in_place(ino, b'i')


def large_xattr_prefix(home: int, ino: int) -> bytes:
    return _in_place(home, b'x') + _base32_fixed(ino)


def large_xattr(home: int, ino: int, name: bytes) -> bytes:
    quoted = name.replace(b'%', b'%25').replace(b'/', b'%2f')
    return large_xattr_prefix(home, ino) + quoted


def large_xattr_name(prefix: bytes, key: bytes) -> bytes:
    return key[len(prefix):].replace(b'%2f', b'/').replace(b'%25', b'%')
