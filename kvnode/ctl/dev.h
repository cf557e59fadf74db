// SPDX-License-Identifier: Apache-2.0
//
// kvctl dev up, status, down: a cluster on this machine (dev_cluster.h).
#ifndef METARING_KVNODE_CTL_DEV_H_
#define METARING_KVNODE_CTL_DEV_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

std::vector<Command> AddDevCommands(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_DEV_H_
