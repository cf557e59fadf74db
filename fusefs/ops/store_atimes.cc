// SPDX-License-Identifier: Apache-2.0
//
// Access times leave together: reading a tree marks every file of it, and a log write for each
// would cost more than the reading did.
#include "fusefs/meta/keys.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/stored.h"

namespace metaring::fusefs {
namespace {

constexpr size_t kAtimesInOneTransaction = 256;

// Adds one compare and one write; nothing when the object is gone or its time is not due.
Result<bool> AddTo(const Context& ctx, Batch& batch, const Accessed& accessed) {
  Result<Stored> stored = LoadByRef(ctx, accessed.ref);
  if (!stored && stored.error().code == ErrorCode::kStale) return false;
  if (!stored) return Fail(std::move(stored).error());
  if (accessed.when <= stored->inode.atime || !AtimeIsDue(stored->inode, accessed.when)) {
    return false;
  }
  if (stored->header) {
    const Ino directory = stored->inode.ino;
    batch.RequireExists(keys::Header(directory));
    batch.Max(keys::DirectoryCounter(directory, keys::Counter::kAccessed),
              NanosFromTime(accessed.when));
  } else {
    stored->inode.atime = accessed.when;
    PutRecord(ctx, batch, *stored);
  }
  return true;
}

// One transaction's share.
Status StoreShare(const Context& ctx, std::vector<Accessed> share) {
  while (!share.empty()) {
    Batch batch;
    std::vector<size_t> added;  // by index of its compare: which of `share`
    size_t end = 0;
    for (; end < share.size() && batch.bytes() < kBatchBytesMax; ++end) {
      ASSIGN_OR_RETURN(const bool adds, AddTo(ctx, batch, share[end]));
      if (adds) added.push_back(end);
    }
    if (!added.empty()) {
      ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
      if (!reply.succeeded) {
        // Somebody changes this object just now; the others go on without it.
        share.erase(share.begin() + static_cast<ptrdiff_t>(added[reply.failed_compare]));
        continue;
      }
    }
    share.erase(share.begin(), share.begin() + static_cast<ptrdiff_t>(end));
  }
  return {};
}

}  // namespace

Status StoreAtimes(const Context& ctx, std::span<const Accessed> accessed) {
  while (!accessed.empty()) {
    const auto share = accessed.first(std::min(accessed.size(), kAtimesInOneTransaction));
    RETURN_IF_ERROR(StoreShare(ctx, {share.begin(), share.end()}));
    accessed = accessed.subspan(share.size());
  }
  return {};
}

}  // namespace metaring::fusefs
