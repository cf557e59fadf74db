// SPDX-License-Identifier: Apache-2.0
#include "fusefs/path/files.h"

#include <algorithm>
#include <utility>

namespace metaring::fusefs {
namespace {

constexpr uint64_t kBlocksAtOnce = 64;

}  // namespace

Result<std::unique_ptr<Files>> Files::Open(client::Kv& kv, const Clock& clock) {
  ASSIGN_OR_RETURN(Volume volume, LoadVolume(kv));
  return std::unique_ptr<Files>(new Files(kv, std::move(volume), clock));
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
  std::vector<DirectoryEntry> all;
  RETURN_IF_ERROR(List(path, [&](DirectoryEntry entry) -> Status {
    all.push_back(std::move(entry));
    return {};
  }));
  return all;
}

Status Files::List(std::string_view path, const std::function<Status(DirectoryEntry entry)>& take) {
  const Context ctx = context();
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, path, Follow::kAll));
  if (!node.inode.IsDirectory()) return Fail(ErrorCode::kNotDirectory, "it is not a directory");
  ReadDirRequest request;
  request.directory = node.inode.ino;
  request.attributes = true;
  for (bool end = false; !end;) {
    ASSIGN_OR_RETURN(ReadDirReply page, ReadDir(ctx, request));
    if (!page.entries.empty()) request.after = page.entries.back().cookie;
    end = page.end;
    for (DirectoryEntry& entry : page.entries) {
      // Without attributes it has gone meanwhile.
      if (entry.node) RETURN_IF_ERROR(take(std::move(entry)));
    }
  }
  return {};
}

Status Files::Read(std::string_view path, const std::function<Status(ByteView piece)>& take) {
  const Context ctx = context();
  ASSIGN_OR_RETURN(const Node node, Walk(ctx, path, Follow::kAll));
  if (!node.inode.IsRegular()) {
    return Fail(ErrorCode::kInvalidArgument, "it is not a regular file");
  }
  const uint64_t block_bytes = volume_.options.block_bytes;
  const auto size = static_cast<uint64_t>(node.inode.size);
  for (uint64_t first = 0; first * block_bytes < size; first += kBlocksAtOnce) {
    ASSIGN_OR_RETURN(const auto blocks, ReadBlocks(ctx, node, first, kBlocksAtOnce));
    Bytes piece(std::min(size - first * block_bytes, kBlocksAtOnce * block_bytes), '\0');
    for (const Block& block : blocks) {
      const uint64_t at = (block.index - first) * block_bytes;
      if (at >= piece.size()) continue;
      const size_t length = std::min<size_t>(block.data.size(), piece.size() - at);
      piece.replace(at, length, block.data, 0, length);
    }
    RETURN_IF_ERROR(take(piece));
  }
  return {};
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
