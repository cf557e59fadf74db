// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fusefs/meta/keys.h"
#include "fusefs/ops/ops.h"

namespace metaring::fusefs {
namespace {

Result<uint64_t> Counted(const std::optional<client::Record>& record) {
  if (!record) return 0;
  const auto value = state::DecodeI64(record->value);
  if (!value) return Fail(ErrorCode::kCorrupt, "a counter of the volume is not 8 bytes");
  return static_cast<uint64_t>(std::max<int64_t>(*value, 0));
}

}  // namespace

Result<VolumeUsage> StatVolume(const Context& ctx) {
  const Bytes wanted[] = {keys::BytesUsed(), keys::InodesUsed()};
  ASSIGN_OR_RETURN(const auto records, ctx.kv.MultiGet(wanted));
  VolumeUsage usage;
  ASSIGN_OR_RETURN(usage.bytes_used, Counted(records[0]));
  ASSIGN_OR_RETURN(usage.inodes_used, Counted(records[1]));
  return usage;
}

}  // namespace metaring::fusefs
