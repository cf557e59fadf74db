// SPDX-License-Identifier: Apache-2.0
//
// SupportDriver: moves the two sides of support (raft/support.h) with time and the network. One
// heartbeat a node pair and interval, from a node that leads some group to those that have replicas
// of it; so pairs that share nothing, or only follow, say nothing.
#ifndef METARING_KVNODE_STRONG_SUPPORT_DRIVER_H_
#define METARING_KVNODE_STRONG_SUPPORT_DRIVER_H_

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "kvnode/strong/shared.h"

namespace metaring::strong {

// One caller.
class SupportDriver {
 public:
  explicit SupportDriver(Shared& shared) : shared_(shared) {}
  ~SupportDriver();
  SupportDriver(const SupportDriver&) = delete;
  SupportDriver& operator=(const SupportDriver&) = delete;

  // Once: makes this life of the node, and its first epoch, durable.
  void Start();

  void Receive(NodeId from, const Heartbeat& heartbeat);
  void Receive(NodeId from, const HeartbeatReply& reply);
  // In each round: heartbeats at once to who has just become worth one.
  void Refresh();

 private:
  // Heartbeats whose answer may still come.
  static constexpr size_t kUnansweredMax = 16;

  struct Sent {
    uint64_t sequence = 0;
    int64_t at_ns = 0;
  };

  void Advance();
  void RaiseEpoch(raft::SupportEpoch epoch);
  void BeatAll();
  void Beat(NodeId peer);
  void Arm();
  void TickEverybodyInNeed();

  Shared& shared_;
  bool started_ = false;         // the incarnation is durable
  bool restarting_ = false;      // as SupportGiven was last seen
  std::set<NodeId> supporters_;  // who has replicas of what is led here
  std::map<NodeId, std::deque<Sent>> unanswered_;
  uint64_t sequence_ = 0;
  int64_t next_beat_ns_ = 0;
  std::optional<TimerId> timer_;
  int64_t timer_at_ns_ = 0;
};

}  // namespace metaring::strong

#endif  // METARING_KVNODE_STRONG_SUPPORT_DRIVER_H_
