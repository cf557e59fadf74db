// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/preference.h"

#include <algorithm>
#include <numeric>

#include "kvnode/base/check.h"

namespace metaring::placement {

RoundSizes RoundSizesOf(std::span<const uint32_t> rack_sizes, uint32_t replicas) {
  RoundSizes sizes{};
  uint32_t left = replicas;
  for (uint32_t round = 0; round < kReplicasMax && left > 0; ++round) {
    const auto racks = std::count_if(rack_sizes.begin(), rack_sizes.end(),
                                     [round](uint32_t size) { return size > round; });
    sizes[round] = std::min(left, static_cast<uint32_t>(racks));
    left -= sizes[round];
  }
  return sizes;
}

PreferenceWalk::PreferenceWalk(std::vector<RackIndex> rack_of, uint32_t replicas)
    : rack_of_(std::move(rack_of)), replicas_(replicas), seen_by_(rack_of_.size()) {
  CHECK(replicas >= 1 && replicas <= kReplicasMax && rack_of_.size() < kNobody);
  const auto last = std::max_element(rack_of_.begin(), rack_of_.end());
  const size_t racks = last == rack_of_.end() ? 0 : size_t{*last} + 1;
  rack_seen_by_.resize(racks);
  rack_count_.resize(racks);
}

void PreferenceWalk::Count(std::span<const Member> owners) {
  std::vector<uint8_t> has_tokens(rack_of_.size());
  for (const Member owner : owners) {
    if (owner != kNobody) has_tokens[owner] = 1;
  }
  std::vector<uint32_t> rack_sizes(rack_seen_by_.size());
  for (size_t i = 0; i < rack_of_.size(); ++i) rack_sizes[rack_of_[i]] += has_tokens[i];
  round_sizes_ = RoundSizesOf(rack_sizes, replicas_);
  std::exclusive_scan(round_sizes_.begin(), round_sizes_.end(), round_begins_.begin(), 0U);
  size_ = std::accumulate(round_sizes_.begin(), round_sizes_.end(), 0U);
}

std::span<const uint32_t> PreferenceWalk::From(std::span<const Member> owners, uint32_t slot) {
  if (++walk_ == 0) {
    std::fill(seen_by_.begin(), seen_by_.end(), 0);
    std::fill(rack_seen_by_.begin(), rack_seen_by_.end(), 0);
    ++walk_;
  }
  std::array<uint32_t, kReplicasMax> taken{};
  uint32_t left = size_;
  uint32_t position = slot;
  for (reach_ = 0; left > 0 && reach_ < owners.size(); ++reach_) {
    const Member owner = owners[position];
    if (owner != kNobody && seen_by_[owner] != walk_) {
      seen_by_[owner] = walk_;
      const RackIndex rack = rack_of_[owner];
      if (rack_seen_by_[rack] != walk_) rack_count_[rack] = 0;
      rack_seen_by_[rack] = walk_;
      const uint32_t round = rack_count_[rack]++;
      if (round < kReplicasMax && taken[round] < round_sizes_[round]) {
        list_[round_begins_[round] + taken[round]++] = position;
        --left;
      }
    }
    if (++position == owners.size()) position = 0;
  }
  CHECK(left == 0);
  return {list_.data(), size_};
}

}  // namespace metaring::placement
