// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/key_tree.h"

#include <algorithm>
#include <array>

#include "kvnode/store/store.h"

namespace metaring::store {
namespace {

constexpr uint64_t kRoot = 0;                                          // not a branch id
constexpr size_t kRootChunkBytesMax = kLmdbKeyBytesMax - 1 - 1;        // tag, mark of a branch
constexpr size_t kBranchChunkBytesMax = kLmdbKeyBytesMax - 1 - 8 - 1;  // tag, id, mark
constexpr size_t kLevelsMax = kKeyBytesMax / kBranchChunkBytesMax + 2;

constexpr size_t ChunkBytesMax(uint64_t branch) {
  return branch == kRoot ? kRootChunkBytesMax : kBranchChunkBytesMax;
}

void SetPrefix(Bytes& out, uint64_t branch) {
  out.clear();
  out.push_back(branch == kRoot ? kRootTag : kBranchTag);
  if (branch != kRoot) AppendBigU64(out, branch);
}

void SetEntryKey(Bytes& out, uint64_t branch, ByteView chunk) {
  SetPrefix(out, branch);
  out.append(chunk);
}

void SetBranchKey(Bytes& out, uint64_t branch, ByteView chunk) {
  SetEntryKey(out, branch, chunk);
  out.push_back('\0');
}

Error BadBranch() {
  return {ErrorCode::kCorrupt, "data.mdb: a branch of a long key is damaged"};
}

Result<uint64_t> DecodeBranch(ByteView value) {
  if (value.size() != sizeof(uint64_t)) return Fail(BadBranch());
  const uint64_t branch = LoadBigU64(value.data());
  if (branch == kRoot) return Fail(BadBranch());
  return branch;
}

Bytes EncodeBranch(uint64_t branch) {
  Bytes raw;
  AppendBigU64(raw, branch);
  return raw;
}

}  // namespace

Result<std::optional<ByteView>> KeyTreeGet(const LmdbTxn& txn, ByteView key) {
  // No allocation on the way of a point read.
  std::array<char, kLmdbKeyBytesMax> buffer;
  uint64_t branch = kRoot;
  for (;;) {
    size_t size = 0;
    buffer[size++] = branch == kRoot ? kRootTag : kBranchTag;
    if (branch != kRoot) {
      for (int shift = 56; shift >= 0; shift -= 8) {
        buffer[size++] = static_cast<char>(branch >> shift);
      }
    }
    const ByteView chunk = key.substr(0, ChunkBytesMax(branch));
    size = static_cast<size_t>(std::copy(chunk.begin(), chunk.end(), buffer.data() + size) -
                               buffer.data());
    if (chunk.size() == key.size()) return txn.Get({buffer.data(), size});
    buffer[size++] = '\0';
    ASSIGN_OR_RETURN(const auto value, txn.Get({buffer.data(), size}));
    if (!value) return std::nullopt;
    ASSIGN_OR_RETURN(branch, DecodeBranch(*value));
    key.remove_prefix(chunk.size());
  }
}

void KeyTreeCursor::Seek(ByteView key) {
  error_.reset();
  path_.clear();
  levels_.assign(1, Level{kRoot, 0});
  SetPrefix(prefix_, kRoot);
  for (;;) {
    const size_t chunk_max = ChunkBytesMax(levels_.back().branch);
    const ByteView rest = key.substr(path_.size());
    const ByteView chunk = rest.substr(0, chunk_max);
    if (rest.size() <= chunk_max) {
      SetEntryKey(wanted_, levels_.back().branch, chunk);
      Position(wanted_);
      break;
    }
    SetBranchKey(wanted_, levels_.back().branch, chunk);
    Position(wanted_);
    if (!at_entry_ || cursor_.key() != wanted_) break;
    Enter(chunk);
    if (error_) break;
  }
  Settle();
}

void KeyTreeCursor::Next() {
  Take(cursor_.Next());
  Settle();
}

// From where the LMDB cursor is, on to the next entry that holds a value.
void KeyTreeCursor::Settle() {
  valid_ = false;
  while (!error_) {
    if (!at_entry_ || !cursor_.key().starts_with(prefix_)) {
      if (levels_.size() == 1) return;
      Leave();
      continue;
    }
    const ByteView chunk = cursor_.key().substr(prefix_.size());
    const size_t chunk_max = ChunkBytesMax(levels_.back().branch);
    if (chunk.size() > chunk_max) {
      Enter(chunk.substr(0, chunk_max));
      if (!error_) Position(prefix_);
      continue;
    }
    key_ = chunk;
    if (levels_.size() > 1) {
      long_key_.assign(path_).append(chunk);
      key_ = long_key_;
    }
    valid_ = true;
    return;
  }
}

// The LMDB cursor stands on the entry of a branch, `chunk` is its key.
void KeyTreeCursor::Enter(ByteView chunk) {
  const auto branch = DecodeBranch(cursor_.value());
  if (!branch || levels_.size() >= kLevelsMax) return Stop(BadBranch());
  path_.append(chunk);
  levels_.push_back(Level{*branch, path_.size()});
  SetPrefix(prefix_, *branch);
}

// The last level has no more entries: on to what comes after it in the level above.
void KeyTreeCursor::Leave() {
  levels_.pop_back();
  const Level& level = levels_.back();
  SetBranchKey(wanted_, level.branch, ByteView(path_).substr(level.key_begin));
  path_.resize(level.key_begin);
  SetPrefix(prefix_, level.branch);
  Position(wanted_);
  if (error_) return;
  if (!at_entry_ || cursor_.key() != wanted_) return Stop(BadBranch());
  Take(cursor_.Next());
}

void KeyTreeCursor::Position(ByteView lmdb_key) {
  Take(cursor_.SeekAtLeast(lmdb_key));
}

bool KeyTreeCursor::Take(const Result<bool>& moved) {
  at_entry_ = moved.has_value() && *moved;
  if (!moved) Stop(moved.error());
  return at_entry_;
}

void KeyTreeCursor::Stop(Error error) {
  at_entry_ = false;
  error_ = std::move(error);
}

Status KeyTreeWriter::Put(ByteView key, ByteView value) {
  uint64_t branch = kRoot;
  Bytes lmdb_key;
  while (key.size() > ChunkBytesMax(branch)) {
    const ByteView chunk = key.substr(0, ChunkBytesMax(branch));
    SetBranchKey(lmdb_key, branch, chunk);
    ASSIGN_OR_RETURN(const bool found, cursor_.SeekExact(lmdb_key));
    if (found) {
      ASSIGN_OR_RETURN(branch, DecodeBranch(cursor_.value()));
    } else {
      branch = ++meta_.last_branch;
      ++meta_.branches;
      RETURN_IF_ERROR(cursor_.Put(lmdb_key, EncodeBranch(branch)));
    }
    key.remove_prefix(chunk.size());
  }
  SetEntryKey(lmdb_key, branch, key);
  return cursor_.Put(lmdb_key, value);
}

Status KeyTreeWriter::Delete(ByteView key) {
  uint64_t branch = kRoot;
  ByteView rest = key;
  Bytes lmdb_key;
  branches_.clear();
  while (rest.size() > ChunkBytesMax(branch)) {
    const ByteView chunk = rest.substr(0, ChunkBytesMax(branch));
    SetBranchKey(lmdb_key, branch, chunk);
    ASSIGN_OR_RETURN(const bool found, cursor_.SeekExact(lmdb_key));
    if (!found) return {};
    ASSIGN_OR_RETURN(branch, DecodeBranch(cursor_.value()));
    branches_.push_back(branch);
    rest.remove_prefix(chunk.size());
  }
  SetEntryKey(lmdb_key, branch, rest);
  ASSIGN_OR_RETURN(const bool found, cursor_.SeekExact(lmdb_key));
  if (!found) return {};
  RETURN_IF_ERROR(cursor_.Erase());
  return RemoveEmptyBranches(key);
}

// `branches_` is the path of `key`, which was just removed.
Status KeyTreeWriter::RemoveEmptyBranches(ByteView key) {
  Bytes lmdb_key;
  for (; !branches_.empty(); branches_.pop_back()) {
    SetPrefix(lmdb_key, branches_.back());
    ASSIGN_OR_RETURN(const bool any, cursor_.SeekAtLeast(lmdb_key));
    if (any && cursor_.key().starts_with(lmdb_key)) return {};
    const size_t depth = branches_.size();
    const uint64_t parent = depth == 1 ? kRoot : branches_[depth - 2];
    const size_t chunk_begin =
        depth == 1 ? 0 : kRootChunkBytesMax + (depth - 2) * kBranchChunkBytesMax;
    SetBranchKey(lmdb_key, parent, key.substr(chunk_begin, ChunkBytesMax(parent)));
    ASSIGN_OR_RETURN(const bool found, cursor_.SeekExact(lmdb_key));
    if (!found) return Fail(BadBranch());
    RETURN_IF_ERROR(cursor_.Erase());
    --meta_.branches;
  }
  return {};
}

}  // namespace metaring::store
