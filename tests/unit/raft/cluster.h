// SPDX-License-Identifier: Apache-2.0
//
// Cluster: replicas of one group and a network between them, for tests. Nothing happens by itself:
// a test delivers, writes, ticks and moves time, or lets Settle do it until nothing is left to do.
// Check tests the invariants of Raft's figure 3 over all that happened so far.
#ifndef METARING_TESTS_UNIT_RAFT_CLUSTER_H_
#define METARING_TESTS_UNIT_RAFT_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kvnode/base/random.h"
#include "tests/unit/raft/replica.h"

namespace metaring::raft {

inline constexpr int64_t kTickNs = 100'000'000;

class Cluster {
 public:
  // Nodes 1 to `nodes`, all up; the voters are those of settings.configuration.
  Cluster(uint64_t nodes, const ReplicaSettings& settings);
  // All are voters.
  explicit Cluster(uint64_t nodes) : Cluster(nodes, VotersTo(nodes)) {}
  static ReplicaSettings VotersTo(uint64_t nodes);

  Replica& at(uint64_t node) { return replicas_.at(NodeId(node)); }
  std::map<NodeId, Replica>& replicas() { return replicas_; }
  // True time.
  int64_t now_ns() const { return now_ns_; }
  // What a node's clock shows.
  int64_t ClockOf(NodeId node) const;
  // Makes a clock run faster (or, below zero, slower) than true time.
  void SetClockRate(NodeId node, int64_t ppm) { clock_ppm_[node] = ppm; }

  // Cuts or joins the way from one to another, in this direction.
  void Cut(uint64_t from, uint64_t to) { cuts_.insert({NodeId(from), NodeId(to)}); }
  void Join(uint64_t from, uint64_t to) { cuts_.erase({NodeId(from), NodeId(to)}); }
  // Both ways, to and from everybody.
  void Isolate(uint64_t node);
  void Heal() { cuts_.clear(); }
  bool IsCut(NodeId from, NodeId to) const { return cuts_.contains({from, to}); }

  // Moves what replicas want to send into the network.
  void Collect();
  std::deque<Packet>& network() { return network_; }
  // Hands a packet over, if its way is open and its receiver up.
  Dropped Deliver(const Packet& packet);
  // Delivers all that is there and all that follows from it, writing at once. With `trace`, a line
  // for each message.
  void Settle(std::string* trace = nullptr);

  // Moves time, without anything else.
  void Advance(int64_t ns);
  // A heartbeat each way between all pairs that are up and not cut; round trips take no time.
  void Heartbeats();
  // The same, but answers arrive now, later or never.
  void SlowHeartbeats(Random& random);
  // A tick of time: heartbeats, Tick for whom it is needed, and Settle.
  void Tick();
  // Ticks until a leader is established (its own entry committed); zero when none came.
  uint64_t Elect() { return ElectOther(0); }
  // The same, and it is not `former`, which may go on believing in itself.
  uint64_t ElectOther(uint64_t former);
  // Makes `node` the leader, which must be possible.
  void Lead(uint64_t node);
  // Of those that are up, the leader of the highest term; zero if none.
  uint64_t Leader();
  // Proposes at a leader and settles. False: it was refused.
  bool Put(uint64_t node, uint64_t value);

  // A line for each replica, for messages of failures.
  std::string State() const;
  // Fails the test on the first violation.
  void Check();

 private:
  struct HeartbeatAnswer {
    NodeId leader;
    uint64_t incarnation;
    NodeId follower;
    SupportEpoch epoch;
    int64_t sent_ns;
  };
  void SendHeartbeats();
  void TakeAnswer(const HeartbeatAnswer& answer);
  void CheckOne(const Replica& replica);
  // One vote a term, as it is said: a crash makes no difference to who heard it (5.2).
  void CheckVote(const Message& message);

  ReplicaSettings settings_;
  std::map<NodeId, Replica> replicas_;
  std::set<std::pair<NodeId, NodeId>> cuts_;
  std::deque<Packet> network_;
  std::vector<HeartbeatAnswer> answers_;  // under way
  int64_t now_ns_ = 1'000'000'000;
  std::map<NodeId, int64_t> clock_ppm_;

  // What Check has seen so far.
  std::map<Term, NodeId> leaders_;
  std::map<std::pair<NodeId, Term>, NodeId> votes_;  // that are durable
  std::map<std::pair<NodeId, Term>, NodeId> said_votes_;
  std::map<LogIndex, Entry> committed_;
  // Of each entry by index and term: what it is, and the term of the one before it.
  std::map<std::pair<LogIndex, Term>, std::pair<Entry, Term>> created_;
  std::map<NodeId, Term> terms_;
};

}  // namespace metaring::raft

#endif  // METARING_TESTS_UNIT_RAFT_CLUSTER_H_
