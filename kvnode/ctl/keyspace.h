// SPDX-License-Identifier: Apache-2.0
//
// `kvctl keyspace create | list | show | drop`.
#ifndef METARING_KVNODE_CTL_KEYSPACE_H_
#define METARING_KVNODE_CTL_KEYSPACE_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

std::vector<Command> AddKeyspaceCommands(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_KEYSPACE_H_
