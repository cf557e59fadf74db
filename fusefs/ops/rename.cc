// SPDX-License-Identifier: Apache-2.0
//
// rename(2) with RENAME_NOREPLACE and RENAME_EXCHANGE, in one transaction for all types and places.
//
// A directory that gets another parent could become its own ancestor: the ancestors of the new
// parent are walked, and the volume's epoch of directory moves, read before the walk and raised by
// the move, makes sure that no other move changed them meanwhile. Files and moves inside one
// directory need no epoch.
#include "fusefs/meta/codec.h"
#include "fusefs/meta/keys.h"
#include "fusefs/ops/attributes.h"
#include "fusefs/ops/content.h"
#include "fusefs/ops/ops.h"
#include "fusefs/ops/removal.h"
#include "fusefs/ops/retry.h"

namespace metaring::fusefs {
namespace {

constexpr int kDepthMax = 1 << 20;
constexpr size_t kNoCompare = SIZE_MAX;

// One of the two names.
struct Side {
  Place place;
  Bytes key;
  std::optional<StoredEntry> entry;
  std::optional<Stored> object;

  bool IsDirectory() const { return entry && entry->record.IsDirectory(); }
};

struct Plan {
  Side source;
  Side target;
  int64_t now = 0;
  Batch batch;
  size_t parent_compare = kNoCompare;
  size_t empty_compare = kNoCompare;

