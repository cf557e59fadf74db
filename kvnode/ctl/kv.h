// SPDX-License-Identifier: Apache-2.0
//
// `kvctl get | put | delete | scan`: the records of a keyspace.
#ifndef METARING_KVNODE_CTL_KV_H_
#define METARING_KVNODE_CTL_KV_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

std::vector<Command> AddKvCommands(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_KV_H_
