// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/stored.h"

#include <algorithm>

#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"

namespace metaring::fusefs {
namespace {

using client::Record;

// The header and the keys beside it.
constexpr size_t kDirectoryKeys = 5;
constexpr keys::Counter kCounters[] = {keys::Counter::kAccessed, keys::Counter::kChanged,
                                       keys::Counter::kEntries, keys::Counter::kSubdirectories};

Status SetCounter(DirectoryCounters& counters, keys::Counter which, ByteView raw) {
  const auto value = state::DecodeI64(raw);
  if (!value) return Fail(ErrorCode::kCorrupt, "a directory's counter is not 8 bytes");
  switch (which) {
    case keys::Counter::kAccessed:
      counters.accessed = *value;
      break;
    case keys::Counter::kChanged:
      counters.changed = *value;
      break;
    case keys::Counter::kEntries:
      counters.entries = *value;
      break;
    case keys::Counter::kSubdirectories:
      counters.subdirectories = *value;
      break;
  }
  return {};
}

Result<Stored> MakeDirectory(Ino ino, const Record& header, const DirectoryCounters& counters) {
  Stored stored;
  ASSIGN_OR_RETURN(stored.header, DecodeDirectory(header.value));
  const bool is_root = ino == kRootIno;
  if (is_root != stored.header->name.empty() || is_root != (stored.header->parent == ino)) {
    return Fail(ErrorCode::kCorrupt, "a directory's header names no place that it can have");
  }
  stored.version = header.version;
  stored.counters = counters;
  stored.inode = DirectoryInode(ino, *stored.header, counters);
  if (!is_root) stored.place = {stored.header->parent, stored.header->name};
  return stored;
}

Result<Stored> MakeOwn(Ino ino, const Record& record) {
  Stored stored;
  ASSIGN_OR_RETURN(stored.inode, DecodeInode(record.value));
  if (stored.inode.ino != ino) return Fail(ErrorCode::kCorrupt, "an inode under another's key");
  stored.version = record.version;
  return stored;
}

tl::unexpected<Error> Gone() {
  return Fail(ErrorCode::kStale, "the object is gone");
}

// The ways to an object whose ref no longer leads to it: a moved directory, a place of its own.
Result<Stored> LoadByNumber(const Context& ctx, Ino ino) {
  ASSIGN_OR_RETURN(auto own, LoadOwn(ctx, ino));
  if (own) return std::move(*own);
  ASSIGN_OR_RETURN(auto directory, LoadDirectory(ctx, ino));
  if (directory) return std::move(*directory);
  return Gone();
}

}  // namespace

Status CheckName(std::string_view name) {
  if (IsEntryName(name)) return {};
  if (name.size() > kNameBytesMax) {
    return Fail(ErrorCode::kNameTooLong, "a name is at most 255 bytes");
  }
  return Fail(ErrorCode::kInvalidArgument,
              "a name is not empty, not . or .., without slash and NUL");
}

Bytes EntryKey(const Context& ctx, Ino directory, std::string_view name) {
  return keys::Entry(directory, keys::EntryHash(ctx.volume.hash_seed, name), name);
}

Bytes EntryKey(const Context& ctx, const Place& place) {
  return EntryKey(ctx, place.parent, place.name);
}

Bytes RecordKey(const Context& ctx, const Stored& stored) {
  if (stored.header) return keys::Header(stored.inode.ino);
  if (stored.place.own()) return keys::OwnInode(stored.inode.ino);
  return EntryKey(ctx, stored.place);
}

Result<std::optional<StoredEntry>> DecodeEntryRecord(const std::optional<Record>& record) {
  if (!record) return std::nullopt;
  StoredEntry entry;
  ASSIGN_OR_RETURN(entry.record, DecodeEntry(record->value));
  entry.version = record->version;
  return entry;
}

Result<std::optional<StoredEntry>> LoadEntry(const Context& ctx, Ino directory,
                                             std::string_view name) {
  ASSIGN_OR_RETURN(const auto record, ctx.kv.Get(EntryKey(ctx, directory, name)));
  return DecodeEntryRecord(record);
}

Result<std::optional<Stored>> Follow(const Context& ctx, Ino directory, std::string_view name,
                                     StoredEntry entry) {
  if (entry.record.IsDirectory()) return LoadDirectory(ctx, entry.record.ino);
  if (entry.record.RefersToOwn()) return LoadOwn(ctx, entry.record.ino);
  Stored stored;
  stored.inode = std::move(*entry.record.inode);
  stored.place = {directory, std::string(name)};
  stored.version = entry.version;
  return stored;
}

Result<std::optional<Stored>> LoadDirectory(const Context& ctx, Ino ino) {
  client::ScanRequest scan;
  scan.begin = keys::Header(ino);
  scan.limit = kDirectoryKeys + 3;
  ASSIGN_OR_RETURN(const client::ScanPage page, ctx.kv.Scan(scan));
  const Record* header = nullptr;
  DirectoryCounters counters;
  for (const client::ScanItem& item : page.items) {
    if (item.key == scan.begin) {
      header = &item.record;
    } else if (const auto counter = keys::ParseDirectoryCounter(ino, item.key)) {
      RETURN_IF_ERROR(SetCounter(counters, *counter, item.record.value));
    }
  }
  if (header == nullptr) return std::nullopt;
  return MakeDirectory(ino, *header, counters);
}

Result<std::vector<std::optional<Stored>>> LoadDirectories(const Context& ctx,
                                                           std::span<const Ino> inos) {
  constexpr size_t kBatch = state::kMultiGetKeysMax / kDirectoryKeys;
  std::vector<std::optional<Stored>> found;
  found.reserve(inos.size());
  for (size_t begin = 0; begin < inos.size(); begin += kBatch) {
    const auto batch = inos.subspan(begin, std::min(kBatch, inos.size() - begin));
    std::vector<Bytes> wanted;
    wanted.reserve(batch.size() * kDirectoryKeys);
    for (const Ino ino : batch) {
      wanted.push_back(keys::Header(ino));
      for (const auto counter : kCounters) wanted.push_back(keys::DirectoryCounter(ino, counter));
    }
    ASSIGN_OR_RETURN(const auto records, ctx.kv.MultiGet(wanted));
    for (size_t i = 0; i < batch.size(); ++i) {
      const auto* of = &records[i * kDirectoryKeys];
      found.emplace_back();
      if (!of[0]) continue;
      DirectoryCounters counters;
      for (size_t c = 0; c < std::size(kCounters); ++c) {
        if (of[c + 1]) RETURN_IF_ERROR(SetCounter(counters, kCounters[c], of[c + 1]->value));
      }
      ASSIGN_OR_RETURN(found.back(), MakeDirectory(batch[i], *of[0], counters));
    }
  }
  return found;
}

Result<std::optional<Stored>> LoadOwn(const Context& ctx, Ino ino) {
  ASSIGN_OR_RETURN(const auto record, ctx.kv.Get(keys::OwnInode(ino)));
  if (!record) return std::nullopt;
  return MakeOwn(ino, *record);
}

Result<std::vector<std::optional<Stored>>> LoadOwns(const Context& ctx, std::span<const Ino> inos) {
  std::vector<std::optional<Stored>> found;
  found.reserve(inos.size());
  for (size_t begin = 0; begin < inos.size(); begin += state::kMultiGetKeysMax) {
    const auto batch = inos.subspan(begin, std::min(state::kMultiGetKeysMax, inos.size() - begin));
    std::vector<Bytes> wanted;
    for (const Ino ino : batch) wanted.push_back(keys::OwnInode(ino));
    ASSIGN_OR_RETURN(const auto records, ctx.kv.MultiGet(wanted));
    for (size_t i = 0; i < batch.size(); ++i) {
      found.emplace_back();
      if (records[i]) {
        ASSIGN_OR_RETURN(found.back(), MakeOwn(batch[i], *records[i]));
      }
    }
  }
  return found;
}

Result<Stored> LoadByName(const Context& ctx, Ino directory, std::string_view name) {
  RETURN_IF_ERROR(CheckName(name));
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    ASSIGN_OR_RETURN(auto entry, LoadEntry(ctx, directory, name));
    if (!entry) return Fail(ErrorCode::kNotFound, "no such name");
    ASSIGN_OR_RETURN(auto stored, Follow(ctx, directory, name, std::move(*entry)));
    if (stored) return std::move(*stored);
  }
  return Fail(ErrorCode::kCorrupt, "an entry refers to an object that does not exist");
}

