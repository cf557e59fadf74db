// SPDX-License-Identifier: Apache-2.0
//
// Random runs: a group of three or five under loss, doubling, reordering, cuts one way and both,
// crashes that lose what was not written, restarts, snapshots, damaged logs, changes of membership
// and of leader; invariants after each step, reads that must see what was acknowledged before them,
// and at the end everything healed and progress required. Clocks run at different rates. The seed
// is in the test's name; METARING_RAFT_SEEDS=N runs the first N.
#include "kvnode/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "tests/unit/raft/cluster.h"

namespace metaring::raft {
namespace {

constexpr int kSteps = 3000;

class Chaos {
 public:
  Chaos(uint64_t seed, WriteAck write_ack)
      : random_(seed), cluster_(kNodes, Settings(random_, write_ack)) {
    for (uint64_t node = 1; node <= kNodes; ++node) {
      const auto rate = static_cast<int64_t>(random_.Below(2 * kDriftPpm + 1));
      cluster_.SetClockRate(NodeId(node), rate - kDriftPpm);
    }
  }

  void Run() {
    for (int step = 0; step < kSteps && !testing::Test::HasFatalFailure(); ++step) {
      Act();
      cluster_.Collect();
      cluster_.Check();
      CheckAcknowledged();
    }
    if (!testing::Test::HasFatalFailure()) Recover();
  }

 private:
  static constexpr uint64_t kNodes = 5;
  static constexpr int64_t kDriftPpm = 50'000;

  static ReplicaSettings Settings(Random& random, WriteAck write_ack) {
    ReplicaSettings settings = Cluster::VotersTo(random.OneIn(3) ? kNodes : 3);
    settings.write_ack = write_ack;
    settings.lease.drift_ppm = kDriftPpm;
    settings.entries_a_message_max = 1 + random.Below(8);
    return settings;
  }

  Replica& Any() { return cluster_.at(1 + random_.Below(kNodes)); }

  void Act() {
    switch (random_.Below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        return Network();
      case 6:
      case 7:
      case 8:
        return WriteSome();
      case 9:
      case 10:
        return Time();
      case 11:
      case 12:
        return Put();
      case 13:
        return Read();
      default:
        return Rare();
    }
  }

  void Network() {
    std::deque<Packet>& network = cluster_.network();
    for (uint64_t i = random_.Below(8); i > 0 && !network.empty(); --i) {
      // Mostly in order.
      const size_t at = random_.OneIn(4) ? random_.Below(network.size()) : 0;
      const Packet packet = network[at];
      const bool stays = random_.OneIn(20);
      if (!stays) network.erase(network.begin() + static_cast<std::ptrdiff_t>(at));
      if (random_.OneIn(20)) continue;
      cluster_.Deliver(packet);
      cluster_.Collect();
    }
    if (network.size() > 300) network.erase(network.begin(), network.begin() + 100);
  }

  void WriteSome() {
    for (auto& [node, replica] : cluster_.replicas()) {
      if (replica.up() && !random_.OneIn(3)) replica.Write();
    }
  }

  void Time() {
    cluster_.Advance(static_cast<int64_t>(random_.Below(2 * kTickNs)));
    if (!random_.OneIn(4)) cluster_.SlowHeartbeats(random_);
    for (auto& [node, replica] : cluster_.replicas()) {
      if (replica.up() && !random_.OneIn(4) && replica.core().NeedsTick()) replica.core().Tick();
      if (!replica.up()) continue;
      replica.Drain();
      if (const auto wanted = replica.TakeWanted()) replica.ProposeConfiguration(*wanted);
    }
  }

  void Put() {
    Replica& replica = Any();
    if (replica.up()) replica.Propose(next_value_++);
  }

  // A read is right when it sees whatever was acknowledged before it began.
  void Read() {
    Replica& replica = Any();
    if (!replica.up() || replica.core().role() != Role::kLeader) return;
    const LogIndex must_see = acknowledged_;
    const LogIndex applied = replica.applied().index;
    const ReadGate gate = replica.core().Gate();
    const auto verdict =
        gate.ByLease(applied, cluster_.ClockOf(replica.self()), replica.host().received);
    if (verdict == ReadVerdict::kServe) {
      ++leases_;
      ASSERT_GE(applied, must_see) << "a stale read by lease";
    }
    const RoundId round(++rounds_);
    if (!replica.core().ReadIndex(round)) return;
    for (auto& [node, peer] : cluster_.replicas()) {
      if (!peer.up() || random_.OneIn(4) || cluster_.IsCut(node, replica.self())) continue;
      if (!peer.core().Follows(replica.self(), replica.core().term())) continue;
      replica.core().Confirmed(node, round, replica.core().term());
    }
    replica.Drain();
    for (const ConfirmedReads& reads : replica.TakeReads()) {
      if (reads.through != round) continue;
      const auto confirmed = replica.core().Gate().ByConfirmation(replica.applied().index, reads);
      if (confirmed != ReadVerdict::kServe) continue;
      ++confirmations_;
      ASSERT_GE(replica.applied().index, must_see) << "a stale read by confirmation";
    }
  }

