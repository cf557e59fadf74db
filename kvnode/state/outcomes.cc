// SPDX-License-Identifier: Apache-2.0
#include "kvnode/state/outcomes.h"

#include <algorithm>

namespace metaring::state {

const Outcome* ClientOutcomes::Find(uint64_t sequence) const {
  for (const Outcome& outcome : kept) {
    if (outcome.sequence == sequence) return &outcome;
  }
  return nullptr;
}

void ClientOutcomes::Add(const Outcome& outcome, uint64_t lowest_outstanding) {
  const auto place =
      std::upper_bound(kept.begin(), kept.end(), outcome,
                       [](const Outcome& a, const Outcome& b) { return a.sequence < b.sequence; });
  kept.insert(place, outcome);
  if (lowest_outstanding > 0) floor = std::max(floor, lowest_outstanding - 1);
  if (kept.size() > kOutcomesPerClientMax) {
    floor = std::max(floor, kept[kept.size() - kOutcomesPerClientMax - 1].sequence);
  }
  std::erase_if(kept, [this](const Outcome& o) { return o.sequence <= floor; });
}

Bytes EncodeOutcomes(const ClientOutcomes& outcomes) {
  Bytes raw;
  AppendLittleU64(raw, static_cast<uint64_t>(outcomes.log_time_nanos));
  AppendVarint(raw, outcomes.floor);
  AppendVarint(raw, outcomes.kept.size());
  for (const Outcome& outcome : outcomes.kept) {
    AppendVarint(raw, outcome.sequence);
    AppendU8(raw, outcome.succeeded ? 1 : 0);
    AppendVarint(raw, outcome.version);
    AppendVarint(raw, outcome.failed_compare);
  }
  return raw;
}

Result<ClientOutcomes> DecodeOutcomes(ByteView raw) {
  Reader reader(raw);
  ClientOutcomes outcomes;
  outcomes.log_time_nanos = static_cast<int64_t>(reader.LittleU64());
  outcomes.floor = reader.Varint();
  const uint64_t count = reader.Varint();
  for (uint64_t i = 0; reader.ok() && i < count && i < kOutcomesPerClientMax; ++i) {
    Outcome outcome;
    outcome.sequence = reader.Varint();
    outcome.succeeded = reader.U8() != 0;
    outcome.version = reader.Varint();
    outcome.failed_compare = reader.Varint();
    outcomes.kept.push_back(outcome);
  }
  if (!reader.Done()) return Fail(ErrorCode::kCorrupt, "a client's outcomes are damaged");
  return outcomes;
}

}  // namespace metaring::state