Result<Stored> LoadByRef(const Context& ctx, const InodeRef& ref) {
  if (ref.directory || ref.ino == kRootIno) {
    ASSIGN_OR_RETURN(auto directory, LoadDirectory(ctx, ref.ino));
    if (!directory) return Gone();
    return std::move(*directory);
  }
  if (ref.place.own()) return LoadByNumber(ctx, ref.ino);
  RETURN_IF_ERROR(CheckName(ref.place.name));
  ASSIGN_OR_RETURN(auto entry, LoadEntry(ctx, ref.place.parent, ref.place.name));
  if (entry && entry->record.ino == ref.ino) {
    ASSIGN_OR_RETURN(auto stored, Follow(ctx, ref.place.parent, ref.place.name, std::move(*entry)));
    if (stored) return std::move(*stored);
  }
  return LoadByNumber(ctx, ref.ino);
}

void PutRecord(const Context& ctx, Batch& batch, const Stored& stored) {
  Bytes key = RecordKey(ctx, stored);
  batch.RequireVersion(key, stored.version);
  if (stored.header) {
    DirectoryHeader header = *stored.header;
    header.mode = stored.inode.mode;
    header.uid = stored.inode.uid;
    header.gid = stored.inode.gid;
    header.xattrs = stored.inode.xattrs;
    header.has_large_xattrs = stored.inode.has_large_xattrs;
    batch.Put(std::move(key), EncodeDirectory(header));
  } else {
    batch.Put(std::move(key),
              stored.place.own() ? EncodeInode(stored.inode) : EncodeEntry(stored.inode));
  }
}

void NoteEntryChange(Batch& batch, Ino directory, int64_t now_nanos, int64_t entries,
                     int64_t subdirectories) {
  batch.Max(keys::DirectoryCounter(directory, keys::Counter::kChanged), now_nanos);
  batch.Add(keys::DirectoryCounter(directory, keys::Counter::kEntries), entries);
  batch.Add(keys::DirectoryCounter(directory, keys::Counter::kSubdirectories), subdirectories);
}

}  // namespace metaring::fusefs
