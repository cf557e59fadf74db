// SPDX-License-Identifier: Apache-2.0
//
// kvctl status, health, stats: what a cluster says of itself.
#ifndef METARING_KVNODE_CTL_CLUSTER_H_
#define METARING_KVNODE_CTL_CLUSTER_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

std::vector<Command> AddClusterCommands(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_CLUSTER_H_
