// SPDX-License-Identifier: Apache-2.0
//
// The load of `kvctl bench kv`: a number of operations that are always in flight, each of them
// begun by the callback of the one before it, so that no thread is needed for any.
#ifndef METARING_KVNODE_CTL_KV_LOAD_H_
#define METARING_KVNODE_CTL_KV_LOAD_H_

#include <cstdint>

#include "kvnode/client/remote_kv.h"
#include "kvnode/ctl/histogram.h"

namespace metaring::ctl {

enum class KvPhase : uint8_t { kPut, kGet, kDelete };

struct KvLoadOptions {
  uint32_t in_flight = 64;  // of all connections together
  uint64_t keys = 10'000;   // written in turn, read and deleted likewise
  uint64_t operations = 0;  // 0: as many as end in `seconds`
  uint32_t seconds = 5;     // not looked at with `operations`
  uint32_t value_bytes = 200;
  uint64_t seed = 1;  // of the values and of the order of gets
};

struct KvLoadResult {
  uint64_t ops = 0;
  double seconds = 0;
  Histogram latency;
};

// What all its keys begin with.
inline constexpr const char* kKvLoadPrefix = "kvctl-bench/";

// The first error ends it. A key that a get does not find is kNotFound.
Result<KvLoadResult> RunKvLoad(client::RemoteKv& kv, KvPhase phase, const KvLoadOptions& options);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_KV_LOAD_H_
