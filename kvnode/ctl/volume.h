// SPDX-License-Identifier: Apache-2.0
//
// `kvctl volume create | list | show | delete | copy`: keyspaces that are formatted as volumes.
#ifndef METARING_KVNODE_CTL_VOLUME_H_
#define METARING_KVNODE_CTL_VOLUME_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

std::vector<Command> AddVolumeCommands(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_VOLUME_H_
