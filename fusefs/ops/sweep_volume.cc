// SPDX-License-Identifier: Apache-2.0
//
// Finishes what was left: orphans after a crash, and content that waits to be erased. Content in
// the queue is of a dead generation, which nobody writes, so its blocks need no compare.
#include "fusefs/meta/batch.h"
#include "fusefs/meta/keys.h"
#include "fusefs/ops/ops.h"

namespace metaring::fusefs {
namespace {

Result<uint64_t> SweepOrphans(const Context& ctx) {
  uint64_t finished = 0;
  client::ScanRequest scan;
  scan.begin = keys::OrphanPrefix();
  scan.keys_only = true;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    std::vector<Ino> inos;
    for (const client::ScanItem& item : page.items) {
      const auto ino = keys::ParseOrphan(item.key);
      if (!ino) return Fail(ErrorCode::kCorrupt, "an orphan under a wrong key");
      inos.push_back(*ino);
    }
    RETURN_IF_ERROR(ReclaimOrphans(ctx, inos));
    finished += inos.size();
    scan.cursor = std::move(page.cursor);
  } while (!scan.cursor.empty());
  return finished;
}

// Erases in transactions of up to kBatchItemsMax deletes, over several contents.
class Eraser {
 public:
  explicit Eraser(const Context& ctx) : ctx_(ctx) {}

  Status Erase(keys::Content content) {
    client::ScanRequest scan;
    scan.begin = keys::BlockPrefix(content.ino, content.generation);
    scan.limit = kBatchItemsMax;
    scan.keys_only = true;
    do {
      ASSIGN_OR_RETURN(client::ScanPage page, ctx_.kv.Scan(scan));
      for (client::ScanItem& item : page.items) {
        if (batch_.items() >= kBatchItemsMax) RETURN_IF_ERROR(Commit());
        batch_.Delete(std::move(item.key));
      }
      scan.cursor = std::move(page.cursor);
    } while (!scan.cursor.empty());
    batch_.Delete(keys::Reclaim(content));
    return {};
  }

  Status Commit() {
    if (batch_.items() == 0) return {};
    batch_.FreesSpace();
    RETURN_IF_ERROR(batch_.Commit(ctx_.kv));
    batch_ = Batch();
    return {};
  }

 private:
  const Context& ctx_;
  Batch batch_;
};

Result<uint64_t> SweepContents(const Context& ctx) {
  uint64_t finished = 0;
  Eraser eraser(ctx);
  client::ScanRequest scan;
  scan.begin = keys::ReclaimPrefix();
  scan.keys_only = true;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    for (const client::ScanItem& item : page.items) {
      const auto content = keys::ParseReclaim(item.key);
      if (!content) return Fail(ErrorCode::kCorrupt, "content to erase under a wrong key");
      RETURN_IF_ERROR(eraser.Erase(*content));
      ++finished;
    }
    RETURN_IF_ERROR(eraser.Commit());
    scan.cursor = std::move(page.cursor);
  } while (!scan.cursor.empty());
  return finished;
}

}  // namespace

Result<uint64_t> SweepVolume(const Context& ctx, bool orphans_too) {
  uint64_t finished = 0;
  if (orphans_too) {
    ASSIGN_OR_RETURN(finished, SweepOrphans(ctx));
  }
  ASSIGN_OR_RETURN(const uint64_t contents, SweepContents(ctx));
  return finished + contents;
}

}  // namespace metaring::fusefs
