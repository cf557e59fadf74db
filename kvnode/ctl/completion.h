// SPDX-License-Identifier: Apache-2.0
//
// kvctl completion: what a shell completes, made from the commands as they are declared, so that it
// cannot be out of date. Names of commands and options are completed, everything else as files are.
#ifndef METARING_KVNODE_CTL_COMPLETION_H_
#define METARING_KVNODE_CTL_COMPLETION_H_

#include <vector>

#include "kvnode/ctl/command.h"

namespace metaring::ctl {

// Looks at the root when it runs, so at commands that are declared later too.
std::vector<Command> AddCompletionCommand(CLI::App& root);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_COMPLETION_H_
