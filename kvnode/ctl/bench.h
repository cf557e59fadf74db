// SPDX-License-Identifier: Apache-2.0
//
// `kvctl bench`: the benchmarks.
#ifndef METARING_KVNODE_CTL_BENCH_H_
#define METARING_KVNODE_CTL_BENCH_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

// Declares `bench` and its subcommands.
std::vector<Command> AddBenchCommands(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_BENCH_H_
