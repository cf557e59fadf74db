// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/client/test_node.h"

#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/client/methods.h"
#include "kvnode/client/wire_admin.h"

namespace metaring::client {
namespace {

// The result struct of any method with its exception, which is field 1 in each of them.
Bytes EncodeRefusal(ByteView, const Error& error) {
  wire::Kv_get_result result;
  result.error = ToWire(error);
  result.__isset.error = true;
  Bytes out;
  rpc::AppendEncoded(out, result);
  return out;
}

}  // namespace

TestNode::TestNode(const Options& options) : options_(options), dispatcher_(EncodeRefusal) {
  auto store = OpenEmbeddedOn(store::NewMemoryStore(), disk_, {}, clock_);
  CHECK(store);
  store_ = std::move(*store);
  AddReads();
  AddWrites();
  AddHello();
  AddAdmin();
  Start();
}

TestNode::~TestNode() {
  Kill();
}

void TestNode::Start() {
  rpc::ServerOptions to;
  to.port = port_;
  to.threads = 2;
  to.tls = options_.tls;
  to.allow_insecure_plain_text = !options_.tls;
  server_ = std::make_unique<rpc::Server>(to, dispatcher_);
  CHECK(server_->Start());
  port_ = server_->port();
}

void TestNode::Kill() {
  if (server_ == nullptr) return;
  server_->Stop(std::chrono::milliseconds(0));
  server_.reset();
  const MutexLock lock(mutex_);
  kept_.clear();
}

std::unique_ptr<Kv> TestNode::Open(const std::string& keyspace) {
  auto kv = store_->Open(keyspace);
  CHECK(kv);
  return std::move(*kv);
}

// --- spoiling ------------------------------------------------------------------------------------

void TestNode::SpoilBy(std::function<Spoil(const std::string& method)> spoil) {
  const MutexLock lock(mutex_);
  spoil_ = std::move(spoil);
}

void TestNode::SpoilNext(const std::string& method, int count, const Spoil& spoil) {
  SpoilBy([method, left = count, spoil](const std::string& asked) mutable {
    return asked == method && left-- > 0 ? spoil : Spoil{};
  });
}

void TestNode::AwaitKept(size_t count) {
  const MutexLock lock(mutex_);
  while (kept_.size() < count) kept_more_.Wait(mutex_);
}

int TestNode::Count(const std::string& method) const {
  const MutexLock lock(mutex_);
  const auto found = counts_.find(method);
  return found == counts_.end() ? 0 : found->second;
}

std::chrono::milliseconds TestNode::LastDeadline() const {
  const MutexLock lock(mutex_);
  return last_deadline_;
}

Spoil TestNode::Judge(const std::string& method) {
  const MutexLock lock(mutex_);
  ++counts_[method];
  return spoil_ ? spoil_(method) : Spoil{};
}

void TestNode::Keep(rpc::Call call) {
  const MutexLock lock(mutex_);
  kept_.push_back(std::move(call));
  kept_more_.NotifyAll();
}

// --- serving -------------------------------------------------------------------------------------

// `serve`: Result<Reply>(Request&&).
template <typename MethodOf, typename Serve>
void TestNode::Add(const MethodOf& method, Serve serve) {
  using Arguments = typename MethodOf::Arguments;
  dispatcher_.Add<Arguments>(method.name, [this, serve](rpc::Call call, Arguments& arguments) {
    const Spoil spoil = Judge(call.method());
    if (spoil.how == Spoil::How::kHold) return Keep(std::move(call));
    typename MethodOf::Result result;
    if (spoil.how == Spoil::How::kRefuse) {
      result.error = ToWire(spoil.error, spoil.retry_after);
      result.__isset.error = true;
      return call.Reply(result);
    }
    Result<typename MethodOf::Reply> reply = serve(std::move(arguments.request));
    if (spoil.how == Spoil::How::kForget) return Keep(std::move(call));
    if (spoil.how == Spoil::How::kLose) return;
    result.__isset.success = reply.has_value();
    result.__isset.error = !reply;
    if (reply) {
      result.success = std::move(*reply);
    } else {
      result.error = ToWire(reply.error());
    }
    call.Reply(result);
  });
}

Result<std::unique_ptr<EncodedKv>> TestNode::KvOf(wire::Target&& raw) {
  ASSIGN_OR_RETURN(const RequestTarget target, FromWire(std::move(raw)));
  {
    const MutexLock lock(mutex_);
    last_deadline_ = target.deadline;
  }
  ASSIGN_OR_RETURN(OpenedKeyspace opened, store_->OpenEncoded(target.keyspace));
  if (target.keyspace_id && *target.keyspace_id != opened.info.id) {
    return Fail(ErrorCode::kStale, "the keyspace is another one by now");
  }
  return std::move(opened.kv);
}

void TestNode::AddReads() {
  Add(kGet, [this](wire::GetRequest&& request) -> Result<wire::GetReply> {
    ASSIGN_OR_RETURN(const auto kv, KvOf(std::move(request.target)));
    ASSIGN_OR_RETURN(auto record, kv->Get(request.key));
    return ToWire(std::move(record));
  });
  Add(kMultiGet, [this](wire::MultiGetRequest&& request) -> Result<wire::MultiGetReply> {
    ASSIGN_OR_RETURN(const auto kv, KvOf(std::move(request.target)));
    ASSIGN_OR_RETURN(auto records, kv->MultiGet(request.keys));
    wire::MultiGetReply reply;
    reply.records = ToWire(std::move(records));
    reply.__isset.records = true;
    return reply;
  });
  Add(kScan, [this](wire::ScanRequest&& request) -> Result<wire::ScanReply> {
    ASSIGN_OR_RETURN(const auto kv, KvOf(std::move(request.target)));
    ASSIGN_OR_RETURN(const ScanRequest scan, FromWire(std::move(request)));
    ASSIGN_OR_RETURN(ScanPage page, kv->Scan(scan));
    return ToWire(std::move(page));
  });
}

void TestNode::AddWrites() {
  Add(kPut, [this](wire::PutRequest&& request) -> Result<wire::PutReply> {
    ASSIGN_OR_RETURN(const auto kv, KvOf(std::move(request.target)));
    ASSIGN_OR_RETURN(const auto id, RequestIdOf(request));
    ASSIGN_OR_RETURN(state::Encoded value, TakeValue(request));
    ASSIGN_OR_RETURN(const uint64_t version, kv->Put(request.key, std::move(value), id));
    wire::PutReply reply;
    reply.__set_version(static_cast<int64_t>(version));
    return reply;
  });
  Add(kDelete, [this](wire::DeleteRequest&& request) -> Result<wire::DeleteReply> {
    ASSIGN_OR_RETURN(const auto kv, KvOf(std::move(request.target)));
    ASSIGN_OR_RETURN(const auto id, RequestIdOf(request));
    ASSIGN_OR_RETURN(const bool existed, kv->Delete(request.key, id));
    wire::DeleteReply reply;
    reply.__set_existed(existed);
    return reply;
  });
  Add(kTransact, [this](wire::TransactRequest&& request) -> Result<wire::TransactReply> {
    ASSIGN_OR_RETURN(const auto kv, KvOf(std::move(request.target)));
    ASSIGN_OR_RETURN(const Transaction transaction, FromWire(std::move(request)));
    ASSIGN_OR_RETURN(TransactReply reply, kv->Transact(transaction));
    return ToWire(std::move(reply));
  });
}

void TestNode::AddHello() {
  dispatcher_.Add<wire::Kv_hello_args>(
      kHello.name, [this](rpc::Call call, const wire::Kv_hello_args& arguments) {
        const wire::HelloRequest& request = arguments.request;
        {
          const MutexLock lock(mutex_);
          ++counts_[kHello.name];
        }
        wire::Kv_hello_result result;
        result.__isset.success = true;
        result.success.__set_version(options_.version);
        result.success.__set_cluster_id(options_.cluster_id);
        result.success.__set_node_id(1);
        result.success.__set_peer_role(std::string(rpc::RoleName(call.peer().role)));
        if (request.__isset.cluster_id && request.cluster_id != options_.cluster_id) {
          call.Refuse(Error{ErrorCode::kFormatMismatch, "this is another cluster"});
        } else {
          call.Reply(result);
        }
      });
}

void TestNode::AddAdmin() {
  Add(kHealthCheck, [](wire::HealthCheckRequest&&) -> Result<wire::HealthCheckReply> {
    return ToWire(HealthReport{Health::kOk, "", std::chrono::seconds(5)});
  });
  Add(kClusterMap, [this](wire::ClusterMapRequest&&) -> Result<wire::ClusterMapReply> {
    ClusterMap map;
    map.cluster_id = options_.cluster_id;
    map.epoch = 3;
    ClusterNode& node = map.nodes.emplace_back();
    node.id = NodeId(1);
    node.name = "a";
    node.address = "127.0.0.1:1";
    return ToWire(map);
  });
  Add(kStats, [](wire::StatsRequest&&) -> Result<wire::StatsReply> {
    wire::StatsReply reply;
    reply.__set_counters({{"puts", 7}});
    return reply;
  });
  Add(kKeyspaceCreate,
      [this](wire::KeyspaceCreateRequest&& request) -> Result<wire::KeyspaceCreateReply> {
        ASSIGN_OR_RETURN(const KeyspaceInfo wanted, FromWire(std::move(request.keyspace)));
        ASSIGN_OR_RETURN(const KeyspaceInfo made, store_->Create(wanted.name, wanted.options));
        wire::KeyspaceCreateReply reply;
        reply.__set_keyspace(ToWire(made));
        return reply;
      });
  Add(kKeyspaceList, [this](wire::KeyspaceListRequest&&) -> Result<wire::KeyspaceListReply> {
    ASSIGN_OR_RETURN(const std::vector<KeyspaceInfo> all, store_->List());
    wire::KeyspaceListReply reply;
    for (const KeyspaceInfo& info : all) reply.keyspaces.push_back(ToWire(info));
    reply.__isset.keyspaces = true;
    return reply;
  });
  Add(kKeyspaceDrop,
      [this](const wire::KeyspaceDropRequest& request) -> Result<wire::KeyspaceDropReply> {
        RETURN_IF_ERROR(store_->Drop(request.name));
        return wire::KeyspaceDropReply();
      });
  Add(kGrantSet, [this](wire::GrantSetRequest&& request) -> Result<wire::GrantSetReply> {
    ASSIGN_OR_RETURN(const Grant grant, FromWire(std::move(request.grant)));
    const MutexLock lock(mutex_);
    grants_[grant.client][grant.keyspace] = grant;
    return wire::GrantSetReply();
  });
  Add(kGrantList, [this](const wire::GrantListRequest& request) -> Result<wire::GrantListReply> {
    const MutexLock lock(mutex_);
    wire::GrantListReply reply;
    for (const auto& [client, of_client] : grants_) {
      if (request.__isset.client && client != request.client) continue;
      for (const auto& [keyspace, grant] : of_client) reply.grants.push_back(ToWire(grant));
    }
    reply.__isset.grants = true;
    return reply;
  });
}

RemoteOptions ClientOptions(const std::vector<Endpoint>& endpoints) {
  RemoteOptions options;
  options.nodes.endpoints = endpoints;
  options.nodes.allow_insecure_plain_text = true;
  options.nodes.client_name = "client_test";
  options.nodes.retry.backoff_min = std::chrono::milliseconds(1);
  options.nodes.retry.backoff_max = std::chrono::milliseconds(20);
  // Only ends what hangs.
  options.deadline = std::chrono::minutes(1);
  return options;
}

}  // namespace metaring::client
