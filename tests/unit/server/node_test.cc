// SPDX-License-Identifier: Apache-2.0
//
// A whole node over TLS: every method, its limits, and what a start refuses.
#include "kvnode/server/node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "kvnode/state/command.h"
#include "tests/unit/server/test_node.h"

namespace metaring::server {
namespace {

constexpr ErrorCode kGood = ErrorCode::kInternal;  // CodeOf of a reply

class NodeTest : public testing::Test {
 protected:
  void SetUp() override { Restart(); }
  void TearDown() override { root_.reset(); }

  void Restart() {
    root_.reset();
    node_.Stop();
    const Status started = node_.Start();
    ASSERT_TRUE(started) << started.error().message;
    root_ = node_.Client("root");
    const auto made = root_->Call<Rpc::kKeyspaceCreate>(CreateOf("ks"));
    ASSERT_TRUE(made || made.error().code == ErrorCode::kExists) << made.error().message;
  }
  std::optional<Bytes> Value(Bytes key) {
    auto reply = root_->Call<Rpc::kGet>(GetOf("ks", std::move(key)));
    EXPECT_TRUE(reply) << reply.error().message;
    if (!reply || !reply->__isset.record) return std::nullopt;
    return reply->record.value;
  }
  wire::RequestId Id(int64_t sequence) const {
    wire::RequestId id;
    id.__set_client(77);
    id.__set_sequence(sequence);
    return id;
  }

  TestNode node_;
  std::unique_ptr<TestClient> root_;
};

TEST_F(NodeTest, PutsGetsAndDeletes) {
  const auto put = root_->Call<Rpc::kPut>(PutOf("ks", "k", "v"));
  ASSERT_TRUE(put) << put.error().message;
  const auto got = root_->Call<Rpc::kGet>(GetOf("ks", "k"));
  ASSERT_TRUE(got && got->__isset.record);
  EXPECT_EQ(got->record.value, "v");
  EXPECT_EQ(got->record.version, put->version);
  wire::DeleteRequest request;
  request.__set_target(TargetOf("ks"));
  request.__set_key("k");
  EXPECT_TRUE(root_->Call<Rpc::kDeleteKey>(request)->existed);
  EXPECT_FALSE(root_->Call<Rpc::kDeleteKey>(request)->existed);
  EXPECT_FALSE(root_->Call<Rpc::kGet>(GetOf("ks", "k"))->__isset.record);
}

TEST_F(NodeTest, MovesTheLargestValue) {
  const Bytes large(state::kValueBytesMax, 'x');
  ASSERT_TRUE(root_->Call<Rpc::kPut>(PutOf("ks", "large", large)));
  EXPECT_EQ(Value("large"), large);
  const auto over = root_->Call<Rpc::kPut>(PutOf("ks", "large", large + "x"));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(over.error().message.find("16777216"), std::string::npos) << over.error().message;
}

TEST_F(NodeTest, PassesCompressedValuesOnAsTheyAre) {
  const Bytes plain(10'000, 'c');
  const state::Encoded packed = state::Compress(plain);
  ASSERT_EQ(packed.codec, state::Codec::kZstd);
  wire::PutRequest request = PutOf("ks", "k", packed.value);
  request.__set_codec(wire::Codec::ZSTD);
  ASSERT_TRUE(root_->Call<Rpc::kPut>(request));
  const auto got = root_->Call<Rpc::kGet>(GetOf("ks", "k"));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->record.value, packed.value);
  EXPECT_EQ(got->record.codec, wire::Codec::ZSTD);
}

TEST_F(NodeTest, ScansAndMultiGets) {
  for (const char* key : {"a", "b", "c"}) {
    ASSERT_TRUE(root_->Call<Rpc::kPut>(PutOf("ks", key, key)));
  }
  wire::ScanRequest scan;
  scan.__set_target(TargetOf("ks"));
  scan.__set_limit(2);
  const auto first = root_->Call<Rpc::kScan>(scan);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->items.size(), 2U);
  scan.__set_cursor(first->cursor);
  const auto second = root_->Call<Rpc::kScan>(scan);
  ASSERT_TRUE(second);
  ASSERT_EQ(second->items.size(), 1U);
  EXPECT_EQ(second->items[0].key, "c");
  EXPECT_FALSE(second->__isset.cursor);
  wire::MultiGetRequest many;
  many.__set_target(TargetOf("ks"));
  many.__set_keys({"c", "missing", "a"});
  const auto got = root_->Call<Rpc::kMultiGet>(many);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->records.size(), 3U);
  EXPECT_EQ(got->records[0].record.value, "c");
  EXPECT_FALSE(got->records[1].__isset.record);
  scan.__set_limit(10'001);
  EXPECT_EQ(root_->CodeOf<Rpc::kScan>(scan), ErrorCode::kInvalidArgument);
  many.keys.assign(4097, "a");
  EXPECT_EQ(root_->CodeOf<Rpc::kMultiGet>(many), ErrorCode::kInvalidArgument);
}

TEST_F(NodeTest, ARetryUnderItsRequestIdIsNotAppliedTwice) {
  wire::Op add;
  add.__set_kind(wire::OpKind::ADD);
  add.__set_key("counter");
  add.__set_delta(5);
  wire::TransactRequest request;
  request.__set_target(TargetOf("ks"));
  request.__set_then_ops({add});
  request.__set_request_id(Id(1));
  const auto first = root_->Call<Rpc::kTransact>(request);
  ASSERT_TRUE(first && first->succeeded);
  Restart();
  const auto retried = root_->Call<Rpc::kTransact>(request);
  ASSERT_TRUE(retried);
  EXPECT_EQ(retried->version, first->version);
  EXPECT_EQ(Value("counter"), state::EncodeI64(5));
}

TEST_F(NodeTest, AFailedCompareIsAnAnswer) {
  ASSERT_TRUE(root_->Call<Rpc::kPut>(PutOf("ks", "k", "v")));
  wire::Compare absent;
  absent.__set_kind(wire::CompareKind::ABSENT);
  absent.__set_key("k");
  wire::TransactRequest request;
  request.__set_target(TargetOf("ks"));
  request.__set_compares({absent});
  request.__set_else_reads({"k", "missing"});
  const auto reply = root_->Call<Rpc::kTransact>(request);
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->succeeded);
  EXPECT_EQ(reply->failed_compare, 0);
  ASSERT_EQ(reply->reads.size(), 2U);
  EXPECT_EQ(reply->reads[0].record.value, "v");
  request.compares[0].__set_kind(static_cast<wire::CompareKind::type>(99));
  EXPECT_EQ(root_->CodeOf<Rpc::kTransact>(request), ErrorCode::kInvalidArgument);
}

