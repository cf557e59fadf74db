// SPDX-License-Identifier: Apache-2.0
//
// What a client makes of nodes that refuse, lose, die and lie: what is tried again and what is not,
// and that a write is applied once.
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "kvnode/client/remote_admin.h"
#include "kvnode/client/remote_kv.h"
#include "tests/unit/client/faulty_proxy.h"
#include "tests/unit/client/test_node.h"
#include "tests/unit/rpc/pki.h"

namespace metaring::client {
namespace {

using std::chrono::milliseconds;
using How = Spoil::How;

template <typename T>
ErrorCode CodeOf(const Result<T>& outcome) {
  EXPECT_FALSE(outcome);
  return outcome ? ErrorCode::kInternal : outcome.error().code;
}

Transaction AddOne(const Bytes& key = "counter") {
  Transaction transaction;
  transaction.then_ops.resize(1);
  transaction.then_ops[0].kind = Op::Kind::kAdd;
  transaction.then_ops[0].key = key;
  transaction.then_ops[0].delta = 1;
  return transaction;
}

class RemoteFaultsTest : public ::testing::Test {
 protected:
  RemoteFaultsTest() {
    info_ = *node_.store().Create("ks", {});
    Open({node_.endpoint()});
  }
  void Open(const std::vector<Endpoint>& endpoints,
            milliseconds deadline = std::chrono::minutes(1)) {
    RemoteOptions options = ClientOptions(endpoints);
    options.deadline = deadline;
    Open(options);
  }
  void Open(const RemoteOptions& options) {
    kv_.reset();
    cluster_ = *RemoteCluster::Open(options);
    kv_ = std::make_unique<RemoteKv>(*cluster_, "ks", info_.id);
  }
  int64_t Counter() {
    const auto record = node_.Open("ks")->Get("counter");
    return record && *record ? state::DecodeI64((*record)->value).value_or(-1) : 0;
  }
  // Kills and starts the node as soon as it keeps `count` requests.
  std::thread RestartWhenKept(size_t count) {
    return std::thread([this, count] {
      node_.AwaitKept(count);
      node_.SpoilBy(nullptr);
      node_.Kill();
      node_.Start();
    });
  }

  TestNode node_;
  KeyspaceInfo info_;
  std::unique_ptr<RemoteCluster> cluster_;
  std::unique_ptr<RemoteKv> kv_;
};

TEST_F(RemoteFaultsTest, ABusyNodeIsAskedAgain) {
  node_.SpoilNext("transact", 3, {How::kRefuse, {ErrorCode::kBusy, ""}, milliseconds(2)});
  EXPECT_TRUE(kv_->Transact(AddOne()));
  EXPECT_EQ(node_.Count("transact"), 4);
  EXPECT_EQ(Counter(), 1);
}

TEST_F(RemoteFaultsTest, ANodeThatIsUnavailableIsAskedAgain) {
  node_.SpoilNext("get", 3, {How::kRefuse, {ErrorCode::kUnavailable, ""}});
  EXPECT_TRUE(kv_->Get("k"));
  EXPECT_EQ(node_.Count("get"), 4);
}

TEST_F(RemoteFaultsTest, ARefusalIsNotAskedAgain) {
  for (const ErrorCode code :
       {ErrorCode::kNoSpace, ErrorCode::kPermissionDenied, ErrorCode::kConflict,
        ErrorCode::kDeadlineExceeded, ErrorCode::kUnknownOutcome}) {
    const int before = node_.Count("transact");
    node_.SpoilNext("transact", 1, {How::kRefuse, {code, "why"}});
    EXPECT_EQ(CodeOf(kv_->Transact(AddOne())), code);
    EXPECT_EQ(node_.Count("transact"), before + 1);
  }
  EXPECT_EQ(Counter(), 0);
}

TEST_F(RemoteFaultsTest, AWriteWhoseReplyIsLostIsAppliedOnce) {
  node_.SpoilNext("transact", 1, {How::kForget});
  std::thread restart = RestartWhenKept(1);
  const auto outcome = kv_->Transact(AddOne());
  restart.join();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->succeeded);
  EXPECT_EQ(node_.Count("transact"), 2);
  EXPECT_EQ(Counter(), 1);
}

TEST_F(RemoteFaultsTest, AComparedWriteWhoseReplyIsLostStillSucceeds) {
  Transaction create = AddOne("made");
  create.compares.resize(1);
  create.compares[0].kind = Compare::Kind::kAbsent;
  create.compares[0].key = "made";
  node_.SpoilNext("transact", 1, {How::kForget});
  std::thread restart = RestartWhenKept(1);
  const auto outcome = kv_->Transact(create);
  restart.join();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->succeeded);
}

