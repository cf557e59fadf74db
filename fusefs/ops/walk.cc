// SPDX-License-Identifier: Apache-2.0
//
// A path of a volume, name by name, as path_resolution(7) has it.
#include <algorithm>
#include <vector>

#include "fusefs/ops/ops.h"

namespace metaring::fusefs {
namespace {

// As many as Linux follows in one path.
constexpr int kSymlinksMax = 40;

// The names of `path` in front of `names` (which is in reverse order: the next one is the last).
Status PushNames(std::string_view path, std::vector<std::string>& names) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    if (end > 0) parts.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  if (names.size() + parts.size() > kPathBytesMax) {
    return Fail(ErrorCode::kNameTooLong, "a path with its symbolic links has too many names");
  }
  names.insert(names.end(), parts.rbegin(), parts.rend());
  return {};
}

}  // namespace

Result<Node> Walk(const Context& ctx, std::string_view path, Follow follow) {
  if (path.size() > kPathBytesMax) {
    return Fail(ErrorCode::kNameTooLong, "a path is at most 4095 bytes");
  }
  std::vector<std::string> names;
  RETURN_IF_ERROR(PushNames(path, names));
  ASSIGN_OR_RETURN(const Node root, GetAttr(ctx, InodeRef{kRootIno, Place{}, true}));
  Node at = root;
  int symlinks = 0;
  while (!names.empty()) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (!at.inode.IsDirectory()) {
      return Fail(ErrorCode::kNotDirectory, "a part of the path is not a directory");
    }
    if (name == ".") continue;
    if (name == "..") {
      ASSIGN_OR_RETURN(at, LookupParent(ctx, at.inode.ino));
      continue;
    }
    ASSIGN_OR_RETURN(Node found, Lookup(ctx, at.inode.ino, name));
    if (!found.inode.IsSymlink() || (names.empty() && follow == Follow::kNotLast)) {
      at = std::move(found);
      continue;
    }
    if (++symlinks > kSymlinksMax) {
      return Fail(ErrorCode::kTooManyLinks, "more than 40 symbolic links in the path");
    }
    const std::string& target = found.inode.symlink_target;
    if (target.starts_with('/')) at = root;
    RETURN_IF_ERROR(PushNames(target, names));
  }
  return at;
}

Result<ParentAndName> WalkToParent(const Context& ctx, std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return Fail(ErrorCode::kInvalidArgument, "the path does not end in a name");
  }
  const std::string_view before = slash == std::string_view::npos ? "" : path.substr(0, slash);
  ASSIGN_OR_RETURN(const Node parent, Walk(ctx, before, Follow::kAll));
  if (!parent.inode.IsDirectory()) {
    return Fail(ErrorCode::kNotDirectory, "a part of the path is not a directory");
  }
  return ParentAndName{parent.inode.ino, std::string(name)};
}

}  // namespace metaring::fusefs
