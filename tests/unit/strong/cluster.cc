// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/strong/cluster.h"

#include "kvnode/base/check.h"

namespace metaring::strong {

uint64_t VirtualTime::At(int64_t at_ns, std::function<void()> task) {
  const uint64_t id = next_++;
  const int64_t due = std::max(at_ns, now_ns_);
  tasks_.emplace(std::pair(due, id), std::move(task));
  due_.emplace(id, due);
  return id;
}

void VirtualTime::Cancel(uint64_t id) {
  const auto at = due_.find(id);
  if (at == due_.end()) return;
  tasks_.erase({at->second, id});
  due_.erase(at);
}

void VirtualTime::RunOne() {
  CHECK(!tasks_.empty());
  const auto [due, id] = tasks_.begin()->first;
  const std::function<void()> task = std::move(tasks_.begin()->second);
  tasks_.erase(tasks_.begin());
  due_.erase(id);
  now_ns_ = due;
  task();
}

void VirtualTime::Run(int64_t nanos) {
  const int64_t end = now_ns_ + nanos;
  uint64_t steps = 0;
  while (!tasks_.empty() && tasks_.begin()->first.first <= end) {
    CHECK(++steps < 10'000'000);  // something runs in circles
    RunOne();
  }
  now_ns_ = end;
}

Node::Node(Cluster& cluster, NodeId id)
    : cluster_(cluster), id_(id), random_(id.value()), store_(store::NewMemoryStore()) {}

Node::~Node() {
  engine_.reset();
}

void Node::Later(int64_t nanos, std::function<void()> task) {
  cluster_.time.At(cluster_.time.MonotonicNanos() + nanos,
                   [this, life = life_, task = std::move(task)] {
                     if (life == life_ && up()) task();
                   });
}

void Node::Start() {
  CHECK(!up());
  auto log = log::OpenLog(disk_, cluster_.log_options);
  CHECK(log);
  log_ = std::move(*log);
  world_ = std::make_unique<World>(World{cluster_.time, *this, *this, *log_, *this, *store_, *this,
                                         spool_,
                                         [this](const Error& error) { fatal_ = error.message; }});
  EngineOptions options = cluster_.options;
  options.self = id_;
  options.seed = id_.value();
  auto engine = Engine::Open(options, *world_);
  if (!engine) fatal_ = engine.error().message;
  if (engine) engine_ = std::move(*engine);
}

void Node::Crash(bool lose_store) {
  ++life_;
  engine_.reset();
  disk_.CutPowerAtCall(0);
  log_.reset();
  disk_.Crash(random_);
  spool_.Crash(random_);
  if (lose_store) store_ = store::NewMemoryStore();
}

TimerId Node::RunAt(int64_t at_ns, std::function<void()> task) {
  return TimerId(cluster_.time.At(at_ns, std::move(task)));
}

void Node::Cancel(TimerId timer) {
  cluster_.time.Cancel(timer.value());
}

void Node::Send(NodeId to, PeerMessage&& message) {
  CHECK(IsSane(message));
  ++cluster_.messages;
  if (cluster_.cuts.contains({id_, to})) return;
  if (cluster_.filter && !cluster_.filter(id_, to, message)) return;
  auto shared = std::make_shared<PeerMessage>(std::move(message));
  cluster_.time.At(cluster_.time.MonotonicNanos() + 300'000,
                   [&cluster = cluster_, from = id_, to, shared] {
                     Node& node = cluster.node(to.value());
                     if (node.up()) node.engine().Receive(from, std::move(*shared));
                   });
}

uint64_t Node::Room(NodeId to) const {
  return full.contains(to) ? 0 : UINT64_MAX;
}

void Node::Sync(log::Lsn end) {
  Later(200'000, [this, end] {
    if (syncs_held) return Sync(end);
    CHECK(log_->Sync(end));
    engine_->LogDurable(log_->durable());
  });
}