TEST_F(RemoteFaultsTest, AReadWhoseReplyIsLostIsAskedAgain) {
  node_.SpoilNext("get", 1, {How::kHold});
  std::thread restart = RestartWhenKept(1);
  EXPECT_TRUE(kv_->Get("k"));
  restart.join();
  EXPECT_EQ(node_.Count("get"), 2);
}

TEST_F(RemoteFaultsTest, ARequestThatTheNodeLosesIsUnknownForAWriteAndAnErrorForARead) {
  node_.SpoilNext("transact", 1, {How::kLose});
  EXPECT_EQ(CodeOf(kv_->Transact(AddOne())), ErrorCode::kUnknownOutcome);
  EXPECT_EQ(Counter(), 1);
  node_.SpoilNext("get", 1, {How::kLose});
  EXPECT_EQ(CodeOf(kv_->Get("k")), ErrorCode::kInternal);
}

TEST_F(RemoteFaultsTest, ARefusalAfterALostReplyIsUnknown) {
  node_.SpoilBy([count = 0](const std::string& method) mutable -> Spoil {
    if (method != "transact") return {};
    if (++count == 1) return {How::kForget};
    return {How::kRefuse, {ErrorCode::kNoSpace, "full"}};
  });
  std::thread restart([this] {
    node_.AwaitKept(1);
    node_.Kill();
    node_.Start();
  });
  const auto outcome = kv_->Transact(AddOne());
  restart.join();
  EXPECT_EQ(CodeOf(outcome), ErrorCode::kUnknownOutcome);
  EXPECT_NE(outcome.error().message.find("no_space"), std::string::npos);
  EXPECT_EQ(Counter(), 1);
}