TEST_F(NodeTest, KeyspacesTellTheirPropertiesAndTheirId) {
  wire::KeyspaceCreateRequest request = CreateOf("made");
  request.keyspace.__set_replicas(5);
  request.keyspace.__set_placement(wire::Placement::PARENT);
  const auto made = root_->Call<Rpc::kKeyspaceCreate>(request);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_GT(made->keyspace.id, 0);
  EXPECT_EQ(made->keyspace.mode, wire::Mode::STRONG);
  EXPECT_EQ(made->keyspace.replicas, 5);
  EXPECT_EQ(made->keyspace.write_ack, wire::WriteAck::MAJORITY);
  const auto all = root_->Call<Rpc::kKeyspaceList>({});
  ASSERT_TRUE(all);
  ASSERT_EQ(all->keyspaces.size(), 2U);
  EXPECT_EQ(all->keyspaces[1].name, "made");
  EXPECT_EQ(all->keyspaces[1].placement, wire::Placement::PARENT);
  EXPECT_EQ(root_->CodeOf<Rpc::kKeyspaceCreate>(request), ErrorCode::kExists);
  request.keyspace.__set_name("eventual");
  request.keyspace.__set_mode(wire::Mode::EVENTUAL);
  const auto refused = root_->Call<Rpc::kKeyspaceCreate>(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().message.find("eventual"), std::string::npos);
  request.keyspace.__set_mode(wire::Mode::STRONG);
  request.keyspace.__set_replicas(10);
  EXPECT_EQ(root_->CodeOf<Rpc::kKeyspaceCreate>(request), ErrorCode::kInvalidArgument);
}

