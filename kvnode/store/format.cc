// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/format.h"

#include <fmt/format.h>

namespace metaring::store {

Bytes EncodeMeta(const Meta& meta) {
  Bytes raw;
  AppendLittleU32(raw, kDataFormatVersion);
  AppendLittleU64(raw, meta.applied);
  AppendLittleU64(raw, meta.last_branch);
  AppendLittleU64(raw, meta.branches);
  AppendLittleU64(raw, Xxh3(raw));
  return raw;
}

Result<Meta> DecodeMeta(ByteView raw) {
  Reader reader(raw);
  const uint32_t version = reader.LittleU32();
  if (reader.ok() && version != kDataFormatVersion) {
    return Fail(ErrorCode::kFormatMismatch,
                fmt::format("data.mdb has format version {}, this program knows version {}",
                            version, kDataFormatVersion));
  }
  Meta meta;
  meta.applied = reader.LittleU64();
  meta.last_branch = reader.LittleU64();
  meta.branches = reader.LittleU64();
  const ByteView summed = raw.substr(0, raw.size() - reader.rest().size());
  if (reader.LittleU64() != Xxh3(summed) || !reader.Done()) {
    return Fail(ErrorCode::kCorrupt, "data.mdb: the checksum of its meta record is wrong");
  }
  return meta;
}

}  // namespace metaring::store
