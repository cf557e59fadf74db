// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/ops.h"
#include "fusefs/ops/removal.h"
#include "fusefs/ops/retry.h"

namespace metaring::fusefs {
namespace {

Result<std::optional<Removed>> TryUnlink(const Context& ctx, const UnlinkRequest& request) {
  ASSIGN_OR_RETURN(auto entry, LoadEntry(ctx, request.parent, request.name));
  if (!entry) return Fail(ErrorCode::kNotFound, "no such name");
  if (request.expected && *request.expected != entry->record.ino) {
    return Fail(ErrorCode::kStale, "the name means another object now");
  }
  if (entry->record.IsDirectory()) return Fail(ErrorCode::kIsDirectory, "a directory");
  const uint64_t entry_version = entry->version;
  ASSIGN_OR_RETURN(auto file, Follow(ctx, request.parent, request.name, std::move(*entry)));
  if (!file) return kLost;

  const int64_t now = ctx.clock.WallNanos();
  Batch batch;
  batch.FreesSpace();
  Bytes key = EntryKey(ctx, request.parent, request.name);
  batch.RequireVersion(key, entry_version);
  batch.Delete(std::move(key));
  ASSIGN_OR_RETURN(Removed removed,
                   DropLink(ctx, batch, *file, request.if_last, TimeFromNanos(now)));
  NoteEntryChange(batch, request.parent, now, -1, 0);
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (!reply.succeeded) return kLost;
  return removed;
}

}  // namespace

Result<Removed> Unlink(const Context& ctx, const UnlinkRequest& request) {
  RETURN_IF_ERROR(CheckName(request.name));
  return Retry<Removed>("unlink", [&] { return TryUnlink(ctx, request); });
}

}  // namespace metaring::fusefs
