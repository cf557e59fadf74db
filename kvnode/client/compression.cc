// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/compression.h"

#include <algorithm>
#include <utility>

namespace metaring::client {

bool Compresses(const KeyspaceOptions& options, ByteView value) {
  return options.compression == Compression::kZstd &&
         value.size() >= std::max<size_t>(options.compression_bytes_min, 1) &&
         value.size() <= state::kValueBytesMax;
}

bool Compresses(const KeyspaceOptions& options, const state::Op& op) {
  return op.kind == state::Op::Kind::kPut && Compresses(options, op.value);
}

state::Encoded EncodedFor(const KeyspaceOptions& options, Bytes value) {
  if (Compresses(options, value)) return state::Compress(value);
  return {std::move(value), state::Codec::kNone};
}

void EncodeFor(const KeyspaceOptions& options, state::Transaction& transaction) {
  for (state::Op& op : transaction.then_ops) {
    if (!Compresses(options, op)) continue;
    state::Encoded encoded = state::Compress(op.value);
    op.value = std::move(encoded.value);
    op.codec = encoded.codec;
  }
}

}  // namespace metaring::client
