// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fusefs/meta/records.h"

namespace metaring::fusefs {

Inode DirectoryInode(Ino ino, const DirectoryHeader& header, const DirectoryCounters& counters) {
  Inode inode;
  inode.ino = ino;
  inode.mode = header.mode;
  inode.uid = header.uid;
  inode.gid = header.gid;
  inode.size = std::max<int64_t>(counters.entries, 0);
  inode.nlink =
      2 + static_cast<uint32_t>(std::clamp<int64_t>(counters.subdirectories, 0, INT32_MAX));
  inode.mtime =
      counters.changed > header.mtime_set_at ? TimeFromNanos(counters.changed) : header.mtime;
  inode.atime =
      counters.accessed > header.atime_set_at ? TimeFromNanos(counters.accessed) : header.atime;
  inode.ctime = header.ctime;
  if (counters.changed != kNever)
    inode.ctime = std::max(inode.ctime, TimeFromNanos(counters.changed));
  inode.xattrs = header.xattrs;
  inode.has_large_xattrs = header.has_large_xattrs;
  return inode;
}

}  // namespace metaring::fusefs
