// SPDX-License-Identifier: Apache-2.0
#include "kvnode/state/codec.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>

namespace metaring::state {
namespace {

constexpr int kZstdLevel = 1;

}  // namespace

Encoded Compress(ByteView value) {
  Bytes packed(ZSTD_compressBound(value.size()), '\0');
  const size_t size =
      ZSTD_compress(packed.data(), packed.size(), value.data(), value.size(), kZstdLevel);
  if (ZSTD_isError(size) != 0 || size > value.size() - value.size() / 8) {
    return {Bytes(value), Codec::kNone};
  }
  packed.resize(size);
  return {std::move(packed), Codec::kZstd};
}

Status ValidateEncoded(Codec codec, ByteView value) {
  unsigned long long size = value.size();
  if (codec == Codec::kZstd) {
    size = ZSTD_getFrameContentSize(value.data(), value.size());
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) {
      return Fail(ErrorCode::kInvalidArgument, "value is no zstd frame that states its size");
    }
  } else if (codec != Codec::kNone) {
    return Fail(ErrorCode::kInvalidArgument, "codec is unknown");
  }
  size = std::max<unsigned long long>(size, value.size());
  if (size <= kValueBytesMax) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("value has {} bytes; the limit is {}", size, kValueBytesMax));
}

Result<Bytes> Decode(Codec codec, ByteView value) {
  switch (codec) {
    case Codec::kNone:
      return Bytes(value);
    case Codec::kZstd:
      break;
    default:
      return Fail(ErrorCode::kCorrupt, "a record has an unknown codec");
  }
  const unsigned long long size = ZSTD_getFrameContentSize(value.data(), value.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > kValueBytesMax) {
    return Fail(ErrorCode::kCorrupt, "a compressed value does not state a valid size");
  }
  Bytes plain(size, '\0');
  const size_t done = ZSTD_decompress(plain.data(), plain.size(), value.data(), value.size());
  if (ZSTD_isError(done) != 0 || done != size) {
    return Fail(ErrorCode::kCorrupt, "a compressed value does not decode");
  }
  return plain;
}

}  // namespace metaring::state
