// SPDX-License-Identifier: Apache-2.0
//
// The command `fusefs check SOURCE [-o volume=NAME] [--repair]`.
#ifndef METARING_FUSEFS_CHECK_CHECK_MAIN_H_
#define METARING_FUSEFS_CHECK_CHECK_MAIN_H_

#include <functional>
#include <memory>
#include <string>

#include "kvnode/client/embedded.h"

namespace metaring::fusefs {

// Opens the existing store that SOURCE names. kInvalidArgument: SOURCE names none. The clock
// outlives the store.
using StoreOpener = std::function<Result<std::unique_ptr<client::Embedded>>(
    const std::string& source, const Clock& clock)>;

// argv[0] is the command's own name. Exit status: 0 the volume is clean, 1 everything found was
// repaired, 4 problems are left, 8 it could not be checked, 16 wrong usage (as fsck(8) has them).
int RunCheck(int argc, char** argv, const StoreOpener& open_store);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CHECK_CHECK_MAIN_H_
