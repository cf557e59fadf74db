// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/replication.h"

#include <algorithm>
#include <utility>

#include "kvnode/base/check.h"

namespace metaring::strong {
namespace {

using raft::LogIndex;

// What an append says of configurations is in its entries. False: one does not decode.
bool NameConfigurations(GroupMessage& message) {
  auto* append = std::get_if<raft::AppendRequest>(&message.message.body);
  if (append == nullptr) return true;
  LogIndex index = append->entries.base();
  for (const Entry& entry : message.entries) {
    index = raft::Next(index);
    if (entry.kind != EntryKind::kConfiguration) continue;
    auto configuration = DecodeConfiguration(*entry.payload);
    if (!configuration) return false;
    append->configurations.push_back({index, std::move(*configuration)});
  }
  return true;
}

}  // namespace

// -------------------------------------------------------------------------------------------------
// In

void Replication::Receive(NodeId from, GroupMessage&& message) {
  Group* const group = shared_.Find(message.message.group);
  if (group == nullptr || message.message.from != from || !NameConfigurations(message)) {
    ++shared_.counters.messages_refused;
    return;
  }
  // What would be written comes again; what waits for the disk already must not grow without end.
  if (!message.entries.empty() && shared_.stage.Full()) return;
  const raft::Stepped stepped = group->core.Step(message.message);
  ++shared_.counters.dropped[static_cast<size_t>(stepped.dropped)];
  if (stepped.accepted_to > stepped.accepted_after) Accept(*group, stepped, message);
  shared_.Touch(*group);
}

void Replication::Accept(Group& group, const raft::Stepped& stepped, const GroupMessage& message) {
  const LogIndex base = std::get<raft::AppendRequest>(message.message.body).entries.base();
  group.entries.TruncateFrom(shared_.payloads, raft::Next(stepped.accepted_after));
  CHECK(group.entries.last() == stepped.accepted_after);
  for (LogIndex i = raft::Next(stepped.accepted_after); i <= stepped.accepted_to;
       i = raft::Next(i)) {
    const Entry& entry = message.entries[i.value() - base.value() - 1];
    group.entries.Append(shared_.payloads, group.id(), entry);
  }
}

// -------------------------------------------------------------------------------------------------
// To the log

void Replication::Stage(Group& group, const raft::Persist& persist) {
  const bool appends = persist.append_to > persist.append_after;
  if (persist.hard_state) {
    group.hard_state_at = shared_.stage.end();
    shared_.stage.Add(group.id(), RecordType::kHardState,
                      EncodeHardState({*persist.hard_state, persist.commit}));
  }
  // Entries cut by themselves what they replace.
  if (persist.truncate_from && !appends) {
    shared_.stage.Add(group.id(), RecordType::kTruncated, EncodeTruncated(*persist.truncate_from));
  }
  if (appends) StageEntries(group, raft::Next(persist.append_after));
  shared_.stage.Mark(group.id(), persist.token);
}

void Replication::StageFacts(Group& group) {
  group.hard_state_at = shared_.stage.end();
  shared_.stage.Add(group.id(), RecordType::kHardState,
                    EncodeHardState({group.core.hard_state(), group.commit}));
  if (group.damage == raft::RepairId()) return;
  const LogIndex nothing = raft::Next(group.core.log().last_index());
  shared_.stage.Add(group.id(), RecordType::kDamaged, EncodeDamaged({group.damage, nothing}));
  if (group.core.damaged()) return;
  shared_.stage.Add(group.id(), RecordType::kRepaired, EncodeRepaired(group.damage));
}

void Replication::StageEntries(Group& group, LogIndex from) {
  for (LogIndex i = from; i <= group.core.log().last_index(); i = raft::Next(i)) {
    const auto payload = shared_.Payload(group, i);
    if (!payload) return shared_.Fatal(payload.error());
    const EntryRecord record{i, *group.core.log().TermAt(i), group.commit,
                             group.entries.Find(i)->entry.kind, **payload};
    shared_.stage.Add(group.id(), RecordType::kEntry, EncodeEntry(record), i);
  }
}

void Replication::Write() {
  const auto placed = shared_.stage.Drain();
  if (!placed) return shared_.Fatal(placed.error());
  for (const LogStage::Placed& at : *placed) {
    Group* const group = shared_.Find(at.group);
    Entries::Slot* const slot = group == nullptr ? nullptr : group->entries.Find(at.index);
    if (slot == nullptr) continue;  // it was cut meanwhile
    slot->position = at.begin;
    slot->placed = true;
  }
  if (const auto sync = shared_.stage.SyncWanted()) shared_.world.log_writer.Sync(*sync);
}

// -------------------------------------------------------------------------------------------------
// To peers

uint64_t Replication::Fill(Group& group, const raft::AppendOrder& order,
                           std::vector<Entry>& filled) {
  const auto& append = std::get<raft::AppendRequest>(order.message.body);
  const LogIndex base = append.entries.base();
  const LogIndex last = std::min(append.entries.last_index(), group.core.log().last_index());
  const uint64_t bytes_max = std::min<uint64_t>(
      {order.bytes_max, shared_.outbox.Room(order.message.to), kPeerMessageBytesMax});
  uint64_t bytes = 0;
  for (LogIndex i = raft::Next(base); i <= last; i = raft::Next(i)) {
    if (filled.size() >= kPeerMessageItemsMax) break;
    const Entries::Slot* const slot = group.entries.Find(i);
    if (!filled.empty() && bytes + slot->bytes > bytes_max) break;
    const bool in_memory = slot->entry.payload != nullptr;
    if (!in_memory && shared_.read_back_bytes > shared_.options.read_back_bytes_max) break;
    auto payload = shared_.Payload(group, i);
    // It is applied, so this replica lacks nothing; who wants it will get a snapshot, once the log
    // is let go up to here.
    if (!payload) break;
    bytes += slot->bytes;
    filled.push_back({slot->entry.kind, std::move(*payload)});
  }
  return bytes;
}

void Replication::Send(Group& group, raft::AppendOrder&& order) {
  const bool stands = group.Leads() && group.core.term() == order.message.term;
  if (!stands) return;
  const NodeId to = order.message.to;
  const raft::LogView& entries = std::get<raft::AppendRequest>(order.message.body).entries;
  const LogIndex base = entries.base();
  // The log was let go meanwhile: the core has to see what else it can send.
  if (base < group.core.log().base()) {
    group.core.Sent(to, base, base, 0);
    return shared_.Touch(group);
  }
  std::vector<Entry> filled;
  uint64_t bytes = 0;
  if (shared_.outbox.Room(to) > 0) bytes = Fill(group, order, filled);
  if (filled.empty()) return Hold(group, std::move(order));
  const LogIndex last(base.value() + filled.size());
  raft::Message message = std::move(order.message);
  auto& append = std::get<raft::AppendRequest>(message.body);
  append.entries = append.entries.Slice(base, last);
  shared_.outbox.Add(to, GroupMessage{std::move(message), std::move(filled)});
  group.core.Sent(to, base, last, bytes);
  if (group.core.HasOutput()) shared_.Touch(group);
}

void Replication::Hold(Group& group, raft::AppendOrder&& order) {
  const NodeId to = order.message.to;
  held_[to].push_back({group.id(), std::move(order)});
}

void Replication::Retry() {
  for (auto& [peer, orders] : std::exchange(held_, {})) {
    for (Held& held : orders) {
      if (Group* const group = shared_.Find(held.group)) Send(*group, std::move(held.order));
    }
  }
}

void Replication::Retry(NodeId peer) {
  const auto at = held_.find(peer);
  if (at == held_.end()) return;
  for (Held& held : std::exchange(at->second, {})) {
    if (Group* const group = shared_.Find(held.group)) Send(*group, std::move(held.order));
  }
}

void Replication::Forget(const Group& group) {
  for (auto& [peer, orders] : held_) {
    std::erase_if(orders, [&](const Held& held) { return held.group == group.id(); });
  }
}

}  // namespace metaring::strong