TEST_F(RemoteFaultsTest, TheDeadlineEndsWhatIsNotAnswered) {
  Open({node_.endpoint()}, milliseconds(100));
  node_.SpoilBy([](const std::string&) { return Spoil{How::kHold}; });
  EXPECT_EQ(CodeOf(kv_->Get("k")), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(CodeOf(kv_->Put("k", {}, std::nullopt)), ErrorCode::kUnknownOutcome);
}

TEST_F(RemoteFaultsTest, TheDeadlineEndsTheRetries) {
  node_.Kill();
  Open({node_.endpoint()}, milliseconds(100));
  const auto outcome = kv_->Put("k", {}, std::nullopt);
  EXPECT_EQ(CodeOf(outcome), ErrorCode::kUnavailable);
  EXPECT_NE(outcome.error().message.find("given up after"), std::string::npos);
  node_.Start();
}

TEST_F(RemoteFaultsTest, ItHealsWhenTheNodeIsBack) {
  EXPECT_TRUE(kv_->Get("k"));
  node_.Kill();
  std::promise<Result<RemoteKv::MaybeRecord>> read;
  kv_->Get("k", cluster_->DefaultDeadline(), [&](auto outcome) { read.set_value(outcome); });
  node_.Start();
  EXPECT_TRUE(read.get_future().get());
}

TEST_F(RemoteFaultsTest, AnotherSeedIsAskedWhenOneIsDead) {
  const uint16_t dead = [] {
    TestNode gone;
    return gone.port();
  }();
  Open({{"127.0.0.1", dead}, node_.endpoint()});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(kv_->Transact(AddOne()));
  EXPECT_EQ(Counter(), 10);
}

TEST_F(RemoteFaultsTest, ANodeOfAnotherClusterIsNotAsked) {
  TestNode::Options other_options;
  other_options.cluster_id = std::string(32, 'f');
  TestNode other(other_options);
  ASSERT_TRUE(other.store().Create("ks", {}));
  RemoteOptions options = ClientOptions({other.endpoint(), node_.endpoint()});
  options.nodes.cluster_id = "0123456789abcdef0123456789abcdef";
  Open(options);
  EXPECT_TRUE(kv_->Transact(AddOne()));
  EXPECT_EQ(other.Count("transact"), 0);
  Open({other.endpoint(), node_.endpoint()}, milliseconds(300));  // whichever is the first
  EXPECT_TRUE(cluster_->Connect(std::chrono::seconds(30)));
  other.Kill();
  // Its time may be over while it waits, or when it has been told again that nobody is there.
  const ErrorCode code = CodeOf(kv_->Transact(AddOne()));
  EXPECT_TRUE(code == ErrorCode::kUnavailable || code == ErrorCode::kDeadlineExceeded)
      << ErrorCodeName(code);
  EXPECT_EQ(node_.Count("transact"), 1);
}

TEST_F(RemoteFaultsTest, ANodeOfAnotherClusterDoesNotEndWhatTheGoodOneWillAnswer) {
  TestNode::Options other_options;
  other_options.cluster_id = std::string(32, 'f');
  const TestNode other(other_options);
  RemoteOptions options = ClientOptions({node_.endpoint(), other.endpoint()});
  options.nodes.cluster_id = "0123456789abcdef0123456789abcdef";
  Open(options);
  node_.Kill();
  std::promise<Result<RemoteKv::MaybeRecord>> read;
  const auto get = kv_->Get("k", cluster_->DefaultDeadline(),
                            [&](auto outcome) { read.set_value(std::move(outcome)); });
  auto outcome = read.get_future();
  // Until the other one was asked, and more than once.
  while (other.Count("hello") < 3) std::this_thread::yield();
  EXPECT_EQ(outcome.wait_for(milliseconds(0)), std::future_status::timeout);
  node_.Start();
  EXPECT_TRUE(outcome.get());
}

TEST_F(RemoteFaultsTest, ACertificateThatIsNotAcceptedEndsItAtOnce) {
  const rpc::Pki pki;
  pki.Issue("node", rpc::Role::kNode);
  pki.Issue("alice", rpc::Role::kClient);
  pki.Issue("old", {{rpc::Role::kClient, "old"}, {}, 1, 2 * 24 * 60});
  ASSERT_TRUE(rpc::CreateCa("other", 1, pki.FilesOf("other"), false));
  TestNode::Options secure;
  secure.tls = pki.OptionsOf("node");
  const TestNode node(secure);
  RemoteOptions options = ClientOptions({node.endpoint()});
  options.deadline = std::chrono::hours(1);
  const auto expect = [&](const rpc::TlsOptions& tls, const std::string& file) {
    options.nodes.tls = tls;
    Open(options);
    EXPECT_EQ(CodeOf(kv_->Put("k", {}, std::nullopt)), ErrorCode::kPermissionDenied);
    const auto connected = cluster_->Connect(std::chrono::hours(1));
    EXPECT_EQ(CodeOf(connected), ErrorCode::kPermissionDenied);
    const std::string message = connected ? "" : connected.error().message;
    EXPECT_NE(message.find("127.0.0.1 port"), std::string::npos) << message;
    EXPECT_NE(message.find(file), std::string::npos) << message;
  };
  expect(pki.OptionsOf("old"), pki.PathOf("old.crt"));
  expect(pki.OptionsOf("alice", "other"), pki.PathOf("other.crt"));
}

TEST_F(RemoteFaultsTest, ANodeOfAnUnknownVersionIsNotAsked) {
  TestNode::Options future;
  future.version = 2;
  const TestNode other(future);
  Open({other.endpoint()});
  EXPECT_EQ(CodeOf(kv_->Get("k")), ErrorCode::kUnsupported);
}

TEST_F(RemoteFaultsTest, CancellingEndsAReadAndLeavesAWriteUnknown) {
  node_.SpoilBy([](const std::string&) { return Spoil{How::kForget}; });
  std::promise<ErrorCode> read;
  std::promise<ErrorCode> write;
  const auto get = kv_->Get("k", cluster_->DefaultDeadline(),
                            [&](const auto& outcome) { read.set_value(CodeOf(outcome)); });
  const auto put = kv_->Transact(AddOne(), cluster_->DefaultDeadline(),
                                 [&](const auto& outcome) { write.set_value(CodeOf(outcome)); });
  node_.AwaitKept(2);
  get->Cancel();
  put->Cancel();
  EXPECT_EQ(read.get_future().get(), ErrorCode::kCancelled);
  EXPECT_EQ(write.get_future().get(), ErrorCode::kUnknownOutcome);
  put->Cancel();
}

TEST_F(RemoteFaultsTest, CancellingIsNotTheFaultOfTheNode) {
  const TestNode other;
  Open({node_.endpoint(), other.endpoint()});
  node_.SpoilNext("get", 1, {How::kForget});
  std::promise<ErrorCode> read;
  const auto get = kv_->Get("k", cluster_->DefaultDeadline(),
                            [&](const auto& outcome) { read.set_value(CodeOf(outcome)); });
  node_.AwaitKept(1);
  get->Cancel();
  EXPECT_EQ(read.get_future().get(), ErrorCode::kCancelled);
  EXPECT_TRUE(kv_->Get("k"));
  EXPECT_EQ(node_.Count("get"), 2);
  EXPECT_EQ(other.Count("get"), 0);
}

TEST_F(RemoteFaultsTest, CancellingEndsAWaitBetweenAttempts) {
  RemoteOptions options = ClientOptions({node_.endpoint()});
  options.nodes.channels_per_node = 1;
  Open(options);
  node_.SpoilNext("transact", 1, {How::kRefuse, {ErrorCode::kBusy, ""}, std::chrono::seconds(20)});
  std::promise<ErrorCode> write;
  const auto put = kv_->Transact(AddOne(), cluster_->DefaultDeadline(),
                                 [&](const auto& outcome) { write.set_value(CodeOf(outcome)); });
  EXPECT_TRUE(kv_->Get("k"));  // its reply comes behind the refusal
  put->Cancel();
  EXPECT_EQ(write.get_future().get(), ErrorCode::kCancelled);
}

TEST_F(RemoteFaultsTest, ClosingEndsEverything) {
  RemoteOptions options = ClientOptions({node_.endpoint()});
  options.nodes.channels_per_node = 1;
  Open(options);
  node_.SpoilBy([](const std::string& method) -> Spoil {
    if (method == "get") return {How::kHold};
    if (method != "transact") return {};
    return {How::kRefuse, {ErrorCode::kBusy, ""}, std::chrono::seconds(20)};
  });
  std::atomic<int> ended{0};
  for (int i = 0; i < 10; ++i) {
    kv_->Transact(AddOne(), cluster_->DefaultDeadline(), [&](const auto& outcome) {
      EXPECT_EQ(CodeOf(outcome), ErrorCode::kUnavailable);
      ++ended;
    });
  }
  // Its reply comes behind the refusals, so that by now those wait for their next attempts.
  EXPECT_TRUE(cluster_->Connect(std::chrono::minutes(1)));
  for (int i = 0; i < 10; ++i) {
    kv_->Get("k", cluster_->DefaultDeadline(), [&](const auto& outcome) {
      EXPECT_EQ(CodeOf(outcome), ErrorCode::kUnavailable);
      ++ended;
    });
  }
  node_.AwaitKept(10);
  kv_.reset();
  cluster_.reset();
  EXPECT_EQ(ended, 20);
}

TEST_F(RemoteFaultsTest, NoWriteIsLostOrAppliedTwiceOverABadNetwork) {
  FaultyProxy network(node_.port());
  network.BreakWithin(3'000);
  Open({{"127.0.0.1", network.port()}});
  constexpr int kThreads = 4;
  constexpr int kAdds = 300;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < kAdds; ++i) {
        const auto outcome = kv_->Transact(AddOne());
        EXPECT_TRUE(outcome) << outcome.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Counter(), kThreads * kAdds);
  EXPECT_GT(network.broken(), 5U);
}

TEST_F(RemoteFaultsTest, SilenceOfTheNetworkEndsAtTheDeadline) {
  FaultyProxy network(node_.port());
  Open({{"127.0.0.1", network.port()}}, milliseconds(200));
  EXPECT_TRUE(kv_->Get("k"));
  network.SwallowReplies(true);
  EXPECT_EQ(CodeOf(kv_->Get("k")), ErrorCode::kDeadlineExceeded);
  network.SwallowReplies(false);
  network.BreakAll();
  RemoteOptions patient = ClientOptions({{"127.0.0.1", network.port()}});
  Open(patient);
  EXPECT_TRUE(kv_->Get("k"));
}

}  // namespace
}  // namespace metaring::client
