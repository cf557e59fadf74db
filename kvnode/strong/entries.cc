// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/entries.h"

#include <algorithm>
#include <utility>

#include "kvnode/base/check.h"

namespace metaring::strong {

using raft::LogIndex;

void PayloadCache::Added(GroupId group, LogIndex index, uint64_t bytes) {
  bytes_ += bytes;
  items_.push_back({group, index});
}

void PayloadCache::Shrink(const Evict& evict) {
  for (size_t left = items_.size(); left > 0 && Over(); --left) {
    const Item item = items_.front();
    items_.pop_front();
    if (evict(item.group, item.index) == Eviction::kNeeded) items_.push_back(item);
  }
}

const Entries::Slot* Entries::Find(LogIndex index) const {
  if (index <= base_ || index > last()) return nullptr;
  return &slots_->all[slots_->gone + index.value() - base_.value() - 1];
}

Entries::Slot* Entries::Find(LogIndex index) {
  return const_cast<Slot*>(std::as_const(*this).Find(index));
}

std::vector<Entries::Slot>& Entries::Back() {
  if (!slots_) slots_ = std::make_unique<Slots>();
  return slots_->all;
}

void Entries::Append(PayloadCache& cache, GroupId group, Entry entry) {
  const auto bytes = static_cast<uint32_t>(entry.payload->size());
  Back().push_back({std::move(entry), bytes, false, log::Lsn()});
  cache.Added(group, last(), bytes);
}

void Entries::AppendPlaced(EntryKind kind, uint32_t bytes, log::Lsn position) {
  Back().push_back({{kind, nullptr}, bytes, true, position});
}

void Entries::Forget(PayloadCache& cache, const Slot& slot) {
  if (slot.entry.payload) cache.Removed(slot.bytes);
}

void Entries::TruncateFrom(PayloadCache& cache, LogIndex index) {
  while (size() > 0 && last() >= index) {
    Forget(cache, slots_->all.back());
    slots_->all.pop_back();
  }
  if (size() == 0) slots_.reset();
}

void Entries::CompactTo(PayloadCache& cache, LogIndex index) {
  while (size() > 0 && base_ < index) {
    Slot& front = slots_->all[slots_->gone++];
    Forget(cache, front);
    front = Slot();
    base_ = raft::Next(base_);
  }
  if (size() == 0) {
    slots_.reset();
    base_ = std::max(base_, index);
  } else if (slots_->gone * 2 >= slots_->all.size()) {
    std::vector<Slot>& all = slots_->all;
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(slots_->gone));
    slots_->gone = 0;
  }
}

void Entries::Reset(PayloadCache& cache, LogIndex base) {
  TruncateFrom(cache, raft::Next(base_));
  base_ = base;
}

void Entries::DropPayload(PayloadCache& cache, Slot& slot) {
  CHECK(slot.placed && slot.entry.payload);
  Forget(cache, slot);
  slot.entry.payload.reset();
}

}  // namespace metaring::strong
