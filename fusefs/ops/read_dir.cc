// SPDX-License-Identifier: Apache-2.0
//
// A page of a directory, in the order of the names' hashes. The scan is cut only between different
// hashes, so a cookie of 63 bits is enough to go on from.
#include <algorithm>

#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/stored.h"
#include "kvnode/base/logging.h"

namespace metaring::fusefs {
namespace {

constexpr Cookie kCookieMax = UINT64_MAX >> 1;

DirectoryEntry ToDirectoryEntry(const ReadDirRequest& request, const keys::EntryName& key,
                                EntryRecord record) {
  DirectoryEntry entry;
  entry.name = key.name;
  entry.cookie = key.hash >> 1;
  entry.ino = record.ino;
  entry.type = record.type;
  if (request.attributes && record.inode) {
    entry.node.emplace(Node{std::move(*record.inode), {request.directory, entry.name}});
  }
  return entry;
}

// Appends the entries of one page.
Status AppendPage(const ReadDirRequest& request, const client::ScanPage& page,
                  std::vector<DirectoryEntry>& found) {
  found.reserve(found.size() + page.items.size());
  for (const client::ScanItem& item : page.items) {
    const auto key = keys::ParseEntry(request.directory, item.key);
    if (!key || !IsEntryName(key->name)) {
      return Fail(ErrorCode::kCorrupt, "an entry under a wrong key");
    }
    Result<EntryRecord> record = item.damaged ? Fail(ErrorCode::kCorrupt, "a wrong checksum")
                                              : DecodeEntry(item.record.value);
    if (!record) {
      // One damaged record must not hide the rest of its directory.
      LogWarn("fusefs", "directory {}: entry \"{}\" is left out: {}", request.directory.value(),
              Escaped(key->name), record.error().message);
      continue;
    }
    found.push_back(ToDirectoryEntry(request, *key, *std::move(record)));
  }
  return {};
}

// How many of `found` make a page: `limit`, and those that share its last hash.
size_t PageSize(const std::vector<DirectoryEntry>& found, size_t limit) {
  size_t size = std::min(limit, found.size());
  while (size > 0 && size < found.size() && found[size].cookie == found[size - 1].cookie) {
    ++size;
  }
  return size;
}

// The attributes that are not in the entries: those of directories and of inodes with places of
// their own, in one batch each. What went meanwhile stays without.
Status FillAttributes(const Context& ctx, std::vector<DirectoryEntry>& found) {
  std::vector<Ino> directories;
  std::vector<Ino> owns;
  for (const DirectoryEntry& entry : found) {
    if (!entry.node) (S_ISDIR(entry.type) ? directories : owns).push_back(entry.ino);
  }
  if (directories.empty() && owns.empty()) return {};
  ASSIGN_OR_RETURN(auto directory_nodes, LoadDirectories(ctx, directories));
  ASSIGN_OR_RETURN(auto own_nodes, LoadOwns(ctx, owns));
  auto next_directory = directory_nodes.begin();
  auto next_own = own_nodes.begin();
  for (DirectoryEntry& entry : found) {
    if (entry.node) continue;
    auto& stored = S_ISDIR(entry.type) ? *next_directory++ : *next_own++;
    if (stored) entry.node = Node{std::move(stored->inode), std::move(stored->place)};
  }
  return {};
}

}  // namespace

Result<ReadDirReply> ReadDir(const Context& ctx, const ReadDirRequest& request) {
  ReadDirReply reply;
  if (request.after >= kCookieMax) {
    reply.end = true;
    return reply;
  }
  const size_t limit = std::clamp<size_t>(request.limit, 1, state::kScanLimitMax - 1);
  client::ScanRequest scan;
  scan.begin = keys::EntriesFrom(request.directory, (request.after + 1) << 1);
  scan.end = PrefixEnd(keys::EntryPrefix(request.directory));
  scan.limit = limit + 1;
  scan.keep_damaged = true;
  std::vector<DirectoryEntry>& found = reply.entries;
  size_t size = 0;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    RETURN_IF_ERROR(AppendPage(request, page, found));
    scan.cursor = std::move(page.cursor);
    size = PageSize(found, limit);
  } while (!scan.cursor.empty() && size == found.size());
  reply.end = scan.cursor.empty() && size == found.size();
  found.resize(size);
  if (request.attributes) RETURN_IF_ERROR(FillAttributes(ctx, found));
  return reply;
}

}  // namespace metaring::fusefs
