// SPDX-License-Identifier: Apache-2.0
//
// fallocate(2): mode 0, KEEP_SIZE, PUNCH_HOLE (with KEEP_SIZE) and ZERO_RANGE.
//
// An allocated block without data is a block record of no bytes: it reads as zeros, and counts in
// bytes_allocated, so that a later write of it never meets the volume's bound. A large range takes
// several transactions, each of which leaves a file that is right in itself.
#include <algorithm>

#include "fusefs/meta/keys.h"
#include "fusefs/ops/attributes.h"
#include "fusefs/ops/block_allocation.h"
#include "fusefs/ops/content.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/retry.h"

namespace metaring::fusefs {
namespace {

// Blocks that one call may allocate: more would keep the caller waiting for minutes.
constexpr uint64_t kAllocatedBlocksMax = 1 << 20;

Status CheckRequest(const Context& ctx, const FallocateRequest& request) {
  if (request.offset < 0 || request.length <= 0) {
    return Fail(ErrorCode::kInvalidArgument, "offset or length: negative or zero");
  }
  if (request.length > kFileBytesMax || request.offset > kFileBytesMax - request.length) {
    return Fail(ErrorCode::kFileTooBig, "a file has at most 2^47 bytes");
  }
  if (request.punch_hole && (!request.keep_size || request.zero_range)) {
    return Fail(ErrorCode::kUnsupported, "punch_hole goes with keep_size and not with zero_range");
  }
  const auto blocks = static_cast<uint64_t>(request.length) / ctx.volume.options.block_bytes;
  if (!request.punch_hole && blocks > kAllocatedBlocksMax) {
    return Fail(ErrorCode::kNoSpace, "at most 2^20 blocks can be allocated at once");
  }
  return {};
}

// The request's range, walked block by block in shares of a transaction each.
class Allocator {
 public:
  Allocator(const Context& ctx, const FallocateRequest& request)
      : ctx_(ctx),
        request_(request),
        block_bytes_(ctx.volume.options.block_bytes),
        end_(request.offset + request.length),
        next_(static_cast<uint64_t>(request.offset) / ctx.volume.options.block_bytes) {}

  Result<Node> Run() {
    for (;;) {
      ASSIGN_OR_RETURN(Node node, Retry<Node>("fallocate", [&] { return Step(); }));
      if (done_) return node;
    }
  }

 private:
  Result<std::optional<Node>> Step() {
    ASSIGN_OR_RETURN(Stored stored, LoadByRef(ctx_, request_.ref));
    Inode& inode = stored.inode;
    if (inode.IsDirectory()) return Fail(ErrorCode::kIsDirectory, "a directory has no content");
    if (!inode.IsRegular()) return Fail(ErrorCode::kInvalidArgument, "not a regular file");
    const int64_t allocated = inode.bytes_allocated;
    Batch batch;
    if (request_.punch_hole) batch.FreesSpace();
    uint64_t share_end = 0;
    if (StaysSmall(inode)) {
      RETURN_IF_ERROR(ChangeSmall(batch, stored));
      share_end = UINT64_MAX;
    } else if (inode.small_content) {
      ASSIGN_OR_RETURN(auto content, ConvertToBlocks(ctx_, batch, stored, /*want=*/true));
      if (content) batch.Put(keys::Block(inode.ino, inode.generation, 0), std::move(*content));
      share_end = next_;
    } else {
      ASSIGN_OR_RETURN(share_end, ChangeBlocks(batch, inode));
    }
    RETURN_IF_ERROR(CheckSpace(ctx_, inode.bytes_allocated - allocated, 0));
    batch.Add(keys::BytesUsed(), inode.bytes_allocated - allocated);
    const Time now = TimeFromNanos(ctx_.clock.WallNanos());
    inode.mtime = now;
    SetChangeTime(stored, now);
    PutRecord(ctx_, batch, stored);
    ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx_.kv));
    if (!reply.succeeded) return kLost;
    next_ = share_end;
    done_ = next_ > LastBlock();
    return stored.node();
  }

  uint64_t LastBlock() const { return static_cast<uint64_t>(end_ - 1) / block_bytes_; }

  bool StaysSmall(const Inode& inode) const {
    if (!inode.small_content) return false;
    if (request_.punch_hole || end_ <= inode.size) return true;
    return !request_.keep_size && end_ <= ctx_.volume.options.small_bytes_max;
  }

