// SPDX-License-Identifier: Apache-2.0
//
// Processes that outlive the one that starts them.
#ifndef METARING_KVNODE_CTL_PROCESS_H_
#define METARING_KVNODE_CTL_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "kvnode/base/result.h"

namespace metaring::ctl {

// A program beside this one, else its bare name, for PATH.
std::string SiblingProgram(const std::string& name);

// Starts command[0] in a session of its own, in /, with stdout and stderr appended to `log_file`.
Result<pid_t> StartDetached(std::vector<std::string> command, const std::string& log_file);

// Whether the child has ended; then it is reaped.
bool HasEnded(pid_t child);

// The words of a process's command line; empty when there is no such process, or only its zombie.
std::vector<std::string> CommandLineOf(pid_t pid);

// SIGTERM, then waits. kDeadlineExceeded when it has not ended by then. `command`: what its command
// line must still be when it is signalled; another process is not touched, and that is success.
Status Terminate(pid_t pid, const std::vector<std::string>& command, std::chrono::seconds wait);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_PROCESS_H_
