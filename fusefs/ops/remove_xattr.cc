// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/attributes.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/retry.h"
#include "fusefs/ops/xattr_set.h"

namespace metaring::fusefs {
namespace {

Result<std::optional<Node>> TryRemoveXattr(const Context& ctx, const InodeRef& ref,
                                           const std::string& name) {
  ASSIGN_OR_RETURN(Stored stored, LoadByRef(ctx, ref));
  ASSIGN_OR_RETURN(XattrSet xattrs, XattrSet::Load(ctx, stored));
  if (!xattrs.Remove(name)) return Fail(ErrorCode::kNoData, "no such xattr");
  Batch batch;
  batch.FreesSpace();
  xattrs.Store(batch, stored.home(), stored.inode);
  SetChangeTime(stored, TimeFromNanos(ctx.clock.WallNanos()));
  PutRecord(ctx, batch, stored);
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (!reply.succeeded) return kLost;
  return stored.node();
}

}  // namespace

Result<Node> RemoveXattr(const Context& ctx, const InodeRef& ref, std::string_view name) {
  RETURN_IF_ERROR(CheckXattrName(name));
  return Retry<Node>("removexattr", [&] { return TryRemoveXattr(ctx, ref, std::string(name)); });
}

}  // namespace metaring::fusefs