void Node::TruncateBefore(log::Lsn keep_from) {
  Later(200'000, [this, keep_from] { CHECK(log_->TruncateBefore(keep_from)); });
}

void Node::Flush() {
  Later(1'000'000, [this] {
    if (flushes_held) return Flush();
    CHECK(store_->Flush());
    engine_->StoreFlushed();
  });
}

Cluster::Cluster(int nodes, EngineOptions engine_options) : options(engine_options) {
  log_options.segment_bytes = 64 << 10;  // which one payload more than fills
  log_options.payload_bytes_max = kLogPayloadBytesMax;
  log_options.queued_bytes_max = 64 << 20;
  for (int i = 1; i <= nodes; ++i) {
    const NodeId id(static_cast<uint64_t>(i));
    nodes_.emplace(id, std::make_unique<Node>(*this, id)).first->second->Start();
  }
}

void Cluster::Create(const std::vector<uint64_t>& voters, GroupId group, raft::WriteAck write_ack) {
  std::vector<NodeId> ids;
  for (const uint64_t id : voters) ids.emplace_back(id);
  size_t done = 0;
  uint8_t rank = 0;
  for (const uint64_t id : voters) {
    engine(id).CreateGroup(group, write_ack, raft::Configuration::OfVoters(ids),
                           [&done](const Status& status) {
                             CHECK(status);
                             ++done;
                           });
  }
  CHECK(RunUntil([&] { return done == voters.size(); }));
  for (const uint64_t id : voters) engine(id).SetElectionRank(group, rank++);
}

bool Cluster::RunUntil(const std::function<bool()>& condition, int64_t millis) {
  for (int64_t i = 0; i < millis; ++i) {
    if (condition()) return true;
    Run(1);
  }
  return condition();
}

bool Cluster::StepUntil(const std::function<bool()>& condition, int64_t tasks) {
  for (int64_t i = 0; i < tasks && !condition(); ++i) time.RunOne();
  return condition();
}

uint64_t Cluster::Leader(GroupId group) {
  uint64_t leader = 0;
  RunUntil([&] {
    for (const auto& [id, node] : nodes_) {
      if (!node->up()) continue;
      const auto status = node->engine().Look(group);
      if (!status || status->role != raft::Role::kLeader) continue;
      if (status->applied_index >= status->last_index) leader = id.value();
    }
    return leader != 0;
  });
  return leader;
}

void Cluster::Cut(uint64_t a, uint64_t b, bool cut) {
  for (const auto& way : {std::pair(NodeId(a), NodeId(b)), std::pair(NodeId(b), NodeId(a))}) {
    if (cut) cuts.insert(way);
    if (!cut) cuts.erase(way);
  }
}

void Cluster::Isolate(uint64_t id, bool cut) {
  for (const auto& [other, node] : nodes_) {
    if (other.value() != id) Cut(id, other.value(), cut);
  }
}

Bytes PutCommand(const Bytes& key, const Bytes& value, state::Scope scope) {
  state::Transaction put;
  put.then_ops.push_back({.key = key, .value = value});
  return state::EncodeCommand(scope, 1, put);
}

Result<state::TransactReply> Cluster::Put(uint64_t id, const Bytes& key, const Bytes& value,
                                          GroupId group) {
  auto reply = std::make_shared<std::optional<Result<state::TransactReply>>>();
  engine(id).Propose(group, PutCommand(key, value, {SlotOf(group), kScope.keyspace}),
                     log::SpaceUse::kNormal, [reply](Result<state::TransactReply> result) {
                       CHECK(!*reply);
                       *reply = std::move(result);
                     });
  if (!RunUntil([&] { return reply->has_value(); })) {
    return Fail(ErrorCode::kDeadlineExceeded, "no answer");
  }
  return **reply;
}

Result<std::optional<Bytes>> Cluster::Get(uint64_t id, ReadMode mode, const Bytes& key) {
  auto ticket = std::make_shared<std::optional<Result<ReadTicket>>>();
  engine(id).Read(kGroup, mode, [ticket](Result<ReadTicket> result) { *ticket = result; });
  if (!RunUntil([&] { return ticket->has_value(); })) {
    return Fail(ErrorCode::kDeadlineExceeded, "no answer");
  }
  if (!**ticket) return Fail((*ticket)->error());
  const ReadTable& table = engine(id).reads();
  const raft::LogIndex applied = table.Applied(kGroup);
  const std::optional<Bytes> value = Stored(id, key);
  if (table.Judge(***ticket, applied) != raft::ReadVerdict::kServe) {
    return Fail(ErrorCode::kUnavailable, "the gate closed");
  }
  return value;
}

std::optional<Bytes> Cluster::Stored(uint64_t id, const Bytes& key) {
  const auto view = node(id).store().NewView();
  const auto record = state::Read(**view, kScope, key);
  CHECK(record);
  if (!*record) return std::nullopt;
  return (*record)->value;
}

}  // namespace metaring::strong
