// SPDX-License-Identifier: Apache-2.0
//
// Batch: records that are queued for one write, and how they fall on segments. SegmentWriter: what
// the thread that leads a sync does with one.
#ifndef METARING_KVNODE_LOG_BATCH_H_
#define METARING_KVNODE_LOG_BATCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kvnode/log/format.h"
#include "kvnode/log/segment_files.h"

namespace metaring::log {

// One caller. Its memory is kept from use to use, up to kKeptBytes, so that queueing does not
// allocate.
class Batch {
 public:
  static constexpr size_t kKeptBytes = 1 << 20;

  // What goes into one segment.
  struct Piece {
    Lsn begin;
    size_t offset = 0;  // of its first byte in the buffer; it goes up to the next piece
    std::string spare;  // the file that becomes the segment first; empty: the segment exists
  };

  bool empty() const { return pieces_.empty(); }
  size_t bytes() const { return buffer_.size(); }
  uint64_t records() const { return records_; }
  // Syncs that writing it takes.
  uint64_t syncs() const;
  // One past the last record.
  Lsn end() const { return end_; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  char* PieceData(size_t index) { return buffer_.data() + pieces_[index].offset; }
  size_t PieceBytes(size_t index) const;

  // `begin` continues what was added before, if anything was.
  void Add(RecordKind kind, Lsn begin, GroupId group, uint8_t type, ByteView payload);
  // What is added from now on goes into the segment that starts there, made of this spare.
  void StartSegment(Lsn start, std::string spare);
  void Clear();

 private:
  Bytes buffer_;
  std::vector<Piece> pieces_;
  uint64_t records_ = 0;
  Lsn end_;
};

// One caller: whoever leads.
class SegmentWriter {
 public:
  explicit SegmentWriter(SegmentFiles& files) : files_(files) {}

  // Where writing goes on.
  void Attach(const Segment& segment, std::unique_ptr<File> file);

  // Seals a batch that is not empty, and writes and syncs each of its pieces: two calls of the
  // disk, unless a segment begins in it. After an error nothing may be written any more.
  Status Write(Batch& batch, Lsn synced);

 private:
  Status WritePiece(Batch& batch, size_t index);

  SegmentFiles& files_;
  Segment segment_;  // the one that is being filled
  std::unique_ptr<File> file_;
};

}  // namespace metaring::log

#endif  // METARING_KVNODE_LOG_BATCH_H_
