// SPDX-License-Identifier: Apache-2.0
//
// Shared: what the parts of an engine have in common. Each part holds a reference to it and not to
// the others; the engine calls them in the order that a round has.
#ifndef METARING_KVNODE_STRONG_SHARED_H_
#define METARING_KVNODE_STRONG_SHARED_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "kvnode/strong/group.h"
#include "kvnode/strong/log_stage.h"
#include "kvnode/strong/options.h"
#include "kvnode/strong/outbox.h"
#include "kvnode/strong/read_table.h"
#include "kvnode/strong/world.h"

namespace metaring::strong {

// One caller: the loop.
struct Shared {
  Shared(const EngineOptions& engine_options, const World& engine_world, const NodeRecord& found);
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared();

  int64_t Now() const { return world.clock.MonotonicNanos(); }
  Group* Find(GroupId group);
  // After each input to a core: what it says is done in the next round. Brings the entries in line
  // with the core's log.
  void Touch(Group& group);
  // An entry that a leader's core has just been given this index for.
  void AppendOwn(Group& group, raft::LogIndex index, Entry entry);
  // There will be a round, soon.
  void Schedule();
  // There will be one in a little while: the store's flusher is behind.
  void RetryLater();
  // Runs at the end of a round, so that a callback never meets an engine in the middle of
  // something.
  void Answer(std::function<void()> answer);
  // Where who asks the leader now may wait. What waited for a leadership that is over ends first.
  Waiting& WaitingOf(Group& group);
  // Answers all that waits. Its entries may yet be committed, by another leader.
  void EndWaiting(Group& group);
  // The group is looked at each tick for as long as it needs it.
  void Tick(Group& group);
  // The world's end; nothing is done any more.
  void Fatal(const Error& error);
  // An entry's payload, from memory or the log. kNotFound: neither has it. kCorrupt, kIo.
  Result<std::shared_ptr<const Bytes>> Payload(Group& group, raft::LogIndex index);
  // Lets go of entries up to `index`, which are applied.
  void Compact(Group& group, raft::LogIndex index);

  const EngineOptions options;
  World world;
  raft::Host host;
  std::map<GroupId, Group> groups;
  LogStage stage;
  PayloadCache payloads;
  Outbox outbox;
  ReadTable table;
  EngineCounters counters;
  NodeRecord node;      // as it was last staged
  log::Lsn node_at;     // at or before its record
  uint64_t store_txns;  // the number of the last Txn
  std::unique_ptr<log::RecordReader> reader;
  uint64_t read_back_bytes = 0;  // in this round
  std::vector<Group*> touched;   // in order
  std::vector<Group*> applied_in_round;
  std::set<GroupId> ticking;
  bool heartbeats_stale = true;  // who is led with whom has changed
  bool failed = false;

  std::function<void()> run_round;  // set by the engine
  std::vector<std::function<void()>> answers;

 private:
  static constexpr int64_t kRetryNanos = 2'000'000;

  void AddNoOps(Group& group, raft::LogIndex last);

  TimerId round_timer_;
  bool scheduled_ = false;
  TimerId retry_timer_;
  bool retrying_ = false;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_SHARED_H_
