// SPDX-License-Identifier: Apache-2.0
//
// The phases of `kvctl bench fs`: their names, what each needs to exist before it, and their order.
#ifndef METARING_KVNODE_CTL_BENCH_PHASES_H_
#define METARING_KVNODE_CTL_BENCH_PHASES_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kvnode/base/result.h"

namespace metaring::ctl {

// In the order in which they run.
enum class Phase : uint8_t {
  kMkdir,
  kCreate,
  kStatCold,
  kStatHot,
  kStatMissing,
  kReaddirStat,
  kSetxattr,
  kGetxattr,
  kChmod,
  kWrite,
  kRead,
  kRename,
  kRenameAcross,
  kUnlink,
  kRmdir,
};

struct PhaseInfo {
  Phase phase;
  std::string_view name;  // as --phases and the results have it
  std::string_view what;  // one operation, for --help
  bool cold = false;      // wants the kernel to have forgotten names and attributes
  bool xattr = false;     // skipped where user.* attributes are not supported
};

// All phases in their order.
std::span<const PhaseInfo> AllPhases();
const PhaseInfo& InfoOf(Phase phase);

// A comma-separated list of names, or "all". The result is in the phases' order, each once.
// kInvalidArgument names the first unknown word.
Result<std::vector<Phase>> ParsePhases(std::string_view list);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_BENCH_PHASES_H_
