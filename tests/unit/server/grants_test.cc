// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/grants.h"

#include <gtest/gtest.h>

#include <thread>

#include "kvnode/client/embedded.h"
#include "tests/sim/sim_disk.h"

namespace metaring::server {
namespace {

class GrantsTest : public testing::Test {
 protected:
  GrantsTest()
      : store_(*client::OpenEmbeddedOn(store::NewMemoryStore(), disk_, client::EmbeddedOptions(),
                                       clock_)),
        system_(store_->OpenSystem()),
        grants_(*system_) {}

  sim::SimDisk disk_;
  ManualClock clock_;
  std::unique_ptr<client::Embedded> store_;
  std::unique_ptr<client::Kv> system_;
  Grants grants_;
};

TEST_F(GrantsTest, TheHigherOfBothCounts) {
  EXPECT_EQ(grants_.Of("alice", "ks"), std::nullopt);
  ASSERT_TRUE(grants_.Set({"alice", "ks", Access::kWrite}));
  ASSERT_TRUE(grants_.Set({"alice", "*", Access::kRead}));
  EXPECT_EQ(grants_.Of("alice", "ks"), Access::kWrite);
  EXPECT_EQ(grants_.Of("alice", "other"), Access::kRead);
  EXPECT_EQ(grants_.Of("bob", "ks"), std::nullopt);
  ASSERT_TRUE(grants_.Set({"alice", "*", Access::kAdmin}));
  EXPECT_EQ(grants_.Of("alice", "ks"), Access::kAdmin);
  ASSERT_TRUE(grants_.Set({"alice", "*", std::nullopt}));
  EXPECT_EQ(grants_.Of("alice", "other"), std::nullopt);
}

TEST_F(GrantsTest, AreThoseThatWereStored) {
  ASSERT_TRUE(grants_.Set({"alice", "ks", Access::kWrite}));
  ASSERT_TRUE(grants_.Set({"bob", "ks", Access::kRead}));
  ASSERT_TRUE(grants_.Set({"bob", "ks", std::nullopt}));
  Grants loaded(*system_);
  ASSERT_TRUE(loaded.Load());
  EXPECT_EQ(loaded.Of("alice", "ks"), Access::kWrite);
  EXPECT_EQ(loaded.List(std::nullopt).size(), 1U);
}

TEST_F(GrantsTest, ThatAreDamagedOrNewerAreNotLoaded) {
  for (const auto& [raw, code] : {std::pair{ByteView("\x01\x09"), ErrorCode::kCorrupt},
                                  {ByteView("\x01"), ErrorCode::kCorrupt},
                                  {ByteView("\x01\x01\x01"), ErrorCode::kCorrupt},
                                  {ByteView("\x02\x01"), ErrorCode::kFormatMismatch}}) {
    ASSERT_TRUE(system_->Put("grant/alice/ks", raw));
    Grants loaded(*system_);
    EXPECT_EQ(loaded.Load().error().code, code) << Escaped(raw);
  }
}

// Memory and store never differ, whoever comes last.
TEST_F(GrantsTest, OfManyThreadsEndInOneOrder) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int round = 0; round < 50; ++round) {
        const auto access = static_cast<Access>(1 + (i + round) % 3);
        const bool taken = (i + round) % 4 == 0;
        EXPECT_TRUE(grants_.Set({"alice", "ks", taken ? std::nullopt : std::optional(access)}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Grants loaded(*system_);
  ASSERT_TRUE(loaded.Load());
  EXPECT_EQ(loaded.Of("alice", "ks"), grants_.Of("alice", "ks"));
}

}  // namespace
}  // namespace metaring::server
