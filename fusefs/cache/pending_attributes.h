// SPDX-License-Identifier: Apache-2.0
//
// PendingAttributes: what is known to have changed of an open file and is not in the store yet.
//
// Everything here came through a descriptor that is open for writing (write, ftruncate to more,
// fchmod, fchown, futimens), so it may reach the store together with the content.
#ifndef METARING_FUSEFS_CACHE_PENDING_ATTRIBUTES_H_
#define METARING_FUSEFS_CACHE_PENDING_ATTRIBUTES_H_

#include <cstdint>
#include <optional>

#include "fusefs/meta/inode.h"

namespace metaring::fusefs {

struct PendingAttributes {
  std::optional<uint32_t> mode;  // permission bits; set after the clearing, if there is both
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  std::optional<Time> atime;
  std::optional<Time> mtime;
  std::optional<Time> ctime;
  std::optional<int64_t> size;   // never below the stored one
  bool clear_suid_sgid = false;  // in the mode that was before, together with security.capability

  bool empty() const;
  // A change of owner or group clears as well (chown(2)).
  bool ClearsBits() const { return clear_suid_sgid || uid || gid; }
  // As stat(2) must show `inode`, which is as the store has it.
  void ApplyTo(Inode& inode) const;
  // What was changed after this; a field that is set in both is the newer one's, the size the
  // larger. Clearing takes the bits out of a mode that was set before it.
  void MergeNewer(const PendingAttributes& newer);
  // These fields have been set in the store itself, after what is pending here.
  void DropSetIn(const PendingAttributes& stored);
};

// The mode after a write by somebody who may not keep these bits: set-user-ID goes, set-group-ID
// goes where the group may execute (else it is the mark of mandatory locking). Only regular files
// lose them.
uint32_t WithoutSuidSgid(uint32_t mode);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CACHE_PENDING_ATTRIBUTES_H_