  bool CrossesDirectories() const { return source.place.parent != target.place.parent; }
};

// Reads both names at once. False when an entry's object went between the two reads.
Result<bool> LoadSides(const Context& ctx, Plan& plan) {
  const Bytes wanted[] = {plan.source.key, plan.target.key};
  ASSIGN_OR_RETURN(const auto records, ctx.kv.MultiGet(wanted));
  Side* sides[] = {&plan.source, &plan.target};
  for (size_t i = 0; i < 2; ++i) {
    Side& side = *sides[i];
    ASSIGN_OR_RETURN(side.entry, DecodeEntryRecord(records[i]));
    if (!side.entry) continue;
    ASSIGN_OR_RETURN(side.object, Follow(ctx, side.place.parent, side.place.name, *side.entry));
    if (!side.object) return false;
  }
  return true;
}

// What rename(2) refuses before anything is written.
Status CheckPlan(const Plan& plan, const RenameRequest& request) {
  const auto& target = plan.target.entry;
  if (!plan.source.entry) return Fail(ErrorCode::kNotFound, "no such name");
  if (request.no_replace && target) return Fail(ErrorCode::kExists, "the new name exists");
  if (request.exchange) {
    if (!target) return Fail(ErrorCode::kNotFound, "no such name to exchange with");
    return {};
  }
  if (request.expected_target && (!target || target->record.ino != *request.expected_target)) {
    return Fail(ErrorCode::kStale, "the new name means another object now");
  }
  if (!target || target->record.ino == plan.source.entry->record.ino) return {};
  if (plan.source.IsDirectory() && !plan.target.IsDirectory()) {
    return Fail(ErrorCode::kNotDirectory, "the new name is not a directory");
  }
  if (!plan.source.IsDirectory() && plan.target.IsDirectory()) {
    return Fail(ErrorCode::kIsDirectory, "the new name is a directory");
  }
  return {};
}

// kInvalidArgument when `directory` is `from` or above it.
Status CheckNotBelow(const Context& ctx, Ino from, Ino directory) {
  Ino current = from;
  // Parents that lead round in a circle come to one that was passed (Brent's algorithm).
  Ino passed = from;
  int next_passed = 1;
  for (int depth = 1; depth <= kDepthMax; ++depth) {
    if (current == directory) {
      return Fail(ErrorCode::kInvalidArgument, "a directory cannot move into itself or below");
    }
    if (current == kRootIno) return {};
    ASSIGN_OR_RETURN(const auto record, ctx.kv.Get(keys::Header(current)));
    if (!record) return Fail(ErrorCode::kNotFound, "the directory is gone");
    ASSIGN_OR_RETURN(const DirectoryHeader header, DecodeDirectory(record->value));
    current = header.parent;
    if (current == passed) break;
    if (depth == next_passed) {
      passed = current;
      next_passed *= 2;
    }
  }
  return Fail(ErrorCode::kCorrupt, "the parents of a directory never reach the root");
}

// Neither object, if it is a directory, gets a parent that is itself or below.
Status CheckNoLoop(const Context& ctx, const Plan& plan, bool exchange) {
  if (plan.source.IsDirectory()) {
    RETURN_IF_ERROR(CheckNotBelow(ctx, plan.target.place.parent, plan.source.entry->record.ino));
  }
  if (exchange && plan.target.IsDirectory()) {
    RETURN_IF_ERROR(CheckNotBelow(ctx, plan.source.place.parent, plan.target.entry->record.ino));
  }
  return {};
}

// A directory gets another parent: no loops, and no other such move at the same time. False when
// there was one, as far as can be seen before the transaction.
Result<bool> GuardDirectoryMove(const Context& ctx, Plan& plan, bool exchange) {
  const Bytes key = keys::MoveEpoch();
  ASSIGN_OR_RETURN(const auto epoch, ctx.kv.Get(key));
  if (Status checked = CheckNoLoop(ctx, plan, exchange); !checked) {
    if (checked.error().code != ErrorCode::kCorrupt) return Fail(std::move(checked).error());
    // Directories that moved during the walk can look like a circle.
    ASSIGN_OR_RETURN(const auto now, ctx.kv.Get(key));
    const auto version = [](const auto& record) { return record ? record->version : 0; };
    if (version(now) != version(epoch)) return false;
    return Fail(std::move(checked).error());
  }
  if (epoch) {
    plan.batch.RequireVersion(key, epoch->version);
  } else {
    plan.batch.RequireAbsent(key);
  }
  plan.batch.Add(key, 1);
  return true;
}

// Gives an object the name and directory `to`, and the change time.
Result<Node> MoveObject(const Context& ctx, Plan& plan, const Side& from, const Side& to) {
  Stored moved = *from.object;
  const Ino old_home = moved.home();
  SetChangeTime(moved, TimeFromNanos(plan.now));
  if (moved.header) {
    moved.header->parent = to.place.parent;
    moved.header->name = to.place.name;
    moved.place = to.place;
    PutRecord(ctx, plan.batch, moved);
  } else if (moved.place.own()) {
    PutRecord(ctx, plan.batch, moved);
  } else {
    RETURN_IF_ERROR(MoveBeside(ctx, plan.batch, moved,
                               to.place.parent == old_home ? old_home : to.place.parent));
    moved.place = to.place;
    plan.batch.Put(to.key, EncodeEntry(moved.inode));
    return moved.node();
  }
  plan.batch.Put(to.key, EncodeReference(moved.inode.ino, moved.inode.mode & S_IFMT));
  return moved.node();
}

Result<Removed> ReplaceTarget(const Context& ctx, Plan& plan, IfLast if_last) {
  const Time now = TimeFromNanos(plan.now);
  if (!plan.target.IsDirectory()) {
    return DropLink(ctx, plan.batch, *plan.target.object, if_last, now);
  }
  ASSIGN_OR_RETURN(ErasedDirectory erased,
                   EraseDirectory(ctx, plan.batch, *plan.target.object, now));
  plan.empty_compare = erased.empty_compare;
  return std::move(erased.removed);
}

void CountEntries(Plan& plan, bool exchange) {
  const int source_directory = plan.source.IsDirectory() ? 1 : 0;
  const int target_directory = plan.target.IsDirectory() ? 1 : 0;
  const int target_entry = plan.target.entry ? 1 : 0;
  // What the new directory gains and the old one loses; without exchange the target is gone
  // besides.
  const int entries = exchange ? 0 : 1;
  const int subdirectories = source_directory - (exchange ? target_directory : 0);
  const int entries_gone = exchange ? 0 : target_entry;
  const int subdirectories_gone = exchange ? 0 : target_directory;
  if (!plan.CrossesDirectories()) {
    NoteEntryChange(plan.batch, plan.source.place.parent, plan.now, -entries_gone,
                    -subdirectories_gone);
    return;
  }
  NoteEntryChange(plan.batch, plan.source.place.parent, plan.now, -entries, -subdirectories);
  NoteEntryChange(plan.batch, plan.target.place.parent, plan.now, entries - entries_gone,
                  subdirectories - subdirectories_gone);
}

// kTooManyLinks when the new directory would get one subdirectory too many.
Status CheckLinks(const Context& ctx, const Plan& plan) {
  if (!plan.source.IsDirectory() || plan.target.IsDirectory()) return {};
  ASSIGN_OR_RETURN(const auto parent, LoadDirectory(ctx, plan.target.place.parent));
  if (parent && parent->inode.nlink >= kLinksMax) {
    return Fail(ErrorCode::kTooManyLinks, "65000 links at most");
  }
  return {};
}

Result<std::optional<Renamed>> BuildPlan(const Context& ctx, Plan& plan,
                                         const RenameRequest& request) {
  plan.now = ctx.clock.WallNanos();
  plan.parent_compare = plan.batch.RequireExists(keys::Header(request.new_parent));
  plan.batch.RequireVersion(plan.source.key, plan.source.entry->version);
  if (plan.target.entry) {
    plan.batch.RequireVersion(plan.target.key, plan.target.entry->version);
  } else {
    plan.batch.RequireAbsent(plan.target.key);
  }
  const bool directory_moves =
      plan.source.IsDirectory() || (request.exchange && plan.target.IsDirectory());
  if (directory_moves && plan.CrossesDirectories()) {
    ASSIGN_OR_RETURN(const bool alone, GuardDirectoryMove(ctx, plan, request.exchange));
    if (!alone) return kLost;
    RETURN_IF_ERROR(CheckLinks(ctx, plan));
  }
  Renamed renamed;
  if (request.exchange) {
    ASSIGN_OR_RETURN(renamed.exchanged, MoveObject(ctx, plan, plan.target, plan.source));
  } else {
    if (plan.target.entry) {
      ASSIGN_OR_RETURN(renamed.replaced, ReplaceTarget(ctx, plan, request.if_last));
    }
    plan.batch.Delete(plan.source.key);
  }
  ASSIGN_OR_RETURN(renamed.moved, MoveObject(ctx, plan, plan.source, plan.target));
  CountEntries(plan, request.exchange);
  return renamed;
}

Result<std::optional<Renamed>> TryRename(const Context& ctx, const RenameRequest& request) {
  Plan plan;
  plan.source.place = {request.old_parent, request.old_name};
  plan.target.place = {request.new_parent, request.new_name};
  plan.source.key = EntryKey(ctx, plan.source.place);
  plan.target.key = EntryKey(ctx, plan.target.place);
  ASSIGN_OR_RETURN(const bool loaded, LoadSides(ctx, plan));
  if (!loaded) return kLost;
  RETURN_IF_ERROR(CheckPlan(plan, request));
  if (plan.target.entry && plan.target.entry->record.ino == plan.source.entry->record.ino) {
    Renamed nothing;
    nothing.moved = plan.source.object->node();
    return nothing;
  }
  ASSIGN_OR_RETURN(std::optional<Renamed> renamed, BuildPlan(ctx, plan, request));
  if (!renamed) return kLost;
  ASSIGN_OR_RETURN(const auto reply, plan.batch.Commit(ctx.kv));
  if (reply.succeeded) return renamed;
  if (reply.failed_compare == plan.parent_compare) {
    return Fail(ErrorCode::kNotFound, "the new directory is gone");
  }
  if (reply.failed_compare == plan.empty_compare) {
    return Fail(ErrorCode::kNotEmpty, "the directory that has the new name is not empty");
  }
  return kLost;
}

}  // namespace

Result<Renamed> Rename(const Context& ctx, const RenameRequest& request) {
  RETURN_IF_ERROR(CheckName(request.old_name));
  RETURN_IF_ERROR(CheckName(request.new_name));
  if (request.no_replace && request.exchange) {
    return Fail(ErrorCode::kInvalidArgument, "no_replace and exchange exclude each other");
  }
  return Retry<Renamed>("rename", [&] { return TryRename(ctx, request); });
}

}  // namespace metaring::fusefs
