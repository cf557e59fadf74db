// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/raft/cluster.h"

#include <gtest/gtest.h>

#include <utility>

namespace metaring::raft {

ReplicaSettings Cluster::VotersTo(uint64_t nodes) {
  std::vector<NodeId> voters;
  for (uint64_t node = 1; node <= nodes; ++node) voters.push_back(NodeId(node));
  ReplicaSettings settings;
  settings.configuration = Configuration::OfVoters(voters);
  return settings;
}

Cluster::Cluster(uint64_t nodes, const ReplicaSettings& settings) : settings_(settings) {
  for (uint64_t node = 1; node <= nodes; ++node) {
    replicas_.try_emplace(NodeId(node), NodeId(node), settings).first->second.Start(now_ns_);
  }
}

void Cluster::Isolate(uint64_t node) {
  for (const auto& [other, replica] : replicas_) {
    if (other.value() == node) continue;
    Cut(node, other.value());
    Cut(other.value(), node);
  }
}

void Cluster::Collect() {
  for (auto& [node, replica] : replicas_) {
    if (!replica.up()) continue;
    replica.Drain();
    for (Packet& packet : replica.TakePackets()) {
      CheckVote(packet.message);
      network_.push_back(std::move(packet));
    }
  }
}

void Cluster::CheckVote(const Message& message) {
  const auto* request = std::get_if<VoteRequest>(&message.body);
  const auto* reply = std::get_if<VoteReply>(&message.body);
  NodeId choice;
  if (request != nullptr && !request->pre_vote) choice = message.from;
  if (reply != nullptr && !reply->pre_vote && reply->granted) choice = message.to;
  if (choice == NodeId()) return;
  const std::pair voter(message.from, message.term);
  ASSERT_EQ(said_votes_.emplace(voter, choice).first->second, choice)
      << "node " << message.from.value() << " said two votes in term " << message.term.value();
}

Dropped Cluster::Deliver(const Packet& packet) {
  const auto to = replicas_.find(packet.message.to);
  if (to == replicas_.end() || !to->second.up()) return Dropped::kNo;
  if (IsCut(packet.message.from, packet.message.to)) return Dropped::kNo;
  return to->second.Receive(packet);
}

void Cluster::Settle(std::string* trace) {
  for (bool busy = true; busy;) {
    busy = false;
    for (auto& [node, replica] : replicas_) {
      while (replica.up() && replica.Write()) busy = true;
    }
    Collect();
    while (!network_.empty()) {
      busy = true;
      const Packet packet = std::move(network_.front());
      network_.pop_front();
      const Dropped dropped = Deliver(packet);
      if (trace == nullptr) continue;
      *trace += Describe(packet.message);
      if (IsCut(packet.message.from, packet.message.to)) *trace += " (cut)";
      if (dropped != Dropped::kNo) *trace += " (" + Describe(dropped) + ")";
      *trace += "\n";
    }
  }
}

int64_t Cluster::ClockOf(NodeId node) const {
  const auto rate = clock_ppm_.find(node);
  return now_ns_ + (rate == clock_ppm_.end() ? 0 : now_ns_ / 1'000'000 * rate->second);
}

void Cluster::Advance(int64_t ns) {
  now_ns_ += ns;
  for (auto& [node, replica] : replicas_) {
    if (replica.up()) replica.AdvanceTime(ClockOf(node));
  }
}

void Cluster::SendHeartbeats() {
  for (auto& [from, leader] : replicas_) {
    for (auto& [to, follower] : replicas_) {
      if (from == to || !leader.up() || !follower.up() || IsCut(from, to)) continue;
      const SupportEpoch epoch = follower.Heartbeat(from, leader.incarnation(), ClockOf(to));
      if (epoch == SupportEpoch()) continue;
      answers_.push_back({from, leader.incarnation(), to, epoch, ClockOf(from)});
    }
  }
}

void Cluster::TakeAnswer(const HeartbeatAnswer& answer) {
  Replica& leader = replicas_.at(answer.leader);
  if (!leader.up() || leader.incarnation() != answer.incarnation) return;
  if (IsCut(answer.follower, answer.leader)) return;
  leader.host().received.Granted(answer.follower, answer.epoch, answer.sent_ns);
  leader.AdvanceTime(ClockOf(answer.leader));
}

void Cluster::Heartbeats() {
  SendHeartbeats();
  for (const HeartbeatAnswer& answer : std::exchange(answers_, {})) TakeAnswer(answer);
}

void Cluster::SlowHeartbeats(Random& random) {
  SendHeartbeats();
  for (const HeartbeatAnswer& answer : std::exchange(answers_, {})) {
    if (random.OneIn(3)) {
      answers_.push_back(answer);
    } else if (!random.OneIn(8)) {
      TakeAnswer(answer);
    }
  }
}

void Cluster::Tick() {
  Advance(kTickNs);
  Heartbeats();
  for (auto& [node, replica] : replicas_) {
    if (replica.up() && replica.core().NeedsTick()) replica.core().Tick();
  }
  Settle();
  Check();
}

uint64_t Cluster::ElectOther(uint64_t former) {
  for (int i = 0; i < 200; ++i) {
    Tick();
    const uint64_t leader = Leader();
    if (leader != 0 && leader != former && at(leader).core().Gate().open()) return leader;
  }
  return 0;
}

void Cluster::Lead(uint64_t node) {
  const uint64_t leader = Elect();
  if (leader == node) return;
  ASSERT_TRUE(at(leader).core().TransferLeadership(NodeId(node)));
  Settle();
  ASSERT_EQ(Leader(), node);
  Check();
}

uint64_t Cluster::Leader() {
  NodeId leader;
  Term highest;
  for (const auto& [node, replica] : replicas_) {
    if (!replica.up() || replica.core().role() != Role::kLeader) continue;
    if (replica.core().term() < highest) continue;
    highest = replica.core().term();
    leader = node;
  }
  return leader.value();
}

bool Cluster::Put(uint64_t node, uint64_t value) {
  const bool proposed = at(node).Propose(value).has_value();
  Settle();
  return proposed;
}

std::string Cluster::State() const {
  std::string text;
  for (const auto& [node, replica] : replicas_) {
    text += "\n" + std::to_string(node.value());
    if (!replica.up()) {
      text += " down";
      continue;
    }
    const Core& core = replica.core();
    const auto number = [&](const char* name, auto id) {
      text += name + std::to_string(id.value());
    };
    text += " role " + std::to_string(static_cast<int>(core.role()));
    number(" term ", core.term());
    number(" leader ", core.leader());
    number(" base ", core.log().base());
    number(" last ", core.log().last_index());
    number(" commit ", core.commit_index());
    number(" durable ", core.durable_index());
    number(" applied ", replica.applied().index);
    text += core.damaged() ? " damaged" : "";
    text += core.NeedsTick() ? " ticking" : "";
    text += " of " + Describe(core.configuration());
  }
  return text;
}

void Cluster::Check() {
  for (const auto& [node, replica] : replicas_) {
    if (replica.up()) CheckOne(replica);
  }
}

void Cluster::CheckOne(const Replica& replica) {
  const Core& core = replica.core();
  const NodeId self = replica.self();
  // Election safety: at most one leader in a term (5.2).
  if (core.role() == Role::kLeader) {
    const NodeId leader = leaders_.emplace(core.term(), self).first->second;
    ASSERT_EQ(leader, self) << "two leaders of term " << core.term().value();
    // Leader completeness: it has what was committed before (5.4).
    for (const auto& [index, entry] : committed_) {
      if (entry.term >= core.term()) continue;
      ASSERT_TRUE(index <= core.log().base() || core.log().TermAt(index) == entry.term)
          << "the leader of term " << core.term().value() << " lacks entry " << index.value();
    }
  }
  // One vote a term, and terms that only rise, as the disk has it (5.2).
  const HardState& hard_state = replica.durable_hard_state();
  ASSERT_GE(hard_state.term, terms_[self]);
  terms_[self] = hard_state.term;
  if (hard_state.vote != NodeId()) {
    const NodeId vote =
        votes_.emplace(std::pair(self, hard_state.term), hard_state.vote).first->second;
    ASSERT_EQ(vote, hard_state.vote) << "node " << self.value() << " voted twice";
  }
  // The core's view is the driver's log.
  ASSERT_GE(core.commit_index(), replica.applied().index);
  for (const auto& [index, entry] : replica.entries()) {
    ASSERT_EQ(core.log().TermAt(index), entry.term);
    // Log matching: index and term tell the entry, and all before it (5.3).
    const std::pair fact(entry, *core.log().TermAt(Previous(index)));
    const auto& created = created_.emplace(std::pair(index, entry.term), fact).first->second;
    ASSERT_EQ(created, fact) << "entry " << index.value() << " differs on " << self.value();
    // State machine safety: one entry is applied at an index (5.4.3).
    if (index > replica.applied().index) continue;
    const Entry& committed = committed_.emplace(index, entry).first->second;
    ASSERT_EQ(committed, entry) << "entry " << index.value() << " differs on " << self.value();
  }
}

}  // namespace metaring::raft
