// SPDX-License-Identifier: Apache-2.0
//
// DirtyBlocks over an ordered map.
#include "fusefs/cache/dirty_blocks.h"

#include <algorithm>
#include <iterator>

#include "kvnode/base/check.h"

namespace metaring::fusefs {

std::vector<BlockPart> SplitIntoBlocks(int64_t offset, size_t length, uint32_t block_bytes) {
  std::vector<BlockPart> parts;
  auto position = static_cast<uint64_t>(offset);
  while (length > 0) {
    const size_t begin = position % block_bytes;
    const size_t take = std::min<size_t>(length, block_bytes - begin);
    parts.push_back({position / block_bytes, begin, take});
    position += take;
    length -= take;
  }
  return parts;
}

const Bytes* DirtyBlocks::Find(uint64_t index) const {
  const auto it = blocks_.find(index);
  return it == blocks_.end() ? nullptr : &it->second;
}

void DirtyBlocks::Insert(uint64_t index, Bytes content) {
  bytes_ += content.size();
  const bool inserted = blocks_.emplace(index, std::move(content)).second;
  CHECK(inserted);
}

void DirtyBlocks::Overwrite(const BlockPart& part, ByteView data) {
  CHECK(data.size() == part.length);
  const auto it = blocks_.find(part.index);
  CHECK(it != blocks_.end());
  Bytes& content = it->second;
  const size_t end = part.begin + part.length;
  if (content.size() < end) {
    bytes_ += end - content.size();
    content.resize(end);
  }
  std::copy(data.begin(), data.end(), content.begin() + static_cast<ptrdiff_t>(part.begin));
}

std::vector<Block> DirtyBlocks::Take() {
  std::vector<Block> taken;
  taken.reserve(blocks_.size());
  for (auto& [index, content] : blocks_) taken.push_back({index, std::move(content)});
  Clear();
  return taken;
}

void DirtyBlocks::PutBack(std::vector<Block> blocks) {
  for (Block& block : blocks) {
    const size_t size = block.data.size();
    if (blocks_.emplace(block.index, std::move(block.data)).second) bytes_ += size;
  }
}

void DirtyBlocks::CutTo(int64_t size, uint32_t block_bytes) {
  const uint64_t last = static_cast<uint64_t>(size) / block_bytes;
  const size_t kept = static_cast<uint64_t>(size) % block_bytes;
  for (auto it = blocks_.lower_bound(last); it != blocks_.end();) {
    Bytes& content = it->second;
    const size_t left = it->first == last ? std::min(content.size(), kept) : 0;
    bytes_ -= content.size() - left;
    content.resize(left);
    it = left == 0 ? blocks_.erase(it) : std::next(it);
  }
}

void DirtyBlocks::Clear() {
  blocks_.clear();
  bytes_ = 0;
}

uint64_t DirtyBlocks::BytesFrom(uint64_t first) const {
  uint64_t total = 0;
  for (auto it = blocks_.lower_bound(first); it != blocks_.end(); ++it) total += it->second.size();
  return total;
}

}  // namespace metaring::fusefs
