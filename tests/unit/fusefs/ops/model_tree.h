// SPDX-License-Identifier: Apache-2.0
//
// ModelTree: a POSIX tree in memory, written as plainly as can be, to compare a filesystem with. It
// has the semantics of POSIX and Linux for one privileged caller with umask 0; the numbers of its
// objects are given by whoever made the same object in the filesystem under test.
//
// Not in it: ACLs, allocation of blocks, bounds of the volume.
#ifndef METARING_TESTS_UNIT_FUSEFS_OPS_MODEL_TREE_H_
#define METARING_TESTS_UNIT_FUSEFS_OPS_MODEL_TREE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "fusefs/meta/inode.h"
#include "kvnode/base/result.h"

namespace metaring::fusefs {

struct ModelObject {
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t nlink = 0;
  uint64_t rdev = 0;
  Time atime;
  Time mtime;
  Time ctime;
  std::string symlink_target;
  std::map<std::string, Bytes> xattrs;
  Bytes content;                       // regular files
  Ino parent;                          // directories
  std::map<std::string, Ino> entries;  // directories

  bool IsDirectory() const { return S_ISDIR(mode); }
  int64_t size() const;
};

// One caller. A failed operation changes nothing. `now` is the time of the operation.
class ModelTree {
 public:
  ModelTree(uint32_t root_mode, Time now);

  // kStale for what is gone.
  Result<const ModelObject*> Get(Ino ino) const;
  Result<Ino> Lookup(Ino parent, const std::string& name) const;

  // Checks what Make would say, before a number is known.
  Status CanMake(Ino parent, const std::string& name) const;
  void Make(Ino ino, Ino parent, const std::string& name, uint32_t mode, uint32_t uid, uint32_t gid,
            uint64_t rdev, const std::string& symlink_target, Time now);
  Status Link(Ino target, Ino parent, const std::string& name, Time now);
  // With `keep` an object without names stays until Forget. The object's number.
  Result<Ino> Unlink(Ino parent, const std::string& name, bool keep, Time now);
  Status Rmdir(Ino parent, const std::string& name, Time now);
  enum class Flag { kNone, kNoReplace, kExchange };
  // The number of what was replaced, if something was.
  Result<std::optional<Ino>> Rename(Ino old_parent, const std::string& old_name, Ino new_parent,
                                    const std::string& new_name, Flag flag, bool keep, Time now);
  void Forget(Ino ino);

  Status Chmod(Ino ino, uint32_t mode, Time now);
  Status Chown(Ino ino, std::optional<uint32_t> uid, std::optional<uint32_t> gid, Time now);
  Status SetTimes(Ino ino, std::optional<Time> atime, std::optional<Time> mtime, Time now);
  Status Truncate(Ino ino, int64_t size, Time now);
  Status Write(Ino ino, int64_t offset, const Bytes& data, Time now);
  // Zeroes [offset, offset + length), or only extends; the size grows unless it is kept.
  Status Allocate(Ino ino, int64_t offset, int64_t length, bool zero, bool keep_size, Time now);
  Status SetXattr(Ino ino, const std::string& name, const Bytes& value, Time now);
  Status RemoveXattr(Ino ino, const std::string& name, Time now);

  const std::map<Ino, ModelObject>& objects() const { return objects_; }

 private:
  ModelObject* Find(Ino ino);
  const ModelObject* Find(Ino ino) const;
  Result<ModelObject*> File(Ino ino);
  bool IsBelow(Ino ino, Ino ancestor) const;
  void EntryChanged(Ino directory, Time now);
  void DropName(Ino ino, bool keep, Time now);
  Status CheckReplace(const ModelObject& source, const ModelObject& target) const;
  void SetParent(Ino ino, Ino parent);

  std::map<Ino, ModelObject> objects_;
};

}  // namespace metaring::fusefs

#endif  // METARING_TESTS_UNIT_FUSEFS_OPS_MODEL_TREE_H_