  Status ChangeSmall(Batch& batch, Stored& stored) const {
    Inode& inode = stored.inode;
    ASSIGN_OR_RETURN(Bytes content, LoadSmallContent(ctx_, stored));
    if (!request_.keep_size) inode.size = std::max(inode.size, end_);
    const auto begin = static_cast<size_t>(std::min(request_.offset, inode.size));
    const auto end = static_cast<size_t>(std::min(end_, inode.size));
    if (request_.punch_hole) {
      if (end >= content.size()) {
        content.resize(std::min(begin, content.size()));
      } else {
        std::fill(content.begin() + static_cast<ptrdiff_t>(begin),
                  content.begin() + static_cast<ptrdiff_t>(end), '\0');
      }
    } else {
      if (content.size() < end) content.resize(end);
      if (request_.zero_range) {
        std::fill(content.begin() + static_cast<ptrdiff_t>(begin),
                  content.begin() + static_cast<ptrdiff_t>(end), '\0');
      }
    }
    inode.bytes_allocated = static_cast<int64_t>(content.size());
    Bytes key = keys::SmallContent(stored.home(), inode.ino);
    if (content.empty()) {
      batch.Delete(std::move(key));
    } else {
      batch.Put(std::move(key), std::move(content));
    }
    return {};
  }

  // True when the range covers all of block `index` that the file has.
  bool Covers(const Inode& inode, uint64_t index) const {
    const auto start = static_cast<int64_t>(index * block_bytes_);
    const int64_t inside = BlockSpan(index, inode.size, block_bytes_);
    return request_.offset <= start && end_ >= start + inside;
  }

  // Zeroes the part of a block that the range covers; nothing when the block does not exist.
  Result<std::optional<Bytes>> ZeroPart(const Inode& inode, uint64_t index) const {
    ASSIGN_OR_RETURN(auto record, ctx_.kv.Get(keys::Block(inode.ino, inode.generation, index)));
    if (!record) return std::nullopt;
    const auto start = static_cast<int64_t>(index * block_bytes_);
    const auto size = static_cast<int64_t>(record->value.size());
    const int64_t from = std::clamp<int64_t>(request_.offset - start, 0, size);
    const int64_t to = std::clamp<int64_t>(end_ - start, 0, size);
    std::fill(record->value.begin() + from, record->value.begin() + to, '\0');
    return std::move(record->value);
  }

  // One share of the blocks, from next_ on; gives where the next one begins.
  Result<uint64_t> ChangeBlocks(Batch& batch, Inode& inode) const {
    uint64_t last = LastBlock();
    // Behind the file there is nothing to punch.
    if (request_.punch_hole) last = std::min(last, BlocksEnd(inode, block_bytes_));
    const uint64_t share_end = std::min(next_ + kBatchItemsMax, last + 1);
    ASSIGN_OR_RETURN(const BlockIndexes existing,
                     ExistingBlocks(ctx_, inode, next_, std::max(share_end, next_)));
    BlockIndexes puts;
    BlockIndexes deletes;
    for (uint64_t index = next_; index < share_end; ++index) {
      const bool exists = std::binary_search(existing.begin(), existing.end(), index);
      if (exists && !request_.punch_hole && !request_.zero_range) continue;
      if (!exists && request_.punch_hole) continue;
      Bytes key = keys::Block(inode.ino, inode.generation, index);
      if (!exists || Covers(inode, index)) {
        if (request_.punch_hole) {
          deletes.push_back(index);
          batch.Delete(std::move(key));
        } else {
          puts.push_back(index);
          batch.Put(std::move(key), {});
        }
        continue;
      }
      ASSIGN_OR_RETURN(auto content, ZeroPart(inode, index));
      if (content) {
        puts.push_back(index);
        batch.Put(std::move(key), std::move(*content));
      }
    }
    const auto reached = static_cast<int64_t>(share_end * block_bytes_);
    const int64_t size =
        request_.keep_size ? inode.size : std::max(inode.size, std::min(end_, reached));
    ASSIGN_OR_RETURN(inode.bytes_allocated, AllocationAfter(ctx_, inode, puts, deletes, size));
    inode.size = size;
    const uint64_t in_file = BlocksOf(size, block_bytes_);
    if (!puts.empty() && puts.back() >= in_file) {
      inode.preallocated_blocks_end = std::max(inode.preallocated_blocks_end, puts.back() + 1);
    }
    if (inode.preallocated_blocks_end <= in_file) inode.preallocated_blocks_end = 0;
    return share_end > last ? UINT64_MAX : share_end;
  }

  const Context& ctx_;
  const FallocateRequest& request_;
  const uint32_t block_bytes_;
  const int64_t end_;  // one past the range
  uint64_t next_;      // the first block that is not yet done
  bool done_ = false;
};

}  // namespace

Result<Node> Fallocate(const Context& ctx, const FallocateRequest& request) {
  RETURN_IF_ERROR(CheckRequest(ctx, request));
  return Allocator(ctx, request).Run();
}

}  // namespace metaring::fusefs
