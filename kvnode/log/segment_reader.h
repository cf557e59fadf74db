// SPDX-License-Identifier: Apache-2.0
//
// Reading the stream back, in windows of bounded memory: the records of one segment (SegmentReader)
// and the unbroken chain of records from segment to segment (RecordChain), on which recovery and
// replay are built.
#ifndef METARING_KVNODE_LOG_SEGMENT_READER_H_
#define METARING_KVNODE_LOG_SEGMENT_READER_H_

#include <memory>
#include <optional>
#include <vector>

#include "kvnode/log/format.h"
#include "kvnode/log/segment_files.h"

namespace metaring::log {

// One caller.
class SegmentReader {
 public:
  SegmentReader(const Segment& segment, std::unique_ptr<File> file)
      : segment_(segment), file_(std::move(file)) {}

  // The valid record that begins at this position of the segment; views live until the next call.
  Result<std::optional<StoredRecord>> RecordAt(Lsn at);

  // What lies at and behind a position that holds no valid record.
  struct Remains {
    bool claimed = false;  // something there claims to be a record of its position, valid or not
    Lsn synced;            // the highest of the valid records; 0 when there are none
  };
  // Tries every position in [from, end of the segment): records begin at multiples of 8.
  Result<Remains> ScanRemains(Lsn from);

 private:
  static size_t FindClaim(ByteView window, Lsn at);
  Result<ByteView> View(uint64_t offset, uint64_t length);

  const Segment segment_;
  const std::unique_ptr<File> file_;
  uint64_t window_offset_ = 0;
  Bytes window_;  // the file's bytes from window_offset_ on
};

// One caller. Gives the records one after another, segment ends left out.
class RecordChain {
 public:
  // `segments` are ordered by start, one of them holds `from`, and they outlive this object.
  RecordChain(const SegmentFiles& files, const std::vector<Segment>& segments, Lsn from);

  // Nothing when the record at position() is not valid, or the segment that it belongs to is
  // missing. Views live until the next call.
  Result<std::optional<StoredRecord>> Next();

  // Where the next record begins, in segments[segment_index()]. When the segment that should follow
  // is missing, segment_index() is segments.size() or that of a segment behind the gap.
  Lsn position() const { return position_; }
  size_t segment_index() const { return index_; }

 private:
  const SegmentFiles& files_;
  const std::vector<Segment>& segments_;
  Lsn position_;
  size_t index_ = 0;
  std::optional<SegmentReader> reader_;
};

}  // namespace metaring::log

#endif  // METARING_KVNODE_LOG_SEGMENT_READER_H_
