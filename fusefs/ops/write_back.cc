// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fusefs/meta/keys.h"
#include "fusefs/ops/attributes.h"
#include "fusefs/ops/block_allocation.h"
#include "fusefs/ops/content.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/retry.h"

namespace metaring::fusefs {
namespace {

Status CheckRequest(const Context& ctx, const WriteBackRequest& request) {
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  const uint64_t blocks_max = kFileBytesMax / block_bytes;
  for (size_t i = 0; i < request.blocks.size(); ++i) {
    const Block& block = request.blocks[i];
    if (i > 0 && block.index <= request.blocks[i - 1].index) {
      return Fail(ErrorCode::kInvalidArgument, "blocks: not in the order of their indexes");
    }
    if (block.data.size() > block_bytes) {
      return Fail(ErrorCode::kInvalidArgument, "blocks: longer than the volume's blocks");
    }
    if (block.index >= blocks_max) {
      return Fail(ErrorCode::kFileTooBig, "a file has at most 2^47 bytes");
    }
  }
  if (request.size && *request.size < 0) {
    return Fail(ErrorCode::kInvalidArgument, "size: negative");
  }
  if (request.size && *request.size > kFileBytesMax) {
    return Fail(ErrorCode::kFileTooBig, "a file has at most 2^47 bytes");
  }
  return {};
}

bool HasContent(const WriteBackRequest& request) {
  return !request.blocks.empty() || request.size.has_value();
}

bool ChangesNothing(const WriteBackRequest& request) {
  return !HasContent(request) && !request.mode && !request.uid && !request.gid && !request.atime &&
         !request.mtime && !request.ctime && !request.clear_suid_sgid;
}

// A noted access is not a change (POSIX, "File Times Update"): it leaves the change time alone.
bool OnlyAccessed(const WriteBackRequest& request) {
  return request.atime && !HasContent(request) && !request.mode && !request.uid && !request.gid &&
         !request.mtime && !request.clear_suid_sgid;
}

AttributeChange ToChange(const WriteBackRequest& request, const Inode& inode, Time now) {
  AttributeChange change;
  change.mode = request.mode;
  change.uid = request.uid;
  change.gid = request.gid;
  change.atime = request.atime;
  change.mtime = request.mtime;
  if (HasContent(request) && !request.mtime) change.mtime = now;
  change.ctime = request.ctime.value_or(OnlyAccessed(request) ? inode.ctime : now);
  change.clear_suid_sgid = request.clear_suid_sgid;
  return change;
}

// One transaction's share of the blocks: from `next_` on, as many as fit.
class Writer {
 public:
  Writer(const Context& ctx, const WriteBackRequest& request) : ctx_(ctx), request_(request) {}

  Result<Node> Run() {
    do {
      auto attempt = [&] { return Step(); };
      ASSIGN_OR_RETURN(last_, Retry<Node>("writeback", attempt));
    } while (next_ < request_.blocks.size());
    return last_;
  }

 private:
  // Writes the next share; the last one takes the attributes along.
  Result<std::optional<Node>> Step() {
    ASSIGN_OR_RETURN(Stored stored, LoadByRef(ctx_, request_.ref));
    if (ChangesNothing(request_)) return stored.node();
    if (HasContent(request_) && !stored.inode.IsRegular()) {
      return Fail(ErrorCode::kInvalidArgument, "not a regular file");
    }
    const Time now = TimeFromNanos(ctx_.clock.WallNanos());
    const int64_t allocated = stored.inode.bytes_allocated;
    const int64_t final_size = std::max(stored.inode.size, request_.size.value_or(0));
    Batch batch;
    size_t end = request_.blocks.size();
    if (stored.inode.small_content && final_size <= ctx_.volume.options.small_bytes_max) {
      PutSmall(batch, stored, final_size);
    } else if (HasContent(request_)) {
      end = ShareEnd();
      RETURN_IF_ERROR(PutBlocks(batch, stored, end, final_size));
    }
    RETURN_IF_ERROR(CheckSpace(ctx_, stored.inode.bytes_allocated - allocated, 0));
    batch.Add(keys::BytesUsed(), stored.inode.bytes_allocated - allocated);
    if (end == request_.blocks.size()) {
      RETURN_IF_ERROR(ApplyAttributes(ctx_, batch, stored, ToChange(request_, stored.inode, now)));
    }
    PutRecord(ctx_, batch, stored);
    ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx_.kv));
    if (!reply.succeeded) return kLost;
    next_ = end;
    return stored.node();
  }

  size_t ShareEnd() const {
    size_t end = next_;
    size_t bytes = 0;
    while (end < request_.blocks.size() && end - next_ < kBatchItemsMax) {
      bytes += request_.blocks[end].data.size();
      if (bytes > kBatchBytesMax && end > next_) break;
      ++end;
    }
    return end;
  }

  // Small content is block 0 alone: the size is below one block.
  void PutSmall(Batch& batch, Stored& stored, int64_t size) const {
    Inode& inode = stored.inode;
    inode.size = size;
    if (request_.blocks.empty() || request_.blocks[0].index != 0) return;
    const Bytes& data = request_.blocks[0].data;
    Bytes content = data.substr(0, static_cast<size_t>(size));
    inode.bytes_allocated = static_cast<int64_t>(content.size());
    Bytes key = keys::SmallContent(stored.home(), inode.ino);
    if (content.empty()) {
      batch.Delete(std::move(key));
    } else {
      batch.Put(std::move(key), std::move(content));
    }
  }

  // The blocks of [next_, end) with the size that covers them; the last share with the final size.
  Status PutBlocks(Batch& batch, Stored& stored, size_t end, int64_t final_size) const {
    Inode& inode = stored.inode;
    const int64_t block_bytes = ctx_.volume.options.block_bytes;
    const bool has_first = next_ < end && request_.blocks[next_].index == 0;
    if (inode.small_content) {
      ASSIGN_OR_RETURN(auto content, ConvertToBlocks(ctx_, batch, stored, !has_first));
      if (content) batch.Put(keys::Block(inode.ino, inode.generation, 0), std::move(*content));
    }
    BlockIndexes puts;
    int64_t size = inode.size;
    for (size_t i = next_; i < end; ++i) {
      const Block& block = request_.blocks[i];
      const int64_t start = static_cast<int64_t>(block.index) * block_bytes;
      if (start >= final_size) break;  // the file does not reach it: nothing is stored
      const auto inside = static_cast<size_t>(std::min(final_size - start, block_bytes));
      batch.Put(keys::Block(inode.ino, inode.generation, block.index),
                block.data.substr(0, inside));
      puts.push_back(block.index);
      size = std::max(size, std::min(final_size, start + block_bytes));
    }
    if (end == request_.blocks.size()) size = final_size;
    ASSIGN_OR_RETURN(inode.bytes_allocated, AllocationAfter(ctx_, inode, puts, {}, size));
    inode.size = size;
    if (inode.preallocated_blocks_end <= BlocksOf(size, static_cast<uint32_t>(block_bytes))) {
      inode.preallocated_blocks_end = 0;
    }
    return {};
  }

  const Context& ctx_;
  const WriteBackRequest& request_;
  size_t next_ = 0;  // of request_.blocks: those before it are stored
  Node last_;
};

}  // namespace

Result<Node> WriteBack(const Context& ctx, const WriteBackRequest& request) {
  RETURN_IF_ERROR(CheckRequest(ctx, request));
  return Writer(ctx, request).Run();
}

}  // namespace metaring::fusefs
