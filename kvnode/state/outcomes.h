// SPDX-License-Identifier: Apache-2.0
//
// Outcomes: what a client's last writes came to, so that a retry under the same request id returns
// the first outcome instead of being applied again. One bounded record for each (slot, client),
// written in the same transaction as the data.
//
// It is pruned by the client's lowest outstanding sequence and, whole, 15 minutes of log time after
// the client's last write; clients stop retrying after 5 minutes. A request that was pruned is
// answered kUnknownOutcome and never applied.
//
//   outcomes = log_time(i64 LE) floor(varint) count(varint) outcome*
//   outcome  = sequence(varint) succeeded(u8) version(varint) failed_compare(varint)
#ifndef METARING_KVNODE_STATE_OUTCOMES_H_
#define METARING_KVNODE_STATE_OUTCOMES_H_

#include <optional>
#include <vector>

#include "kvnode/base/result.h"
#include "kvnode/state/command.h"

namespace metaring::state {

inline constexpr size_t kOutcomesPerClientMax = 256;
inline constexpr int64_t kOutcomesAgeMaxNanos = int64_t{15} * 60 * 1'000'000'000;

struct Outcome {
  uint64_t sequence = 0;
  bool succeeded = false;
  uint64_t version = 0;
  uint64_t failed_compare = 0;
};

struct ClientOutcomes {
  int64_t log_time_nanos = 0;  // of the client's last write
  uint64_t floor = 0;          // every sequence at or below it is over; its outcome is forgotten
  std::vector<Outcome> kept;   // sequences above floor, ascending

  const Outcome* Find(uint64_t sequence) const;
  // Adds one (not there yet, above floor) and forgets what is below `lowest_outstanding` or over
  // the bound, the lowest sequences first.
  void Add(const Outcome& outcome, uint64_t lowest_outstanding);
};

Bytes EncodeOutcomes(const ClientOutcomes& outcomes);
Result<ClientOutcomes> DecodeOutcomes(ByteView raw);  // kCorrupt

}  // namespace metaring::state

#endif  // METARING_KVNODE_STATE_OUTCOMES_H_
