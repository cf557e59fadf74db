// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/attributes.h"

#include <algorithm>

#include "fusefs/ops/posix_acl.h"
#include "fusefs/ops/xattr_set.h"

namespace metaring::fusefs {
namespace {

constexpr char kCapabilityName[] = "security.capability";

// Keeps an access ACL in step with chmod, and drops file capabilities with the privileged bits.
Status ChangeXattrs(const Context& ctx, Batch& batch, Stored& stored, bool mode_changed,
                    bool drop_capability) {
  if (stored.inode.xattrs.empty() && !stored.inode.has_large_xattrs) return {};
  ASSIGN_OR_RETURN(XattrSet xattrs, XattrSet::Load(ctx, stored));
  if (drop_capability) xattrs.Remove(kCapabilityName);
  const Bytes* raw = mode_changed ? xattrs.Find(kAccessAclName) : nullptr;
  if (raw != nullptr) {
    ASSIGN_OR_RETURN(Acl acl, ParseAcl(*raw));
    ApplyModeToAcl(acl, stored.inode.mode);
    RETURN_IF_ERROR(xattrs.Set(std::string(kAccessAclName), FormatAcl(acl)));
  }
  xattrs.Store(batch, stored.home(), stored.inode);
  return {};
}

void SetTimes(const Context& ctx, Stored& stored, const AttributeChange& change) {
  if (change.atime) stored.inode.atime = *change.atime;
  if (change.mtime) stored.inode.mtime = *change.mtime;
  if (!stored.header) return;
  // From here on only later entry changes and accesses count. A clock that was set back must not
  // let those that are already noted win.
  const int64_t now = ctx.clock.WallNanos();
  if (change.atime) {
    stored.header->atime = *change.atime;
    stored.header->atime_set_at = std::max(now, stored.counters.accessed);
  }
  if (change.mtime) {
    stored.header->mtime = *change.mtime;
    stored.header->mtime_set_at = std::max(now, stored.counters.changed);
  }
}

}  // namespace

uint32_t WithoutPrivilege(uint32_t mode) {
  mode &= ~uint32_t{S_ISUID};
  if ((mode & S_IXGRP) != 0) mode &= ~uint32_t{S_ISGID};
  return mode;
}

void SetChangeTime(Stored& stored, Time ctime) {
  if (!stored.header) {
    stored.inode.ctime = ctime;
    return;
  }
  stored.header->ctime = ctime;
  stored.inode.ctime = ctime;
  if (stored.counters.changed != kNever) {
    stored.inode.ctime = std::max(ctime, TimeFromNanos(stored.counters.changed));
  }
}

Status ApplyAttributes(const Context& ctx, Batch& batch, Stored& stored,
                       const AttributeChange& change) {
  Inode& inode = stored.inode;
  const bool chown = change.uid || change.gid;
  // Linux clears for root too; symbolic links and directories have no privileged meaning to lose.
  const bool clear = !inode.IsDirectory() && (change.clear_suid_sgid || chown);
  if (change.uid) inode.uid = *change.uid;
  if (change.gid) inode.gid = *change.gid;
  if (clear) inode.mode = WithoutPrivilege(inode.mode);
  if (change.mode) {
    uint32_t bits = *change.mode & 07777;
    if (!change.may_set_gid_bit) bits &= ~uint32_t{S_ISGID};
    inode.mode = (inode.mode & S_IFMT) | bits;
  }
  SetTimes(ctx, stored, change);
  SetChangeTime(stored, change.ctime);
  if (change.mode || clear) {
    RETURN_IF_ERROR(ChangeXattrs(ctx, batch, stored, change.mode.has_value(), clear));
  }
  return {};
}

}  // namespace metaring::fusefs
