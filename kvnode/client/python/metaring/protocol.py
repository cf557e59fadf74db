# SPDX-License-Identifier: Apache-2.0
"""Thrift structs to bytes and back, with python3-thrift: the only module that knows its protocols.

Decoding trusts nothing: strings and containers have limits, nesting ends at NESTING_MAX, what
follows the struct is an error. The C accelerator of python3-thrift is not used: it skips unknown
fields by recursion without a bound, so that a hostile node could end the process.
"""

import io
import struct
from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.Thrift import TApplicationException, TMessageType

from .errors import Error, Internal, InvalidArgument, Unsupported

FRAME_BYTES_MAX = 20 << 20
CONTAINER_MAX = 65_536
NESTING_MAX = 64
_RECORD_STRING_BYTES_MAX = 1 << 20
_RECORD_CONTAINER_MAX = 16_384


class DecodeError(Exception):
    """Bytes that are not what they should be."""


class _Memory:
    """A transport of Thrift over bytes that are there."""

    def __init__(self, raw: bytes = b'') -> None:
        self._buffer = io.BytesIO(raw)
        self._size = len(raw)

    def readAll(self, count: int) -> bytes:  # Thrift's name
        if not 0 <= count <= self._size - self._buffer.tell():
            raise DecodeError('it is truncated')
        return self._buffer.read(count)

    def write(self, data: bytes) -> None:
        self._buffer.write(data)

    def written(self) -> bytes:
        return self._buffer.getvalue()

    def all_read(self) -> bool:
        return self._buffer.tell() == self._size


class _Bounded:
    """What both protocols need: text that need not be UTF-8, and an end to nesting."""

    _depth = 0

    def readString(self) -> str:  # Thrift's names
        raw: bytes = self.readBinary()  # type: ignore[attr-defined]
        return raw.decode('utf-8', 'surrogateescape')

    def writeString(self, text: str) -> None:
        self.writeBinary(text.encode('utf-8', 'surrogateescape'))  # type: ignore[attr-defined]

    def skip(self, kind: int) -> None:
        if self._depth == NESTING_MAX:
            raise DecodeError('it is nested too deeply')
        self._depth += 1
        super().skip(kind)  # type: ignore[misc]
        self._depth -= 1


class _Binary(_Bounded, TBinaryProtocol):  # type: ignore[misc]
    pass


class _Compact(_Bounded, TCompactProtocol):  # type: ignore[misc]
    pass


def _binary(memory: _Memory) -> Any:
    return _Binary(memory, strictRead=True, string_length_limit=FRAME_BYTES_MAX,
                   container_length_limit=CONTAINER_MAX)


def _compact(memory: _Memory) -> Any:
    return _Compact(memory, _RECORD_STRING_BYTES_MAX, _RECORD_CONTAINER_MAX)


def encode_call(method: str, sequence: int, arguments: Any) -> bytes:
    """The message of a call. InvalidArgument for what its field cannot hold."""
    memory = _Memory()
    protocol = _binary(memory)
    protocol.writeMessageBegin(method, TMessageType.CALL, sequence)
    try:
        arguments.write(protocol)
    except (struct.error, OverflowError, TypeError, AttributeError) as error:
        raise InvalidArgument(f'{method}: an argument is not what it should be: {error}') from None
    protocol.writeMessageEnd()
    return memory.written()


def decode_reply(raw: bytes, method: str, sequence: int, result: Any) -> Error | None:
    """Reads the answer into `result`; what Thrift itself answers instead of one is returned as an
    error. DecodeError when it is no answer to this call."""
    memory = _Memory(raw)
    protocol = _binary(memory)
    try:
        name, kind, answered = protocol.readMessageBegin()
        if name != method or answered != sequence:
            raise DecodeError('it answers another call')
        if kind == TMessageType.EXCEPTION:
            exception = TApplicationException()
            exception.read(protocol)
            return _application_error(exception)
        if kind != TMessageType.REPLY:
            raise DecodeError('it is no answer')
        result.read(protocol)
    except DecodeError:
        raise
    except Exception as error:  # whatever the decoder falls over
        raise DecodeError(str(error)) from None
    if not memory.all_read():
        raise DecodeError('bytes follow it')
    return None


def _application_error(exception: Any) -> Error:
    message = exception.message or 'the node gave no reason'
    if exception.type == TApplicationException.UNKNOWN_METHOD:
        return Unsupported(message)
    if exception.type == TApplicationException.PROTOCOL_ERROR:
        return InvalidArgument(message)
    return Internal(message)


def encode_record(record: Any) -> bytes:
    """A stored record (thrift/records.thrift)."""
    memory = _Memory()
    record.write(_compact(memory))
    return memory.written()


def decode_record(raw: bytes, record: Any) -> Any:
    """Reads into the empty `record` and returns it. DecodeError."""
    memory = _Memory(raw)
    try:
        record.read(_compact(memory))
    except DecodeError:
        raise
    except Exception as error:  # whatever the decoder falls over
        raise DecodeError(str(error)) from None
    if not memory.all_read():
        raise DecodeError('bytes are left over')
    return record
