// SPDX-License-Identifier: Apache-2.0
//
// replies: result structs as a hostile node may send them, to the real client over a socket: its
// channel, every decoder, the conversion to values of ours, and zstd.
//
//   input = operation(u8: index in kOperations, modulo) result
//
// The first answer of an input is its result; what the client asks after that is refused for good,
// so that an input ends.
#include <Kv.h>

#include <Kv.tcc>
#include <array>
#include <kv_types.tcc>

#include "kvnode/base/check.h"
#include "kvnode/base/mutex.h"
#include "kvnode/client/decoding_kv.h"
#include "kvnode/client/methods.h"
#include "kvnode/client/remote_admin.h"
#include "kvnode/client/remote_kv.h"
#include "kvnode/client/wire_admin.h"
#include "kvnode/rpc/server.h"
#include "tests/fuzz/fuzz_target.h"

namespace metaring::fuzz {
namespace {

using namespace client;  // NOLINT(google-build-using-namespace): all of it is what is tested

constexpr std::chrono::milliseconds kDeadline{200};

// Bytes in place of a generated result struct.
struct RawResult {
  ByteView raw;
  template <typename Protocol>
  void write(Protocol* protocol) const {
    auto& memory = static_cast<rpc::MemoryTransport&>(*protocol->getTransport());
    memory.write(reinterpret_cast<const uint8_t*>(raw.data()), static_cast<uint32_t>(raw.size()));
  }
};

// Says `hello` as it should, unless that is what is tested.
class HostileNode : public rpc::Handler {
 public:
  void Set(ByteView result, bool to_hello) {
    const MutexLock lock(mutex_);
    result_ = result;
    to_hello_ = to_hello;
  }

  void Serve(rpc::Call call, ByteView) override {
    const bool hello = call.method() == "hello";
    {
      const MutexLock lock(mutex_);
      if (result_ && hello == to_hello_) {
        call.Reply(RawResult{*result_});
        result_.reset();
        return;
      }
    }
    if (!hello) return call.Refuse(Error{ErrorCode::kInvalidArgument, "enough"});
    wire::Kv_hello_result result;
    result.success.__set_version(1);
    result.success.__set_cluster_id("cluster");
    result.__isset.success = true;
    call.Reply(result);
  }

  Bytes EncodeRefusal(ByteView, const Error& error) const override {
    wire::Kv_get_result result;
    result.error = ToWire(error);
    result.__isset.error = true;
    Bytes out;
    rpc::AppendEncoded(out, result);
    return out;
  }

 private:
  Mutex mutex_;
  std::optional<Bytes> result_ GUARDED_BY(mutex_);
  bool to_hello_ GUARDED_BY(mutex_) = false;
};

RemoteOptions OptionsOf(const rpc::Server& server) {
  RemoteOptions options;
  options.nodes.endpoints = {{"127.0.0.1", server.port()}};
  options.nodes.allow_insecure_plain_text = true;
  options.nodes.channels_per_node = 1;
  options.nodes.retry = {std::chrono::milliseconds(1), std::chrono::milliseconds(1)};
  options.deadline = kDeadline;
  return options;
}

// A node and a client of it, for all inputs.
struct World {
  World() : server(Plain(), node) {
    CHECK(server.Start());
    cluster = *RemoteCluster::Open(OptionsOf(server));
    admin = std::make_unique<RemoteAdmin>(*cluster);
    kv = std::make_unique<DecodingKv>(std::make_unique<RemoteKv>(*cluster, "ks", KeyspaceId(1)),
                                      KeyspaceOptions());
  }
  static rpc::ServerOptions Plain() {
    rpc::ServerOptions options;
    options.allow_insecure_plain_text = true;
    return options;
  }

  RemoteCluster::TimePoint deadline() const { return cluster->DefaultDeadline(); }

