// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/lifecycle.h"

#include <tuple>
#include <utility>

#include "kvnode/strong/group_data.h"

namespace metaring::strong {

void Lifecycle::Reply(StatusCallback done, Status status) {
  shared_.Answer([done = std::move(done), status = std::move(status)] { done(status); });
}

Group& Lifecycle::Insert(GroupId id, raft::WriteAck write_ack, raft::Restored&& restored) {
  const auto [at, fresh] = shared_.groups.emplace(
      std::piecewise_construct, std::forward_as_tuple(id),
      std::forward_as_tuple(shared_.host, id, write_ack, std::move(restored)));
  (void)fresh;
  return at->second;
}

void Lifecycle::Restore(GroupId id, RecoveredGroup& recovered) {
  Group& group = Insert(id, recovered.record.write_ack, recovered.ToRestored());
  for (const RecoveredEntry& entry : recovered.entries) {
    group.entries.AppendPlaced(entry.kind, entry.bytes, entry.position);
    if (!entry.payload) continue;
    group.entries.Find(group.entries.last())->entry.payload = entry.payload;
    shared_.payloads.Added(id, group.entries.last(), entry.bytes);
  }
  group.commit = group.applied = recovered.record.applied;
  group.applied_term = recovered.record.applied_term;
  group.flushed.known = recovered.in_store;
  group.flushed.index = recovered.flushed;
  group.hard_state_at = recovered.hard_state_at;
  group.void_before = recovered.record.void_before;
  group.damage = recovered.record.damage;
  if (!recovered.recorded) {
    group.cache = std::make_unique<ApplyCache>();
    group.cache->initial = recovered.configuration;
  }
  const bool watches =
      recovered.recorded && (!recovered.in_store || recovered.flushed < group.applied);
  if (watches) group.flushed.Applied(shared_.store_txns, group.applied);
  group.record_due = !recovered.recorded || recovered.damage_is_new;
  if (recovered.damage_is_new) {
    ++shared_.counters.damages;
    shared_.stage.Add(id, RecordType::kDamaged,
                      EncodeDamaged({group.damage, raft::Next(recovered.last())}));
  }
  shared_.table.PublishApplied(id, group.applied);
  Begin(group);
}

void Lifecycle::Begin(Group& group) {
  // Who is alone in its group waits for nobody's heartbeat.
  const raft::Configuration& members = group.core.configuration();
  const bool alone = members.voters() == 1 && members.IsVoter(shared_.host.self);
  for (int i = 0; alone && i < kTicksMax && group.core.role() == raft::Role::kFollower; ++i) {
    group.core.Tick();
  }
  if (group.core.NeedsTick()) shared_.Tick(group);
  shared_.Touch(group);
}

void Lifecycle::Create(GroupId id, raft::WriteAck write_ack,
                       const raft::Configuration& configuration, StatusCallback done) {
  if (shared_.Find(id) != nullptr || coming_.contains(id) || leaving_.contains(id)) {
    return Reply(std::move(done), Fail(ErrorCode::kExists, "the group has a replica here"));
  }
  const auto view = shared_.world.store.NewView();
  if (!view) return Reply(std::move(done), Fail(view.error()));
  const auto former = ReadGroupRecord(**view, id);
  if (!former) return Reply(std::move(done), Fail(former.error()));
  CreatedRecord created{write_ack, {}, {}, configuration};
  if (*former) {
    created.damage = (*former)->damage;
    created.hard_state = (*former)->hard_state;
  }
  coming_[id] = std::move(done);
  const log::Lsn from = shared_.stage.end();
  shared_.stage.Add(id, RecordType::kCreated, EncodeCreated(created));
  shared_.stage.Mark([this, id, from, created] {
    raft::Restored restored;
    restored.hard_state = created.hard_state;
    restored.damage = created.damage;
    restored.configuration.configuration = created.configuration;
    Group& group = Insert(id, created.write_ack, raft::Restored(restored));
    group.hard_state_at = from;
    group.void_before = shared_.stage.end();
    group.damage = created.damage;
    group.cache = std::make_unique<ApplyCache>();
    group.cache->initial = restored.configuration;
    group.record_due = true;
    Begin(group);
    Reply(std::move(coming_.extract(id).mapped()), {});
  });
  shared_.Schedule();
}

void Lifecycle::Destroy(GroupId id, StatusCallback done) {
  const Group* const group = shared_.Find(id);
  if (group == nullptr) {
    return Reply(std::move(done), Fail(ErrorCode::kUnavailable, "the group has no replica here"));
  }
  Leaving leaving;
  leaving.record.state = GroupState::kRemoved;
  leaving.record.write_ack = group->write_ack;
  leaving.record.hard_state = group->core.hard_state();
  leaving.record.damage = group->damage;
  leaving.done = std::move(done);
  shared_.groups.erase(id);
  shared_.table.Forget(id);
  leaving_[id] = std::move(leaving);
  shared_.stage.Add(id, RecordType::kDestroyed, {});
  shared_.stage.Mark([this, id] {
    Leaving& left = leaving_.at(id);
    left.logged = true;
    left.record.void_before = shared_.stage.end();
    shared_.Schedule();
  });
  shared_.Schedule();
}

Status Lifecycle::EraseIn(store::Txn& txn, GroupId id, Leaving& leaving) const {
  ASSIGN_OR_RETURN(leaving.erased, EraseSome(txn, id, shared_.options.install_bytes_max));
  if (leaving.erased) PutGroupRecord(txn, id, leaving.record);
  return {};
}

void Lifecycle::Run() {
  for (auto at = leaving_.begin(); at != leaving_.end();) {
    Leaving& leaving = at->second;
    if (leaving.erased && shared_.world.store.flushed() >= leaving.txn) {
      Reply(std::move(leaving.done), {});
      at = leaving_.erase(at);
      continue;
    }
    if (leaving.logged && !leaving.erased) {
      if (shared_.world.store.BeginWaits()) return shared_.RetryLater();
      const auto txn = shared_.world.store.Begin();
      if (!txn) return shared_.Fatal(txn.error());
      const Status erased = EraseIn(**txn, at->first, leaving);
      if (!erased) return shared_.Fatal(erased.error());
      (*txn)->Commit(leaving.txn = ++shared_.store_txns);
      if (leaving.erased) shared_.world.store_flusher.Flush();
      if (!leaving.erased) shared_.Schedule();
    }
    ++at;
  }
}

void Lifecycle::Stop() {
  for (auto& [id, done] : std::exchange(coming_, {})) {
    Reply(std::move(done), Fail(ErrorCode::kUnknownOutcome, "the engine ended"));
  }
  for (auto& [id, leaving] : std::exchange(leaving_, {})) {
    Reply(std::move(leaving.done), Fail(ErrorCode::kUnknownOutcome, "the engine ended"));
  }
}

}  // namespace metaring::strong
