// SPDX-License-Identifier: Apache-2.0
#include "kvnode/log/segment_reader.h"

#include <algorithm>
#include <cstring>

namespace metaring::log {
namespace {

constexpr uint64_t kWindowBytes = 256 << 10;

}  // namespace

// The file's bytes [offset, offset + length), or fewer at its end.
Result<ByteView> SegmentReader::View(uint64_t offset, uint64_t length) {
  if (offset >= segment_.file_bytes) return ByteView();
  length = std::min(length, segment_.file_bytes - offset);
  if (offset < window_offset_ || offset + length > window_offset_ + window_.size()) {
    window_offset_ = offset;
    ASSIGN_OR_RETURN(window_, file_->ReadAt(offset, std::max(length, kWindowBytes)));
  }
  return ByteView(window_).substr(offset - window_offset_, length);
}

Result<std::optional<StoredRecord>> SegmentReader::RecordAt(Lsn at) {
  const uint64_t offset = segment_.OffsetOf(at);
  ASSIGN_OR_RETURN(const ByteView header, View(offset, kRecordHeaderBytes));
  const auto bytes = ClaimedBytes(header, at);
  if (!bytes || *bytes > segment_.end().value() - at.value()) return std::optional<StoredRecord>();
  ASSIGN_OR_RETURN(const ByteView raw, View(offset, *bytes));
  return ParseRecord(raw, at);
}

// The distance from the beginning of `window`, which is position `at`, to the first claim in it, or
// to where the search must go on in the next window.
size_t SegmentReader::FindClaim(ByteView window, Lsn at) {
  size_t step = 0;
  while (step + kRecordHeaderBytes <= window.size()) {
    // Looks at the LSN alone first: this is done for every position of the tail at each Open.
    uint64_t lsn = 0;
    std::memcpy(&lsn, window.data() + step + kRecordLsnOffset, sizeof lsn);
    if (lsn == at.value() + step && ClaimedBytes(window.substr(step), Lsn(lsn))) break;
    step += kRecordAlignment;
  }
  return step;
}

Result<SegmentReader::Remains> SegmentReader::ScanRemains(Lsn from) {
  Remains remains;
  Lsn at = from;
  for (;;) {
    ASSIGN_OR_RETURN(const ByteView window, View(segment_.OffsetOf(at), kWindowBytes));
    if (window.size() < kRecordHeaderBytes) return remains;
    at = Plus(at, FindClaim(window, at));
    ASSIGN_OR_RETURN(const ByteView header, View(segment_.OffsetOf(at), kRecordHeaderBytes));
    if (!ClaimedBytes(header, at)) continue;  // the window ended
    remains.claimed = true;
    ASSIGN_OR_RETURN(const auto stored, RecordAt(at));
    if (stored) remains.synced = std::max(remains.synced, stored->synced);
    at = stored ? stored->record.end : Plus(at, kRecordAlignment);
  }
}

RecordChain::RecordChain(const SegmentFiles& files, const std::vector<Segment>& segments, Lsn from)
    : files_(files), segments_(segments), position_(from) {
  while (index_ < segments_.size() && segments_[index_].end() <= from) ++index_;
}

Result<std::optional<StoredRecord>> RecordChain::Next() {
  while (index_ < segments_.size() && segments_[index_].start <= position_) {
    const Segment& segment = segments_[index_];
    if (!reader_) {
      ASSIGN_OR_RETURN(auto file, files_.Open(segment));
      reader_.emplace(segment, std::move(file));
    }
    ASSIGN_OR_RETURN(const auto stored, reader_->RecordAt(position_));
    if (!stored) return std::optional<StoredRecord>();
    if (stored->kind != RecordKind::kSegmentEnd) {
      position_ = stored->record.end;
      return stored;
    }
    position_ = segment.end();
    ++index_;
    reader_.reset();
  }
  return std::optional<StoredRecord>();
}

}  // namespace metaring::log
