// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/ops.h"
#include "fusefs/ops/retry.h"
#include "fusefs/ops/xattr_set.h"

namespace metaring::fusefs {
namespace {

Result<std::optional<Bytes>> TryGetXattr(const Context& ctx, const InodeRef& ref,
                                         std::string_view name) {
  ASSIGN_OR_RETURN(const Stored stored, LoadByRef(ctx, ref));
  ASSIGN_OR_RETURN(auto value, LoadXattr(ctx, stored, name));
  if (value) return value;
  if (stored.inode.has_large_xattrs) {
    // It is beside the record, so it may have moved away, or grown, between the two reads.
    ASSIGN_OR_RETURN(const Stored again, LoadByRef(ctx, ref));
    if (again.version != stored.version || again.place != stored.place) return kLost;
  }
  return Fail(ErrorCode::kNoData, "no such xattr");
}

}  // namespace

Result<Bytes> GetXattr(const Context& ctx, const InodeRef& ref, std::string_view name) {
  RETURN_IF_ERROR(CheckXattrName(name));
  return Retry<Bytes>("getxattr", [&] { return TryGetXattr(ctx, ref, name); });
}

}  // namespace metaring::fusefs
