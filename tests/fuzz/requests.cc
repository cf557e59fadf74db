// SPDX-License-Identifier: Apache-2.0
//
// requests: argument structs of every method of kv.thrift and node.thrift, as a peer may send them,
// to the real handlers over a store in memory. Each gets exactly one answer, which decodes.
//
//   input   = request*           at most kRequestsMax, all to one node, which is new for each input
//   request = method(u8: its Rpc, modulo) role(u8) size(u16 BE) arguments
#include <Kv.h>
#include <Node.h>

#include <Kv.tcc>
#include <Node.tcc>
#include <future>
#include <kv_types.tcc>
#include <memory>
#include <node_types.tcc>

#include "kvnode/base/check.h"
#include "kvnode/client/embedded.h"
#include "kvnode/server/admin_service.h"
#include "kvnode/server/kv_service.h"
#include "kvnode/server/node_service.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/sim/sim_disk.h"

namespace metaring::fuzz {
namespace {

using server::Rpc;

constexpr int kRequestsMax = 6;
constexpr char kClusterId[] = "0123456789abcdef0123456789abcdef";

// The threads of every node, one after another.
struct Threads {
  Threads() {
    fibers.Start("fibers");
    reads.Start(1, "read");
  }
  fiber::Pool fibers;
  server::ReadPool reads{16};
};

Threads& TheThreads() {
  static auto* const threads = new Threads();  // they never end
  return *threads;
}

class Node {
 public:
  Node()
      : store_(Open(disk_, clock_)),
        system_(store_->OpenSystem()),
        grants_(*system_),
        keyspaces_(*store_),
        front_({grants_, keyspaces_, counters_, TheThreads().fibers, TheThreads().reads, clock_}) {
    CHECK(keyspaces_.Create("ks", {}) && grants_.Load());
    facts_.identity.cluster_id = kClusterId;
    facts_.client_address = [] { return "127.0.0.1:7400"; };
    facts_.is_full = [] { return false; };
    facts_.expiry_warnings = [] { return std::vector<server::ExpiryWarning>(); };
    facts_.counters = [] { return server::NamedCounters(); };
    AddKvMethods(front_, clients_);
    AddAdminMethods(front_, clients_, keyspaces_, grants_);
    AddInfoMethods(front_, clients_, facts_);
    AddNodeMethods(front_, nodes_, facts_);
    AddMethodsElsewhere(front_, clients_, nodes_);
  }

  rpc::Dispatcher& clients() { return clients_; }
  rpc::Dispatcher& nodes() { return nodes_; }

 private:
  static std::unique_ptr<client::Embedded> Open(Disk& disk, const Clock& clock) {
    client::EmbeddedOptions options;
    // Small, since a new log looks through all of its first segment; inputs are smaller.
    options.log.segment_bytes = 64 << 10;
    options.log.payload_bytes_max = 16 << 10;
    auto opened = client::OpenEmbeddedOn(store::NewMemoryStore(), disk, options, clock);
    CHECK(opened);
    return std::move(*opened);
  }

  const SystemClock clock_;
  sim::SimDisk disk_;
  const std::unique_ptr<client::Embedded> store_;
  const std::unique_ptr<client::Kv> system_;
  server::Grants grants_;
  server::KeyspaceTable keyspaces_;
  server::Counters counters_;
  server::NodeFacts facts_;
  server::Front front_;
  rpc::Dispatcher clients_{server::EncodeRefusal};
  rpc::Dispatcher nodes_{server::EncodeRefusal};
};

// A peer that waits for its answer.
class Peer : public rpc::CallOrigin {
 public:
  explicit Peer(const rpc::Identity& identity) : identity_(identity) {}

  const rpc::Identity& peer() const override { return identity_; }
  const std::string& remote_address() const override { return address_; }
  bool gone() const override { return false; }
  size_t answer_bytes_max() const override { return size_t{20} << 20; }
  void Answer(Bytes frame, size_t) override { answer_.set_value(std::move(frame)); }
  Bytes EncodeRefusal(ByteView method, const Error& error) const override {
    return server::EncodeRefusal(method, error);
  }
  Bytes Await() { return answer_.get_future().get(); }

