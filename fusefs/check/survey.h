// SPDX-License-Identifier: Apache-2.0
//
// Survey: one pass over all records of a volume, in key order, that keeps of them what the others
// are held against afterwards.
#ifndef METARING_FUSEFS_CHECK_SURVEY_H_
#define METARING_FUSEFS_CHECK_SURVEY_H_

#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fusefs/check/check.h"
#include "fusefs/meta/records.h"

namespace metaring::fusefs {

// What is wrong, and the writes that would mend it (none: only a person can).
struct Problem {
  std::string what;
  std::vector<client::Op> mend;
};

struct DirectoryFacts {
  bool has_header = false;
  Ino parent;                // as the header says
  uint64_t header_name = 0;  // hash of parent and name, as the header says
  uint64_t entry_name = 0;   // the same, as the entry that refers to it says
  uint32_t references = 0;   // entries that refer to it
  uint64_t entries = 0;      // found
  uint64_t subdirectories = 0;
  int64_t counted_entries = 0;  // as its counters say
  int64_t counted_subdirectories = 0;
};

struct OwnFacts {
  bool has_record = false;
  uint32_t type = 0;
  uint32_t nlink = 0;       // as the record says
  uint32_t references = 0;  // entries that refer to it
};

// Content in blocks: as the inode says, and as the blocks are.
struct ContentFacts {
  bool has_inode = false;
  int64_t size = 0;
  int64_t bytes_allocated = 0;
  uint64_t blocks = 0;      // found
  uint64_t blocks_end = 0;  // one past the highest index
};

struct Survey {
  std::vector<Problem> problems;  // what one record shows by itself
  std::unordered_map<Ino, DirectoryFacts> directories;
  std::unordered_map<Ino, OwnFacts> owns;
  std::map<std::pair<Ino, uint64_t>, ContentFacts> contents;  // by ino and generation
  std::set<Ino> orphans;
  std::set<std::pair<Ino, uint64_t>> reclaims;
  int64_t counted_inodes = 0;  // as the volume's counters say
  int64_t counted_bytes = 0;
  uint64_t records = 0;
  uint64_t files = 0;
  uint64_t bytes = 0;
};

// kIo, or kCorrupt when the store itself does not scan.
Result<Survey> TakeSurvey(const Context& ctx, const std::function<void(uint64_t)>& progress);

// What the facts, held against each other, show; appended to what the survey found already. To say
// how it is mended costs for some problems a scan of every directory, so only `with_mends`.
std::vector<Problem> FindProblems(const Context& ctx, Survey survey, bool with_mends);

// For the hash of a directory's name in its parent.
uint64_t NameHash(Ino parent, std::string_view name);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CHECK_SURVEY_H_
