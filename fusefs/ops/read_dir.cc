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

struct Found {
  DirectoryEntry entry;
  EntryRecord record;
};

// Appends the entries of one page; gives the cursor of the next.
Status AppendPage(Ino directory, const client::ScanPage& page, std::vector<Found>& found) {
  for (const client::ScanItem& item : page.items) {
    const auto key = keys::ParseEntry(directory, item.key);
    if (!key || !IsEntryName(key->name)) {
      return Fail(ErrorCode::kCorrupt, "an entry under a wrong key");
    }
    Result<EntryRecord> record = item.damaged ? Fail(ErrorCode::kCorrupt, "a wrong checksum")
                                              : DecodeEntry(item.record.value);
    if (!record) {
      // One damaged record must not hide the rest of its directory.
      LogWarn("fusefs", "directory {}: entry \"{}\" is left out: {}", directory.value(),
              Escaped(key->name), record.error().message);
      continue;
    }
    Found& one = found.emplace_back();
    one.entry.name = key->name;
    one.entry.cookie = key->hash >> 1;
    one.entry.ino = record->ino;
    one.entry.type = record->type;
    one.record = std::move(*record);
  }
  return {};
}

// How many of `found` make a page: `limit`, and those that share its last hash.
size_t PageSize(const std::vector<Found>& found, size_t limit) {
  size_t size = std::min(limit, found.size());
  while (size > 0 && size < found.size() &&
         found[size].entry.cookie == found[size - 1].entry.cookie) {
    ++size;
  }
  return size;
}

// Attributes: those in the entries, and those of directories and of inodes with places of their own
// in one batch each. What went meanwhile stays without.
Status FillAttributes(const Context& ctx, Ino directory, std::vector<Found>& found) {
  std::vector<Ino> directories;
  std::vector<Ino> owns;
  for (Found& one : found) {
    if (one.record.inode) {
      one.entry.node = Node{std::move(*one.record.inode), {directory, one.entry.name}};
    } else {
      (one.record.IsDirectory() ? directories : owns).push_back(one.entry.ino);
    }
  }
  if (directories.empty() && owns.empty()) return {};
  ASSIGN_OR_RETURN(auto directory_nodes, LoadDirectories(ctx, directories));
  ASSIGN_OR_RETURN(auto own_nodes, LoadOwns(ctx, owns));
  auto next_directory = directory_nodes.begin();
  auto next_own = own_nodes.begin();
  for (Found& one : found) {
    if (one.entry.node) continue;
    auto& stored = one.record.IsDirectory() ? *next_directory++ : *next_own++;
    if (stored) one.entry.node = Node{std::move(stored->inode), std::move(stored->place)};
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
  std::vector<Found> found;
  size_t size = 0;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    RETURN_IF_ERROR(AppendPage(request.directory, page, found));
    scan.cursor = std::move(page.cursor);
    size = PageSize(found, limit);
  } while (!scan.cursor.empty() && size == found.size());
  reply.end = scan.cursor.empty() && size == found.size();
  found.resize(size);
  if (request.attributes) RETURN_IF_ERROR(FillAttributes(ctx, request.directory, found));
  reply.entries.reserve(found.size());
  for (Found& one : found) reply.entries.push_back(std::move(one.entry));
  return reply;
}

}  // namespace metaring::fusefs
