// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/apply.h"

#include <algorithm>
#include <utility>

#include "kvnode/strong/ids.h"

namespace metaring::strong {
namespace {

using raft::LogIndex;

// A keyspace is noted when its first command comes, so that a snapshot knows what to take without
// the cluster's map, which may be older or newer than the log.
void NoteKeyspace(store::Txn& txn, GroupId group, ApplyCache& cache, KeyspaceId keyspace) {
  std::vector<KeyspaceId>& known = cache.keyspaces;
  const auto at = std::lower_bound(known.begin(), known.end(), keyspace);
  if (at != known.end() && *at == keyspace) return;
  known.insert(at, keyspace);
  PutKeyspace(txn, group, keyspace);
}

}  // namespace

Result<state::TransactReply> ApplyEntry(store::Txn& txn, GroupId group, ApplyCache& cache,
                                        LogIndex index, EntryKind kind, ByteView payload) {
  if (kind == EntryKind::kNoOp) return state::TransactReply{};
  if (kind == EntryKind::kConfiguration) {
    ASSIGN_OR_RETURN(raft::Configuration configuration, DecodeConfiguration(payload));
    PutAppliedConfiguration(txn, group, {index, std::move(configuration)});
    return state::TransactReply{};
  }
  ASSIGN_OR_RETURN(const state::Command command, state::DecodeCommand(payload));
  if (command.scope.slot != SlotOf(group)) {
    return Fail(ErrorCode::kInvalidArgument, "the command is of another slot");
  }
  NoteKeyspace(txn, group, cache, command.scope.keyspace);
  return cache.machine.Apply(txn, index.value(), command);
}

void PutProgress(store::Txn& txn, const Group& group) {
  GroupRecord record;
  record.state = group.erasing ? GroupState::kErasing : GroupState::kNormal;
  record.write_ack = group.write_ack;
  record.applied = group.applied;
  record.applied_term = group.applied_term;
  record.hard_state = group.core.hard_state();
  record.void_before = group.void_before;
  record.damage = group.damage;
  record.damaged = group.core.damaged();
  PutGroupRecord(txn, group.id(), record);
}

void Applier::Want(Group& group) {
  if (group.to_apply || group.erasing) return;
  group.to_apply = true;
  queue_.push_back(group.id());
}

void Applier::Forget(const Group& group) {
  std::erase(queue_, group.id());
}

void Applier::Run() {
  if (queue_.empty() || shared_.failed) return;
  if (shared_.world.store.BeginWaits()) return shared_.RetryLater();
  auto txn = shared_.world.store.Begin();
  if (!txn) {
    if (txn.error().code == ErrorCode::kBusy) return shared_.RetryLater();
    return shared_.Fatal(txn.error());
  }
  if (const Status applied = RunIn(**txn); !applied) return shared_.Fatal(applied.error());
  (*txn)->Commit(++shared_.store_txns);
  ++shared_.counters.applies;
  for (Group* group : std::exchange(changed_, {})) {
    group->flushed.Applied(shared_.store_txns, group->applied);
    shared_.table.PublishApplied(group->id(), group->applied);
    shared_.applied_in_round.push_back(group);
  }
  if (!queue_.empty()) shared_.Schedule();
}

Status Applier::RunIn(store::Txn& txn) {
  uint64_t bytes = 0;
  // A group that has more than its share goes to the end of the queue.
  for (size_t left = queue_.size(); left > 0 && bytes < shared_.options.apply_bytes_max; --left) {
    Group& group = *shared_.Find(queue_.front());
    queue_.pop_front();
    group.to_apply = false;
    if (group.erasing || (group.applied >= group.commit && !group.record_due)) continue;
    if (group.cache && group.cache->initial) {
      PutAppliedConfiguration(txn, group.id(), *group.cache->initial);
      group.cache.reset();
    }
    RETURN_IF_ERROR(ApplySome(txn, group, bytes));
    group.record_due = false;
    PutProgress(txn, group);
    changed_.push_back(&group);
    if (group.applied < group.commit) Want(group);
  }
  return {};
}

Status Applier::ApplySome(store::Txn& txn, Group& group, uint64_t& bytes) {
  while (group.applied < group.commit && bytes < shared_.options.apply_bytes_max) {
    const LogIndex index = raft::Next(group.applied);
    RETURN_IF_ERROR(ApplyOne(txn, group, index, bytes));
    group.applied = index;
    group.applied_term = *group.core.log().TermAt(index);
  }
  return {};
}

Status Applier::ApplyOne(store::Txn& txn, Group& group, LogIndex index, uint64_t& bytes) {
  constexpr uint64_t kEntryCost = 64;  // so that empty entries count too
  ASSIGN_OR_RETURN(const auto payload, shared_.Payload(group, index));
  bytes += payload->size() + kEntryCost;
  const EntryKind kind = group.entries.Find(index)->entry.kind;
  // Most groups are idle and have seen nothing but their leaders' no-ops.
  ApplyCache none;
  ApplyCache* cache = &none;
  if (kind == EntryKind::kCommand) {
    ASSIGN_OR_RETURN(cache, CacheOf(txn, group));
  }
  auto reply = ApplyEntry(txn, group.id(), *cache, index, kind, *payload);
  if (!reply && reply.error().code == ErrorCode::kIo) return Fail(reply.error());
  ++shared_.counters.entries_applied;
  AnswerProposal(group, index, std::move(reply));
  return {};
}

Result<ApplyCache*> Applier::CacheOf(const store::View& view, Group& group) {
  if (!group.cache) {
    auto cache = std::make_unique<ApplyCache>();
    ASSIGN_OR_RETURN(cache->keyspaces, ReadKeyspaces(view, group.id()));
    group.cache = std::move(cache);
  }
  return group.cache.get();
}

void Applier::AnswerProposal(Group& group, LogIndex index, Result<state::TransactReply> reply) {
  if (!group.waiting || group.waiting->proposals.empty()) return;
  std::deque<Proposal>& proposals = group.waiting->proposals;
  // A new leader applies entries of others first. Those of its own it applies in their order, and
  // what waits here is of its own term: whoever waited longer was answered when that ended.
  if (proposals.front().index != index) return;
  group.waiting->proposed_bytes -= proposals.front().bytes;
  shared_.Answer([done = std::move(proposals.front().done), reply = std::move(reply)]() mutable {
    done(std::move(reply));
  });
  proposals.pop_front();
}

}  // namespace metaring::strong
