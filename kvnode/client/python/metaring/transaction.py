# SPDX-License-Identifier: Apache-2.0
"""Transaction: compares, what is done when all of them hold, and what is read when one does not.

    Transaction().require_absent(b'a').put(b'a', b'1').add(b'count', 1).else_read(b'a')
"""

import dataclasses
from typing import Any

from .errors import InvalidArgument
from .wire.kv.ttypes import Compare, CompareKind, Op, OpKind

Text = str | bytes  # a str stands for its UTF-8 bytes
_I64_MIN, _I64_MAX = -(1 << 63), (1 << 63) - 1


def to_bytes(given: Text, what: str) -> bytes:
    """InvalidArgument for what is neither text nor bytes."""
    if isinstance(given, str):
        return given.encode('utf-8', 'surrogateescape')
    if isinstance(given, (bytes, bytearray, memoryview)):
        return bytes(given)
    raise InvalidArgument(f'{what} is str or bytes, not {type(given).__name__}')


def encode_i64(number: int) -> bytes:
    """As `add` and `max` store numbers. InvalidArgument."""
    return _i64(number).to_bytes(8, 'little', signed=True)


def decode_i64(value: bytes) -> int:
    """The number that `add` and `max` have stored. InvalidArgument."""
    if len(value) != 8:
        raise InvalidArgument(f'a number is 8 bytes, not {len(value)}')
    return int.from_bytes(value, 'little', signed=True)


def _i64(number: int) -> int:
    if not isinstance(number, int) or not _I64_MIN <= number <= _I64_MAX:
        raise InvalidArgument(f'{number!r} is not a signed number of 64 bits')
    return number


class Transaction:
    """One caller while it is built; then it may be run any number of times, each time anew."""

    def __init__(self) -> None:
        self._compares: list[Any] = []
        self._ops: list[Any] = []
        self._reads: list[bytes] = []
        self._frees_space = False

    # --- compares ---

    def require_exists(self, key: Text) -> 'Transaction':
        return self._require(CompareKind.EXISTS, key)

    def require_absent(self, key: Text) -> 'Transaction':
        return self._require(CompareKind.ABSENT, key)

    def require_version(self, key: Text, version: int) -> 'Transaction':
        return self._require(CompareKind.VERSION, key, version=_i64(version))

    def require_value(self, key: Text, value: Text) -> 'Transaction':
        return self._require(CompareKind.VALUE, key, value=to_bytes(value, 'value'))

    def require_range_empty(self, start_key: Text, end_key: Text | None = None) -> 'Transaction':
        """No key in [start_key, end_key); without end_key: none that starts with start_key."""
        end = None if end_key is None else to_bytes(end_key, 'end_key')
        return self._require(CompareKind.RANGE_EMPTY, start_key, end_key=end)

    # --- what is done when all of them hold, in this order ---

    def put(self, key: Text, value: Text) -> 'Transaction':
        return self._then(OpKind.PUT, key, value=to_bytes(value, 'value'))

    def delete(self, key: Text) -> 'Transaction':
        """Of a missing key: nothing."""
        return self._then(OpKind.DELETE, key)

    def add(self, key: Text, delta: int) -> 'Transaction':
        """To a number of 64 bits (decode_i64; missing: 0); wraps around."""
        return self._then(OpKind.ADD, key, delta=_i64(delta))

    def max(self, key: Text, candidate: int) -> 'Transaction':
        """The number becomes at least this; missing: this."""
        return self._then(OpKind.MAX, key, delta=_i64(candidate))

    # --- and else ---

    def else_read(self, *keys: Text) -> 'Transaction':
        self._reads += [to_bytes(key, 'key') for key in keys]
        return self

    def frees_space(self) -> 'Transaction':
        """This gives space back: it may use the reserve of a full store."""
        self._frees_space = True
        return self

    def compares(self) -> list[Any]:
        return self._compares

    def then_ops(self) -> list[Any]:
        return self._ops

    def else_reads(self) -> list[bytes]:
        return self._reads

    def is_freeing_space(self) -> bool:
        return self._frees_space

    def _require(self, kind: int, key: Text, **fields: Any) -> 'Transaction':
        self._compares.append(Compare(kind=kind, key=to_bytes(key, 'key'), **fields))
        return self

    def _then(self, kind: int, key: Text, **fields: Any) -> 'Transaction':
        self._ops.append(Op(kind=kind, key=to_bytes(key, 'key'), **fields))
        return self


@dataclasses.dataclass(frozen=True)
class Record:
    value: bytes
    version: int  # at which it was last written: grows with every write of its slot


@dataclasses.dataclass(frozen=True)
class TransactReply:
    """True in a condition when it succeeded."""

    succeeded: bool
    version: int | None         # succeeded: what the written records carry
    failed_compare: int | None  # else: the index of the first compare that does not hold
    reads: list[Record | None]  # else: those of else_read, in their order

    def __bool__(self) -> bool:
        return self.succeeded
