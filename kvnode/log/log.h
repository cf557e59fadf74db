// SPDX-License-Identifier: Apache-2.0
//
// Log: the durable record stream of a node, shared by all of its groups.
//
// Everything that must survive goes through it: entries, votes, the commands of the embedded form.
// All records that are queued when a sync begins leave in one write and one fdatasync, with no
// timer. There is no writer thread in here: a thread that needs durability calls Sync, the first
// one in does the write for everybody that queued before it, the others wait for it (the group
// commit of LevelDB's writer queue, but with the wait apart from the queueing). With one caller
// that means no thread switch between the caller and the disk; an engine that must not block gives
// the call to a thread of its own.
//
// The byte format, with its grammar and a worked example, is in kvnode/log/format.h.
//
// What it refuses: to retry a failed write or sync (every later call fails), to truncate what was
// once durable (a damaged middle is kCorrupt at Open; a torn tail, never acknowledged, is cut).
#ifndef METARING_KVNODE_LOG_LOG_H_
#define METARING_KVNODE_LOG_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "kvnode/base/bytes.h"
#include "kvnode/base/disk.h"
#include "kvnode/base/ids.h"
#include "kvnode/base/result.h"

namespace metaring::log {

// A byte position in the stream. The stream starts at 0 and never reuses a position.
using Lsn = StrongId<struct LsnTag>;
// Which state machine a record belongs to; the log does not look into it.
using metaring::GroupId;

struct Record {
  Lsn begin;  // where its header starts
  Lsn end;    // one past its last byte; the position to Sync
  GroupId group;
  uint8_t type = 0;  // the owner's
  ByteView payload;  // valid during the call that gives it
};

// A record that was read back.
struct OwnedRecord {
  GroupId group;
  uint8_t type = 0;
  Bytes payload;
};

// Reads single records. One caller; ends before its log. Reading the stream in order is cheap, as
// the bytes around a record are kept until the next one.
class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // The durable record that begins there. The disk is read. Errors: kNotFound (before the log's
  // begin(), or not durable yet), kCorrupt (no valid record is there), kIo.
  virtual Result<OwnedRecord> ReadAt(Lsn begin) = 0;
};

// What an append may use when disk space is short.
enum class SpaceUse {
  kNormal,   // refused with kNoSpace when only the reserve is left
  kReserve,  // may use the reserve: deletes and what the node needs for itself
};

struct LogOptions {
  uint64_t segment_bytes = 16 << 20;     // size of each preallocated file; at least 64 KiB
  uint64_t payload_bytes_max = 1 << 20;  // of one record; larger appends are kInvalidArgument
  uint64_t queued_bytes_max = 8 << 20;   // queued and not yet written; then Append waits for a Sync
  uint64_t spare_segments = 1;           // allocated ahead: the reserve of SpaceUse::kReserve
};

struct LogStats {
  uint64_t records = 0;   // written since Open
  uint64_t syncs = 0;     // fdatasyncs since Open
  uint64_t bytes = 0;     // written since Open, headers included
  uint64_t segments = 0;  // files in use, spares not counted
};

// Thread-safe.
class Log {
 public:
  virtual ~Log() = default;

  // Queues a record behind all earlier ones and gives its end. No I/O, unless queued_bytes_max is
  // reached. Errors: kInvalidArgument (payload over the limit), kNoSpace (refused, nothing queued),
  // kIo (the log failed before).
  virtual Result<Lsn> Append(GroupId group, uint8_t type, ByteView payload, SpaceUse use) = 0;

  // Whether an Append of that size would be refused for want of space now. As Append, it looks for
  // more space when there is too little, so asking heals. Errors: kNoSpace, kIo.
  virtual Status CheckSpace(uint64_t payload_bytes, SpaceUse use) = 0;

  // Returns when every record that ends at or before `end` is on disk. An error is final: whether
  // the records survive is not known, and no later Append or Sync succeeds.
  virtual Status Sync(Lsn end) = 0;

  // Everything before it is on disk. Moves up only.
  virtual Lsn durable() const = 0;
  // The first position that is still kept. Moves up only; begin <= durable.
  virtual Lsn begin() const = 0;

  // Calls `visit` for the records that start at or after `from`, in order, up to what was durable
  // at Open. An error of `visit` ends the replay and is returned. `from` must be a record's begin
  // or end, or not above begin(). Call before the first Append.
  virtual Status Replay(Lsn from, const std::function<Status(const Record&)>& visit) = 0;

  virtual std::unique_ptr<RecordReader> NewReader() const = 0;

  // Lets go of everything before `keep_from`: whole segments are recycled as spares or removed.
  virtual Status TruncateBefore(Lsn keep_from) = 0;

  virtual LogStats stats() const = 0;
};

// Opens the log on a disk, or makes an empty one. Repairs a torn tail. Errors: kCorrupt for a
// damaged middle (the message names file and offset), kFormatMismatch for another format version,
// kIo, kNoSpace.
Result<std::unique_ptr<Log>> OpenLog(Disk& disk, const LogOptions& options);

}  // namespace metaring::log

#endif  // METARING_KVNODE_LOG_LOG_H_
