// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/ops.h"
#include "fusefs/ops/removal.h"
#include "fusefs/ops/retry.h"

namespace metaring::fusefs {
namespace {

Result<std::optional<Removed>> TryRmdir(const Context& ctx, Ino parent, std::string_view name) {
  ASSIGN_OR_RETURN(auto entry, LoadEntry(ctx, parent, name));
  if (!entry) return Fail(ErrorCode::kNotFound, "no such name");
  if (!entry->record.IsDirectory()) return Fail(ErrorCode::kNotDirectory, "not a directory");
  const uint64_t entry_version = entry->version;
  ASSIGN_OR_RETURN(auto directory, LoadDirectory(ctx, entry->record.ino));
  if (!directory) return kLost;

  const int64_t now = ctx.clock.WallNanos();
  Batch batch;
  batch.FreesSpace();
  Bytes key = EntryKey(ctx, parent, name);
  batch.RequireVersion(key, entry_version);
  batch.Delete(std::move(key));
  ASSIGN_OR_RETURN(ErasedDirectory erased,
                   EraseDirectory(ctx, batch, *directory, TimeFromNanos(now)));
  NoteEntryChange(batch, parent, now, -1, -1);
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (reply.succeeded) return std::move(erased.removed);
  if (reply.failed_compare == erased.empty_compare) {
    return Fail(ErrorCode::kNotEmpty, "the directory is not empty");
  }
  return kLost;
}

}  // namespace

Result<Removed> Rmdir(const Context& ctx, Ino parent, std::string_view name) {
  RETURN_IF_ERROR(CheckName(name));
  return Retry<Removed>("rmdir", [&] { return TryRmdir(ctx, parent, name); });
}

}  // namespace metaring::fusefs
