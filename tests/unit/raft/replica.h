// SPDX-License-Identifier: Apache-2.0
//
// Replica: the smallest complete driver of a Core, for tests. It holds what the core does not: the
// entries' values, a disk that a crash cuts back to what was written, a state machine (the list of
// applied values), and the node's promises. Writes and messages wait until the test lets them go.
#ifndef METARING_TESTS_UNIT_RAFT_REPLICA_H_
#define METARING_TESTS_UNIT_RAFT_REPLICA_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "kvnode/raft/core.h"

namespace metaring::raft {

inline constexpr GroupId kGroup{7};

struct Entry {
  Term term;
  uint64_t value = 0;  // zero: a no-op or a configuration
  std::optional<Configuration> configuration;
  friend bool operator==(const Entry&, const Entry&) = default;
};

// What a snapshot has: a prefix of the log, applied.
struct AppliedState {
  LogIndex index;
  Term term;
  ConfigurationEntry configuration;
  std::vector<uint64_t> values;
};

// A message, with the payloads that travel beside it.
struct Packet {
  Message message;
  std::vector<Entry> entries;            // of an append
  std::optional<AppliedState> snapshot;  // of an InstallSnapshot
};

struct ReplicaSettings {
  Configuration configuration;  // of the first start
  WriteAck write_ack = WriteAck::kMajority;
  LeaseLimits lease;
  Options options;
  uint64_t entries_a_message_max = 1000;
};

class Replica {
 public:
  Replica(NodeId self, const ReplicaSettings& settings);

  NodeId self() const { return self_; }
  bool up() const { return core_ != nullptr; }
  Core& core() { return *core_; }
  const Core& core() const { return *core_; }
  Host& host() { return *host_; }

  void Start(int64_t now_ns);
  // Loses everything but what Write has written.
  void Crash();

  Dropped Receive(const Packet& packet);
  std::optional<Proposed> Propose(uint64_t value);
  bool ProposeConfiguration(const Configuration& configuration);
  // Does what outputs say, but for writes and messages, which it queues.
  void Drain();
  // Writes the oldest queued write. False: there is none.
  bool Write();
  void WriteAll();
  // Makes the applied state durable and drops the log before it, but for `kept` entries.
  void Compact(uint64_t kept);
  // While it is down the disk loses entries from here on, and Start finds that out.
  void Damage(LogIndex first_lost);

  // Support, as one heartbeat of `peer` would have it.
  SupportEpoch Heartbeat(NodeId peer, uint64_t incarnation, int64_t now_ns);
  void AdvanceTime(int64_t now_ns);

  std::vector<Packet> TakePackets();
  std::vector<ConfirmedReads> TakeReads() { return std::exchange(reads_, {}); }
  std::optional<Configuration> TakeWanted() { return std::exchange(wanted_, std::nullopt); }

  const std::map<LogIndex, Entry>& entries() const { return entries_; }
  const AppliedState& applied() const { return applied_; }
  uint64_t incarnation() const { return incarnation_; }
  size_t queued_writes() const { return writes_.size(); }
  // As the disk has it.
  const HardState& durable_hard_state() const { return disk_.hard_state; }
  const std::map<LogIndex, Entry>& durable_entries() const { return disk_.entries; }

 private:
  struct QueuedWrite {
    Persist persist;
    std::map<LogIndex, Entry> entries;
  };
  struct Disk {
    HardState hard_state;
    LogIndex commit;
    AppliedState snapshot;
    std::map<LogIndex, Entry> entries;  // behind the snapshot
    SupportEpoch support;
    RepairId damage;
    bool damaged = false;
  };

  void Stage(LogIndex index, Entry entry);
  void Perform(Output output);
  Packet Payload(const AppendOrder& order) const;
  void ApplyTo(LogIndex index);
  void Install(const InstallSnapshot& install);

  NodeId self_;
  ReplicaSettings settings_;
  Disk disk_;
  uint64_t incarnation_ = 0;

  // Lost in a crash.
  std::unique_ptr<Host> host_;
  std::unique_ptr<Core> core_;
  std::map<LogIndex, Entry> entries_;
  AppliedState applied_;
  std::optional<AppliedState> received_;
  std::deque<QueuedWrite> writes_;
  std::vector<Packet> packets_;
  std::vector<ConfirmedReads> reads_;
  std::optional<Configuration> wanted_;
};

}  // namespace metaring::raft

#endif  // METARING_TESTS_UNIT_RAFT_REPLICA_H_
