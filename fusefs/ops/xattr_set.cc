// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/xattr_set.h"

#include "fusefs/meta/keys.h"
#include "fusefs/ops/posix_acl.h"

namespace metaring::fusefs {
namespace {

template <typename Map>
size_t TotalBytes(const Map& xattrs) {
  size_t total = 0;
  for (const auto& [name, value] : xattrs) total += name.size() + value.size();
  return total;
}

template <typename Map>
size_t ListBytes(const Map& xattrs) {
  size_t total = 0;
  for (const auto& [name, value] : xattrs) total += name.size() + 1;
  return total;
}

}  // namespace

Result<std::vector<client::ScanItem>> LoadLargeXattrs(const Context& ctx, const Stored& stored,
                                                      bool keys_only) {
  std::vector<client::ScanItem> items;
  if (!stored.inode.has_large_xattrs) return items;
  client::ScanRequest scan;
  scan.begin = keys::LargeXattrPrefix(stored.home(), stored.inode.ino);
  scan.limit = kXattrCountMax;
  scan.keys_only = keys_only;
  size_t bytes = 0;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    for (auto& item : page.items) {
      bytes += item.key.size() - scan.begin.size() + item.record.value.size();
      items.push_back(std::move(item));
    }
    // Escaped names are up to three times as long.
    if (items.size() > kXattrCountMax || bytes > 3 * kXattrTotalBytesMax) {
      return Fail(ErrorCode::kCorrupt, "more large xattrs than an object can have");
    }
    scan.cursor = std::move(page.cursor);
  } while (!scan.cursor.empty());
  return items;
}

Result<XattrSet> XattrSet::Load(const Context& ctx, const Stored& stored) {
  XattrSet set;
  set.small_.insert(stored.inode.xattrs.begin(), stored.inode.xattrs.end());
  ASSIGN_OR_RETURN(auto items, LoadLargeXattrs(ctx, stored, /*keys_only=*/false));
  if (items.empty()) return set;
  const Bytes prefix = keys::LargeXattrPrefix(stored.home(), stored.inode.ino);
  for (auto& item : items) {
    auto name = keys::ParseLargeXattr(prefix, item.key);
    if (!name) return Fail(ErrorCode::kCorrupt, "a large xattr under a wrong key");
    set.large_.emplace(std::move(*name), std::move(item.record.value));
  }
  return set;
}

const Bytes* XattrSet::Find(std::string_view name) const {
  if (const auto it = small_.find(name); it != small_.end()) return &it->second;
  if (const auto it = large_.find(name); it != large_.end()) return &it->second;
  return nullptr;
}

Status XattrSet::Set(const std::string& name, Bytes value) {
  const Bytes* old = Find(name);
  const size_t old_bytes = old == nullptr ? 0 : name.size() + old->size();
  const size_t old_list = old == nullptr ? 0 : name.size() + 1;
  const size_t bytes = name.size() + value.size();
  const size_t count = small_.size() + large_.size() + (old == nullptr ? 1 : 0);
  if (TotalBytes(small_) + TotalBytes(large_) - old_bytes + bytes > kXattrTotalBytesMax ||
      ListBytes(small_) + ListBytes(large_) - old_list + name.size() + 1 > kXattrListBytesMax ||
      count > kXattrCountMax) {
    return Fail(ErrorCode::kNoSpace, "the object's extended attributes are too many or too large");
  }
  Remove(name);
  if (value.size() <= kSmallXattrBytesMax &&
      TotalBytes(small_) + bytes <= kSmallXattrsTotalBytesMax) {
    small_.emplace(name, std::move(value));
  } else {
    large_.emplace(name, std::move(value));
    changed_large_.insert(name);
  }
  return {};
}

bool XattrSet::Remove(const std::string& name) {
  if (small_.erase(name) > 0) return true;
  if (large_.erase(name) == 0) return false;
  changed_large_.insert(name);
  return true;
}

std::vector<std::string> XattrSet::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : small_) names.push_back(name);
  for (const auto& [name, value] : large_) names.push_back(name);
  return names;
}

void XattrSet::Store(Batch& batch, Ino home, Inode& inode) const {
  inode.xattrs.clear();
  inode.xattrs.insert(small_.begin(), small_.end());
  inode.has_large_xattrs = !large_.empty();
  for (const std::string& name : changed_large_) {
    Bytes key = keys::LargeXattr(home, inode.ino, name);
    if (const auto it = large_.find(name); it != large_.end()) {
      batch.Put(std::move(key), it->second);
    } else {
      batch.Delete(std::move(key));
    }
  }
}

Result<std::optional<Bytes>> LoadXattr(const Context& ctx, const Stored& stored,
                                       std::string_view name) {
  const auto it = stored.inode.xattrs.find(std::string(name));
  if (it != stored.inode.xattrs.end()) return it->second;
  if (!stored.inode.has_large_xattrs) return std::nullopt;
  ASSIGN_OR_RETURN(auto record,
                   ctx.kv.Get(keys::LargeXattr(stored.home(), stored.inode.ino, name)));
  if (!record) return std::nullopt;
  return std::move(record->value);
}

Status CheckXattrName(std::string_view name) {
  if (name.empty() || name.size() > kXattrNameBytesMax) {
    return Fail(ErrorCode::kOutOfRange, "an xattr's name has 1 to 255 bytes");
  }
  if (name == kAccessAclName || name == kDefaultAclName) return {};
  for (const std::string_view space : {"user.", "trusted.", "security."}) {
    if (!name.starts_with(space)) continue;
    if (name.size() == space.size() || name.find('\0') != name.npos) {
      return Fail(ErrorCode::kInvalidArgument, "an xattr's namespace needs a name after it");
    }
    return {};
  }
  return Fail(ErrorCode::kUnsupported, "xattrs are of user, trusted, security and POSIX ACLs");
}

}  // namespace metaring::fusefs
