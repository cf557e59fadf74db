// SPDX-License-Identifier: Apache-2.0
//
// Inode: what stat(2) and the mount need to know of one file, as a plain value; and Place, where
// its record lies among the keys.
#ifndef METARING_FUSEFS_META_INODE_H_
#define METARING_FUSEFS_META_INODE_H_

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "kvnode/base/bytes.h"
#include "kvnode/base/ids.h"

namespace metaring::fusefs {

// Never reused in a volume; 1 is the root directory.
using Ino = StrongId<struct InoTag>;
inline constexpr Ino kRootIno{1};

// Limits of a volume. Names and values are those of Linux (limits.h: NAME_MAX, XATTR_*_MAX).
inline constexpr size_t kNameBytesMax = 255;
inline constexpr size_t kSymlinkBytesMax = 4095;
inline constexpr size_t kXattrNameBytesMax = 255;
inline constexpr size_t kXattrValueBytesMax = 64 << 10;
inline constexpr size_t kXattrListBytesMax = 64 << 10;
// All values and names of one inode together: they must move in one transaction with their file.
inline constexpr size_t kXattrTotalBytesMax = 256 << 10;
inline constexpr size_t kXattrCountMax = 1024;
inline constexpr uint32_t kLinksMax = 65'000;
inline constexpr int64_t kFileBytesMax = int64_t{1} << 47;

// Seconds since 1970 (negative: before) and nanoseconds 0..999,999,999 forward of them.
struct Time {
  int64_t seconds = 0;
  int32_t nanos = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): version 14 takes the literal 0 of the default for one.
  friend auto operator<=>(const Time&, const Time&) = default;
};
Time TimeFromNanos(int64_t wall_nanos);
// Saturates at the ends of i64.
int64_t NanosFromTime(Time time);

// Where the record of an inode that is not a directory lies: inside its only directory entry, or,
// once it has had a second link or was unlinked while open, under a key of its own (parent 0).
// A directory's header is found by its ino alone; its Place is its entry, kept for "..".
struct Place {
  Ino parent;
  std::string name;

  bool own() const { return parent == Ino{}; }
  friend bool operator==(const Place&, const Place&) = default;
};

// Which object, and where it was last seen.
struct InodeRef {
  Ino ino;
  Place place;
  bool directory = false;  // a hint: known to be a directory, which saves a read
};

struct Inode {
  Ino ino;
  uint32_t mode = 0;  // type and permission bits, as st_mode
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t nlink = 1;  // directories: 2 + subdirectories
  uint64_t rdev = 0;   // devices only
  int64_t size = 0;    // bytes; symlinks: of the target; directories: number of entries
  // What is stored of the content; st_blocks is this over 512, rounded up. Small content counts its
  // stored bytes; each block that exists counts its part inside the file (past the end: all of it).
  int64_t bytes_allocated = 0;
  Time atime;
  Time mtime;
  Time ctime;
  uint64_t generation = 0;  // of the content: changes when it is truncated to nothing
  // Content of at most Volume::small_bytes_max lies beside the entry in one value; else in blocks.
  bool small_content = true;
  // Blocks past the end of the file, which only fallocate makes, have smaller indexes; 0: there are
  // none.
  uint64_t preallocated_blocks_end = 0;
  std::string symlink_target;
  std::map<std::string, Bytes> xattrs;  // the small ones
  bool has_large_xattrs = false;        // then more lie beside the entry

  bool IsDirectory() const { return S_ISDIR(mode); }
  bool IsRegular() const { return S_ISREG(mode); }
  bool IsSymlink() const { return S_ISLNK(mode); }
};

// Linux's relatime (mount(8)): an access is noted when the last noted one is not after the last
// change of content or attributes, or is older than a day.
bool AtimeIsDue(const Inode& inode, Time now);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_META_INODE_H_
