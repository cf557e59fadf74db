// SPDX-License-Identifier: Apache-2.0
//
// kvctl grant: which client may do what in which keyspace of a cluster.
#ifndef METARING_KVNODE_CTL_GRANT_H_
#define METARING_KVNODE_CTL_GRANT_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

std::vector<Command> AddGrantCommands(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_GRANT_H_
