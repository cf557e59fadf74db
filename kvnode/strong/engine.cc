// SPDX-License-Identifier: Apache-2.0
#include "kvnode/strong/engine.h"

#include <utility>

#include "kvnode/strong/engine_parts.h"
#include "kvnode/strong/membership.h"

namespace metaring::strong {
namespace {

tl::unexpected<Error> NoReplica() {
  return Fail(ErrorCode::kUnavailable, "the group has no replica here");
}
tl::unexpected<Error> Ended() {
  return Fail(ErrorCode::kUnavailable, "the engine has ended");
}

}  // namespace

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options, const World& world) {
  ASSIGN_OR_RETURN(Recovered recovered, Recover(world.log, world.store));
  RETURN_IF_ERROR(EmptySpool(world.spool));
  auto parts = std::make_unique<Parts>(options, world, recovered.node);
  parts->shared.node_at = recovered.node_at;
  for (auto& [id, group] : recovered.groups) parts->lifecycle.Restore(id, group);
  parts->support.Start();
  return std::unique_ptr<Engine>(new Engine(std::move(parts)));
}

Engine::~Engine() {
  Shared& shared = parts_->shared;
  shared.failed = true;
  for (auto& [id, group] : shared.groups) parts_->Forget(group);
  parts_->lifecycle.Stop();
  // A callback may ask again, and gets its answer now.
  while (!shared.answers.empty()) {
    for (const auto& answer : std::exchange(shared.answers, {})) answer();
  }
}

// -------------------------------------------------------------------------------------------------
// Reports

void Engine::Receive(NodeId from, PeerMessage&& message) {
  Shared& shared = parts_->shared;
  if (shared.failed) return;
  ++shared.counters.messages_received;
  if (!IsSane(message) || from == shared.host.self || from == NodeId()) {
    ++shared.counters.messages_refused;
    return;
  }
  if (message.heartbeat) parts_->support.Receive(from, *message.heartbeat);
  if (message.heartbeat_reply) parts_->support.Receive(from, *message.heartbeat_reply);
  for (GroupMessage& group : message.groups) parts_->replication.Receive(from, std::move(group));
  for (const Confirmation& asked : message.questions) parts_->reads.ReceiveQuestion(from, asked);
  for (const Confirmation& given : message.confirmations) {
    parts_->reads.ReceiveConfirmation(from, given);
  }
  for (const SnapshotChunk& chunk : message.chunks) parts_->receiver.Receive(from, chunk);
  for (const SnapshotReply& reply : message.snapshot_replies) parts_->sender.Receive(from, reply);
}

void Engine::LogDurable(log::Lsn durable) {
  Shared& shared = parts_->shared;
  if (shared.failed) return;
  for (LogStage::Done& done : shared.stage.Durable(durable)) {
    if (!done.token) {
      done.then();
    } else if (Group* const group = shared.Find(done.group)) {
      group->core.Persisted(*done.token);
      shared.Touch(*group);
    }
  }
}

void Engine::StoreFlushed() {
  Shared& shared = parts_->shared;
  if (shared.failed) return;
  const uint64_t flushed = shared.world.store.flushed();
  for (auto& [id, group] : shared.groups) {
    group.flushed.Flushed(flushed, group.applied);
  }
  shared.Schedule();
}

void Engine::SetReachable(NodeId peer, bool reachable) {
  Shared& shared = parts_->shared;
  if (shared.failed) return;
  if (!reachable) parts_->replication.Drop(peer);
  if (!reachable) parts_->sender.Drop(peer);
  for (auto& [id, group] : shared.groups) {
    if (!group.Leads()) continue;
    group.core.SetReachable(peer, reachable);
    if (group.core.HasOutput()) shared.Touch(group);
  }
}

void Engine::PeerWritable(NodeId peer) {
  if (parts_->shared.failed) return;
  parts_->replication.Retry(peer);
  parts_->shared.Schedule();
}

// -------------------------------------------------------------------------------------------------
// Groups

void Engine::CreateGroup(GroupId id, raft::WriteAck write_ack,
                         const raft::Configuration& configuration, StatusCallback done) {
  Shared& shared = parts_->shared;
  if (shared.failed) return shared.Answer([done = std::move(done)] { done(Ended()); });
  parts_->lifecycle.Create(id, write_ack, configuration, std::move(done));
}

void Engine::DestroyGroup(GroupId id, StatusCallback done) {
  Shared& shared = parts_->shared;
  if (shared.failed) return shared.Answer([done = std::move(done)] { done(Ended()); });
  if (Group* const group = shared.Find(id)) parts_->Forget(*group);
  parts_->lifecycle.Destroy(id, std::move(done));
}

std::vector<GroupId> Engine::Groups() const {
  std::vector<GroupId> ids;
  for (const auto& [id, group] : parts_->shared.groups) ids.push_back(id);
  return ids;
}

