// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/remote_kv.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "kvnode/client/remote_admin.h"
#include "kvnode/fiber/fiber.h"
#include "tests/unit/client/test_node.h"
#include "tests/unit/rpc/pki.h"

namespace metaring::client {
namespace {

using std::chrono::milliseconds;

state::Encoded Plain(Bytes value) {
  return {std::move(value), state::Codec::kNone};
}

template <typename T>
ErrorCode CodeOf(const Result<T>& outcome) {
  EXPECT_FALSE(outcome);
  return outcome ? ErrorCode::kInternal : outcome.error().code;
}

class RemoteKvTest : public ::testing::Test {
 protected:
  RemoteKvTest() {
    info_ = *node_.store().Create("ks", {});
    Open(ClientOptions({node_.endpoint()}));
  }
  void Open(const RemoteOptions& options) {
    kv_.reset();
    cluster_ = *RemoteCluster::Open(options);
    kv_ = std::make_unique<RemoteKv>(*cluster_, "ks", info_.id);
  }

  TestNode node_;
  KeyspaceInfo info_;
  std::unique_ptr<RemoteCluster> cluster_;
  std::unique_ptr<RemoteKv> kv_;
};

TEST_F(RemoteKvTest, PutsGetsAndDeletes) {
  EXPECT_EQ(*kv_->Get("k"), std::nullopt);
  const auto version = kv_->Put("k", Plain("v"), std::nullopt);
  ASSERT_TRUE(version);
  const auto record = kv_->Get("k");
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->value, "v");
  EXPECT_EQ((*record)->version, *version);
  EXPECT_TRUE(*kv_->Delete("k", std::nullopt));
  EXPECT_FALSE(*kv_->Delete("k", std::nullopt));
  EXPECT_EQ(*kv_->Get("k"), std::nullopt);
}

TEST_F(RemoteKvTest, GetsManyAndScansPages) {
  for (char c = 'a'; c <= 'e'; ++c) ASSERT_TRUE(kv_->Put(Bytes(1, c), Plain("v"), std::nullopt));
  const auto records = kv_->MultiGet(std::vector<Bytes>{"a", "x", "c"});
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 3U);
  EXPECT_TRUE((*records)[0] && !(*records)[1] && (*records)[2]);
  ScanRequest request;
  request.limit = 2;
  Bytes seen;
  for (bool end = false; !end;) {
    const auto page = kv_->Scan(request);
    ASSERT_TRUE(page);
    for (const ScanItem& item : page->items) seen += item.key;
    request.cursor = page->cursor;
    end = page->cursor.empty();
  }
  EXPECT_EQ(seen, "abcde");
}

TEST_F(RemoteKvTest, TransactsAllOrNothing) {
  Transaction transaction;
  transaction.compares.resize(1);
  transaction.compares[0].kind = Compare::Kind::kAbsent;
  transaction.compares[0].key = "k";
  transaction.then_ops.resize(1);
  transaction.then_ops[0].key = "k";
  transaction.then_ops[0].value = "v";
  transaction.else_reads = {"k"};
  const auto done = kv_->Transact(transaction);
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->succeeded);
  const auto failed = kv_->Transact(transaction);
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->succeeded);
  ASSERT_EQ(failed->reads.size(), 1U);
  EXPECT_EQ(failed->reads[0]->value, "v");
}