 private:
  const rpc::Identity identity_;
  const std::string address_ = "127.0.0.1:4711";
  std::promise<Bytes> answer_;
};

rpc::Identity IdentityOf(uint8_t role, bool node_listener) {
  if (role == 0xff) return {rpc::Role::kClient, "alice"};
  if (node_listener) return {rpc::Role::kNode, "node-2"};
  return {rpc::Role::kAdmin, "root"};
}

void Ask(Node& node, Rpc rpc, uint8_t role, ByteView arguments) {
  const server::AccessRow& row = server::RowOf(rpc);
  const bool of_nodes = row.listener == server::Listener::kNodes;
  const auto peer = std::make_shared<Peer>(IdentityOf(role, of_nodes));
  rpc::Message message;
  message.method = row.method;
  message.seqid = 7;
  (of_nodes ? node.nodes() : node.clients())
      .Serve(rpc::Call(peer, message, arguments.size()), arguments);
  const Bytes frame = peer->Await();
  const auto answer = rpc::ParseMessage(ByteView(frame).substr(rpc::kFrameHeadBytes));
  CHECK(answer && answer->type == rpc::MessageType::kReply && answer->seqid == 7);
  CHECK(answer->method == row.method);
}

// Seeds ---------------------------------------------------------------------------------------

template <Rpc kRpc>
Bytes RequestOf(const typename server::MethodOf<kRpc>::Request& request, uint8_t role = 0) {
  typename server::MethodOf<kRpc>::Arguments arguments;
  arguments.request = request;
  arguments.__isset.request = true;
  Bytes body;
  rpc::AppendEncoded(body, arguments);
  Bytes out;
  AppendU8(out, static_cast<uint8_t>(kRpc));
  AppendU8(out, role);
  AppendBigU16(out, static_cast<uint16_t>(body.size()));
  return out + body;
}

wire::Target TargetOf() {
  wire::Target target;
  target.__set_keyspace("ks");
  target.__set_deadline_ms(3'600'000);
  return target;
}

wire::PutRequest PutOf(const Bytes& key) {
  wire::PutRequest put;
  put.__set_target(TargetOf());
  put.__set_key(key);
  put.__set_value("a value");
  wire::RequestId id;
  id.__set_client(5);
  id.__set_sequence(1);
  put.__set_request_id(id);
  return put;
}

wire::TransactRequest TransactOf() {
  wire::Compare compare;
  compare.__set_kind(wire::CompareKind::VALUE);
  compare.__set_key("k");
  compare.__set_value("a value");
  wire::Compare range;
  range.__set_kind(wire::CompareKind::RANGE_EMPTY);
  range.__set_key("x");
  range.__set_end_key("y");
  wire::Op put;
  put.__set_kind(wire::OpKind::PUT);
  put.__set_key("k2");
  put.__set_value("v2");
  wire::Op add;
  add.__set_kind(wire::OpKind::ADD);
  add.__set_key("counter");
  add.__set_delta(-3);
  wire::TransactRequest transact;
  transact.__set_target(TargetOf());
  transact.__set_compares({compare, range});
  transact.__set_then_ops({put, add});
  transact.__set_else_reads({"k", "missing"});
  transact.__set_frees_space(true);
  return transact;
}

std::vector<Bytes> DataSeeds() {
  wire::GetRequest get;
  get.__set_target(TargetOf());
  get.__set_key("k");
  wire::MultiGetRequest many;
  many.__set_target(TargetOf());
  many.__set_keys({"k", "missing", ""});
  wire::ScanRequest scan;
  scan.__set_target(TargetOf());
  scan.__set_start_key("a");
  scan.__set_end_key("z");
  scan.__set_limit(1);
  scan.__set_keep_damaged(true);
  wire::DeleteRequest erase;
  erase.__set_target(TargetOf());
  erase.__set_key("k");
  const Bytes put = RequestOf<Rpc::kPut>(PutOf("k"));
  return {put + RequestOf<Rpc::kGet>(get),
          put + RequestOf<Rpc::kMultiGet>(many),
          put + RequestOf<Rpc::kPut>(PutOf("l")) + RequestOf<Rpc::kScan>(scan),
          put + RequestOf<Rpc::kDeleteKey>(erase),
          put + RequestOf<Rpc::kTransact>(TransactOf()),
          RequestOf<Rpc::kGet>(get, 0xff)};
}

std::vector<Bytes> AdminSeeds() {
  wire::Keyspace keyspace;
  keyspace.__set_name("more");
  keyspace.__set_replicas(5);
  keyspace.__set_compression(wire::Compression::ZSTD);
  wire::KeyspaceCreateRequest create;
  create.__set_keyspace(keyspace);
  wire::KeyspaceDropRequest drop;
  drop.__set_name("more");
  wire::Grant grant;
  grant.__set_client("alice");
  grant.__set_keyspace("ks");
  grant.__set_access(wire::Access::WRITE);
  wire::GrantSetRequest set;
  set.__set_grant(grant);
  const Bytes created = RequestOf<Rpc::kKeyspaceCreate>(create);
  return {created + RequestOf<Rpc::kKeyspaceList>({}) + RequestOf<Rpc::kKeyspaceDrop>(drop),
          RequestOf<Rpc::kGrantSet>(set) + RequestOf<Rpc::kGrantList>({}) +
              RequestOf<Rpc::kPut>(PutOf("k"), 0xff)};
}

std::vector<Bytes> InfoSeeds() {
  wire::HelloRequest hello;
  hello.__set_version_min(1);
  hello.__set_version_max(3);
  hello.__set_cluster_id(kClusterId);
  hello.__set_client_name("fuzz");
  wire::IdentifyRequest identify;
  identify.__set_cluster_id(kClusterId);
  identify.__set_node_id(2);
  wire::HeartbeatRequest beat;
  beat.__set_cluster_id(kClusterId);
  beat.__set_node_id(2);
  beat.__set_sequence(9);
  return {RequestOf<Rpc::kHello>(hello) + RequestOf<Rpc::kHealthCheck>({}) +
              RequestOf<Rpc::kClusterMap>({}) + RequestOf<Rpc::kStats>({}),
          RequestOf<Rpc::kIdentify>(identify) + RequestOf<Rpc::kHeartbeat>(beat)};
}

}  // namespace

void RunInput(ByteView input) {
  Node node;
  Reader reader(input);
  for (int i = 0; i < kRequestsMax; ++i) {
    const auto rpc = static_cast<Rpc>(reader.U8() % server::kRpcCount);
    const uint8_t role = reader.U8();
    const size_t size = reader.BigU16();
    if (!reader.ok()) break;
    Ask(node, rpc, role, reader.Take(std::min(size, reader.rest().size())));
  }
}

std::vector<Bytes> Seeds() {
  std::vector<Bytes> all = DataSeeds();
  for (const auto& more : {AdminSeeds(), InfoSeeds()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace metaring::fuzz
