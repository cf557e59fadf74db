// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bench_phases.h"

#include <algorithm>
#include <array>
#include <string>

#include "kvnode/base/check.h"

namespace metaring::ctl {
namespace {

constexpr std::array<PhaseInfo, 15> kPhases = {{
    {.phase = Phase::kMkdir, .name = "mkdir", .what = "mkdir"},
    {.phase = Phase::kCreate, .name = "create", .what = "open(O_CREAT|O_EXCL), close"},
    {.phase = Phase::kStatCold,
     .name = "stat-cold",
     .what = "stat of a name that the kernel does not know",
     .cold = true},
    {.phase = Phase::kStatHot, .name = "stat-hot", .what = "stat again"},
    {.phase = Phase::kStatMissing, .name = "stat-missing", .what = "stat of a new, missing name"},
    {.phase = Phase::kReaddirStat,
     .name = "readdir-stat",
     .what = "an entry of readdir, then its fstatat",
     .cold = true},
    {.phase = Phase::kSetxattr, .name = "setxattr", .what = "setxattr user.bench", .xattr = true},
    {.phase = Phase::kGetxattr, .name = "getxattr", .what = "getxattr user.bench", .xattr = true},
    {.phase = Phase::kChmod, .name = "chmod", .what = "chmod"},
    {.phase = Phase::kWrite, .name = "write", .what = "open, write --write-bytes, close"},
    {.phase = Phase::kRead, .name = "read", .what = "open, read --write-bytes, close"},
    {.phase = Phase::kRename, .name = "rename", .what = "rename inside the directory"},
    {.phase = Phase::kRenameAcross, .name = "rename-across", .what = "rename to another directory"},
    {.phase = Phase::kUnlink, .name = "unlink", .what = "unlink"},
    {.phase = Phase::kRmdir, .name = "rmdir", .what = "rmdir"},
}};

}  // namespace

std::span<const PhaseInfo> AllPhases() {
  return kPhases;
}

const PhaseInfo& InfoOf(Phase phase) {
  const auto& info = kPhases[static_cast<size_t>(phase)];
  CHECK(info.phase == phase);
  return info;
}

Result<std::vector<Phase>> ParsePhases(std::string_view list) {
  std::array<bool, kPhases.size()> wanted{};
  size_t begin = 0;
  while (begin <= list.size()) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view word = list.substr(begin, end - begin);
    begin = end + 1;
    if (word == "all") {
      wanted.fill(true);
      continue;
    }
    const auto found = std::ranges::find(kPhases, word, &PhaseInfo::name);
    if (found == kPhases.end()) {
      return Fail(ErrorCode::kInvalidArgument, "no phase is named '" + std::string(word) + "'");
    }
    wanted[static_cast<size_t>(found->phase)] = true;
  }
  std::vector<Phase> phases;
  for (const PhaseInfo& info : kPhases) {
    if (wanted[static_cast<size_t>(info.phase)]) phases.push_back(info.phase);
  }
  return phases;
}

}  // namespace metaring::ctl