TEST_F(RemoteKvTest, CompressedValuesTravelAsTheyAre) {
  const state::Encoded compressed = state::Compress(Bytes(10'000, 'v'));
  ASSERT_EQ(compressed.codec, state::Codec::kZstd);
  ASSERT_TRUE(kv_->Put("k", compressed, std::nullopt));
  const auto record = kv_->Get("k");
  ASSERT_TRUE(record && *record);
  EXPECT_TRUE((*record)->value == compressed.value);
  EXPECT_EQ((*record)->codec, state::Codec::kZstd);
}

TEST_F(RemoteKvTest, LargeValuesFit) {
  const Bytes large(state::kValueBytesMax, 'x');
  ASSERT_TRUE(kv_->Put("k", Plain(Bytes(1 << 20, 'y')), std::nullopt));
  EXPECT_EQ((*kv_->Get("k"))->value.size(), size_t{1} << 20);
  EXPECT_EQ(CodeOf(kv_->Put("k", Plain(large + large), std::nullopt)), ErrorCode::kTooBig);
}

TEST_F(RemoteKvTest, AnErrorOfTheNodeIsTheCallersAsItIs) {
  const auto refused = kv_->Put(Bytes(state::kKeyBytesMax + 1, 'k'), Plain("v"), std::nullopt);
  EXPECT_EQ(CodeOf(refused), ErrorCode::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("key"), std::string::npos);
  RemoteKv nowhere(*cluster_, "other", KeyspaceId(99));
  EXPECT_EQ(CodeOf(nowhere.Get("k")), ErrorCode::kNotFound);
  EXPECT_EQ(node_.Count("put"), 1);
}

TEST_F(RemoteKvTest, AKeyspaceThatWasMadeAnewIsStale) {
  ASSERT_TRUE(node_.store().Drop("ks"));
  ASSERT_TRUE(node_.store().Create("ks", {}));
  EXPECT_EQ(CodeOf(kv_->Get("k")), ErrorCode::kStale);
}

TEST_F(RemoteKvTest, TheDeadlineTravels) {
  std::promise<void> done;
  kv_->Get("k", std::chrono::steady_clock::now() + milliseconds(7'000),
           [&](const auto&) { done.set_value(); });
  done.get_future().wait();
  EXPECT_LE(node_.LastDeadline(), milliseconds(7'000));
  EXPECT_GT(node_.LastDeadline(), milliseconds(1'000));
}

TEST_F(RemoteKvTest, ServesManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 100; ++i) {
        const Bytes key = std::to_string(t) + "/" + std::to_string(i);
        EXPECT_TRUE(kv_->Put(key, Plain(key), std::nullopt));
        const auto record = kv_->Get(key);
        EXPECT_TRUE(record && *record && (*record)->value == key);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(RemoteKvTest, HasManyInFlight) {
  std::atomic<int> left{500};
  std::promise<void> ended;
  for (int i = 0; i < 500; ++i) {
    kv_->Put(std::to_string(i), Plain("v"), std::nullopt, cluster_->DefaultDeadline(),
             [&](const Result<uint64_t>& outcome) {
               EXPECT_TRUE(outcome);
               if (--left == 0) ended.set_value();
             });
  }
  ended.get_future().wait();
}

TEST_F(RemoteKvTest, WaitsOnFibersWithoutAThread) {
  fiber::Pool pool;
  pool.Start("test");
  std::atomic<int> left{50};
  std::promise<void> ended;
  for (int i = 0; i < 50; ++i) {
    pool.Spawn([&, i] {
      const Bytes key = std::to_string(i);
      EXPECT_TRUE(kv_->Put(key, Plain(key), std::nullopt));
      const auto record = kv_->Get(key);
      EXPECT_TRUE(record && *record && (*record)->value == key);
      if (--left == 0) ended.set_value();
    });
  }
  ended.get_future().wait();
  pool.Stop();
}

TEST_F(RemoteKvTest, ACallbackThatWouldWaitForTheClientIsRefused) {
  std::promise<ErrorCode> code;
  kv_->Get("k", cluster_->DefaultDeadline(),
           [&](const auto&) { code.set_value(CodeOf(kv_->Get("k"))); });
  EXPECT_EQ(code.get_future().get(), ErrorCode::kUnsupported);
}

TEST_F(RemoteKvTest, ItsCacheAnswersUntilAnOwnWrite) {
  RemoteOptions options = ClientOptions({node_.endpoint()});
  options.read_cache.bytes_max = 100'000;
  options.read_cache.ttl = std::chrono::minutes(10);
  Open(options);
  ASSERT_TRUE(kv_->Put("k", Plain("v"), std::nullopt));
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*kv_->Get("k"))->value, "v");
  EXPECT_EQ(node_.Count("get"), 1);
  ASSERT_TRUE(kv_->Put("k", Plain("w"), std::nullopt));
  EXPECT_EQ((*kv_->Get("k"))->value, "w");
  Transaction transaction;
  transaction.then_ops.resize(1);
  transaction.then_ops[0].key = "k";
  transaction.then_ops[0].value = "x";
  ASSERT_TRUE(kv_->Transact(transaction));
  EXPECT_EQ((*kv_->Get("k"))->value, "x");
  ASSERT_TRUE(kv_->Delete("k", std::nullopt));
  EXPECT_EQ(*kv_->Get("k"), std::nullopt);
  EXPECT_EQ(*kv_->Get("k"), std::nullopt);
  EXPECT_EQ(node_.Count("get"), 4);
}

TEST(RemoteTls, WorksWithCertificatesAndReloadsThem) {
  const rpc::Pki pki;
  pki.Issue("node", rpc::Role::kNode);
  pki.Issue("client", rpc::Role::kClient);
  TestNode::Options node_options;
  node_options.tls = pki.OptionsOf("node");
  TestNode node(node_options);
  const KeyspaceInfo info = *node.store().Create("ks", {});
  RemoteOptions options = ClientOptions({node.endpoint()});
  options.nodes.tls = pki.OptionsOf("client");
  const auto cluster = *RemoteCluster::Open(options);
  const auto hello = cluster->Connect(std::chrono::seconds(30));
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_EQ(hello->own_role, "client");
  RemoteKv kv(*cluster, "ks", info.id);
  ASSERT_TRUE(kv.Put("k", Plain("v"), std::nullopt));
  pki.Issue("client", rpc::Role::kAdmin);
  ASSERT_TRUE(cluster->nodes().ReloadCertificates());
  EXPECT_EQ((*kv.Get("k"))->value, "v");
  EXPECT_EQ(cluster->nodes().hello()->own_role, "admin");
}

}  // namespace
}  // namespace metaring::client