TEST_F(NodeTest, ANameThatMeansAnotherKeyspaceByNowIsStale) {
  const auto first = root_->Call<Rpc::kKeyspaceCreate>(CreateOf("name"));
  ASSERT_TRUE(first);
  wire::PutRequest put = PutOf("name", "k", "v");
  put.target.__set_keyspace_id(first->keyspace.id);
  EXPECT_EQ(root_->CodeOf<Rpc::kPut>(put), kGood);
  wire::KeyspaceDropRequest drop;
  drop.__set_name("name");
  ASSERT_TRUE(root_->Call<Rpc::kKeyspaceDrop>(drop));
  EXPECT_EQ(root_->CodeOf<Rpc::kPut>(put), ErrorCode::kNotFound);
  EXPECT_EQ(root_->CodeOf<Rpc::kKeyspaceDrop>(drop), ErrorCode::kNotFound);
  ASSERT_TRUE(root_->Call<Rpc::kKeyspaceCreate>(CreateOf("name")));
  EXPECT_EQ(root_->CodeOf<Rpc::kPut>(put), ErrorCode::kStale);
  put.target.__isset.keyspace_id = false;
  EXPECT_EQ(root_->CodeOf<Rpc::kPut>(put), kGood);
}

TEST_F(NodeTest, SaysHelloToVersionsThatItSpeaks) {
  wire::HelloRequest request;
  request.__set_version_min(1);
  request.__set_version_max(9);
  request.__set_cluster_id(node_.node().identity().cluster_id);
  const auto reply = root_->Call<Rpc::kHello>(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->version, 1);
  EXPECT_EQ(reply->cluster_id.size(), 32U);
  EXPECT_EQ(reply->node_name, "node-1");
  EXPECT_EQ(reply->peer_name, "root");
  EXPECT_EQ(reply->peer_role, "admin");
  request.__set_version_min(2);
  EXPECT_EQ(root_->CodeOf<Rpc::kHello>(request), ErrorCode::kUnsupported);
  request.__set_version_min(1);
  request.__set_client_name(std::string(129, 'x'));
  EXPECT_EQ(root_->CodeOf<Rpc::kHello>(request), ErrorCode::kInvalidArgument);
  request.__set_client_name("");
  request.__set_cluster_id(std::string(32, '0'));
  EXPECT_EQ(root_->CodeOf<Rpc::kHello>(request), ErrorCode::kFormatMismatch);
}

TEST_F(NodeTest, TellsItsHealthItsMapAndItsCounters) {
  EXPECT_EQ(root_->Call<Rpc::kHealthCheck>({})->health, wire::Health::OK);
  const auto map = root_->Call<Rpc::kClusterMap>({});
  ASSERT_TRUE(map);
  ASSERT_EQ(map->nodes.size(), 1U);
  EXPECT_EQ(map->nodes[0].address, "127.0.0.1:" + std::to_string(node_.node().client_port()));
  ASSERT_TRUE(root_->Call<Rpc::kPut>(PutOf("ks", "k", "v")));
  EXPECT_EQ(root_->CodeOf<Rpc::kGet>(GetOf("missing", "k")), ErrorCode::kNotFound);
  const auto stats = root_->Call<Rpc::kStats>({});
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->counters.at("requests.put"), 1);
  EXPECT_EQ(stats->counters.at("requests.get"), 1);
  EXPECT_EQ(stats->counters.at("errors.not_found"), 1);
  EXPECT_GE(stats->counters.at("log.syncs"), 1);
  EXPECT_EQ(stats->counters.at("clients.connections"), 1);
  EXPECT_GT(stats->counters.at("clients.bytes_received"), 0);
}

TEST_F(NodeTest, AnswersHeartbeatsOfItsClusterAlone) {
  const auto peer = node_.NodeClient("node-2");
  wire::HeartbeatRequest request;
  EXPECT_EQ(peer->CodeOf<Rpc::kHeartbeat>(request), ErrorCode::kInvalidArgument);
  request.__set_cluster_id(std::string(32, '0'));
  EXPECT_EQ(peer->CodeOf<Rpc::kHeartbeat>(request), ErrorCode::kFormatMismatch);
  request.__set_cluster_id(node_.node().identity().cluster_id);
  request.__set_sequence(41);
  EXPECT_EQ(peer->Call<Rpc::kHeartbeat>(request)->sequence, 41);
  EXPECT_EQ(peer->Call<Rpc::kIdentify>({})->node_name, "node-1");
}

