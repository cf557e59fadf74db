# SPDX-License-Identifier: Apache-2.0
"""Values as they are stored: the client compresses and decompresses (kvnode/state/codec.h).

python3-zstandard is needed only for values that are compressed. Without it they cannot be read, and
what is written stays as it is, which every reader understands.
"""

from typing import Any

from .errors import Corrupt, Unsupported
from .wire.kv.ttypes import Codec

zstandard: Any
try:
    import zstandard
except ImportError:
    zstandard = None

VALUE_BYTES_MAX = 16 << 20
_LEVEL = 1
CAN_COMPRESS = zstandard is not None


def compress(value: bytes) -> tuple[bytes, int]:
    """With its codec: compressed when that saves at least an eighth."""
    packed: bytes = zstandard.ZstdCompressor(level=_LEVEL).compress(value)
    if len(packed) > len(value) - len(value) // 8:
        return value, Codec.NONE
    return packed, Codec.ZSTD


def decode_value(record: Any) -> bytes:
    """The plain value of a wire.Record. Corrupt; Unsupported without python3-zstandard."""
    value: bytes = record.value or b''
    codec = record.codec or Codec.NONE
    if codec == Codec.NONE:
        return value
    if codec != Codec.ZSTD:
        raise Corrupt('a record has an unknown codec')
    if zstandard is None:
        raise Unsupported('the value is compressed with zstd; install python3-zstandard')
    try:
        size = zstandard.frame_content_size(value)
        if not 0 <= size <= VALUE_BYTES_MAX:  # -1: it states none
            raise Corrupt('a compressed value does not state a valid size')
        plain: bytes = zstandard.ZstdDecompressor().decompress(value)
    except zstandard.ZstdError as error:
        raise Corrupt(f'a compressed value does not decode: {error}') from None
    if len(plain) != size:
        raise Corrupt('a compressed value does not decode')
    return plain
