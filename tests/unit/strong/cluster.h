// SPDX-License-Identifier: Apache-2.0
//
// A few engines in one process under virtual time: the production log on a simulated disk, the
// memory store, a network that a test cuts. The simulator (tests/sim) does the rest: here nothing
// is random, and a test says what happens.
#ifndef METARING_TESTS_UNIT_STRONG_CLUSTER_H_
#define METARING_TESTS_UNIT_STRONG_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kvnode/base/random.h"
#include "kvnode/state/read.h"
#include "kvnode/strong/engine.h"
#include "tests/sim/sim_disk.h"

namespace metaring::strong {

inline constexpr SlotId kSlot{7};
inline constexpr GroupId kGroup = GroupOf(ClassId(1), kSlot);
inline constexpr state::Scope kScope{kSlot, KeyspaceId(5)};

// Virtual time, and what happens when.
class VirtualTime : public Clock {
 public:
  int64_t WallNanos() const override { return now_ns_; }
  int64_t MonotonicNanos() const override { return now_ns_; }
  uint64_t At(int64_t at_ns, std::function<void()> task);
  void Cancel(uint64_t id);
  // Runs what is due within `nanos`, in order.
  void Run(int64_t nanos);
  // The next task alone.
  void RunOne();

 private:
  int64_t now_ns_ = 1'000'000'000;
  uint64_t next_ = 1;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> tasks_;
  std::map<uint64_t, int64_t> due_;
};

class Cluster;

class Node : public Timers, public Peers, public LogWriter, public StoreFlusher {
 public:
  Node(Cluster& cluster, NodeId id);
  ~Node() override;

  void Start();
  // What was not synced is lost. `lose_store`: the store, too, as if it had never been flushed.
  void Crash(bool lose_store = false);
  // Ends the engine alone.
  void StopEngine() { engine_.reset(); }
  bool up() const { return engine_ != nullptr; }
  Engine& engine() { return *engine_; }
  log::Log& log() { return *log_; }
  store::Store& store() { return *store_; }
  sim::SimDisk& disk() { return disk_; }
  sim::SimDisk& spool() { return spool_; }
  NodeId id() const { return id_; }
  const std::string& fatal() const { return fatal_; }

  TimerId RunAt(int64_t at_ns, std::function<void()> task) override;
  void Cancel(TimerId timer) override;
  void Send(NodeId to, PeerMessage&& message) override;
  uint64_t Room(NodeId to) const override;
  void Sync(log::Lsn end) override;
  void TruncateBefore(log::Lsn keep_from) override;
  void Flush() override;

  bool syncs_held = false;    // no sync ends while it is set
  bool flushes_held = false;  // likewise
  std::set<NodeId> full;      // ways that take nothing

 private:
  void Later(int64_t nanos, std::function<void()> task);

  Cluster& cluster_;
  NodeId id_;
  uint64_t life_ = 0;
  sim::SimDisk disk_;
  sim::SimDisk spool_;
  Random random_;
  std::string fatal_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Engine> engine_;
};

class Cluster {
 public:
  // Nodes 1 to `nodes`, all up, without groups.
  explicit Cluster(int nodes, EngineOptions options = {});

  // On all nodes, with these voters; on others nothing.
  void Create(const std::vector<uint64_t>& voters, GroupId group = kGroup,
              raft::WriteAck write_ack = raft::WriteAck::kMajority);
  Node& node(uint64_t id) { return *nodes_.at(NodeId(id)); }
  Engine& engine(uint64_t id) { return node(id).engine(); }
  void Run(int64_t millis) { time.Run(millis * 1'000'000); }
  // Runs until it is true; false after `millis`.
  bool RunUntil(const std::function<bool()>& condition, int64_t millis = 20'000);
  // The same, looking after every single task.
  bool StepUntil(const std::function<bool()>& condition, int64_t tasks = 1'000'000);
  // The node that leads and has committed in its term, once there is one; 0: none came.
  uint64_t Leader(GroupId group = kGroup);
  void Cut(uint64_t a, uint64_t b, bool cut = true);
  void Isolate(uint64_t id, bool cut = true);

  // On one node, to the end; kDeadlineExceeded when no answer came.
  Result<state::TransactReply> Put(uint64_t id, const Bytes& key, const Bytes& value,
                                   GroupId group = kGroup);
  Result<std::optional<Bytes>> Get(uint64_t id, ReadMode mode, const Bytes& key);
  // What the node's store has, whoever may read it.
  std::optional<Bytes> Stored(uint64_t id, const Bytes& key);

  VirtualTime time;
  EngineOptions options;
  log::LogOptions log_options;
  std::set<std::pair<NodeId, NodeId>> cuts;  // from, to
  // Sees each message on its way; false: it is lost.
  std::function<bool(NodeId from, NodeId to, PeerMessage& message)> filter;
  uint64_t messages = 0;

 private:
  std::map<NodeId, std::unique_ptr<Node>> nodes_;
};

Bytes PutCommand(const Bytes& key, const Bytes& value, state::Scope scope = kScope);

}  // namespace metaring::strong

#endif  // METARING_TESTS_UNIT_STRONG_CLUSTER_H_
