# SPDX-License-Identifier: Apache-2.0
"""Keyspace: the operations on one keyspace. Keys and values are bytes; a str that is given stands
for its UTF-8 bytes, and what is returned is always bytes.

Each takes `timeout`, in seconds and retries included; None: the client's. Limits and errors are
those of thrift/kv.thrift; Unavailable, DeadlineExceeded and PermissionDenied can come from each,
UnknownOutcome from each that writes.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from . import compression
from .errors import Corrupt, InvalidArgument
from .request_ids import RequestIds
from .retry import Repeatable
from .transaction import Record, Text, Transaction, TransactReply, to_bytes
from .wire.kv import ttypes

SCAN_LIMIT_MAX = 10_000
_SCAN_PAGE = 1000
# Smaller ones are not worth asking what the keyspace wants.
_COMPRESSED_BYTES_MIN = 64


class Item(NamedTuple):
    """One of a scan."""

    key: bytes
    value: bytes  # empty with keys_only
    version: int
    damaged: bool = False  # with keep_damaged: the key is there, its record is not to be had


class Caller(Protocol):
    """What a keyspace needs of its client."""

    request_ids: RequestIds

    def call(self, method: str, request: Any, repeatable: Repeatable,
             timeout: float | None) -> Any: ...

    def compression_bytes_min(self, keyspace: str, timeout: float | None) -> int | None:
        """From which size on its values are compressed; None: never."""


class Keyspace:
    """Thread-safe. Made by Client.keyspace; asks nothing until an operation does."""

    def __init__(self, caller: Caller, name: str) -> None:
        self.name = name
        self._caller = caller

    def get(self, key: Text, *, timeout: float | None = None) -> bytes | None:
        """The value; None for a missing key."""
        record = self.get_record(key, timeout=timeout)
        return None if record is None else record.value

    def get_record(self, key: Text, *, timeout: float | None = None) -> Record | None:
        """The value with its version, which Transaction.require_version compares."""
        request = ttypes.GetRequest(target=self._target(), key=to_bytes(key, 'key'))
        return _record(self._read('get', request, timeout).record)

    def multi_get(self, keys: Sequence[Text], *, timeout: float | None = None
                  ) -> list[bytes | None]:
        """One value for each key (4096 at most), in their order, from one snapshot."""
        records = self.multi_get_records(keys, timeout=timeout)
        return [None if record is None else record.value for record in records]

    def multi_get_records(self, keys: Sequence[Text], *, timeout: float | None = None
                          ) -> list[Record | None]:
        if isinstance(keys, (str, bytes)):
            raise InvalidArgument('keys is a list of keys')
        wanted = [to_bytes(key, 'key') for key in keys]
        request = ttypes.MultiGetRequest(target=self._target(), keys=wanted)
        records = self._read('multi_get', request, timeout).records or []
        if len(records) != len(wanted):
            raise Corrupt('the node answered for other keys than were asked for')
        return [_record(each.record) for each in records]

    def scan(self, prefix: Text = b'', *, start_key: Text | None = None,
             end_key: Text | None = None, limit: int | None = None, keys_only: bool = False,
             keep_damaged: bool = False, page_size: int = _SCAN_PAGE,
             timeout: float | None = None) -> Iterator[Item]:
        """The keys that start with `prefix`, or those in [start_key, end_key), in byte order, at
        most `limit`. Asks page by page (each within `timeout`) while it is iterated: a page is one
        snapshot of each slot, several pages are not. A record with a wrong checksum is Corrupt and
        ends the scan, or an item that says so."""
        if not 1 <= page_size <= SCAN_LIMIT_MAX:
            raise InvalidArgument(f'page_size is 1 to {SCAN_LIMIT_MAX}')
        if limit is not None and limit < 0:
            raise InvalidArgument('limit is not negative')
        start, end = to_bytes(prefix, 'prefix'), b''
        if start_key is not None or end_key is not None:
            if start or not end_key:
                raise InvalidArgument('a range has an end_key that is not empty, and no prefix')
            start, end = to_bytes(start_key or b'', 'start_key'), to_bytes(end_key, 'end_key')
        request = ttypes.ScanRequest(
            target=self._target(), start_key=start, end_key=end or None, limit=page_size,
            keys_only=keys_only or None, keep_damaged=keep_damaged or None)
        return self._pages(request, limit, timeout)

    def put(self, key: Text, value: Text, *, timeout: float | None = None) -> int:
        """The version that the record has now."""
        plain = _bounded(to_bytes(value, 'value'))
        encoded, codec = self._encode(plain, timeout)
        request = ttypes.PutRequest(target=self._target(), key=to_bytes(key, 'key'),
                                    value=encoded, codec=codec)
        version: int = self._write('put', request, timeout).version or 0
        return version

    def delete(self, key: Text, *, timeout: float | None = None) -> bool:
        """Whether there was such a key."""
        request = ttypes.DeleteRequest(target=self._target(), key=to_bytes(key, 'key'))
        return bool(self._write('delete_key', request, timeout).existed)

    def transact(self, transaction: Transaction, *, timeout: float | None = None
                 ) -> TransactReply:
        """If every compare holds all is done, else nothing is and the reads are."""
        request = ttypes.TransactRequest(
            target=self._target(), compares=transaction.compares(),
            then_ops=[self._encode_op(op, timeout) for op in transaction.then_ops()],
            else_reads=transaction.else_reads(),
            frees_space=transaction.is_freeing_space() or None)
        reply = self._write('transact', request, timeout)
        reads = [_record(each.record) for each in reply.reads or []]
        return TransactReply(bool(reply.succeeded), reply.version, reply.failed_compare, reads)

    def _pages(self, request: Any, limit: int | None, timeout: float | None) -> Iterator[Item]:
        left = limit
        while left is None or left > 0:
            if left is not None:
                request.limit = min(request.limit, left)
            reply = self._read('scan', request, timeout)
            items = reply.items or []
            if left is not None:
                left -= len(items)
            for item in items:
                yield _item(item, request)
            if not reply.cursor:
                return
            if reply.cursor == request.cursor:
                raise Corrupt('the node lets a scan go round in circles')
            request.cursor = reply.cursor

    def _target(self) -> Any:
        return ttypes.Target(keyspace=self.name)

    def _read(self, method: str, request: Any, timeout: float | None) -> Any:
        return self._caller.call(method, request, Repeatable.ALWAYS, timeout)

    def _write(self, method: str, request: Any, timeout: float | None) -> Any:
        with self._caller.request_ids.one() as request.request_id:
            return self._caller.call(method, request, Repeatable.UNDER_ONE_ID, timeout)

    def _encode(self, value: bytes, timeout: float | None) -> tuple[bytes, int | None]:
        if not compression.CAN_COMPRESS or len(value) < _COMPRESSED_BYTES_MIN:
            return value, None
        bytes_min = self._caller.compression_bytes_min(self.name, timeout)
        if bytes_min is None or len(value) < bytes_min:
            return value, None
        return compression.compress(value)

    def _encode_op(self, op: Any, timeout: float | None) -> Any:
        if op.kind != ttypes.OpKind.PUT:
            return op
        value, codec = self._encode(_bounded(op.value), timeout)
        return ttypes.Op(kind=op.kind, key=op.key, value=value, codec=codec)


def _bounded(value: bytes) -> bytes:
    if len(value) > compression.VALUE_BYTES_MAX:
        raise InvalidArgument(f'value has {len(value)} bytes; the limit is '
                              f'{compression.VALUE_BYTES_MAX}')
    return value


def _item(item: Any, request: Any) -> Item:
    record = item.record or ttypes.Record()
    if request.keys_only or item.damaged:
        return Item(item.key or b'', b'', record.version or 0, bool(item.damaged))
    try:
        return Item(item.key or b'', compression.decode_value(record), record.version or 0)
    except Corrupt:
        if not request.keep_damaged:
            raise
        return Item(item.key or b'', b'', record.version or 0, True)


def _record(record: Any) -> Record | None:
    if record is None:
        return None
    return Record(compression.decode_value(record), record.version or 0)
