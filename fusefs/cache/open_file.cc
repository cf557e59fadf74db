// SPDX-License-Identifier: Apache-2.0
//
// OpenFile: merging writes, overlaying reads. How changes leave is in open_file_store.cc.
#include "fusefs/cache/open_file.h"

#include <algorithm>

namespace metaring::fusefs {
namespace {

// How often a read or write starts again because the file changed in the store under it.
constexpr int kRestartsMax = 16;

}  // namespace

OpenFile::OpenFile(OpenFileContext& context, Node node)
    : context_(context), ino_(node.inode.ino), node_(std::move(node)) {}

OpenFile::~OpenFile() {
  context_.dirty_bytes -= accounted_bytes_;
}

int64_t OpenFile::SizeLocked() const {
  return std::max(
      {node_.inode.size, leaving_attributes_.size.value_or(0), pending_.size.value_or(0)});
}

void OpenFile::AccountDirty() {
  const uint64_t now = dirty_.bytes() + leaving_bytes_;
  context_.dirty_bytes += now - accounted_bytes_;
  accounted_bytes_ = now;
}

void OpenFile::NotePending() {
  if (!pending_since_) pending_since_ = context_.clock.MonotonicNanos();
}

const Bytes* OpenFile::FindInMemory(uint64_t index) const {
  if (const Bytes* content = dirty_.Find(index)) return content;
  if (!leaving_) return nullptr;
  const auto& blocks = leaving_->blocks;
  const auto it = std::lower_bound(blocks.begin(), blocks.end(), index,
                                   [](const Block& block, uint64_t i) { return block.index < i; });
  return it != blocks.end() && it->index == index ? &it->data : nullptr;
}

// --- reading
// ---------------------------------------------------------------------------------------

// The answer to a read as far as memory has it, and what is missing of it.
struct OpenFile::Gathered {
  struct Missing {
    BlockPart part;
    size_t at = 0;  // where it goes in `bytes`
  };
  Bytes bytes;  // zeros where something is missing
  std::vector<Missing> missing;
  Node node;
  uint64_t epoch = 0;
};

OpenFile::Gathered OpenFile::Gather(int64_t offset, size_t length) const {
  MutexLock lock(mutex_);
  Gathered gathered;
  gathered.epoch = epoch_;
  const int64_t size = SizeLocked();
  if (offset >= size) return gathered;
  length = std::min(length, static_cast<size_t>(size - offset));
  gathered.bytes.resize(length);
  size_t at = 0;
  for (const BlockPart& part : SplitIntoBlocks(offset, length, context_.block_bytes)) {
    if (const Bytes* content = FindInMemory(part.index)) {
      if (content->size() > part.begin) {
        content->copy(gathered.bytes.data() + at, part.length, part.begin);
      }
    } else if (static_cast<int64_t>(part.index * context_.block_bytes) < node_.inode.size) {
      gathered.missing.push_back({part, at});
    }
    at += part.length;
  }
  if (!gathered.missing.empty()) gathered.node = node_;
  return gathered;
}

Status OpenFile::LoadInto(Gathered& gathered) const {
  const auto& missing = gathered.missing;
  if (missing.empty()) return {};
  const uint64_t first = missing.front().part.index;
  const uint64_t count = missing.back().part.index - first + 1;
  ASSIGN_OR_RETURN(const auto blocks, context_.store.ReadBlocks(gathered.node, first, count));
  auto wanted = missing.begin();
  for (const Block& block : blocks) {
    while (wanted != missing.end() && wanted->part.index < block.index) ++wanted;
    if (wanted == missing.end()) break;
    if (wanted->part.index != block.index || block.data.size() <= wanted->part.begin) continue;
    block.data.copy(gathered.bytes.data() + wanted->at, wanted->part.length, wanted->part.begin);
  }
  return {};
}

uint64_t OpenFile::epoch() const {
  MutexLock lock(mutex_);
  return epoch_;
}

Result<Bytes> OpenFile::Read(int64_t offset, size_t length) {
  for (int attempt = 1;; ++attempt) {
    Gathered gathered = Gather(offset, length);
    RETURN_IF_ERROR(LoadInto(gathered));
    // With nothing loaded it is one moment's content. Else the store's content must have stayed.
    if (gathered.missing.empty() || gathered.epoch == epoch()) return std::move(gathered.bytes);
    if (attempt == kRestartsMax) return Fail(ErrorCode::kConflict, "the file kept changing");
  }
}

// --- writing
// ---------------------------------------------------------------------------------------

std::vector<uint64_t> OpenFile::MissingFor(const std::vector<BlockPart>& parts) const {
  std::vector<uint64_t> missing;
  const int64_t size = SizeLocked();
  for (const BlockPart& part : parts) {
    const auto start = static_cast<int64_t>(part.index * context_.block_bytes);
    const auto part_end = start + static_cast<int64_t>(part.begin + part.length);
    const bool whole = part.begin == 0 && (part.length == context_.block_bytes || part_end >= size);
    if (whole || start >= node_.inode.size || FindInMemory(part.index) != nullptr) continue;
    missing.push_back(part.index);
  }
  return missing;
}

void OpenFile::MergeLocked(const std::vector<BlockPart>& parts, ByteView data,
                           std::vector<Block> bases) {
  for (const BlockPart& part : parts) {
    if (dirty_.Find(part.index) == nullptr) {
      Bytes base;
      if (const Bytes* leaving = FindInMemory(part.index)) {
        // Another writer made it dirty, and it left, after we read the store's: this one is newer.
        base = *leaving;
      } else {
        for (Block& block : bases) {
          if (block.index == part.index) base = std::move(block.data);
        }
      }
      dirty_.Insert(part.index, std::move(base));
    }
    dirty_.Overwrite(part, data.substr(0, part.length));
    data.remove_prefix(part.length);
  }
}

// False when the store's content changed meanwhile and nothing was done.
Result<bool> OpenFile::TryWrite(const std::vector<BlockPart>& parts, int64_t end, ByteView data,
                                bool clear_suid_sgid) {
  std::vector<uint64_t> missing;
  Node node;
  uint64_t epoch_before = 0;
  {
    MutexLock lock(mutex_);
    missing = MissingFor(parts);
    epoch_before = epoch_;
    if (!missing.empty()) node = node_;
  }
  std::vector<Block> bases;
  for (const uint64_t index : missing) {
    ASSIGN_OR_RETURN(auto blocks, context_.store.ReadBlocks(node, index, 1));
    for (Block& block : blocks) bases.push_back(std::move(block));
  }
  MutexLock lock(mutex_);
  if (epoch_ != epoch_before) return false;
  MergeLocked(parts, data, std::move(bases));
  const Time now = TimeFromNanos(context_.clock.WallNanos());
  PendingAttributes change;
  change.mtime = now;
  change.ctime = now;
  if (end > SizeLocked()) change.size = end;
  change.clear_suid_sgid = clear_suid_sgid;
  pending_.MergeNewer(change);
  NotePending();
  AccountDirty();
  return true;
}

Status OpenFile::Write(int64_t offset, ByteView data, bool clear_suid_sgid) {
  if (offset > kFileBytesMax - static_cast<int64_t>(data.size())) {
    return Fail(ErrorCode::kFileTooBig, "beyond the largest file size");
  }
  if (data.empty()) return {};
  if (context_.no_space || context_.dirty_bytes + data.size() > kDirtyBytesMax) {
    RETURN_IF_ERROR(WriteBack());
  }
  const auto parts = SplitIntoBlocks(offset, data.size(), context_.block_bytes);
  const int64_t end = offset + static_cast<int64_t>(data.size());
  for (int attempt = 1; attempt <= kRestartsMax; ++attempt) {
    ASSIGN_OR_RETURN(const bool written, TryWrite(parts, end, data, clear_suid_sgid));
    if (written) return {};
  }
  return Fail(ErrorCode::kConflict, "the file kept changing");
}

void OpenFile::Change(const PendingAttributes& changes) {
  MutexLock lock(mutex_);
  pending_.MergeNewer(changes);
  NotePending();
}

bool OpenFile::ForgetUnsaved(const PendingAttributes& changes) {
  MutexLock lock(mutex_);
  if (node_.inode.size != 0 || node_.inode.bytes_allocated != 0 || leaving_ || turn_taken_) {
    return false;
  }
  dirty_.Clear();
  error_.reset();
  pending_.size.reset();
  pending_.MergeNewer(changes);
  ++epoch_;
  NotePending();
  AccountDirty();
  return true;
}

// --- attributes
// ------------------------------------------------------------------------------------

void OpenFile::OverlayLocked(Inode& inode) const {
  leaving_attributes_.ApplyTo(inode);
  pending_.ApplyTo(inode);
  // Blocks behind the stored content are new; those inside replace what is counted already, but for
  // holes, which are counted when they are stored.
  const auto stored_blocks =
      (static_cast<uint64_t>(node_.inode.size) + context_.block_bytes - 1) / context_.block_bytes;
  inode.bytes_allocated += static_cast<int64_t>(dirty_.BytesFrom(stored_blocks));
  if (leaving_) inode.bytes_allocated += static_cast<int64_t>(leaving_bytes_);
}

void OpenFile::Overlay(Inode& inode) const {
  MutexLock lock(mutex_);
  OverlayLocked(inode);
}

Inode OpenFile::Attributes() const {
  MutexLock lock(mutex_);
  Inode inode = node_.inode;
  OverlayLocked(inode);
  return inode;
}

bool OpenFile::HasPending() const {
  MutexLock lock(mutex_);
  return !dirty_.empty() || !pending_.empty() || leaving_ != nullptr;
}

bool OpenFile::ModeIsPending() const {
  MutexLock lock(mutex_);
  return pending_.mode || leaving_attributes_.mode;
}

std::optional<int64_t> OpenFile::PendingSince() const {
  MutexLock lock(mutex_);
  return pending_since_;
}

}  // namespace metaring::fusefs