TEST_F(NodeTest, RefusesFieldsThatMakeNoSense) {
  wire::GetRequest get = GetOf("ks", Bytes(state::kKeyBytesMax + 1, 'k'));
  const auto over = root_->Call<Rpc::kGet>(get);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(over.error().message.find("1048576"), std::string::npos) << over.error().message;
  EXPECT_EQ(root_->CodeOf<Rpc::kGet>({}), ErrorCode::kInvalidArgument);
  get = GetOf("ks", "k");
  get.target.__set_deadline_ms(0);
  EXPECT_EQ(root_->CodeOf<Rpc::kGet>(get), ErrorCode::kInvalidArgument);
  wire::PutRequest put = PutOf("ks", "k", "v");
  put.__set_codec(static_cast<wire::Codec::type>(7));
  EXPECT_EQ(root_->CodeOf<Rpc::kPut>(put), ErrorCode::kInvalidArgument);
  put = PutOf("ks", "k", "not zstd");
  put.__set_codec(wire::Codec::ZSTD);
  EXPECT_NE(root_->CodeOf<Rpc::kPut>(put), kGood);
  put = PutOf("ks", "k", "v");
  put.__set_request_id({});
  EXPECT_EQ(root_->CodeOf<Rpc::kPut>(put), ErrorCode::kInvalidArgument);
  EXPECT_EQ(Value("k"), std::nullopt);
}

TEST_F(NodeTest, ManyWritesInFlightAreAllApplied) {
  std::vector<std::future<Result<wire::PutReply>>> all;
  for (int i = 0; i < 500; ++i) {
    all.push_back(root_->Begin<Rpc::kPut>(PutOf("ks", "k" + std::to_string(i), "v")));
  }
  for (auto& each : all) EXPECT_TRUE(each.get());
  wire::ScanRequest scan;
  scan.__set_target(TargetOf("ks"));
  EXPECT_EQ(root_->Call<Rpc::kScan>(scan)->items.size(), 500U);
}

TEST_F(NodeTest, WritesOverTheBoundAreBusyAndSurelyNotDone) {
  node_.config().writes_max = 1;
  Restart();
  std::vector<std::future<Result<wire::PutReply>>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(root_->Begin<Rpc::kPut>(PutOf("ks", "k" + std::to_string(i), "v")));
  }
  size_t done = 0;
  for (auto& each : all) {
    const auto outcome = each.get();
    if (outcome) {
      ++done;
    } else {
      EXPECT_EQ(outcome.error().code, ErrorCode::kBusy);
    }
  }
  EXPECT_LT(done, all.size());
  wire::ScanRequest scan;
  scan.__set_target(TargetOf("ks"));
  EXPECT_EQ(root_->Call<Rpc::kScan>(scan)->items.size(), done);
}

// A page of four MiB takes the one read thread longer than the deadline of those behind it.
class SlowReads : public NodeTest {
 protected:
  void SetUp() override {
    node_.config().read_threads = 1;
    Restart();
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(
          root_->Call<Rpc::kPut>(PutOf("ks", "k" + std::to_string(i), Bytes(1 << 20, 'x'))));
    }
  }
  std::vector<std::future<Result<wire::ScanReply>>> BeginMany(TestClient& client, size_t count,
                                                              int32_t deadline_ms) {
    wire::ScanRequest scan;
    scan.__set_target(TargetOf("ks"));
    scan.target.__set_deadline_ms(deadline_ms);
    std::vector<std::future<Result<wire::ScanReply>>> all;
    for (size_t i = 0; i < count; ++i) all.push_back(client.Begin<Rpc::kScan>(scan));
    return all;
  }
};

TEST_F(SlowReads, WhoseDeadlineHasPassedAreNotBegun) {
  size_t late = 0;
  for (auto& each : BeginMany(*root_, 64, 1)) {
    const auto outcome = each.get();
    if (outcome) continue;
    EXPECT_EQ(outcome.error().code, ErrorCode::kDeadlineExceeded) << outcome.error().message;
    ++late;
  }
  EXPECT_GT(late, 0U);
}

