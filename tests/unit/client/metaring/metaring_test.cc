// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/metaring/metaring.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/client/test_node.h"

namespace metaring {
namespace {

class MetaringTest : public ::testing::Test {
 protected:
  MetaringTest() {
    client::KeyspaceOptions compressed;
    compressed.compression = client::Compression::kZstd;
    EXPECT_TRUE(node_.store().Create("ks", compressed));
    client_ = Client::Open(Options());
    EXPECT_TRUE(client_);
    ks_ = client_->OpenKeyspace("ks");
    EXPECT_TRUE(ks_);
  }
  ClientOptions Options() const {
    ClientOptions options;
    options.endpoints = {node_.endpoint().ToString()};
    options.insecure_plain_text = true;
    return options;
  }
  std::string Scanned(ScanOptions options) {
    std::string keys;
    ScanRange range = ks_->Scan(std::move(options));
    for (const ScanItem& item : range) keys += item.key + " ";
    EXPECT_TRUE(range.status());
    return keys;
  }

  client::TestNode node_;
  Result<Client> client_ = Fail(ErrorCode::kInternal, "");
  Result<Keyspace> ks_ = Fail(ErrorCode::kInternal, "");
};

TEST_F(MetaringTest, PutsGetsAndDeletes) {
  EXPECT_EQ(ks_->Get("k")->has_value(), false);
  const auto version = ks_->Put("k", "v");
  ASSERT_TRUE(version);
  EXPECT_EQ((*ks_->Get("k"))->value, "v");
  EXPECT_EQ((*ks_->Get("k"))->version, *version);
  const auto many = ks_->MultiGet({"none", "k"});
  ASSERT_TRUE(many);
  EXPECT_FALSE((*many)[0]);
  EXPECT_EQ((*many)[1]->value, "v");
  EXPECT_TRUE(*ks_->Delete("k"));
  EXPECT_FALSE(*ks_->Delete("k"));
}

TEST_F(MetaringTest, CompressesWhatItSendsAndSeesWhatItPut) {
  const std::string value(100'000, 'v');
  ASSERT_TRUE(ks_->Put("k", value));
  ASSERT_TRUE(ks_->Commit(Transaction().Put("l", value)));
  const auto stored = node_.store().OpenEncoded("ks");
  for (const char* key : {"k", "l"}) {
    EXPECT_LT((*stored->kv->Get(key))->value.size(), 1'000U);
    EXPECT_TRUE((*ks_->Get(key))->value == value);
  }
  for (const ScanItem& item : ks_->Scan()) EXPECT_TRUE(item.value == value);
  const auto failed = ks_->Commit(Transaction().IfAbsent("k").ElseRead("k"));
  EXPECT_TRUE(failed->reads[0]->value == value);
}

TEST_F(MetaringTest, ScansPrefixesAndRangesOverPages) {
  const std::string high = "\xff\xff";
  for (const std::string key : {"a", "b", "ba", "bb", "c", "\xff",
                                "\xff"
                                "a"}) {
    ASSERT_TRUE(ks_->Put(key, "v"));
  }
  ASSERT_TRUE(ks_->Put(high, "v"));
  EXPECT_EQ(Scanned({}),
            "a b ba bb c \xff \xff"
            "a " +
                high + " ");
  EXPECT_EQ(Scanned({.prefix = "b"}), "b ba bb ");
  EXPECT_EQ(Scanned({.begin = "ba", .end = "c", .page_records = 1}), "ba bb ");
  EXPECT_EQ(Scanned({.end = "b"}), "a ");
  EXPECT_EQ(Scanned({.begin = "c", .page_records = 2}),
            "c \xff \xff"
            "a " +
                high + " ");
  EXPECT_EQ(Scanned({.begin = "\xff"
                              "a"}),
            "\xff"
            "a " +
                high + " ");
  EXPECT_EQ(Scanned({.begin = high}), high + " ");
  EXPECT_EQ(Scanned({.prefix = "none"}), "");
}

TEST_F(MetaringTest, AScanEndsWithTheErrorThatItMet) {
  ASSERT_TRUE(ks_->Put("k", "v"));
  node_.SpoilNext("scan", 1, {client::Spoil::How::kRefuse, {ErrorCode::kCorrupt, "rotten"}});
  ScanRange range = ks_->Scan();
  for (const ScanItem& item : range) ADD_FAILURE() << item.key;
  EXPECT_EQ(range.status().error().code, ErrorCode::kCorrupt);
}

TEST_F(MetaringTest, TransactionsCompareAndCount) {
  const auto first = ks_->Commit(Transaction().IfAbsent("n").Put("n", "1").Add("count", 2));
  ASSERT_TRUE(first && first->succeeded);
  Transaction again;
  again.IfExists("n").IfVersion("n", first->version).IfValue("n", "1").IfNoneBegins("x");
  again.IfNoneIn("o", "p").Add("count", -3).Max("high", 7).Delete("n");
  const Transaction copy = again;
  EXPECT_TRUE(ks_->Commit(std::move(again))->succeeded);
  EXPECT_EQ(NumberOf((*ks_->Get("count"))->value), -1);
  EXPECT_EQ(NumberOf((*ks_->Get("high"))->value), 7);
  const auto failed = ks_->Commit(copy);
  ASSERT_TRUE(failed);
  EXPECT_FALSE(failed->succeeded);
  EXPECT_EQ(failed->failed_compare, 0U);
  EXPECT_EQ(NumberOf(ValueOf(-5)), -5);
  EXPECT_EQ(NumberOf("x"), std::nullopt);
}

TEST_F(MetaringTest, CallbacksAndFuturesEndOnce) {
  auto put = ks_->Later<uint64_t>([&](auto done) { ks_->Put("k", "v", std::move(done)); });
  ASSERT_TRUE(put.get());
  auto get = ks_->Later<Keyspace::MaybeRecord>([&](auto done) { ks_->Get("k", std::move(done)); });
  EXPECT_EQ((*get.get())->value, "v");
  node_.SpoilNext("get", 1, {client::Spoil::How::kHold});
  std::promise<ErrorCode> code;
  Operation operation =
      ks_->Get("k", [&](const auto& outcome) { code.set_value(outcome.error().code); });
  node_.AwaitKept(1);
  operation.Cancel();
  EXPECT_EQ(code.get_future().get(), ErrorCode::kCancelled);
}

TEST_F(MetaringTest, ACallMayHaveADeadlineOfItsOwn) {
  node_.SpoilNext("get", 1, {client::Spoil::How::kHold});
  const auto late = ks_->Get("k", {std::chrono::milliseconds(50)});
  EXPECT_EQ(late.error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(MetaringTest, TheClientKnowsKeyspacesAndHealth) {
  EXPECT_EQ(client_->HealthCheck()->state, HealthState::kOk);
  EXPECT_EQ(client_->Stats()->at("puts"), 7);
  KeyspaceProperties properties;
  properties.place_by_parent = true;
  ASSERT_TRUE(client_->CreateKeyspace("more", properties));
  EXPECT_EQ(client_->CreateKeyspace("more").error().code, ErrorCode::kExists);
  EXPECT_EQ(client_->ListKeyspaces()->size(), 2U);
  EXPECT_EQ(node_.store().Find("more")->options.placement, client::Placement::kParent);
  ASSERT_TRUE(client_->DropKeyspace("more"));
  EXPECT_EQ(client_->OpenKeyspace("more").error().code, ErrorCode::kNotFound);
}

TEST_F(MetaringTest, AKeyspaceOutlivesItsClient) {
  client_ = Fail(ErrorCode::kInternal, "");
  EXPECT_TRUE(ks_->Put("k", "v"));
}

TEST_F(MetaringTest, OptionsComeBeforeTheConfigFile) {
  const std::string file =
      std::filesystem::temp_directory_path() / ("metaring_test." + std::to_string(::getpid()));
  std::ofstream(file) << "endpoints = [\"127.0.0.1:1\"]\ninsecure_plain_text = true\n";
  ClientOptions options;
  options.config_file = file;
  options.endpoints = {node_.endpoint().ToString()};
  const auto opened = Client::Open(options);
  std::filesystem::remove(file);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(Client(*opened).OpenKeyspace("ks"));
  EXPECT_EQ(Client::Open({.config_file = file}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Client::Open({}).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace metaring
