// SPDX-License-Identifier: Apache-2.0
//
// The stored records as plain values: what an entry and a directory's header hold. An InodeRecord
// is an Inode (inode.h). How they become bytes is codec.h.
#ifndef METARING_FUSEFS_META_RECORDS_H_
#define METARING_FUSEFS_META_RECORDS_H_

#include <sys/stat.h>

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "fusefs/meta/inode.h"

namespace metaring::fusefs {

// A name in a directory. Without `inode` a reference: to a directory, or to an inode that has a
// place of its own.
struct EntryRecord {
  Ino ino;
  uint32_t type = 0;  // S_IFMT bits
  std::optional<Inode> inode;

  bool IsDirectory() const { return S_ISDIR(type); }
  bool RefersToOwn() const { return !inode && !IsDirectory(); }
};

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

// A directory's own record. Times in it were set by its making, by chmod and the like, or by
// utimensat.
struct DirectoryHeader {
  Ino parent;
  std::string name;  // in the parent; the root's is empty
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  Time ctime;
  Time mtime;
  Time atime;
  // Nanoseconds since 1970: only an entry change or access later than this replaces mtime or atime.
  int64_t mtime_set_at = kNever;
  int64_t atime_set_at = kNever;
  std::map<std::string, Bytes> xattrs;  // the small ones
  bool has_large_xattrs = false;
};

// The commutative keys beside a header, as they were read. A missing key is the default.
struct DirectoryCounters {
  int64_t changed = kNever;   // wall nanoseconds of the last entry change
  int64_t accessed = kNever;  // of the last noted reading
  int64_t entries = 0;
  int64_t subdirectories = 0;
};

// What stat(2) says of a directory.
Inode DirectoryInode(Ino ino, const DirectoryHeader& header, const DirectoryCounters& counters);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_META_RECORDS_H_
