// SPDX-License-Identifier: Apache-2.0
//
// Holes are missing blocks, so they are found by scanning keys; blocks that fallocate made count as
// data, which lseek(2) allows.
#include <algorithm>

#include "fusefs/meta/keys.h"
#include "fusefs/ops/block_allocation.h"
#include "fusefs/ops/ops.h"

namespace metaring::fusefs {
namespace {

tl::unexpected<Error> Nowhere() {
  return Fail(ErrorCode::kNoData, "nothing behind the offset");
}

// Stored bytes, then the hole up to the end.
Result<int64_t> SeekSmall(const Inode& inode, int64_t offset, Seek what) {
  if (what == Seek::kHole) return std::max(offset, inode.bytes_allocated);
  if (offset < inode.bytes_allocated) return offset;
  return Nowhere();
}

// The first block at or after `first` that exists (kData) or does not (kHole); BlocksOf(size) for
// none.
Result<uint64_t> FindBlock(const Context& ctx, const Inode& inode, uint64_t first, Seek what) {
  const uint64_t end = BlocksOf(inode.size, ctx.volume.options.block_bytes);
  client::ScanRequest scan;
  scan.begin = keys::Block(inode.ino, inode.generation, first);
  scan.end = keys::Block(inode.ino, inode.generation, end);
  scan.limit = what == Seek::kData ? 1 : 1000;
  scan.keys_only = true;
  uint64_t next = first;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    for (const client::ScanItem& item : page.items) {
      const auto index = keys::ParseBlock(item.key);
      if (!index) return Fail(ErrorCode::kCorrupt, "a block under a wrong key");
      if (what == Seek::kData) return *index;
      if (*index != next) return next;
      ++next;
    }
    scan.cursor = std::move(page.cursor);
  } while (!scan.cursor.empty());
  return what == Seek::kData ? end : next;
}

}  // namespace

Result<int64_t> SeekContent(const Context& ctx, const Node& node, int64_t offset, Seek what) {
  const Inode& inode = node.inode;
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  if (offset < 0 || offset >= inode.size) return Nowhere();
  if (inode.small_content) return SeekSmall(inode, offset, what);
  if (IsDense(inode, block_bytes)) return what == Seek::kData ? offset : inode.size;
  ASSIGN_OR_RETURN(const uint64_t index,
                   FindBlock(ctx, inode, static_cast<uint64_t>(offset) / block_bytes, what));
  if (what == Seek::kData && index >= BlocksOf(inode.size, block_bytes)) return Nowhere();
  return std::min(inode.size, std::max(offset, static_cast<int64_t>(index * block_bytes)));
}

}  // namespace metaring::fusefs
