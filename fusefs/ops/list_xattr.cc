// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/keys.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/retry.h"
#include "fusefs/ops/xattr_set.h"

namespace metaring::fusefs {
namespace {

using Names = std::vector<std::string>;

Result<std::optional<Names>> TryListXattr(const Context& ctx, const InodeRef& ref) {
  ASSIGN_OR_RETURN(const Stored stored, LoadByRef(ctx, ref));
  Names names;
  for (const auto& [name, value] : stored.inode.xattrs) names.push_back(name);
  if (!stored.inode.has_large_xattrs) return names;
  ASSIGN_OR_RETURN(const auto large, LoadLargeXattrs(ctx, stored, /*keys_only=*/true));
  if (large.empty()) return kLost;  // they moved between the two reads
  const Bytes prefix = keys::LargeXattrPrefix(stored.home(), stored.inode.ino);
  for (const client::ScanItem& item : large) {
    auto name = keys::ParseLargeXattr(prefix, item.key);
    if (!name) return Fail(ErrorCode::kCorrupt, "a large xattr under a wrong key");
    names.push_back(std::move(*name));
  }
  return names;
}

}  // namespace

Result<Names> ListXattr(const Context& ctx, const InodeRef& ref) {
  return Retry<Names>("listxattr", [&] { return TryListXattr(ctx, ref); });
}

}  // namespace metaring::fusefs
