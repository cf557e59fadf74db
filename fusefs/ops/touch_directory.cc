// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/keys.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/stored.h"

namespace metaring::fusefs {
namespace {

// mount(8), relatime.
constexpr int64_t kRelatimeSeconds = 24 * 60 * 60;

bool IsDue(const Inode& inode, Time when) {
  return inode.atime <= inode.mtime || inode.atime <= inode.ctime ||
         when.seconds - inode.atime.seconds >= kRelatimeSeconds;
}

}  // namespace

Status TouchDirectory(const Context& ctx, Ino directory, Time when) {
  ASSIGN_OR_RETURN(const auto stored, LoadDirectory(ctx, directory));
  if (!stored) return Fail(ErrorCode::kStale, "the directory is gone");
  if (!IsDue(stored->inode, when)) return {};
  Batch batch;
  batch.RequireExists(keys::Header(directory));
  batch.Max(keys::DirectoryCounter(directory, keys::Counter::kAccessed), NanosFromTime(when));
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (!reply.succeeded) return Fail(ErrorCode::kStale, "the directory is gone");
  return {};
}

}  // namespace metaring::fusefs
