// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/support_driver.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace metaring::strong {

SupportDriver::~SupportDriver() {
  if (timer_) shared_.world.timers.Cancel(*timer_);
}

void SupportDriver::Start() {
  ++shared_.node.incarnation;
  restarting_ = shared_.host.given.Restarting();
  Advance();
  Arm();
}

// The one place where an epoch becomes durable before it counts. The node's incarnation stands in
// the same record, so the first one says both.
void SupportDriver::RaiseEpoch(raft::SupportEpoch epoch) {
  shared_.node.support = epoch;
  shared_.node_at = shared_.stage.end();
  shared_.stage.Add(GroupId(), RecordType::kNode, EncodeNode(shared_.node));
  shared_.stage.Mark([this, epoch] {
    started_ = true;
    shared_.host.given.Raised(epoch);
    TickEverybodyInNeed();
    shared_.heartbeats_stale = true;
    shared_.Schedule();
    Arm();
  });
  shared_.Schedule();
}

void SupportDriver::Advance() {
  const int64_t now_ns = shared_.Now();
  if (const auto epoch = shared_.host.given.Advance(now_ns)) RaiseEpoch(*epoch);
  const bool restarted = restarting_ && !shared_.host.given.Restarting();
  restarting_ = shared_.host.given.Restarting();
  const bool ended = !shared_.host.received.Advance(now_ns).empty();
  if (ended || restarted) TickEverybodyInNeed();
}

void SupportDriver::TickEverybodyInNeed() {
  for (auto& [id, group] : shared_.groups) {
    if (group.core.NeedsTick()) shared_.Tick(group);
  }
  shared_.Schedule();
}

void SupportDriver::Receive(NodeId from, const Heartbeat& heartbeat) {
  const auto epoch = shared_.host.given.Extend(from, heartbeat.incarnation, shared_.Now());
  shared_.outbox.To(from).heartbeat_reply = HeartbeatReply{
      heartbeat.incarnation, heartbeat.sequence, epoch.value_or(raft::SupportEpoch())};
  shared_.Schedule();
  Advance();
  Arm();
}

void SupportDriver::Receive(NodeId from, const HeartbeatReply& reply) {
  const auto at = unanswered_.find(from);
  if (at == unanswered_.end() || reply.incarnation != shared_.node.incarnation) return;
  std::deque<Sent>& sent = at->second;
  const auto asked = std::find_if(
      sent.begin(), sent.end(), [&](const Sent& beat) { return beat.sequence == reply.sequence; });
  if (asked == sent.end() || reply.epoch == raft::SupportEpoch()) return;
  shared_.host.received.Granted(from, reply.epoch, asked->at_ns);
  sent.erase(sent.begin(), asked + 1);
  Advance();
  shared_.table.PublishSupport(shared_.host.received);
  Arm();
}

void SupportDriver::Refresh() {
  if (!started_ || !std::exchange(shared_.heartbeats_stale, false)) return;
  std::set<NodeId> supporters;
  for (const auto& [id, group] : shared_.groups) {
    for (const raft::Progress& member : group.core.progress()) supporters.insert(member.node());
  }
  std::swap(supporters, supporters_);
  // `supporters` are now those of before.
  for (const NodeId peer : supporters_) {
    if (!supporters.contains(peer)) Beat(peer);
  }
  std::erase_if(unanswered_, [&](const auto& item) { return !supporters_.contains(item.first); });
  if (supporters.empty()) next_beat_ns_ = shared_.Now() + shared_.options.lease.lease_ns / 3;
  Arm();
}

void SupportDriver::Beat(NodeId peer) {
  std::deque<Sent>& sent = unanswered_[peer];
  sent.push_back({++sequence_, shared_.Now()});
  if (sent.size() > kUnansweredMax) sent.pop_front();
  shared_.outbox.To(peer).heartbeat = Heartbeat{shared_.node.incarnation, sequence_};
  ++shared_.counters.heartbeats_sent;
  shared_.Schedule();
}

void SupportDriver::BeatAll() {
  for (const NodeId peer : supporters_) Beat(peer);
  next_beat_ns_ = shared_.Now() + shared_.options.lease.lease_ns / 3;
}

void SupportDriver::Arm() {
  int64_t at_ns = std::min(shared_.host.given.deadline(), shared_.host.received.deadline());
  if (!supporters_.empty()) at_ns = std::min(at_ns, next_beat_ns_);
  if (at_ns == std::numeric_limits<int64_t>::max() || (timer_ && timer_at_ns_ <= at_ns)) return;
  if (timer_) shared_.world.timers.Cancel(*timer_);
  timer_at_ns_ = at_ns;
  timer_ = shared_.world.timers.RunAt(at_ns, [this] {
    timer_.reset();
    if (!supporters_.empty() && shared_.Now() >= next_beat_ns_) BeatAll();
    Advance();
    Arm();
  });
}

}  // namespace metaring::strong
