// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fusefs/meta/keys.h"
#include "fusefs/ops/block_allocation.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/stored.h"

namespace metaring::fusefs {
namespace {

// Up to so many blocks are read by their keys; more by a scan, which skips holes of any length.
constexpr uint64_t kPointReadsMax = 8;

// A block that is missing is a hole only if the content is still where `node` says.
Status CheckNotMoved(const Context& ctx, const Node& node) {
  ASSIGN_OR_RETURN(const Stored stored, LoadByRef(ctx, node.ref()));
  if (stored.place != node.place || stored.inode.generation != node.inode.generation ||
      stored.inode.small_content != node.inode.small_content) {
    return Fail(ErrorCode::kStale, "the content has moved");
  }
  return {};
}

Result<std::vector<Block>> ReadSmall(const Context& ctx, const Node& node) {
  std::vector<Block> blocks;
  if (node.inode.bytes_allocated == 0) return blocks;
  const Ino home = node.place.own() ? node.inode.ino : node.place.parent;
  ASSIGN_OR_RETURN(auto record, ctx.kv.Get(keys::SmallContent(home, node.inode.ino)));
  if (record) blocks.push_back({0, std::move(record->value)});
  return blocks;
}

Result<std::vector<Block>> ReadPoints(const Context& ctx, const Inode& inode, uint64_t first,
                                      uint64_t end) {
  std::vector<Bytes> wanted;
  for (uint64_t index = first; index < end; ++index) {
    wanted.push_back(keys::Block(inode.ino, inode.generation, index));
  }
  ASSIGN_OR_RETURN(auto records, ctx.kv.MultiGet(wanted));
  std::vector<Block> blocks;
  for (size_t i = 0; i < records.size(); ++i) {
    if (records[i]) blocks.push_back({first + i, std::move(records[i]->value)});
  }
  return blocks;
}

Result<std::vector<Block>> ReadRange(const Context& ctx, const Inode& inode, uint64_t first,
                                     uint64_t end) {
  std::vector<Block> blocks;
  client::ScanRequest scan;
  scan.begin = keys::Block(inode.ino, inode.generation, first);
  scan.end = keys::Block(inode.ino, inode.generation, end);
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    for (client::ScanItem& item : page.items) {
      const auto index = keys::ParseBlock(item.key);
      if (!index) return Fail(ErrorCode::kCorrupt, "a block under a wrong key");
      blocks.push_back({*index, std::move(item.record.value)});
    }
    scan.cursor = std::move(page.cursor);
  } while (!scan.cursor.empty());
  return blocks;
}

}  // namespace

Result<std::vector<Block>> ReadBlocks(const Context& ctx, const Node& node, uint64_t first,
                                      uint64_t count) {
  std::vector<Block> blocks;
  const Inode& inode = node.inode;
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  const uint64_t blocks_in_file = BlocksOf(inode.size, block_bytes);
  if (first >= blocks_in_file || count == 0) return blocks;
  const uint64_t end = first + std::min(count, blocks_in_file - first);
  if (inode.small_content) {
    if (first > 0) return blocks;
    ASSIGN_OR_RETURN(blocks, ReadSmall(ctx, node));
  } else if (end - first <= kPointReadsMax) {
    ASSIGN_OR_RETURN(blocks, ReadPoints(ctx, inode, first, end));
  } else {
    ASSIGN_OR_RETURN(blocks, ReadRange(ctx, inode, first, end));
  }
  if (blocks.size() < end - first) RETURN_IF_ERROR(CheckNotMoved(ctx, node));
  for (const Block& block : blocks) {
    if (block.data.size() > block_bytes) {
      return Fail(ErrorCode::kCorrupt, "a block is longer than the volume's blocks");
    }
  }
  return blocks;
}

}  // namespace metaring::fusefs
