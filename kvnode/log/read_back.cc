// SPDX-License-Identifier: Apache-2.0
#include "kvnode/log/read_back.h"

#include <fmt/format.h>

#include <utility>

namespace metaring::log {

Status ReadBack::Attach(const Segment& segment) {
  reader_.reset();
  ASSIGN_OR_RETURN(auto file, files_.Open(segment));
  reader_.emplace(segment, std::move(file));
  segment_ = segment;
  return {};
}

Result<OwnedRecord> ReadBack::ReadAt(Lsn begin) {
  ASSIGN_OR_RETURN(const Segment segment, log_.HolderOf(begin));
  bool fresh = !reader_ || segment_.start != segment.start;
  if (fresh) RETURN_IF_ERROR(Attach(segment));
  for (;; fresh = true) {
    ASSIGN_OR_RETURN(const auto stored, reader_->RecordAt(begin));
    if (stored && stored->kind == RecordKind::kData) {
      return OwnedRecord{stored->record.group, stored->record.type, Bytes(stored->record.payload)};
    }
    if (fresh) break;
    RETURN_IF_ERROR(Attach(segment));
  }
  return Fail(ErrorCode::kCorrupt, fmt::format("log file {}: no valid record at offset {}",
                                               segment.FileName(), segment.OffsetOf(begin)));
}

}  // namespace metaring::log
