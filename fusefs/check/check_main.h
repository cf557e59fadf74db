// SPDX-License-Identifier: Apache-2.0
//
// The command `fusefs check SOURCE [-o OPTION,...] [--repair]`.
#ifndef METARING_FUSEFS_CHECK_CHECK_MAIN_H_
#define METARING_FUSEFS_CHECK_CHECK_MAIN_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fusefs/meta/volume.h"
#include "kvnode/base/clock.h"
#include "kvnode/client/kv.h"

namespace metaring::fusefs {

// A volume that is there, opened.
struct VolumeToCheck {
  std::shared_ptr<void> store;  // what `kv` is of
  client::Kv* kv = nullptr;
  Volume volume;
  std::string name;
  bool shared = false;  // of a cluster: others may be changing it
};

// Opens the volume that SOURCE and the texts of -o name. kInvalidArgument: they name none. The
// clock outlives what it opens.
using VolumeOpener = std::function<Result<VolumeToCheck>(
    const std::string& source, const std::vector<std::string>& options, const Clock& clock)>;

// argv[0] is the command's own name; `options_help` has the options that `open` knows. Exit status:
// 0 the volume is clean, 1 everything found was repaired, 4 problems are left, 8 it could not be
// checked, 16 wrong usage (as fsck(8) has them).
int RunCheck(int argc, char** argv, const std::string& options_help, const VolumeOpener& open);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CHECK_CHECK_MAIN_H_
