// SPDX-License-Identifier: Apache-2.0
//
// The exit statuses of kvctl, the same for every command. A command that a signal ended has cleaned
// up first and exits with 128 + the signal's number, as shells report it.
#ifndef METARING_KVNODE_CTL_EXIT_STATUS_H_
#define METARING_KVNODE_CTL_EXIT_STATUS_H_

namespace metaring::ctl {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;      // it was understood, but could not be done
inline constexpr int kExitUsage = 2;        // the command line is wrong; nothing was done
inline constexpr int kExitSignalled = 128;  // plus the signal's number

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_EXIT_STATUS_H_