  HostileNode node;
  rpc::Server server;
  std::unique_ptr<RemoteCluster> cluster;
  std::unique_ptr<RemoteAdmin> admin;
  std::unique_ptr<Kv> kv;
};

World& TheWorld() {
  static auto* const world = new World();  // its threads never end
  return *world;
}

Transaction SomeTransaction() {
  Transaction transaction;
  transaction.compares.resize(1);
  transaction.compares[0].kind = Compare::Kind::kExists;
  transaction.then_ops.resize(1);
  transaction.else_reads = {"a", "b"};
  return transaction;
}

// A client of its own, whose first connection is greeted by the result.
void Greet(World& world) {
  const auto cluster = RemoteCluster::Open(OptionsOf(world.server));
  CHECK(cluster);
  Ended((*cluster)->Connect(kDeadline));
}

void ReadMany(World& world) {
  const std::vector<Bytes> keys = {"a", "b", "c"};
  const auto records = world.kv->MultiGet(keys);
  CHECK(!records || records->size() == keys.size());
}

void ReadPage(World& world, bool keep_damaged) {
  ScanRequest request;
  request.limit = 10;
  request.keep_damaged = keep_damaged;
  Ended(world.kv->Scan(request));
}

using Operation = void (*)(World&);

constexpr std::array<Operation, 16> kOperations = {
    Greet,
    [](World& world) { Ended(world.kv->Get("k")); },
    ReadMany,
    [](World& world) { ReadPage(world, false); },
    [](World& world) { ReadPage(world, true); },
    [](World& world) { Ended(world.kv->Put("k", "v")); },
    [](World& world) { Ended(world.kv->Delete("k")); },
    [](World& world) { Ended(world.kv->Transact(SomeTransaction())); },
    [](World& world) { Ended(world.admin->HealthCheck(world.deadline())); },
    [](World& world) { Ended(world.admin->GetClusterMap(world.deadline())); },
    [](World& world) { Ended(world.admin->Stats(world.deadline())); },
    [](World& world) { Ended(world.admin->CreateKeyspace("ks", {}, world.deadline())); },
    [](World& world) { Ended(world.admin->ListKeyspaces(world.deadline())); },
    [](World& world) { Ended(world.admin->DropKeyspace("ks", world.deadline())); },
    [](World& world) {
      Ended(world.admin->SetGrant({"alice", "ks", Access::kRead}, world.deadline()));
    },
    [](World& world) { Ended(world.admin->ListGrants("", world.deadline())); },
};

// Seeds ---------------------------------------------------------------------------------------

template <typename MethodOf>
Bytes ResultOf(uint8_t operation, const MethodOf&, const typename MethodOf::Reply& reply) {
  typename MethodOf::Result result;
  result.success = reply;
  result.__isset.success = true;
  Bytes out(1, static_cast<char>(operation));
  rpc::AppendEncoded(out, result);
  return out;
}

Bytes RefusalOf(uint8_t operation, ErrorCode code, std::chrono::milliseconds hint) {
  wire::Kv_get_result result;
  result.error = ToWire(Error{code, "why"}, hint);
  result.__isset.error = true;
  Bytes out(1, static_cast<char>(operation));
  rpc::AppendEncoded(out, result);
  return out;
}

state::Record RecordOf(ByteView value, bool compressed) {
  const state::Encoded encoded =
      compressed ? state::Compress(value) : state::Encoded{Bytes(value), state::Codec::kNone};
  state::Record record;
  record.value = encoded.value;
  record.codec = encoded.codec;
  record.version = 9;
  return record;
}

std::vector<Bytes> AdminSeeds() {
  wire::HelloReply hello;
  hello.__set_version(1);
  hello.__set_cluster_id("0123456789abcdef0123456789abcdef");
  wire::StatsReply stats;
  stats.__set_counters({{"log.syncs", 7}, {"requests.get", 9}});
  KeyspaceInfo info{"ks", KeyspaceId(3), {}};
  wire::KeyspaceCreateReply created;
  created.__set_keyspace(ToWire(info));
  wire::KeyspaceListReply keyspaces;
  keyspaces.__set_keyspaces({ToWire(info), ToWire(info)});
  wire::GrantListReply grants;
  grants.__set_grants({ToWire(Grant{"alice", "ks", Access::kWrite})});
  ClusterMap map;
  map.cluster_id = "0123456789abcdef0123456789abcdef";
  map.epoch = 4;
  map.ring_size = 1024;
  map.nodes.push_back({.id = NodeId(1),
                       .name = "node-1",
                       .address = "127.0.0.1:7400",
                       .peer_address = "",
                       .rack = "rack"});
  const HealthReport health{Health::kReadOnly, "full", std::chrono::seconds(5), {"soon"}};
  return {ResultOf(0, kHello, hello),
          ResultOf(8, kHealthCheck, ToWire(health)),
          ResultOf(9, kClusterMap, ToWire(map)),
          ResultOf(10, kStats, stats),
          ResultOf(11, kKeyspaceCreate, created),
          ResultOf(12, kKeyspaceList, keyspaces),
          ResultOf(13, kKeyspaceDrop, {}),
          ResultOf(14, kGrantSet, {}),
          ResultOf(15, kGrantList, grants)};
}

}  // namespace

void RunInput(ByteView input) {
  if (input.empty()) return;
  World& world = TheWorld();
  const size_t operation = static_cast<uint8_t>(input[0]) % kOperations.size();
  world.node.Set(input.substr(1), operation == 0);
  kOperations[operation](world);
}

std::vector<Bytes> Seeds() {
  std::vector<std::optional<state::Record>> records = {RecordOf("plain", false), std::nullopt,
                                                       RecordOf(Bytes(600, 'c'), true)};
  wire::MultiGetReply many;
  many.__set_records(ToWire(records));
  state::ScanPage page;
  page.items.resize(2);
  page.items[0].key = "a";
  page.items[0].record = RecordOf("1", false);
  page.items[1].key = "b";
  page.items[1].record = RecordOf(Bytes(600, 'd'), true);
  page.cursor = "next";
  wire::PutReply put;
  put.__set_version(77);
  wire::DeleteReply erased;
  erased.__set_existed(true);
  state::TransactReply failed;
  failed.failed_compare = 0;
  failed.reads = {RecordOf("x", false), std::nullopt};
  std::vector<Bytes> all = {
      ResultOf(1, kGet, ToWire(std::optional(RecordOf(Bytes(600, 'z'), true)))),
      ResultOf(2, kMultiGet, many),
      ResultOf(3, kScan, ToWire(page)),
      ResultOf(5, kPut, put),
      ResultOf(6, kDelete, erased),
      ResultOf(7, kTransact, ToWire(failed)),
      RefusalOf(1, ErrorCode::kBusy, std::chrono::milliseconds(1)),
      RefusalOf(7, ErrorCode::kUnknownOutcome, {})};
  const std::vector<Bytes> admin = AdminSeeds();
  all.insert(all.end(), admin.begin(), admin.end());
  return all;
}

}  // namespace metaring::fuzz
