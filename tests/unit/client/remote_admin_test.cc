// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/remote_admin.h"

#include <gtest/gtest.h>

#include "tests/unit/client/test_node.h"

namespace metaring::client {
namespace {

class RemoteAdminTest : public ::testing::Test {
 protected:
  RemoteAdminTest()
      : cluster_(*RemoteCluster::Open(ClientOptions({node_.endpoint()}))), admin_(*cluster_) {}
  RemoteCluster::TimePoint Soon() const { return cluster_->DefaultDeadline(); }

  TestNode node_;
  std::unique_ptr<RemoteCluster> cluster_;
  RemoteAdmin admin_;
};

TEST_F(RemoteAdminTest, ConnectingTellsWhoIsThere) {
  const auto hello = cluster_->Connect(std::chrono::seconds(30));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->cluster_id, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(hello->node_id, 1);
}

TEST_F(RemoteAdminTest, AsksForHealthMapAndStatistics) {
  EXPECT_EQ(admin_.HealthCheck(Soon())->health, Health::kOk);
  const auto map = admin_.GetClusterMap(Soon());
  ASSERT_TRUE(map);
  ASSERT_EQ(map->nodes.size(), 1U);
  EXPECT_EQ(map->nodes[0].name, "a");
  EXPECT_EQ(admin_.Stats(Soon())->at("puts"), 7);
}

TEST_F(RemoteAdminTest, MakesFindsAndDropsKeyspaces) {
  KeyspaceOptions options;
  options.placement = Placement::kParent;
  const auto made = admin_.CreateKeyspace("ks", options, Soon());
  ASSERT_TRUE(made);
  EXPECT_EQ(made->options.placement, Placement::kParent);
  EXPECT_EQ(admin_.CreateKeyspace("ks", options, Soon()).error().code, ErrorCode::kExists);
  EXPECT_EQ(admin_.FindKeyspace("ks", Soon())->id, made->id);
  EXPECT_EQ(admin_.ListKeyspaces(Soon())->size(), 1U);
  EXPECT_TRUE(admin_.DropKeyspace("ks", Soon()));
  EXPECT_EQ(admin_.DropKeyspace("ks", Soon()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(admin_.FindKeyspace("ks", Soon()).error().code, ErrorCode::kNotFound);
}

TEST_F(RemoteAdminTest, GrantsAndListsGrants) {
  ASSERT_TRUE(admin_.SetGrant({"alice", "ks", Access::kRead}, Soon()));
  ASSERT_TRUE(admin_.SetGrant({"bob", "*", Access::kAdmin}, Soon()));
  EXPECT_EQ(admin_.ListGrants("", Soon())->size(), 2U);
  const auto bobs = admin_.ListGrants("bob", Soon());
  ASSERT_EQ(bobs->size(), 1U);
  EXPECT_EQ((*bobs)[0].access, Access::kAdmin);
}

TEST_F(RemoteAdminTest, ACreationWhoseReplyIsLostIsUnknownAndNotRepeated) {
  node_.SpoilNext("keyspace_create", 1, {Spoil::How::kLose});
  EXPECT_EQ(admin_.CreateKeyspace("ks", {}, Soon()).error().code, ErrorCode::kUnknownOutcome);
  EXPECT_EQ(node_.Count("keyspace_create"), 1);
  EXPECT_TRUE(admin_.FindKeyspace("ks", Soon()));
}

}  // namespace
}  // namespace metaring::client
