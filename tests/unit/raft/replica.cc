// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/raft/replica.h"

#include <algorithm>
#include <utility>

#include "kvnode/base/check.h"

namespace metaring::raft {

Replica::Replica(NodeId self, const ReplicaSettings& settings) : self_(self), settings_(settings) {
  disk_.snapshot.configuration.configuration = settings.configuration;
}

void Replica::Start(int64_t now_ns) {
  CHECK(!up());
  ++incarnation_;
  host_ = std::make_unique<Host>(Host{self_, settings_.options, self_.value(),
                                      SupportGiven(settings_.lease, disk_.support, now_ns),
                                      SupportReceived(settings_.lease)});
  AdvanceTime(now_ns);
  applied_ = disk_.snapshot;
  entries_ = disk_.entries;
  Restored restored;
  restored.hard_state = disk_.hard_state;
  restored.log = LogView(applied_.index, applied_.term);
  restored.configuration = applied_.configuration;
  restored.damage = disk_.damage;
  restored.damaged = disk_.damaged;
  for (const auto& [index, entry] : entries_) {
    restored.log.Append(index, entry.term);
    if (entry.configuration) restored.later.push_back({index, *entry.configuration});
  }
  restored.commit = std::clamp(disk_.commit, restored.log.base(), restored.log.last_index());
  core_ = std::make_unique<Core>(*host_, kGroup, settings_.write_ack, std::move(restored));
  core_->SetElectionRank(static_cast<uint8_t>(self_.value() - 1));
  Drain();
}

void Replica::Crash() {
  core_.reset();
  host_.reset();
  entries_.clear();
  received_.reset();
  writes_.clear();
  packets_.clear();
  reads_.clear();
  wanted_.reset();
}

void Replica::Stage(LogIndex index, Entry entry) {
  entries_.erase(entries_.lower_bound(index), entries_.end());
  entries_.emplace(index, std::move(entry));
}

Dropped Replica::Receive(const Packet& packet) {
  Message message = packet.message;
  if (auto* append = std::get_if<AppendRequest>(&message.body)) {
    LogIndex index = append->entries.base();
    for (const Entry& entry : packet.entries) {
      index = Next(index);
      if (entry.configuration) append->configurations.push_back({index, *entry.configuration});
    }
  }
  if (packet.snapshot) received_ = packet.snapshot;
  const Stepped stepped = core_->Step(message);
  if (stepped.accepted_to > stepped.accepted_after) {
    const LogIndex base = std::get<AppendRequest>(message.body).entries.base();
    for (LogIndex i = Next(stepped.accepted_after); i <= stepped.accepted_to; i = Next(i)) {
      Stage(i, packet.entries.at(i.value() - base.value() - 1));
    }
  }
  Drain();
  return stepped.dropped;
}

std::optional<Proposed> Replica::Propose(uint64_t value) {
  const Result<Proposed> proposed = core_->Propose();
  if (!proposed) return std::nullopt;
  Stage(proposed->index, {proposed->term, value, {}});
  return *proposed;
}

bool Replica::ProposeConfiguration(const Configuration& configuration) {
  const Result<Proposed> proposed = core_->ProposeConfiguration(configuration);
  if (proposed) Stage(proposed->index, {proposed->term, 0, configuration});
  return proposed.has_value();
}

void Replica::Drain() {
  while (core_->HasOutput()) Perform(core_->TakeOutput());
  // A truncation of which nothing was written again.
  entries_.erase(entries_.upper_bound(core_->log().last_index()), entries_.end());
}

void Replica::Perform(Output output) {
  if (output.no_op)
    entries_.insert_or_assign(output.no_op->index, Entry{output.no_op->term, 0, {}});
  if (output.repaired) disk_.damaged = false;
  if (output.persist) {
    QueuedWrite write{*output.persist, {}};
    const auto first = entries_.upper_bound(output.persist->append_after);
    const auto last = entries_.upper_bound(output.persist->append_to);
    if (output.persist->append_to > output.persist->append_after) write.entries.insert(first, last);
    writes_.push_back(std::move(write));
  }
  for (Message& message : output.messages) packets_.push_back({std::move(message), {}, {}});
  for (const AppendOrder& order : output.appends) {
    packets_.push_back(Payload(order));
    const LogView& sent = std::get<AppendRequest>(packets_.back().message.body).entries;
    core_->Sent(order.message.to, sent.base(), sent.last_index(), 100 * sent.last_index().value());
  }
  ApplyTo(output.commit_index);
  for (const NodeId peer : output.snapshots) {
    const InstallSnapshot body{applied_.index, applied_.term, applied_.configuration.configuration};
    packets_.push_back({{kGroup, self_, peer, core_->term(), body}, {}, applied_});
    core_->SnapshotSent(peer, applied_.index, true);
  }
  if (output.reads) reads_.push_back(*output.reads);
  if (output.wanted_configuration) wanted_ = std::move(output.wanted_configuration);
  if (output.install) Install(*output.install);
}

Packet Replica::Payload(const AppendOrder& order) const {
  Packet packet{order.message, {}, {}};
  auto& append = std::get<AppendRequest>(packet.message.body);
  const LogIndex base = append.entries.base();
  const LogIndex last = std::min(append.entries.last_index(),
                                 LogIndex(base.value() + settings_.entries_a_message_max));
  append.entries = append.entries.Slice(base, last);
  for (LogIndex i = Next(base); i <= last; i = Next(i)) {
    packet.entries.push_back(entries_.at(i));
    CHECK(packet.entries.back().term == append.entries.TermAt(i));
  }
  return packet;
}

void Replica::ApplyTo(LogIndex index) {
  while (applied_.index < index) {
    applied_.index = Next(applied_.index);
    const Entry& entry = entries_.at(applied_.index);
    applied_.term = entry.term;
    if (entry.value != 0) applied_.values.push_back(entry.value);
    if (entry.configuration) applied_.configuration = {applied_.index, *entry.configuration};
  }
}

void Replica::Install(const InstallSnapshot& install) {
  if (!received_ || received_->index != install.index) return core_->SnapshotRefused();
  // One atomic step: state, configuration, applied index and an empty log. Earlier writes of the
  // log are void.
  applied_ = *received_;
  disk_.snapshot = applied_;
  disk_.entries.clear();
  entries_.clear();
  for (QueuedWrite& write : writes_) {
    write.entries.clear();
    write.persist.truncate_from.reset();
  }
  core_->SnapshotInstalled();
}

bool Replica::Write() {
  if (writes_.empty()) return false;
  const QueuedWrite write = std::move(writes_.front());
  writes_.pop_front();
  if (write.persist.hard_state) disk_.hard_state = *write.persist.hard_state;
  disk_.commit = std::max(disk_.commit, write.persist.commit);
  if (write.persist.truncate_from) {
    disk_.entries.erase(disk_.entries.lower_bound(*write.persist.truncate_from),
                        disk_.entries.end());
  }
  for (const auto& [index, entry] : write.entries) {
    if (index > disk_.snapshot.index) disk_.entries.insert_or_assign(index, entry);
  }
  core_->Persisted(write.persist.token);
  Drain();
  return true;
}

void Replica::WriteAll() {
  while (Write()) {
  }
}

void Replica::Compact(uint64_t kept) {
  const LogIndex applied = std::min(applied_.index, core_->durable_index());
  if (applied.value() <= core_->log().base().value() + kept || applied < applied_.index) return;
  // The state is flushed as of what is applied; the log keeps a little more than it needs.
  const LogIndex to(applied.value() - kept);
  core_->Compacted(to);
  disk_.snapshot = applied_;
  disk_.entries.erase(disk_.entries.begin(), disk_.entries.upper_bound(applied_.index));
  entries_.erase(entries_.begin(), entries_.upper_bound(to));
}

void Replica::Damage(LogIndex first_lost) {
  CHECK(!up() && first_lost > disk_.snapshot.index);
  disk_.damage = RepairId(disk_.damage.value() + 1);
  disk_.damaged = true;
  disk_.entries.erase(disk_.entries.lower_bound(first_lost), disk_.entries.end());
}

SupportEpoch Replica::Heartbeat(NodeId peer, uint64_t incarnation, int64_t now_ns) {
  const auto epoch = host_->given.Extend(peer, incarnation, now_ns);
  AdvanceTime(now_ns);
  return epoch.value_or(SupportEpoch());
}

void Replica::AdvanceTime(int64_t now_ns) {
  host_->received.Advance(now_ns);
  while (const auto epoch = host_->given.Advance(now_ns)) {
    disk_.support = *epoch;
    host_->given.Raised(*epoch);
  }
}

std::vector<Packet> Replica::TakePackets() {
  return std::exchange(packets_, {});
}

}  // namespace metaring::raft
