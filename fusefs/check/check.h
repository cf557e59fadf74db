// SPDX-License-Identifier: Apache-2.0
//
// Check: reads every record of a volume once and says what does not fit together.
//
// It verifies that every entry resolves and hashes to its place, that every directory has exactly
// the one entry that its header names and leads to the root, link counts, directories' counts, that
// content and large xattrs belong to an inode that has them, stored sizes, orphans, the queue of
// content to erase, and the volume's counters.
//
// Memory: a few dozen bytes for each directory, each inode with several links and each file with
// content in blocks; nothing for other files.
#ifndef METARING_FUSEFS_CHECK_CHECK_H_
#define METARING_FUSEFS_CHECK_CHECK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fusefs/ops/ops.h"

namespace metaring::fusefs {

inline constexpr size_t kFindingsMax = 1000;  // listed; more are only counted

struct Finding {
  std::string what;       // one sentence with ino and name
  bool repaired = false;  // with CheckOptions::repair
};

// How often a volume that others may be changing is read before something in it counts as wrong.
inline constexpr int kSharedPasses = 3;

struct CheckOptions {
  bool repair = false;  // the volume is not `shared`
  // Others may be changing it. Several pages of a scan are not one moment, so what a pass finds may
  // be a change under way: a finding is what each of kSharedPasses has found in the same words. The
  // numbers are the last pass's.
  bool shared = false;
  // Called now and then with the number of records read so far.
  std::function<void(uint64_t records)> progress;
};

struct CheckReport {
  uint64_t records = 0;
  uint64_t directories = 0;
  uint64_t files = 0;  // inodes that are not directories
  uint64_t bytes = 0;  // of stored content
  uint64_t found = 0;
  uint64_t repaired = 0;
  std::vector<Finding> findings;  // the first kFindingsMax

  bool clean() const { return found == 0; }
};

// Unless it is `shared` the volume must not be written meanwhile (in the embedded form the
// directory's lock sees to that). Leftovers that a mount would sweep (orphans, the erase queue) are
// swept first when `repair` is set and are no finding otherwise. Errors: kCorrupt when the volume
// itself cannot be understood, kIo; kInvalidArgument for a repair of a shared volume.
//
// What repair does: removes what nothing refers to (content, xattrs, inodes without a name go to
// "/lost+found.<n>" when they hold data, else away), removes entries that lead nowhere and records
// that cannot be read, and sets counts to what is there.
Result<CheckReport> CheckVolume(const Context& ctx, const CheckOptions& options);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CHECK_CHECK_H_
