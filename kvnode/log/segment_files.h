// SPDX-License-Identifier: Apache-2.0
//
// SegmentFiles: the names and the life of the log's files.
//
//   N.new    being allocated; removed at Open
//   N.spare  has its size and its blocks, holds nothing: N is only a number
//   S.log    a segment; S is its start LSN in 16 hex digits
//
// new -> spare -> log -> spare: a file is recycled by renaming it, which costs no allocation, so
// neither an append nor a truncation needs free space. Each step is durable when its call returns,
// in an order in which a crash leaves either the old or the new name: a spare gets its header and
// has it synced before it becomes a segment, and is a segment, durably, before a record is written
// to it.
#ifndef METARING_KVNODE_LOG_SEGMENT_FILES_H_
#define METARING_KVNODE_LOG_SEGMENT_FILES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kvnode/base/disk.h"
#include "kvnode/base/result.h"
#include "kvnode/log/format.h"

namespace metaring::log {

struct Segment {
  Lsn start;
  uint64_t file_bytes = 0;

  uint64_t capacity() const { return file_bytes - kSegmentHeaderBytes; }
  // Where the next one starts.
  Lsn end() const { return Plus(start, capacity()); }
  uint64_t OffsetOf(Lsn lsn) const { return kSegmentHeaderBytes + lsn.value() - start.value(); }
  std::string FileName() const;
};

// Thread-safe: each file is named in one call at a time.
class SegmentFiles {
 public:
  // `file_bytes` is the size of new files. The disk must outlive this object.
  SegmentFiles(Disk& disk, uint64_t file_bytes) : disk_(disk), file_bytes_(file_bytes) {}

  struct Found {
    std::vector<Segment> segments;    // in the order of their starts, their headers checked
    std::vector<std::string> spares;  // of the right size
  };
  // What is on disk. Removes unfinished files and spares of another size; ignores foreign names.
  Result<Found> Find();

  // Makes a spare and gives its name. After an error (kNoSpace, kIo) there is nothing of it.
  Result<std::string> AllocateSpare();
  // Turns a spare into the empty segment that starts there.
  Result<std::unique_ptr<File>> StartSegment(const std::string& spare, Lsn start);
  // Turns a segment into a spare and gives its name.
  Result<std::string> Recycle(const Segment& segment);
  Status Remove(const Segment& segment);
  Result<std::unique_ptr<File>> Open(const Segment& segment) const;

  uint64_t file_bytes() const { return file_bytes_; }

 private:
  Result<Segment> ReadHeader(Lsn start) const;
  Status FindSpare(const std::string& name, Found& found);
  std::string NewName(const char* suffix);

  Disk& disk_;
  const uint64_t file_bytes_;
  std::atomic<uint64_t> next_number_{0};  // above that of every spare there is
};

}  // namespace metaring::log

#endif  // METARING_KVNODE_LOG_SEGMENT_FILES_H_
