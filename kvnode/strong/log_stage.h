// SPDX-License-Identifier: Apache-2.0
//
// LogStage: the engine's way into the log. Records go in, in one order for all groups; when the log
// is durable up to what a write needs, the write is reported. Nobody waits: if the log has no space
// even in its reserve, records wait here and are tried again, in their order.
#ifndef METARING_KVNODE_STRONG_LOG_STAGE_H_
#define METARING_KVNODE_STRONG_LOG_STAGE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"
#include "kvnode/log/log.h"
#include "kvnode/raft/output.h"
#include "kvnode/strong/record_codec.h"

namespace metaring::strong {

// One caller.
class LogStage {
 public:
  // A write of a group's core, or something of the engine's own, that is on disk.
  struct Done {
    GroupId group;
    std::optional<raft::PersistToken> token;  // for Core::Persisted
    std::function<void()> then;               // without a token
  };
  // Where an entry came to lie.
  struct Placed {
    GroupId group;
    raft::LogIndex index;
    log::Lsn begin;
  };

  // What is queued before the log takes nothing more; World says what the log's own bound must be.
  LogStage(log::Log& log, uint64_t bytes_max);

  // `index`: of an entry, which Drain tells the place of.
  void Add(GroupId group, RecordType type, Bytes payload, raft::LogIndex index = {});
  // Everything added so far is one write.
  void Mark(GroupId group, const raft::PersistToken& token);
  void Mark(std::function<void()> then);

  // Gives the log what it takes. kIo: the log has failed for good. Without space it is no error:
  // Stuck() says so, and a later Drain goes on.
  Result<std::vector<Placed>> Drain();
  bool Stuck() const { return !waiting_.empty(); }

  // The log is durable up to here: the writes that are done, in their order.
  std::vector<Done> Durable(log::Lsn durable);
  // What must be synced for all marks whose records the log has; nothing when all are.
  std::optional<log::Lsn> SyncWanted();

  // One past the last record in the log.
  log::Lsn end() const { return end_; }
  // Bytes that are added and not yet durable.
  uint64_t bytes() const { return waiting_bytes_ + (end_.value() - durable_.value()); }
  // Whether so much waits that who can refuse to add should.
  bool Full() const { return bytes() >= bytes_max_; }

 private:
  struct Waiting {
    GroupId group;
    RecordType type{};
    Bytes payload;
    raft::LogIndex index;
  };
  struct Write {
    uint64_t record = 0;  // the number of its last record
    log::Lsn end;         // set when the log has that record
    Done done;
  };
  void AddMark(Done done);

  log::Log& log_;
  const uint64_t bytes_max_;
  std::deque<Waiting> waiting_;
  uint64_t waiting_bytes_ = 0;
  uint64_t added_ = 0;   // records, ever
  uint64_t in_log_ = 0;  // of them, in the log; in_log_ + waiting_.size() == added_
  std::deque<Write> writes_;
  size_t ended_ = 0;  // of writes_, those whose `end` is set
  log::Lsn end_;
  log::Lsn durable_;  // durable_ <= end_
  log::Lsn sync_asked_;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_LOG_STAGE_H_
