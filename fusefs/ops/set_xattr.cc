// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/attributes.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/posix_acl.h"
#include "fusefs/ops/retry.h"
#include "fusefs/ops/xattr_set.h"

namespace metaring::fusefs {
namespace {

Status CheckRequest(const SetXattrRequest& request) {
  RETURN_IF_ERROR(CheckXattrName(request.name));
  if (request.value.size() > kXattrValueBytesMax) {
    return Fail(ErrorCode::kTooBig, "an xattr's value has at most 65536 bytes");
  }
  if (request.create && request.replace) {
    return Fail(ErrorCode::kInvalidArgument, "create and replace exclude each other");
  }
  return {};
}

// xattr(7): user attributes are for files and directories only.
Status CheckObject(const Inode& inode, std::string_view name) {
  if (name.starts_with("user.") && !inode.IsRegular() && !inode.IsDirectory()) {
    return Fail(ErrorCode::kNotPermitted, "user xattrs are for files and directories");
  }
  return {};
}

// An ACL is checked; an access ACL also sets the mode, and one that says no more is not stored.
Status SetAcl(const SetXattrRequest& request, Stored& stored, XattrSet& xattrs) {
  Inode& inode = stored.inode;
  if (inode.IsSymlink()) return Fail(ErrorCode::kUnsupported, "symbolic links have no ACL");
  ASSIGN_OR_RETURN(const Acl acl, ParseAcl(request.value));
  if (request.name == kDefaultAclName) {
    if (!inode.IsDirectory()) {
      if (acl.empty()) return {};
      return Fail(ErrorCode::kPermissionDenied, "only directories have a default ACL");
    }
    if (acl.empty()) {
      xattrs.Remove(request.name);
      return {};
    }
    return xattrs.Set(request.name, FormatAcl(acl));
  }
  if (!acl.empty()) {
    inode.mode = ModeWithAcl(inode.mode, acl);
    if (request.clear_sgid) inode.mode &= ~uint32_t{S_ISGID};
  }
  if (IsMinimal(acl)) {
    xattrs.Remove(request.name);
    return {};
  }
  return xattrs.Set(request.name, FormatAcl(acl));
}

Result<std::optional<Node>> TrySetXattr(const Context& ctx, const SetXattrRequest& request) {
  ASSIGN_OR_RETURN(Stored stored, LoadByRef(ctx, request.ref));
  RETURN_IF_ERROR(CheckObject(stored.inode, request.name));
  ASSIGN_OR_RETURN(XattrSet xattrs, XattrSet::Load(ctx, stored));
  const bool there = xattrs.Find(request.name) != nullptr;
  if (request.create && there) return Fail(ErrorCode::kExists, "the xattr exists");
  if (request.replace && !there) return Fail(ErrorCode::kNoData, "no such xattr");
  if (request.name == kAccessAclName || request.name == kDefaultAclName) {
    RETURN_IF_ERROR(SetAcl(request, stored, xattrs));
  } else {
    RETURN_IF_ERROR(xattrs.Set(request.name, request.value));
  }
  Batch batch;
  xattrs.Store(batch, stored.home(), stored.inode);
  SetChangeTime(stored, TimeFromNanos(ctx.clock.WallNanos()));
  PutRecord(ctx, batch, stored);
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (!reply.succeeded) return kLost;
  return stored.node();
}

}  // namespace

Result<Node> SetXattr(const Context& ctx, const SetXattrRequest& request) {
  RETURN_IF_ERROR(CheckRequest(request));
  return Retry<Node>("setxattr", [&] { return TrySetXattr(ctx, request); });
}

}  // namespace metaring::fusefs
