// SPDX-License-Identifier: Apache-2.0
//
// The table itself, row by row, and what it means over real connections.
#include "kvnode/server/access.h"

#include <gtest/gtest.h>

#include "tests/unit/server/test_node.h"

namespace metaring::server {
namespace {

using rpc::Role;

TEST(AccessTable, ClientsNeedTheGrantOfTheRow) {
  for (const Rpc rpc : {Rpc::kGet, Rpc::kMultiGet, Rpc::kScan}) {
    EXPECT_FALSE(IsAllowed(RowOf(rpc), Role::kClient, std::nullopt));
    EXPECT_TRUE(IsAllowed(RowOf(rpc), Role::kClient, Access::kRead));
  }
  for (const Rpc rpc : {Rpc::kPut, Rpc::kDeleteKey, Rpc::kTransact}) {
    EXPECT_FALSE(IsAllowed(RowOf(rpc), Role::kClient, Access::kRead));
    EXPECT_TRUE(IsAllowed(RowOf(rpc), Role::kClient, Access::kWrite));
  }
  for (const Rpc rpc : {Rpc::kKeyspaceCreate, Rpc::kKeyspaceDrop}) {
    EXPECT_FALSE(IsAllowed(RowOf(rpc), Role::kClient, Access::kWrite));
    EXPECT_TRUE(IsAllowed(RowOf(rpc), Role::kClient, Access::kAdmin));
  }
  for (const Rpc rpc :
       {Rpc::kGrantSet, Rpc::kGrantList, Rpc::kStats, Rpc::kIdentify, Rpc::kHeartbeat}) {
    EXPECT_FALSE(IsAllowed(RowOf(rpc), Role::kClient, Access::kAdmin));
  }
}

TEST(AccessTable, AdminsNeedNoGrantAndAreNoNodes) {
  for (const AccessRow& row : kAccessTable) {
    EXPECT_EQ(IsAllowed(row, Role::kAdmin, std::nullopt), row.listener == Listener::kClients)
        << row.method;
  }
}

TEST(AccessTable, NodesHaveNoRecordsOfTheirOwn) {
  for (const Rpc rpc : {Rpc::kGet, Rpc::kMultiGet, Rpc::kScan, Rpc::kPut, Rpc::kDeleteKey,
                        Rpc::kTransact, Rpc::kKeyspaceCreate, Rpc::kKeyspaceDrop, Rpc::kGrantSet}) {
    EXPECT_FALSE(IsAllowed(RowOf(rpc), Role::kNode, Access::kAdmin)) << RowOf(rpc).method;
  }
  EXPECT_TRUE(IsAllowed(RowOf(Rpc::kHeartbeat), Role::kNode, std::nullopt));
}

class AccessOverTls : public testing::Test {
 protected:
  void SetUp() override {
    const Status started = node_.Start();
    ASSERT_TRUE(started) << started.error().message;
    root_ = node_.Client("root");
    alice_ = node_.Client("alice");
    ASSERT_TRUE(root_->Call<Rpc::kKeyspaceCreate>(CreateOf("ks")));
  }
  void Grant(const std::string& keyspace, std::optional<wire::Access::type> access) {
    ASSERT_TRUE(root_->Call<Rpc::kGrantSet>(GrantOf("alice", keyspace, access)));
  }
  ErrorCode PutCode(const std::string& keyspace) {
    return alice_->CodeOf<Rpc::kPut>(PutOf(keyspace, "k", "v"));
  }
  ErrorCode GetCode(const std::string& keyspace) {
    return alice_->CodeOf<Rpc::kGet>(GetOf(keyspace, "k"));
  }

