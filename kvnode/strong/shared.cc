// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/shared.h"

#include <utility>

#include "kvnode/base/check.h"

namespace metaring::strong {
namespace {

const std::shared_ptr<const Bytes>& NoPayload() {
  static const auto kNone = std::make_shared<const Bytes>();
  return kNone;
}

}  // namespace

Shared::Shared(const EngineOptions& engine_options, const World& engine_world,
               const NodeRecord& found)
    : options(engine_options),
      world(engine_world),
      host{options.self, options.raft, options.seed,
           raft::SupportGiven(options.lease, found.support, Now()),
           raft::SupportReceived(options.lease)},
      stage(world.log, options.staged_bytes_max),
      payloads(options.payload_bytes_max, options.payloads_max),
      outbox(world.peers),
      table(world.clock, options.lease),
      node(found),
      store_txns(world.store.applied()),
      reader(world.log.NewReader()) {}

Shared::~Shared() {
  if (scheduled_) world.timers.Cancel(round_timer_);
  if (retrying_) world.timers.Cancel(retry_timer_);
}

Group* Shared::Find(GroupId group) {
  const auto at = groups.find(group);
  return at == groups.end() ? nullptr : &at->second;
}

// The only entry that a core adds by itself is a new leader's no-op.
void Shared::AddNoOps(Group& group, raft::LogIndex last) {
  while (group.entries.last() < last) {
    group.entries.Append(payloads, group.id(), {EntryKind::kNoOp, NoPayload()});
  }
}

void Shared::AppendOwn(Group& group, raft::LogIndex index, Entry entry) {
  AddNoOps(group, raft::Previous(index));
  CHECK(group.entries.last() == raft::Previous(index));
  group.entries.Append(payloads, group.id(), std::move(entry));
  Touch(group);
}

void Shared::Touch(Group& group) {
  group.entries.TruncateFrom(payloads, raft::Next(group.core.log().last_index()));
  AddNoOps(group, group.core.log().last_index());
  if (group.touched) return;
  group.touched = true;
  touched.push_back(&group);
  Schedule();
}

void Shared::Schedule() {
  if (scheduled_ || failed) return;
  scheduled_ = true;
  round_timer_ = world.timers.RunAt(Now(), [this] {
    scheduled_ = false;
    run_round();
  });
}

void Shared::RetryLater() {
  if (retrying_ || failed) return;
  retrying_ = true;
  retry_timer_ = world.timers.RunAt(Now() + kRetryNanos, [this] {
    retrying_ = false;
    Schedule();
  });
}

void Shared::Answer(std::function<void()> answer) {
  answers.push_back(std::move(answer));
  Schedule();
}

Waiting& Shared::WaitingOf(Group& group) {
  if (group.waiting && group.waiting->term != group.core.term()) EndWaiting(group);
  if (!group.waiting) group.waiting = std::make_unique<Waiting>();
  group.waiting->term = group.core.term();
  return *group.waiting;
}

void Shared::EndWaiting(Group& group) {
  const std::unique_ptr<Waiting> ended = std::move(group.waiting);
  if (!ended) return;
  for (Proposal& proposal : ended->proposals) {
    Answer([done = std::move(proposal.done)] {
      done(Fail(ErrorCode::kUnknownOutcome, "leadership ended before the entry was committed"));
    });
  }
  for (WaitingRead& read : ended->reads) {
    Answer([done = std::move(read.done)] {
      done(Fail(ErrorCode::kUnavailable, "leadership ended before the read was served"));
    });
  }
}

void Shared::Tick(Group& group) {
  if (group.ticking) return;
  group.ticking = true;
  ticking.insert(group.id());
}

void Shared::Fatal(const Error& error) {
  if (failed) return;
  failed = true;
  world.fatal(error);
}

Result<std::shared_ptr<const Bytes>> Shared::Payload(Group& group, raft::LogIndex index) {
  const Entries::Slot* slot = group.entries.Find(index);
  if (slot == nullptr) return Fail(ErrorCode::kNotFound, "the log has the entry no more");
  if (slot->entry.payload) return slot->entry.payload;
  CHECK(slot->placed);
  ASSIGN_OR_RETURN(const log::OwnedRecord record, reader->ReadAt(slot->position));
  const auto entry = DecodeEntry(record.payload);
  const bool same = entry && record.group == group.id() && entry->index == index &&
                    record.type == static_cast<uint8_t>(RecordType::kEntry) &&
                    group.core.log().TermAt(index) == entry->term;
  if (!same) return Fail(ErrorCode::kCorrupt, "the log has something else for an entry");
  ++counters.entries_read_back;
  read_back_bytes += slot->bytes;
  return std::make_shared<const Bytes>(entry->payload);
}

void Shared::Compact(Group& group, raft::LogIndex index) {
  CHECK(index <= group.flushed.index);
  if (index <= group.core.log().base()) return;
  group.core.Compacted(index);
  group.entries.CompactTo(payloads, index);
}

}  // namespace metaring::strong
