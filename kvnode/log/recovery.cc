// SPDX-License-Identifier: Apache-2.0
#include "kvnode/log/recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "kvnode/base/logging.h"
#include "kvnode/log/segment_reader.h"

namespace metaring::log {
namespace {

constexpr uint64_t kZeroBytes = 1 << 20;  // written at once

struct ChainEnd {
  Lsn position;      // P
  size_t index = 0;  // of its segment
};

Result<ChainEnd> FollowChain(const SegmentFiles& files, const std::vector<Segment>& segments) {
  RecordChain chain(files, segments, segments.front().start);
  for (;;) {
    ASSIGN_OR_RETURN(const auto stored, chain.Next());
    if (!stored) break;
  }
  const Lsn end = chain.position();
  const size_t index = chain.segment_index();
  // A segment exists, durably, before the record is written that leads into it.
  if (index == segments.size() || segments[index].start > end) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("log file {} is missing (offset 0)", Segment{end, 0}.FileName()));
  }
  return ChainEnd{end, index};
}

Result<SegmentReader::Remains> ScanSegment(const SegmentFiles& files, const Segment& segment,
                                           Lsn from) {
  ASSIGN_OR_RETURN(auto file, files.Open(segment));
  return SegmentReader(segment, std::move(file)).ScanRemains(from);
}

// kCorrupt when something behind `end` proves that it was durable once. Tells whether anything
// in its own segment claims to be a record.
Result<bool> JudgeTail(const SegmentFiles& files, const std::vector<Segment>& segments,
                       const ChainEnd& end) {
  bool claimed = false;
  for (size_t i = end.index; i < segments.size(); ++i) {
    const Lsn from = std::max(end.position, segments[i].start);
    ASSIGN_OR_RETURN(const auto remains, ScanSegment(files, segments[i], from));
    if (remains.synced > end.position) {
      const Segment& damaged = segments[end.index];
      return Fail(
          ErrorCode::kCorrupt,
          fmt::format("log file {}: damaged record at offset {}; later records show that it "
                      "was durable",
                      damaged.FileName(), damaged.OffsetOf(end.position)));
    }
    if (i == end.index) claimed = remains.claimed;
  }
  return claimed;
}

Status ZeroFrom(File& file, const Segment& segment, Lsn from) {
  const Bytes zeros(kZeroBytes, '\0');
  for (uint64_t at = segment.OffsetOf(from); at < segment.file_bytes; at += kZeroBytes) {
    const uint64_t length = std::min(kZeroBytes, segment.file_bytes - at);
    RETURN_IF_ERROR(file.WriteAt(at, ByteView(zeros).substr(0, length)));
  }
  return {};
}

}  // namespace

Result<Recovered> Recover(SegmentFiles& files, std::vector<Segment> segments) {
  ASSIGN_OR_RETURN(const ChainEnd end, FollowChain(files, segments));
  ASSIGN_OR_RETURN(const bool claimed, JudgeTail(files, segments, end));
  const Segment& last = segments[end.index];
  if (claimed) {
    LogWarn("log", "cut a torn tail, which was never acknowledged: {} from offset {}",
            last.FileName(), last.OffsetOf(end.position));
  }
  for (size_t i = segments.size(); --i > end.index;) RETURN_IF_ERROR(files.Remove(segments[i]));
  segments.resize(end.index + 1);
  // A process that was killed leaves records in the page cache that are valid, but not yet durable.
  for (const Segment& segment : segments) {
    ASSIGN_OR_RETURN(const auto file, files.Open(segment));
    if (claimed && segment.start == segments.back().start) {
      RETURN_IF_ERROR(ZeroFrom(*file, segment, end.position));
    }
    RETURN_IF_ERROR(file->Sync());
  }
  return Recovered{std::move(segments), end.position};
}

}  // namespace metaring::log