TEST_F(SlowReads, WhoseConnectionIsGoneAreNotBegun) {
  const auto other = node_.Client("root");
  auto all = BeginMany(*other, 256, 60'000);
  all.front().wait();
  other->channel().Disconnect();
  for (auto& each : all) each.wait();
  const auto counter = [this](const std::string& name) {
    const auto stats = root_->Call<Rpc::kStats>({});
    const auto found = stats->counters.find(name);
    return found == stats->counters.end() ? 0 : found->second;
  };
  while (counter("clients.requests_in_flight") > 1) std::this_thread::yield();
  EXPECT_GT(counter("errors.cancelled"), 0);
}

TEST_F(SlowReads, OverTheBoundAreBusy) {
  node_.config().reads_queued_max = 1;
  Restart();
  size_t busy = 0;
  for (auto& each : BeginMany(*root_, 64, 60'000)) {
    const auto outcome = each.get();
    if (!outcome && outcome.error().code == ErrorCode::kBusy) ++busy;
  }
  EXPECT_GT(busy, 0U);
}

TEST_F(NodeTest, OneRequestDoesNotAskForMoreThanAFrameHolds) {
  for (const char* key : {"a", "b"}) {
    ASSERT_TRUE(root_->Call<Rpc::kPut>(PutOf("ks", key, Bytes(9 << 20, 'x'))));
  }
  wire::MultiGetRequest many;
  many.__set_target(TargetOf("ks"));
  many.__set_keys({"a", "b"});
  EXPECT_EQ(root_->CodeOf<Rpc::kMultiGet>(many), ErrorCode::kTooBig);
  many.__set_keys({"a", "c"});
  EXPECT_EQ(root_->CodeOf<Rpc::kMultiGet>(many), kGood);
  wire::TransactRequest transact;
  wire::Compare absent;
  absent.__set_kind(wire::CompareKind::ABSENT);
  absent.__set_key("a");
  transact.__set_target(TargetOf("ks"));
  transact.__set_compares({absent});
  transact.__set_else_reads({"a", "a"});
  EXPECT_EQ(root_->CodeOf<Rpc::kTransact>(transact), ErrorCode::kTooBig);
  transact.__set_request_id(Id(1));
  EXPECT_EQ(root_->CodeOf<Rpc::kTransact>(transact), ErrorCode::kTooBig);
}

TEST_F(NodeTest, ASmallBoundOfRequestsLeavesAllThatIsStoredReadable) {
  const Bytes large(9 << 20, 'x');
  ASSERT_TRUE(root_->Call<Rpc::kPut>(PutOf("ks", "k", large)));
  node_.config().frame_bytes_max = 1 << 20;
  Restart();
  EXPECT_EQ(Value("k"), large);
}

TEST(Refusals, CarryAHintWhereARetryHelpsLater) {
  const auto hint = [](ErrorCode code) {
    rpc::Decoded<wire::Kv_put_result> result(EncodeRefusal("put", Error{code, "why"}));
    EXPECT_TRUE(result.status());
    return client::FromWire(std::move(result->error)).retry_after;
  };
  EXPECT_EQ(hint(ErrorCode::kBusy), kBusyRetryAfter);
  EXPECT_EQ(hint(ErrorCode::kUnavailable), kUnavailableRetryAfter);
  EXPECT_EQ(hint(ErrorCode::kNotFound).count(), 0);
  EXPECT_TRUE(EncodeRefusal("no_such_method", Error{ErrorCode::kBusy, ""}).empty());
}

TEST_F(NodeTest, ItsHealthSaysWhatExpiresSoon) {
  const rpc::Pki& pki = node_.pki();
  node_.config().crl_file = pki.PathOf("crl");
  node_.config().expiry_warning_days = 3;
  ASSERT_TRUE(rpc::Revoke(pki.FilesOf("ca"), {}, 2, node_.config().crl_file));
  Restart();
  const auto health = root_->Call<Rpc::kHealthCheck>({});
  ASSERT_TRUE(health);
  EXPECT_EQ(health->health, wire::Health::OK);
  ASSERT_EQ(health->warnings.size(), 1U);
  EXPECT_TRUE(health->warnings[0].starts_with("the revocation list expires in "));
  ASSERT_TRUE(rpc::Revoke(pki.FilesOf("ca"), {}, 9, node_.config().crl_file));
  ASSERT_TRUE(node_.node().ReloadCertificates());
  EXPECT_TRUE(root_->Call<Rpc::kHealthCheck>({})->warnings.empty());
}

TEST_F(NodeTest, ReadsCertificatesAgainForConnectionsToCome) {
  const rpc::Pki& pki = node_.pki();
  node_.config().expiry_warning_days = 8;
  Restart();
  EXPECT_FALSE(node_.node().expiry_warnings().empty());
  pki.Issue("node-1", {{rpc::Role::kNode, "node-1"}, {"127.0.0.1"}, 9});
  ASSERT_TRUE(node_.node().ReloadCertificates());
  EXPECT_TRUE(node_.node().expiry_warnings().empty());
  EXPECT_EQ(root_->CodeOf<Rpc::kHealthCheck>({}), kGood);  // the old connection goes on
  EXPECT_EQ(node_.Client("alice")->CodeOf<Rpc::kHealthCheck>({}), kGood);
  // What is not this node's is not taken, and nothing changes.
  pki.Issue("other", {{rpc::Role::kNode, "other"}, {"127.0.0.1"}, 9});
  for (const char* file : {".crt", ".key"}) {
    std::filesystem::copy_file(pki.PathOf(std::string("other") + file),
                               pki.PathOf(std::string("node-1") + file),
                               std::filesystem::copy_options::overwrite_existing);
  }
  EXPECT_EQ(node_.node().ReloadCertificates().error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(node_.Client("bob")->CodeOf<Rpc::kHealthCheck>({}), kGood);
}

class NodeStart : public testing::Test {
 protected:
  std::string Refusal() {
    const Status started = node_.Start();
    return started ? "started" : started.error().message;
  }
  TestNode node_;
};

TEST_F(NodeStart, RefusesTheDirectoryOfAnotherCluster) {
  ASSERT_TRUE(node_.Start());
  const std::string cluster = node_.node().identity().cluster_id;
  node_.Stop();
  node_.config().cluster_id = std::string(32, '0');
  EXPECT_NE(Refusal().find("belongs to cluster " + cluster), std::string::npos);
  node_.config().cluster_id = cluster;
  node_.config().node_id = 2;
  EXPECT_NE(Refusal().find("belongs to node 1"), std::string::npos);
  node_.config().node_id = 1;
  EXPECT_EQ(Refusal(), "started");
}

TEST_F(NodeStart, RefusesADirectoryThatIsInUse) {
  ASSERT_TRUE(node_.Start());
  SystemClock clock;
  Node second(node_.config(), clock);
  const Status started = second.Start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kBusy);
  EXPECT_NE(started.error().message.find("in use by process"), std::string::npos);
}

TEST_F(NodeStart, RefusesACertificateThatIsNotItsOwn) {
  node_.config().node_name = "node-9";
  EXPECT_NE(Refusal().find("is the certificate of node \"node-1\", and this is node \"node-9\""),
            std::string::npos);
  node_.config().node_name = "";
  node_.pki().Issue("alice", rpc::Role::kClient);
  node_.config().certificate_file = node_.pki().PathOf("alice.crt");
  node_.config().key_file = node_.pki().PathOf("alice.key");
  EXPECT_NE(Refusal().find("is the certificate of client \"alice\""), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(node_.config().data_directory));
}

TEST_F(NodeStart, RefusesAnAddressThatIsTakenAndLeavesNothingOpen) {
  ASSERT_TRUE(node_.Start());
  TestNode second;
  second.config().listen_clients = "127.0.0.1:" + std::to_string(node_.node().client_port());
  EXPECT_EQ(second.Start().error().code, ErrorCode::kUnavailable);
  second.config().listen_clients = "127.0.0.1:0";
  EXPECT_TRUE(second.Start());
}

}  // namespace
}  // namespace metaring::server
