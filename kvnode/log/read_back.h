// SPDX-License-Identifier: Apache-2.0
//
// ReadBack: RecordReader on a log that lives on. The segments of a position never change, so what
// was read of one stays true; what was read before it was written is read again.
#ifndef METARING_KVNODE_LOG_READ_BACK_H_
#define METARING_KVNODE_LOG_READ_BACK_H_

#include <optional>

#include "kvnode/log/durable_log.h"
#include "kvnode/log/segment_reader.h"

namespace metaring::log {

// One caller.
class ReadBack final : public RecordReader {
 public:
  ReadBack(const DurableLog& log, const SegmentFiles& files) : log_(log), files_(files) {}

  Result<OwnedRecord> ReadAt(Lsn begin) override;

 private:
  Status Attach(const Segment& segment);

  const DurableLog& log_;
  const SegmentFiles& files_;
  Segment segment_;  // of the reader
  std::optional<SegmentReader> reader_;
};

}  // namespace metaring::log

#endif  // METARING_KVNODE_LOG_READ_BACK_H_
