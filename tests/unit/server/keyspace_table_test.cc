// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/keyspace_table.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/sim/sim_disk.h"

namespace metaring::server {
namespace {

class Keyspaces : public testing::Test {
 protected:
  Keyspaces()
      : store_(*client::OpenEmbeddedOn(store::NewMemoryStore(), disk_, client::EmbeddedOptions(),
                                       clock_)),
        table_(*store_) {
    EXPECT_TRUE(table_.Create("ks", {}));
  }

  sim::SimDisk disk_;
  ManualClock clock_;
  std::unique_ptr<client::Embedded> store_;
  KeyspaceTable table_;
};

TEST_F(Keyspaces, AreThoseOfTheCatalog) {
  ASSERT_TRUE(store_->Create("before", {}));
  KeyspaceTable loaded(*store_);
  ASSERT_TRUE(loaded.Load());
  ASSERT_EQ(loaded.List().size(), 2U);
  EXPECT_EQ(loaded.List()[0].name, "before");
  const auto found = loaded.Find("ks", std::nullopt);
  ASSERT_TRUE(found);
  EXPECT_TRUE((*found)->kv->Put("k", {"v", state::Codec::kNone}, std::nullopt));
  EXPECT_EQ(loaded.Find("none", std::nullopt).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(loaded.Find("ks", KeyspaceId(77)).error().code, ErrorCode::kStale);
  EXPECT_TRUE(loaded.Find("ks", (*found)->info.id));
}

TEST_F(Keyspaces, AreErasedWhenTheLastRequestOnThemHasEnded) {
  auto in_use = *table_.Find("ks", std::nullopt);
  auto dropped = std::async(std::launch::async, [&] { return table_.Drop("ks"); });
  while (table_.Find("ks", std::nullopt)) std::this_thread::yield();
  // Nobody finds it, and who has it goes on.
  EXPECT_TRUE(in_use->kv->Put("k", {"v", state::Codec::kNone}, std::nullopt));
  EXPECT_TRUE(store_->Find("ks"));
  EXPECT_EQ(dropped.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  in_use.reset();
  EXPECT_TRUE(dropped.get());
  EXPECT_EQ(store_->Find("ks").error().code, ErrorCode::kNotFound);
}

TEST_F(Keyspaces, ManyAreDroppedAtOnce) {
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(table_.Create("k" + std::to_string(i), {}));
  std::vector<std::future<Status>> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(
        std::async(std::launch::async, [this, i] { return table_.Drop("k" + std::to_string(i)); }));
  }
  for (auto& each : all) EXPECT_TRUE(each.get());
  EXPECT_EQ(table_.List().size(), 1U);
  EXPECT_EQ(table_.Drop("k0").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace metaring::server
