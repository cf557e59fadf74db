// SPDX-License-Identifier: Apache-2.0
//
// `kvctl fs`: files of a volume by path, without a mount. As the mount's administrator would see
// them: permissions are not looked at.
#ifndef METARING_KVNODE_CTL_FS_H_
#define METARING_KVNODE_CTL_FS_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

std::vector<Command> AddFsCommands(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_FS_H_