void Engine::SetElectionRank(GroupId id, uint8_t rank) {
  if (Group* const group = parts_->shared.Find(id)) group->core.SetElectionRank(rank);
}

// -------------------------------------------------------------------------------------------------
// Requests

void Engine::Propose(GroupId id, Bytes command, log::SpaceUse use, ProposeCallback done) {
  Shared& shared = parts_->shared;
  const auto refuse = [&](Error error) {
    shared.Answer([done = std::move(done), error = std::move(error)] { done(Fail(error)); });
  };
  Group* const group = shared.Find(id);
  if (shared.failed || group == nullptr) return refuse(NoReplica().value());
  if (command.size() > kEntryBytesMax) {
    return refuse({ErrorCode::kInvalidArgument, "command: larger than an entry may be"});
  }
  const bool short_of_space = use == log::SpaceUse::kNormal && parts_->SpaceIsShort();
  if (group->Leads() && short_of_space) {
    return refuse({ErrorCode::kNoSpace, "the disk or the quota is full"});
  }
  const uint64_t waiting = group->waiting ? group->waiting->proposed_bytes : 0;
  const bool too_much = waiting + command.size() > shared.options.uncommitted_bytes_max;
  if (group->Leads() && (shared.stage.Full() || (waiting > 0 && too_much))) {
    return refuse({ErrorCode::kBusy, "too much waits for disks"});
  }
  const auto proposed = group->core.Propose();
  if (!proposed) return refuse(proposed.error());
  ++shared.counters.proposals;
  Waiting& clients = shared.WaitingOf(*group);
  clients.proposed_bytes += command.size();
  clients.proposals.push_back({proposed->index, command.size(), std::move(done)});
  shared.AppendOwn(*group, proposed->index,
                   {EntryKind::kCommand, std::make_shared<const Bytes>(std::move(command))});
}

void Engine::Read(GroupId id, ReadMode mode, ReadCallback done) {
  Shared& shared = parts_->shared;
  Group* const group = shared.Find(id);
  if (shared.failed || group == nullptr) {
    return shared.Answer([done = std::move(done)] { done(NoReplica()); });
  }
  parts_->reads.Read(*group, mode, std::move(done));
}

Status Engine::TransferLeadership(GroupId id, NodeId target) {
  Group* const group = parts_->shared.Find(id);
  if (group == nullptr) return NoReplica();
  Status begun = group->core.TransferLeadership(target);
  parts_->shared.Touch(*group);
  return begun;
}

Status Engine::SetVoters(GroupId id, std::vector<NodeId> voters) {
  Group* const group = parts_->shared.Find(id);
  if (group == nullptr) return NoReplica();
  if (!group->Leads()) {
    return Fail(ErrorCode::kUnavailable, "this replica does not lead the group");
  }
  RETURN_IF_ERROR(raft::Configuration::OfVoters(voters).Check());
  parts_->shared.WaitingOf(*group).target = std::move(voters);
  StepToTarget(parts_->shared, *group);
  parts_->shared.Tick(*group);
  parts_->shared.Schedule();
  return {};
}

Status Engine::ChangeConfiguration(GroupId id, const raft::Configuration& configuration) {
  Group* const group = parts_->shared.Find(id);
  if (group == nullptr) return NoReplica();
  return ProposeConfiguration(parts_->shared, *group, configuration);
}

// -------------------------------------------------------------------------------------------------
// Looks

std::optional<GroupStatus> Engine::Look(GroupId id) const {
  const Group* const group = parts_->shared.Find(id);
  if (group == nullptr) return std::nullopt;
  const raft::Core& core = group->core;
  GroupStatus status{id,
                     core.role(),
                     core.term(),
                     core.leader(),
                     core.log().base(),
                     core.log().last_index(),
                     core.commit_index(),
                     group->applied,
                     core.damaged(),
                     group->erasing,
                     {},
                     {}};
  for (const raft::Member& member : core.configuration().members()) {
    MemberStatus known{member.node, member.role, member.in_sync, {}, {}, true};
    if (member.node == parts_->shared.host.self) known.match = core.durable_index();
    for (const raft::Progress& progress : core.progress()) {
      if (progress.node() != member.node) continue;
      known.match = progress.match();
      known.state = progress.state();
      known.reachable = progress.reachable;
    }
    status.members.push_back(known);
  }
  if (group->waiting) status.target = group->waiting->target;
  return status;
}

EngineCounters Engine::counters() const {
  EngineCounters counters = parts_->shared.counters;
  counters.messages_sent = parts_->shared.outbox.messages_sent();
  return counters;
}

const ReadTable& Engine::reads() const {
  return parts_->shared.table;
}

uint64_t Engine::incarnation() const {
  return parts_->shared.node.incarnation;
}

}  // namespace metaring::strong
