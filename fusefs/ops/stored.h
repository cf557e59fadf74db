// SPDX-License-Identifier: Apache-2.0
//
// Stored: an object as it was read, with what a transaction needs to change it: the version of its
// record, and of a directory the header. And how objects are found: by name, by ref, by number.
#ifndef METARING_FUSEFS_OPS_STORED_H_
#define METARING_FUSEFS_OPS_STORED_H_

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "fusefs/meta/batch.h"
#include "fusefs/meta/records.h"
#include "fusefs/ops/ops.h"

namespace metaring::fusefs {

// One object. `version` is of the record that has its attributes: the entry, the record at its own
// place, or the directory's header.
struct Stored {
  Inode inode;
  Place place;
  uint64_t version = 0;
  std::optional<DirectoryHeader> header;  // directories
  DirectoryCounters counters;             // directories

  Node node() const { return {inode, place}; }
  // The ino beside whose keys small content and large xattrs lie (P of keys.h).
  Ino home() const { return header || place.own() ? inode.ino : place.parent; }
};

// An entry as it was read.
struct StoredEntry {
  EntryRecord record;
  uint64_t version = 0;
};

// kNameTooLong, kInvalidArgument.
Status CheckName(std::string_view name);

Bytes EntryKey(const Context& ctx, Ino directory, std::string_view name);
Bytes EntryKey(const Context& ctx, const Place& place);
// Of the record that has the object's attributes.
Bytes RecordKey(const Context& ctx, const Stored& stored);

// Nothing when there is no such name.
Result<std::optional<StoredEntry>> LoadEntry(const Context& ctx, Ino directory,
                                             std::string_view name);
Result<std::optional<StoredEntry>> DecodeEntryRecord(const std::optional<client::Record>& record);

// What an entry stands for. Nothing when it is a reference whose object is gone: the entry was read
// before it went, so the caller reads it again.
Result<std::optional<Stored>> Follow(const Context& ctx, Ino directory, std::string_view name,
                                     StoredEntry entry);

// By number: one read each. Nothing when there is none.
Result<std::optional<Stored>> LoadDirectory(const Context& ctx, Ino ino);
// For each ino a directory, or nothing. In batches of one read each.
Result<std::vector<std::optional<Stored>>> LoadDirectories(const Context& ctx,
                                                           std::span<const Ino> inos);
Result<std::optional<Stored>> LoadOwn(const Context& ctx, Ino ino);
Result<std::vector<std::optional<Stored>>> LoadOwns(const Context& ctx, std::span<const Ino> inos);

// By name, as Lookup; and by ref, kStale when it is gone. A ref whose entry has become a reference,
// or whose directory was moved, is followed: the result has the place of now.
Result<Stored> LoadByName(const Context& ctx, Ino directory, std::string_view name);
Result<Stored> LoadByRef(const Context& ctx, const InodeRef& ref);

// Adds the changed record to a batch, with the compare that it is still the one that was read. A
// directory's mode, owner and xattrs are taken from `inode`, its times and names from `header`.
void PutRecord(const Context& ctx, Batch& batch, const Stored& stored);

// What every entry change does to the directory it is in: its times and counts.
void NoteEntryChange(Batch& batch, Ino directory, int64_t now_nanos, int64_t entries,
                     int64_t subdirectories);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_STORED_H_