  static constexpr ErrorCode kGood = ErrorCode::kInternal;  // CodeOf of a reply
  TestNode node_;
  std::unique_ptr<TestClient> root_;
  std::unique_ptr<TestClient> alice_;
};

TEST_F(AccessOverTls, AGrantOpensAKeyspaceAndItsEndClosesIt) {
  EXPECT_EQ(GetCode("ks"), ErrorCode::kPermissionDenied);
  Grant("ks", wire::Access::READ);
  EXPECT_EQ(GetCode("ks"), kGood);
  EXPECT_EQ(PutCode("ks"), ErrorCode::kPermissionDenied);
  Grant("ks", wire::Access::WRITE);
  EXPECT_EQ(PutCode("ks"), kGood);
  Grant("ks", std::nullopt);
  EXPECT_EQ(GetCode("ks"), ErrorCode::kPermissionDenied);
}

TEST_F(AccessOverTls, WhoHasNoGrantDoesNotLearnWhatKeyspacesThereAre) {
  const auto there = alice_->Call<Rpc::kGet>(GetOf("ks", "k"));
  const auto not_there = alice_->Call<Rpc::kGet>(GetOf("no", "k"));
  ASSERT_FALSE(there || not_there);
  EXPECT_EQ(there.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(not_there.error().code, ErrorCode::kPermissionDenied);
  EXPECT_TRUE(alice_->Call<Rpc::kKeyspaceList>({})->keyspaces.empty());
}

TEST_F(AccessOverTls, AGrantForAllCountsInEveryKeyspace) {
  ASSERT_TRUE(root_->Call<Rpc::kKeyspaceCreate>(CreateOf("other")));
  Grant("*", wire::Access::READ);
  Grant("ks", wire::Access::WRITE);
  EXPECT_EQ(GetCode("other"), kGood);
  EXPECT_EQ(PutCode("other"), ErrorCode::kPermissionDenied);
  EXPECT_EQ(PutCode("ks"), kGood);
  EXPECT_EQ(GetCode("no"), ErrorCode::kNotFound);
  EXPECT_EQ(alice_->Call<Rpc::kKeyspaceList>({})->keyspaces.size(), 2U);
}

TEST_F(AccessOverTls, AClientMayMakeAndDropWhatItHasAnAdminGrantFor) {
  EXPECT_EQ(alice_->CodeOf<Rpc::kKeyspaceCreate>(CreateOf("own")), ErrorCode::kPermissionDenied);
  Grant("own", wire::Access::ADMIN);
  EXPECT_EQ(alice_->CodeOf<Rpc::kKeyspaceCreate>(CreateOf("own")), kGood);
  EXPECT_EQ(PutCode("own"), kGood);
  wire::KeyspaceDropRequest drop;
  drop.__set_name("own");
  EXPECT_EQ(alice_->CodeOf<Rpc::kKeyspaceDrop>(drop), kGood);
  drop.__set_name("ks");
  EXPECT_EQ(alice_->CodeOf<Rpc::kKeyspaceDrop>(drop), ErrorCode::kPermissionDenied);
}

TEST_F(AccessOverTls, ClientsSetNoGrantsAndSeeNoCounters) {
  EXPECT_EQ(alice_->CodeOf<Rpc::kGrantSet>(GrantOf("alice", "*", wire::Access::ADMIN)),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(alice_->CodeOf<Rpc::kGrantList>({}), ErrorCode::kPermissionDenied);
  EXPECT_EQ(alice_->CodeOf<Rpc::kStats>({}), ErrorCode::kPermissionDenied);
  EXPECT_EQ(alice_->CodeOf<Rpc::kHealthCheck>({}), kGood);
}

TEST_F(AccessOverTls, OnlyNodesCallNodesAndOnlyThere) {
  wire::HeartbeatRequest heartbeat;
  heartbeat.__set_cluster_id(node_.node().identity().cluster_id);
  EXPECT_EQ(alice_->CodeOf<Rpc::kHeartbeat>(heartbeat), ErrorCode::kPermissionDenied);
  EXPECT_EQ(root_->CodeOf<Rpc::kIdentify>({}), ErrorCode::kPermissionDenied);
  EXPECT_EQ(node_.NodeClient("alice")->CodeOf<Rpc::kHeartbeat>(heartbeat),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(node_.NodeClient("root")->CodeOf<Rpc::kHeartbeat>(heartbeat),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(node_.NodeClient("node-2")->CodeOf<Rpc::kHeartbeat>(heartbeat), kGood);
  // A node on the clients' listener, and records on the nodes'.
  EXPECT_EQ(node_.Client("node-2")->CodeOf<Rpc::kHeartbeat>(heartbeat),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(node_.NodeClient("root")->CodeOf<Rpc::kGet>(GetOf("ks", "k")),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(node_.Client("node-2")->CodeOf<Rpc::kPut>(PutOf("ks", "k", "v")),
            ErrorCode::kPermissionDenied);
}

TEST_F(AccessOverTls, GrantsAreListedAndOutliveARestart) {
  Grant("ks", wire::Access::WRITE);
  Grant("*", wire::Access::READ);
  ASSERT_TRUE(root_->Call<Rpc::kGrantSet>(GrantOf("bob", "ks", wire::Access::READ)));
  root_.reset();
  alice_.reset();
  node_.Stop();
  ASSERT_TRUE(node_.Start());
  root_ = node_.Client("root");
  alice_ = node_.Client("alice");
  EXPECT_EQ(PutCode("ks"), kGood);
  const auto all = root_->Call<Rpc::kGrantList>({});
  ASSERT_TRUE(all);
  ASSERT_EQ(all->grants.size(), 3U);
  EXPECT_EQ(all->grants[0].keyspace, "*");
  EXPECT_EQ(all->grants[1].access, wire::Access::WRITE);
  EXPECT_EQ(all->grants[2].client, "bob");
  wire::GrantListRequest of_bob;
  of_bob.__set_client("bob");
  EXPECT_EQ(root_->Call<Rpc::kGrantList>(of_bob)->grants.size(), 1U);
}

TEST_F(AccessOverTls, GrantsOfNamesThatCannotBeAreRefused) {
  for (const auto& [client, keyspace] :
       {std::pair{"a/b", "ks"}, {"", "ks"}, {"alice", ".ks"}, {"alice", "a*"}, {"alice", ""}}) {
    EXPECT_EQ(root_->CodeOf<Rpc::kGrantSet>(GrantOf(client, keyspace, wire::Access::READ)),
              ErrorCode::kInvalidArgument)
        << client << " " << keyspace;
  }
  EXPECT_EQ(
      root_->CodeOf<Rpc::kGrantSet>(GrantOf("alice", "ks", static_cast<wire::Access::type>(9))),
      ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace metaring::server
