// SPDX-License-Identifier: Apache-2.0
//
// kvctl bench kv: puts and gets of one keyspace of a cluster, many in flight.
#ifndef METARING_KVNODE_CTL_BENCH_KV_H_
#define METARING_KVNODE_CTL_BENCH_KV_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

// To the group "bench", which is there already.
std::vector<Command> AddBenchKvCommand(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_BENCH_KV_H_
