// SPDX-License-Identifier: Apache-2.0
//
// The command `fusefs check SOURCE [-o volume=NAME] [--repair]`.
#ifndef METARING_FUSEFS_CHECK_CHECK_MAIN_H_
#define METARING_FUSEFS_CHECK_CHECK_MAIN_H_

namespace metaring::fusefs {

// argv[0] is the command's own name. Exit status: 0 the volume is clean, 1 everything found was
// repaired, 4 problems are left, 8 it could not be checked, 16 wrong usage (as fsck(8) has them).
int RunCheck(int argc, char** argv);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CHECK_CHECK_MAIN_H_
