// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/keys.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/removal.h"
#include "fusefs/ops/retry.h"

namespace metaring::fusefs {
namespace {

Result<std::optional<bool>> TryReclaim(const Context& ctx, Ino ino) {
  const Bytes orphan_key = keys::Orphan(ino);
  ASSIGN_OR_RETURN(const auto mark, ctx.kv.Get(orphan_key));
  if (!mark) return false;
  ASSIGN_OR_RETURN(const auto orphan, LoadOwn(ctx, ino));
  Batch batch;
  batch.FreesSpace();
  batch.RequireVersion(orphan_key, mark->version);
  if (orphan && orphan->inode.nlink == 0) {
    RETURN_IF_ERROR(EraseOrphan(ctx, batch, *orphan));
  } else {
    batch.Delete(orphan_key);  // a mark without an orphan
  }
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (!reply.succeeded) return kLost;
  return true;
}

}  // namespace

Status ReclaimOrphans(const Context& ctx, const std::vector<Ino>& inos) {
  for (const Ino ino : inos) {
    RETURN_IF_ERROR(Retry<bool>("reclaim", [&] { return TryReclaim(ctx, ino); }));
  }
  return {};
}

}  // namespace metaring::fusefs
