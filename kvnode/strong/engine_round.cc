// SPDX-License-Identifier: Apache-2.0
//
// The round: what all touched cores want, done once for all of them.
#include <utility>

#include "kvnode/base/logging.h"
#include "kvnode/strong/engine_parts.h"
#include "kvnode/strong/membership.h"

namespace metaring::strong {

Engine::Parts::Parts(const EngineOptions& options, const World& world, const NodeRecord& found)
    : shared(options, world, found) {
  shared.run_round = [this] { RunRound(); };
}

Engine::Parts::~Parts() {
  if (tick_) shared.world.timers.Cancel(*tick_);
}

void Engine::Parts::RunRound() {
  if (shared.failed) return;
  ++shared.counters.rounds;
  shared.read_back_bytes = 0;
  space_is_short_.reset();
  PerformAll();
  support.Refresh();
  reads.Ask();
  truncator.Run(lifecycle.Busy());
  replication.Write();
  sender.Run();
  receiver.Run();
  shared.outbox.Send();
  applier.Run();
  lifecycle.Run();
  for (Group* const group : shared.applied_in_round) reads.Serve(*group);
  shared.applied_in_round.clear();
  shared.payloads.Shrink([this](GroupId id, raft::LogIndex index) {
    Group* const group = shared.Find(id);
    Entries::Slot* const slot = group == nullptr ? nullptr : group->entries.Find(index);
    if (slot == nullptr || !slot->entry.payload) return PayloadCache::Eviction::kGone;
    if (index > group->applied || !slot->placed) return PayloadCache::Eviction::kNeeded;
    group->entries.DropPayload(shared.payloads, *slot);
    return PayloadCache::Eviction::kGone;
  });
  ArmTick();
  // Last, for they may call the engine.
  for (const auto& answer : std::exchange(shared.answers, {})) answer();
}

void Engine::Parts::PerformAll() {
  // What is sent frees cores to want more; their bounds on what is in flight end this.
  while (!shared.touched.empty()) {
    for (Group* const group : std::exchange(shared.touched, {})) {
      group->touched = false;
      Perform(*group, group->core.TakeOutput());
    }
  }
}

void Engine::Parts::Perform(Group& group, raft::Output&& output) {
  // Before anything that this input caused can reach anybody (raft/read_gate.h).
  shared.table.PublishGate(group.id(), group.core.Gate(), group.core.leader());
  if (output.persist) replication.Stage(group, *output.persist);
  for (raft::Message& message : output.messages) {
    const NodeId to = message.to;
    shared.outbox.Add(to, GroupMessage{std::move(message), {}});
  }
  for (raft::AppendOrder& order : output.appends) replication.Send(group, std::move(order));
  for (const NodeId peer : output.snapshots) sender.Want(group, peer);
  if (output.commit_index > group.commit) group.commit = output.commit_index;
  if (group.commit > group.applied || group.record_due) applier.Want(group);
  if (output.reads) reads.Confirmed(group, *output.reads);
  if (output.install) receiver.Install(group, *output.install);
  if (output.wanted_configuration) {
    // It is wanted again, if it still is, at the core's next look.
    (void)ProposeConfiguration(shared, group, *output.wanted_configuration);
  }
  if (output.repaired) {
    ++shared.counters.repairs;
    shared.stage.Add(group.id(), RecordType::kRepaired, EncodeRepaired(group.damage));
    shared.stage.Mark([] {});
    group.record_due = true;
    applier.Want(group);
  }
  if (output.role_changed) RoleChanged(group);
  Settle(group);
  reads.Serve(group);
  if (group.core.NeedsTick()) shared.Tick(group);
  if (group.core.HasOutput()) shared.Touch(group);
}

void Engine::Parts::RoleChanged(Group& group) {
  shared.heartbeats_stale = true;
  LogDebug("strong", "group {:#x} is {} in term {}, led by {}", group.id().value(),
           group.Leads() ? "leader" : "no leader", group.core.term().value(),
           group.core.leader().value());
}

void Engine::Parts::Settle(Group& group) {
  if (!group.waiting) return;
  const Waiting& waiting = *group.waiting;
  if (!group.Leads() || waiting.term != group.core.term()) return shared.EndWaiting(group);
  const bool idle = waiting.proposals.empty() && waiting.reads.empty() && waiting.target.empty();
  if (idle) group.waiting.reset();
}

void Engine::Parts::ArmTick() {
  if (tick_ || shared.ticking.empty()) return;
  tick_ = shared.world.timers.RunAt(shared.Now() + shared.options.tick_ns, [this] {
    tick_.reset();
    OnTick();
  });
}

void Engine::Parts::OnTick() {
  std::set<GroupId> next;
  for (const GroupId id : std::exchange(shared.ticking, {})) {
    Group* const group = shared.Find(id);
    if (group == nullptr) continue;
    group->ticking = false;
    if (group->core.NeedsTick()) group->core.Tick();
    reads.Tick(*group);
    StepToTarget(shared, *group);
    shared.Touch(*group);
    if (group->core.NeedsTick() || group->waiting) next.insert(id);
  }
  for (const GroupId id : next) shared.Tick(*shared.Find(id));
  replication.Retry();
  sender.Tick();
  ArmTick();
}

bool Engine::Parts::SpaceIsShort() {
  if (!space_is_short_) {
    space_is_short_ = shared.world.store.usage().Full() ||
                      !shared.world.log.CheckSpace(kLogPayloadBytesMax, log::SpaceUse::kNormal);
  }
  return *space_is_short_;
}

void Engine::Parts::Forget(Group& group) {
  shared.EndWaiting(group);
  std::erase(shared.touched, &group);
  std::erase(shared.applied_in_round, &group);
  shared.ticking.erase(group.id());
  applier.Forget(group);
  replication.Forget(group);
  sender.Forget(group);
  receiver.Forget(group);
  shared.heartbeats_stale = true;
}

}  // namespace metaring::strong
