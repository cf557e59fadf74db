// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_content.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "kvnode/base/check.h"

namespace metaring::sim {

Bytes SimContent::Read(uint64_t offset, size_t length) const {
  if (offset >= size_) return {};
  const uint64_t end = std::min<uint64_t>(size_, offset + length);
  Bytes data(end - offset, '\0');
  for (auto it = sectors_.lower_bound(offset / kSectorBytes); it != sectors_.end(); ++it) {
    const uint64_t at = it->first * kSectorBytes;
    if (at >= end) break;
    const uint64_t from = std::max(at, offset);
    const uint64_t to = std::min(at + kSectorBytes, end);
    data.replace(from - offset, to - from, it->second.back(), from - at, to - from);
  }
  return data;
}

void SimContent::Write(uint64_t offset, ByteView data) {
  size_ = std::max<uint64_t>(size_, offset + data.size());
  while (!data.empty()) {
    const uint64_t sector = offset / kSectorBytes;
    const uint64_t within = offset % kSectorBytes;
    const size_t length = std::min<size_t>(data.size(), kSectorBytes - within);
    Versions& versions = sectors_.try_emplace(sector, 1, Bytes(kSectorBytes, '\0')).first->second;
    Bytes changed = versions.back();
    changed.replace(within, length, data, 0, length);
    versions.push_back(std::move(changed));
    dirty_.insert(sector);
    data.remove_prefix(length);
    offset += length;
  }
}

void SimContent::Allocate(uint64_t size) {
  size_ = std::max(size_, size);
  durable_size_ = std::max(durable_size_, size);
}

void SimContent::Settle(uint64_t sector, size_t version) {
  Versions& versions = sectors_.at(sector);
  std::swap(versions.front(), versions[version]);
  versions.resize(1);
}

void SimContent::Sync() {
  if (syncs_lost_) return;
  for (const uint64_t sector : dirty_) Settle(sector, sectors_.at(sector).size() - 1);
  dirty_.clear();
  durable_size_ = size_;
}

void SimContent::Crash(Random& random) {
  enum { kAllLost, kAllKept, kEachByItself };
  const uint64_t mood = random.Below(kEachByItself + 1);
  for (const uint64_t sector : dirty_) {
    const size_t versions = sectors_.at(sector).size();
    const size_t kept = mood == kAllLost   ? 0
                        : mood == kAllKept ? versions - 1
                                           : random.Below(versions);
    Settle(sector, kept);
  }
  dirty_.clear();
  if (mood == kAllLost || (mood == kEachByItself && random.OneIn(2))) size_ = durable_size_;
  durable_size_ = size_;
  // What lies behind the end reads as zeros when the file grows again.
  sectors_.erase(sectors_.lower_bound((size_ + kSectorBytes - 1) / kSectorBytes), sectors_.end());
  if (const auto last = sectors_.find(size_ / kSectorBytes); last != sectors_.end()) {
    Bytes& bytes = last->second.front();
    std::fill(bytes.begin() + static_cast<ptrdiff_t>(size_ % kSectorBytes), bytes.end(), '\0');
  }
  syncs_lost_ = false;
}

void SimContent::Damage(uint64_t offset, uint8_t mask) {
  CHECK(offset < size_);
  const uint64_t sector = offset / kSectorBytes;
  Versions& versions = sectors_.try_emplace(sector, 1, Bytes(kSectorBytes, '\0')).first->second;
  for (Bytes& bytes : versions) {
    char& byte = bytes[offset % kSectorBytes];
    byte = static_cast<char>(byte ^ mask);
  }
}

}  // namespace metaring::sim
