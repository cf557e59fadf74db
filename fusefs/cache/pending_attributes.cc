// SPDX-License-Identifier: Apache-2.0
//
// Merging of attribute changes.
#include "fusefs/cache/pending_attributes.h"

#include <algorithm>

namespace metaring::fusefs {
namespace {

constexpr uint32_t kPermissionBits = 07777;

template <typename T>
void TakeNewer(std::optional<T>& field, const std::optional<T>& newer) {
  if (newer) field = newer;
}

template <typename T>
void Drop(std::optional<T>& field, const std::optional<T>& stored) {
  if (stored) field.reset();
}

}  // namespace

uint32_t WithoutSuidSgid(uint32_t mode) {
  if (!S_ISREG(mode)) return mode;
  mode &= ~uint32_t{S_ISUID};
  if ((mode & S_IXGRP) != 0) mode &= ~uint32_t{S_ISGID};
  return mode;
}

bool PendingAttributes::empty() const {
  return !mode && !uid && !gid && !atime && !mtime && !ctime && !size && !clear_suid_sgid;
}

void PendingAttributes::ApplyTo(Inode& inode) const {
  if (ClearsBits()) inode.mode = WithoutSuidSgid(inode.mode);
  if (mode) inode.mode = (inode.mode & ~kPermissionBits) | (*mode & kPermissionBits);
  if (uid) inode.uid = *uid;
  if (gid) inode.gid = *gid;
  if (atime) inode.atime = *atime;
  if (mtime) inode.mtime = *mtime;
  if (ctime) inode.ctime = *ctime;
  if (size) inode.size = std::max(inode.size, *size);
}

void PendingAttributes::MergeNewer(const PendingAttributes& newer) {
  if (mode && newer.ClearsBits()) mode = WithoutSuidSgid(*mode | S_IFREG) & kPermissionBits;
  TakeNewer(mode, newer.mode);
  TakeNewer(uid, newer.uid);
  TakeNewer(gid, newer.gid);
  TakeNewer(atime, newer.atime);
  TakeNewer(mtime, newer.mtime);
  TakeNewer(ctime, newer.ctime);
  if (newer.size) size = std::max(size.value_or(0), *newer.size);
  clear_suid_sgid = clear_suid_sgid || newer.clear_suid_sgid;
}

void PendingAttributes::DropSetIn(const PendingAttributes& stored) {
  Drop(mode, stored.mode);
  Drop(uid, stored.uid);
  Drop(gid, stored.gid);
  Drop(atime, stored.atime);
  Drop(mtime, stored.mtime);
  Drop(ctime, stored.ctime);
  Drop(size, stored.size);
}

}  // namespace metaring::fusefs
