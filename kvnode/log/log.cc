// SPDX-License-Identifier: Apache-2.0
#include "kvnode/log/log.h"

#include <fmt/format.h>

#include <algorithm>

#include "kvnode/log/durable_log.h"
#include "kvnode/log/format.h"

namespace metaring::log {
namespace {

constexpr uint64_t kSegmentBytesMin = 64 << 10;
constexpr uint64_t kSegmentBytesMax = 1 << 30;
constexpr uint64_t kPayloadBytesMax = 64 << 20;
constexpr uint64_t kQueuedBytesMax = 1 << 30;  // StoredRecord::unsynced has 32 bits
constexpr uint64_t kPageBytes = 4096;

Status CheckRange(std::string_view name, uint64_t value, uint64_t min, uint64_t max) {
  if (value >= min && value <= max) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("log option {} is {}, must be {} to {}", name, value, min, max));
}

// Whole pages that hold at least the largest record and the segment's end.
uint64_t FileBytes(const LogOptions& options) {
  const uint64_t least =
      kSegmentHeaderBytes + RecordBytes(options.payload_bytes_max) + RecordBytes(0);
  const uint64_t bytes = std::max(options.segment_bytes, least);
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

}  // namespace

Result<std::unique_ptr<Log>> OpenLog(Disk& disk, const LogOptions& options) {
  RETURN_IF_ERROR(
      CheckRange("segment_bytes", options.segment_bytes, kSegmentBytesMin, kSegmentBytesMax));
  RETURN_IF_ERROR(CheckRange("payload_bytes_max", options.payload_bytes_max, 1, kPayloadBytesMax));
  RETURN_IF_ERROR(CheckRange("queued_bytes_max", options.queued_bytes_max, 1, kQueuedBytesMax));
  auto log = std::make_unique<DurableLog>(disk, options, FileBytes(options));
  RETURN_IF_ERROR(log->Open());
  return log;
}

}  // namespace metaring::log