  void Rare() {
    Replica& replica = Any();
    switch (random_.Below(24)) {
      case 0:
      case 1:
        if (replica.up() && Down() < 2) replica.Crash();
        return;
      case 2:
      case 3:
      case 4:
        if (!replica.up()) replica.Start(cluster_.ClockOf(replica.self()));
        return;
      case 5:
      case 6:
        return cluster_.Isolate(replica.self().value());
      case 7:
        return cluster_.Cut(1 + random_.Below(kNodes), replica.self().value());
      case 8:
      case 9:
      case 10:
      case 11:
        return cluster_.Heal();
      case 12:
      case 13:
        if (replica.up()) replica.Compact(random_.Below(4));
        return;
      case 14:
        return DamageOne(replica);
      case 15:
      case 16:
        if (replica.up()) (void)replica.core().TransferLeadership(Any().self());
        return;
      case 17:
      case 18:
      case 19:
        return ChangeMembers(replica);
      default:
        return Progress();
    }
  }

  // Lets the group work for a while, so that a run is not all trouble.
  void Progress() {
    for (int i = 0; i < 10; ++i) cluster_.Tick();
  }

  // One damage at a time, and none while others are down: more than a minority may not be lost.
  void DamageOne(Replica& replica) {
    if (!replica.up() || Down() > 0) return;
    for (const auto& [node, other] : cluster_.replicas()) {
      if (other.core().damaged()) return;
    }
    replica.Crash();
    if (!replica.durable_entries().empty()) {
      const uint64_t first = replica.durable_entries().begin()->first.value();
      replica.Damage(LogIndex(first + random_.Below(replica.durable_entries().size())));
    }
    replica.Start(cluster_.ClockOf(replica.self()));
  }

  void ChangeMembers(Replica& replica) {
    if (!replica.up() || replica.core().role() != Role::kLeader) return;
    std::vector<Member> members = replica.core().configuration().members();
    const NodeId node = Any().self();
    const auto at = std::find_if(members.begin(), members.end(),
                                 [&](const Member& member) { return member.node == node; });
    if (at == members.end()) {
      members.push_back({node, MemberRole::kLearner});
    } else if (at->role == MemberRole::kLearner) {
      at->role = random_.OneIn(4) ? MemberRole::kLearner : MemberRole::kVoter;
    } else if (replica.core().configuration().voters() > 3) {
      members.erase(at);
    }
    replica.ProposeConfiguration(Configuration(std::move(members)));
  }

  uint64_t Down() {
    return static_cast<uint64_t>(
        std::count_if(cluster_.replicas().begin(), cluster_.replicas().end(),
                      [](const auto& entry) { return !entry.second.up(); }));
  }

  // A leader answers what it has applied.
  void CheckAcknowledged() {
    for (const auto& [node, replica] : cluster_.replicas()) {
      if (!replica.up() || replica.core().role() != Role::kLeader) continue;
      if (!replica.core().Gate().open()) continue;
      acknowledged_ = std::max(acknowledged_, replica.applied().index);
    }
  }

  void Recover() {
    cluster_.Heal();
    for (auto& [node, replica] : cluster_.replicas()) {
      if (!replica.up()) replica.Start(cluster_.ClockOf(replica.self()));
    }
    uint64_t leader = 0;
    for (int i = 0; i < 400; ++i) {
      cluster_.Tick();
      for (auto& [node, replica] : cluster_.replicas()) {
        if (const auto wanted = replica.TakeWanted()) replica.ProposeConfiguration(*wanted);
      }
    }
    leader = cluster_.Leader();
    ASSERT_NE(leader, 0u) << "nobody leads after all was healed" << cluster_.State();
    ASSERT_TRUE(cluster_.Put(leader, next_value_));
    for (int i = 0; i < 20; ++i) cluster_.Tick();
    const AppliedState& state = cluster_.at(leader).applied();
    ASSERT_GE(state.index, acknowledged_);
    ASSERT_FALSE(state.values.empty());
    ASSERT_EQ(state.values.back(), next_value_);
    for (const Member& member : cluster_.at(leader).core().configuration().members()) {
      const Replica& replica = cluster_.at(member.node.value());
      ASSERT_EQ(replica.applied().values, state.values)
          << "node " << member.node.value() << cluster_.State();
      ASSERT_FALSE(replica.core().damaged());
      ASSERT_FALSE(replica.core().NeedsTick()) << cluster_.State();
    }
    cluster_.Check();
    testing::Test::RecordProperty("leases", leases_);
    testing::Test::RecordProperty("confirmations", confirmations_);
    testing::Test::RecordProperty("entries", static_cast<int>(state.index.value()));
  }

  Random random_;
  Cluster cluster_;
  uint64_t next_value_ = 1;
  LogIndex acknowledged_;  // the highest index of which some client has heard
  uint64_t rounds_ = 0;
  int leases_ = 0;
  int confirmations_ = 0;
};

class RaftRandom : public testing::TestWithParam<uint64_t> {};

TEST_P(RaftRandom, KeepsTheInvariantsAndRecovers) {
  Chaos(GetParam(), WriteAck::kMajority).Run();
}

TEST_P(RaftRandom, KeepsThemWithAllInSync) {
  Chaos(GetParam() + 1'000'000, WriteAck::kAllInSync).Run();
}

uint64_t Seeds() {
  const char* wanted = getenv("METARING_RAFT_SEEDS");
  return wanted == nullptr ? 60 : std::strtoull(wanted, nullptr, 10);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RaftRandom, testing::Range<uint64_t>(0, Seeds()));

}  // namespace
}  // namespace metaring::raft
