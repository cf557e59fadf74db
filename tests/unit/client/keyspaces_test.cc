// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/keyspaces.h"

#include <gtest/gtest.h>

#include "kvnode/client/embedded.h"
#include "tests/sim/sim_disk.h"

namespace metaring::client {
namespace {

TEST(KeyspaceName, LimitsAreChecked) {
  EXPECT_TRUE(ValidateKeyspaceName("default"));
  EXPECT_TRUE(ValidateKeyspaceName("a.B_9-"));
  EXPECT_TRUE(ValidateKeyspaceName(std::string(64, 'x')));
  for (const std::string& name : {std::string(), std::string(65, 'x'), std::string(".hidden"),
                                  std::string("a/b"), std::string("a b"), std::string("a\0b", 3)}) {
    const Status status = ValidateKeyspaceName(name);
    ASSERT_FALSE(status) << name;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(KeyspaceOptions, LimitsAreCheckedAndNamed) {
  const auto refusal = [](const KeyspaceOptions& options) {
    const Status status = ValidateKeyspaceOptions(options);
    return status ? Error{ErrorCode::kInternal, "accepted"} : status.error();
  };
  EXPECT_TRUE(ValidateKeyspaceOptions({}));
  for (const uint32_t replicas : {0U, 10U}) {
    KeyspaceOptions options;
    options.replicas = replicas;
    EXPECT_EQ(refusal(options).code, ErrorCode::kInvalidArgument);
    EXPECT_NE(refusal(options).message.find("replicas"), std::string::npos);
  }
  KeyspaceOptions options;
  options.compression_bytes_min = (16 << 20) + 1;
  EXPECT_NE(refusal(options).message.find("compression_bytes_min"), std::string::npos);
  options = {};
  options.placement = static_cast<Placement>(7);
  EXPECT_NE(refusal(options).message.find("placement"), std::string::npos);
  options = {};
  options.mode = Mode::kEventual;
  EXPECT_EQ(refusal(options).code, ErrorCode::kUnsupported);
  EXPECT_NE(refusal(options).message.find("eventual"), std::string::npos);
}

class Keyspaces : public testing::Test {
 protected:
  Keyspaces()
      : embedded_(*OpenEmbeddedOn(store::NewMemoryStore(), disk_, EmbeddedOptions(), clock_)),
        system_(embedded_->OpenSystem()) {}

  sim::SimDisk disk_;
  ManualClock clock_;
  std::unique_ptr<Embedded> embedded_;
  std::unique_ptr<Kv> system_;
};

TEST_F(Keyspaces, KeepTheirPropertiesAndTheirId) {
  KeyspaceOptions options;
  options.replicas = 5;
  options.write_ack = WriteAck::kAllInSync;
  options.placement = Placement::kParent;
  options.compression = Compression::kZstd;
  options.compression_bytes_min = 70'000;
  const auto first = CreateKeyspace(*system_, "first", options);
  const auto second = CreateKeyspace(*system_, "second", {});
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->id, second->id);
  const auto found = FindKeyspace(*system_, "first");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, first->id);
  EXPECT_EQ(found->options.mode, Mode::kStrong);
  EXPECT_EQ(found->options.replicas, 5U);
  EXPECT_EQ(found->options.write_ack, WriteAck::kAllInSync);
  EXPECT_EQ(found->options.placement, Placement::kParent);
  EXPECT_EQ(found->options.compression, Compression::kZstd);
  EXPECT_EQ(found->options.compression_bytes_min, 70'000U);
}

TEST_F(Keyspaces, AnIdIsNeverUsedAgain) {
  const auto first = embedded_->Create("name", {});
  ASSERT_TRUE(first && embedded_->Drop("name"));
  const auto second = embedded_->Create("name", {});
  ASSERT_TRUE(second);
  EXPECT_GT(second->id, first->id);
}

TEST_F(Keyspaces, AreNotMadeOfWhatIsNotServed) {
  KeyspaceOptions options;
  options.mode = Mode::kEventual;
  EXPECT_EQ(CreateKeyspace(*system_, "ks", options).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(FindKeyspace(*system_, "ks").error().code, ErrorCode::kNotFound);
}

TEST_F(Keyspaces, OfTheFirstFormatHaveTheDefaults) {
  ASSERT_TRUE(system_->Put("keyspace/old", ByteView("\x01\x07\x01\x80\x08", 5)));
  const auto found = FindKeyspace(*system_, "old");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->id, KeyspaceId(7));
  EXPECT_EQ(found->options.compression, Compression::kZstd);
  EXPECT_EQ(found->options.compression_bytes_min, 1024U);
  EXPECT_EQ(found->options.mode, Mode::kStrong);
  EXPECT_EQ(found->options.replicas, 3U);
  EXPECT_EQ(found->options.write_ack, WriteAck::kMajority);
  EXPECT_EQ(found->options.placement, Placement::kKey);
}

TEST_F(Keyspaces, OfAnotherFormatAreToldFromDamagedOnes) {
  ASSERT_TRUE(system_->Put("keyspace/newer", "\x03\x07\x01"));
  EXPECT_EQ(FindKeyspace(*system_, "newer").error().code, ErrorCode::kFormatMismatch);
  ASSERT_TRUE(system_->Put("keyspace/cut", "\x02\x07\x01"));
  EXPECT_EQ(FindKeyspace(*system_, "cut").error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace metaring::client
