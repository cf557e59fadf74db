// SPDX-License-Identifier: Apache-2.0
#include "fusefs/path/files.h"

#include <utility>

namespace metaring::fusefs {

Result<std::unique_ptr<Files>> Files::Open(std::unique_ptr<client::Kv> kv, const Clock& clock) {
  ASSIGN_OR_RETURN(Volume volume, LoadVolume(*kv));
  return std::unique_ptr<Files>(new Files(std::move(kv), std::move(volume), clock));
}

Status Files::CheckWritable() const {
  if (!volume_.read_only) return {};
  return Fail(ErrorCode::kReadOnly,
              "the volume has features that this version may read but not write");
}

Result<Node> Files::Stat(std::string_view path, Follow follow) {
  return Walk(context(), path, follow);
}

Result<std::vector<DirectoryEntry>> Files::List(std::string_view path) {
  const Context ctx = context();
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, path, Follow::kAll));
  if (!node.inode.IsDirectory()) return Fail(ErrorCode::kNotDirectory, "it is not a directory");
  std::vector<DirectoryEntry> all;
  ReadDirRequest request;
  request.directory = node.inode.ino;
  request.attributes = true;
  for (bool end = false; !end;) {
    ASSIGN_OR_RETURN(ReadDirReply page, ReadDir(ctx, request));
    if (!page.entries.empty()) request.after = page.entries.back().cookie;
    end = page.end;
    for (DirectoryEntry& entry : page.entries) {
      // Without attributes it has gone meanwhile.
      if (entry.node) all.push_back(std::move(entry));
    }
  }
  return all;
}

// --- extended attributes -------------------------------------------------------------------------

Result<Bytes> Files::GetXattr(std::string_view path, std::string_view name, Follow follow) {
  const Context ctx = context();
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, path, follow));
  return fusefs::GetXattr(ctx, node.ref(), name);
}

Result<std::vector<std::string>> Files::ListXattr(std::string_view path, Follow follow) {
  const Context ctx = context();
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, path, follow));
  return fusefs::ListXattr(ctx, node.ref());
}

Status Files::SetXattr(std::string_view path, SetXattrRequest request, Follow follow) {
  RETURN_IF_ERROR(CheckWritable());
  const Context ctx = context();
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, path, follow));
  request.ref = node.ref();
  RETURN_IF_ERROR(fusefs::SetXattr(ctx, request));
  return {};
}

Status Files::RemoveXattr(std::string_view path, std::string_view name, Follow follow) {
  RETURN_IF_ERROR(CheckWritable());
  const Context ctx = context();
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, path, follow));
  RETURN_IF_ERROR(fusefs::RemoveXattr(ctx, node.ref(), name));
  return {};
}

// --- names ---------------------------------------------------------------------------------------

Result<Node> Files::Make(std::string_view path, uint32_t mode, const Caller& caller) {
  RETURN_IF_ERROR(CheckWritable());
  const Context ctx = context();
  ASSIGN_OR_RETURN(ParentAndName at, WalkToParent(ctx, path));
  MakeRequest request;
  request.parent = at.parent;
  request.name = std::move(at.name);
  request.mode = mode;
  request.caller = caller;
  return fusefs::Make(ctx, request);
}

Status Files::Remove(std::string_view path) {
  RETURN_IF_ERROR(CheckWritable());
  const Context ctx = context();
  ASSIGN_OR_RETURN(const ParentAndName at, WalkToParent(ctx, path));
  ASSIGN_OR_RETURN(const Node node, Lookup(ctx, at.parent, at.name));
  if (node.inode.IsDirectory()) {
    RETURN_IF_ERROR(Rmdir(ctx, at.parent, at.name));
    return {};
  }
  UnlinkRequest request;
  request.parent = at.parent;
  request.name = at.name;
  RETURN_IF_ERROR(Unlink(ctx, request));
  RETURN_IF_ERROR(SweepVolume(ctx, /*orphans_too=*/false));
  return {};
}

Status Files::Rename(std::string_view from, std::string_view to, bool no_replace) {
  RETURN_IF_ERROR(CheckWritable());
  const Context ctx = context();
  ASSIGN_OR_RETURN(ParentAndName old_at, WalkToParent(ctx, from));
  ASSIGN_OR_RETURN(ParentAndName new_at, WalkToParent(ctx, to));
  RenameRequest request;
  request.old_parent = old_at.parent;
  request.old_name = std::move(old_at.name);
  request.new_parent = new_at.parent;
  request.new_name = std::move(new_at.name);
  request.no_replace = no_replace;
  ASSIGN_OR_RETURN(const Renamed renamed, fusefs::Rename(ctx, request));
  if (renamed.replaced) RETURN_IF_ERROR(SweepVolume(ctx, /*orphans_too=*/false));
  return {};
}

}  // namespace metaring::fusefs
