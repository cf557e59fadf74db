// SPDX-License-Identifier: Apache-2.0
//
// The rules of chmod, chown, utimensat and of what a write clears, for every operation that changes
// attributes (chmod(2), chown(2), inode(7), posix_acl in acl(5)).
#ifndef METARING_FUSEFS_OPS_ATTRIBUTES_H_
#define METARING_FUSEFS_OPS_ATTRIBUTES_H_

#include <optional>

#include "fusefs/ops/stored.h"

namespace metaring::fusefs {

struct AttributeChange {
  std::optional<uint32_t> mode;  // permission bits
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<Time> atime;
  std::optional<Time> mtime;
  Time ctime;
  bool clear_suid_sgid = false;  // and security.capability
  // Of the new group; else chmod clears the setgid bit.
  bool may_set_gid_bit = true;
};

// Without the setuid bit, and without the setgid bit if the group may execute (else it stands for
// mandatory locking).
uint32_t WithoutPrivilege(uint32_t mode);

// Changes the object as read; adds to the batch what changes beside its record, which the caller
// puts.
Status ApplyAttributes(const Context& ctx, Batch& batch, Stored& stored,
                       const AttributeChange& change);

// The change time of an object. A directory's is also moved by its entry changes.
void SetChangeTime(Stored& stored, Time ctime);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_ATTRIBUTES_H_
