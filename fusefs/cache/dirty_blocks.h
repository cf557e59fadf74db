// SPDX-License-Identifier: Apache-2.0
//
// DirtyBlocks: the changed blocks of one file, as a value. It does not know where unchanged content
// comes from: whoever writes into a part of a block brings the block's old content.
#ifndef METARING_FUSEFS_CACHE_DIRTY_BLOCKS_H_
#define METARING_FUSEFS_CACHE_DIRTY_BLOCKS_H_

#include <cstdint>
#include <map>
#include <vector>

#include "fusefs/ops/ops.h"
#include "kvnode/base/bytes.h"

namespace metaring::fusefs {

// The part of a byte range that lies in one block.
struct BlockPart {
  uint64_t index = 0;
  size_t begin = 0;   // offset inside the block
  size_t length = 0;  // > 0; begin + length <= block_bytes
};
// The parts of [offset, offset + length) in order.
std::vector<BlockPart> SplitIntoBlocks(int64_t offset, size_t length, uint32_t block_bytes);

// One caller.
class DirtyBlocks {
 public:
  bool empty() const { return blocks_.empty(); }
  // Of content; what the bound on dirty memory counts.
  uint64_t bytes() const { return bytes_; }

  // Nothing when the block is not dirty. Shorter than a block: the rest is zeros.
  const Bytes* Find(uint64_t index) const;
  // Makes the block dirty with this content. It must not be dirty.
  void Insert(uint64_t index, Bytes content);
  // Overwrites a part of a dirty block, extending it with zeros where there is a gap.
  void Overwrite(const BlockPart& part, ByteView data);

  // All of them, in order of index; empty afterwards.
  std::vector<Block> Take();
  // Brings back blocks that were taken and could not be stored, except where newer ones are.
  void PutBack(std::vector<Block> blocks);
  // Forgets what is at `size` and beyond.
  void CutTo(int64_t size, uint32_t block_bytes);
  void Clear();
  // Stored bytes that blocks from `first` on will take.
  uint64_t BytesFrom(uint64_t first) const;

 private:
  std::map<uint64_t, Bytes> blocks_;
  uint64_t bytes_ = 0;  // sum of the sizes in blocks_
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CACHE_DIRTY_BLOCKS_H_
