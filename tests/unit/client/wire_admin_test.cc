// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/wire_admin.h"

#include <gtest/gtest.h>

#include "tests/unit/client/wire_outcome.h"

namespace metaring::client {
namespace {

TEST(WireKeyspace, Travels) {
  const KeyspaceInfo there{"ks",
                           KeyspaceId(7),
                           {.mode = Mode::kEventual,
                            .replicas = 5,
                            .write_ack = WriteAck::kAllInSync,
                            .placement = Placement::kParent,
                            .compression = Compression::kZstd,
                            .compression_bytes_min = 100}};
  const auto back = FromWire(ToWire(there));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->name, "ks");
  EXPECT_EQ(back->id, KeyspaceId(7));
  EXPECT_EQ(back->options.mode, Mode::kEventual);
  EXPECT_EQ(back->options.replicas, 5U);
  EXPECT_EQ(back->options.write_ack, WriteAck::kAllInSync);
  EXPECT_EQ(back->options.placement, Placement::kParent);
  EXPECT_EQ(back->options.compression, Compression::kZstd);
  EXPECT_EQ(back->options.compression_bytes_min, 100U);
}

TEST(WireKeyspace, AbsentPropertiesHaveTheirDefaults) {
  EXPECT_EQ(MessageOf(FromWire(wire::Keyspace())), "keyspace.name: missing");
  wire::Keyspace named;
  named.__set_name("ks");
  const auto back = FromWire(std::move(named));
  ASSERT_TRUE(back);
  const KeyspaceOptions defaults;
  EXPECT_EQ(back->id, KeyspaceId());
  EXPECT_EQ(back->options.mode, defaults.mode);
  EXPECT_EQ(back->options.replicas, defaults.replicas);
  EXPECT_EQ(back->options.write_ack, defaults.write_ack);
  EXPECT_EQ(back->options.placement, defaults.placement);
  EXPECT_EQ(back->options.compression, defaults.compression);
  EXPECT_EQ(back->options.compression_bytes_min, defaults.compression_bytes_min);
}

TEST(WireKeyspace, RefusesWhatThereIsNot) {
  const wire::Keyspace good = ToWire(KeyspaceInfo{"ks", KeyspaceId(7), {}});
  wire::Keyspace odd = good;
  odd.mode = Unknown<wire::Mode::type>(3);
  EXPECT_EQ(MessageOf(FromWire(wire::Keyspace(odd))), "keyspace.mode: unknown value 3");
  odd = good;
  odd.compression = Unknown<wire::Compression::type>(-1);
  EXPECT_EQ(MessageOf(FromWire(wire::Keyspace(odd))), "keyspace.compression: unknown value -1");
  odd = good;
  odd.replicas = -1;
  EXPECT_EQ(MessageOf(FromWire(wire::Keyspace(odd))), "keyspace.replicas: negative");
}

TEST(WireGrant, TravelsAndIsTakenAway) {
  const auto back = FromWire(ToWire(Grant{"alice", "*", Access::kWrite}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->client, "alice");
  EXPECT_EQ(back->keyspace, "*");
  EXPECT_EQ(back->access, Access::kWrite);
  EXPECT_EQ(FromWire(ToWire(Grant{"alice", "ks", std::nullopt}))->access, std::nullopt);
  EXPECT_EQ(MessageOf(FromWire(wire::Grant())), "grant.client: missing");
  wire::Grant odd = ToWire(Grant{"alice", "ks", Access::kRead});
  odd.access = Unknown<wire::Access::type>(4);
  EXPECT_EQ(MessageOf(FromWire(std::move(odd))), "grant.access: unknown value 4");
}

TEST(WireHealth, TravelsAndMustBeKnown) {
  const HealthReport report{Health::kDraining, "soon", std::chrono::seconds(9), {"one", "two"}};
  const auto back = FromWire(ToWire(report));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->health, Health::kDraining);
  EXPECT_EQ(back->message, "soon");
  EXPECT_EQ(back->uptime.count(), 9);
  EXPECT_EQ(back->warnings, report.warnings);
  EXPECT_EQ(MessageOf(FromWire(wire::HealthCheckReply())), "health: missing");
}

TEST(WireClusterMap, Travels) {
  ClusterMap map;
  map.cluster_id = "id";
  map.epoch = 3;
  map.ring_size = 2048;
  map.nodes.emplace_back();
  map.nodes[0].id = NodeId(2);
  map.nodes[0].address = "h:1";
  const auto back = FromWire(ToWire(map));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->epoch, 3);
  EXPECT_EQ(back->ring_size, 2048U);
  ASSERT_EQ(back->nodes.size(), 1U);
  EXPECT_EQ(back->nodes[0].id, NodeId(2));
  EXPECT_EQ(back->nodes[0].address, "h:1");
  wire::ClusterMapReply odd;
  odd.__set_epoch(-1);
  EXPECT_EQ(MessageOf(FromWire(std::move(odd))), "epoch: negative");
}

}  // namespace
}  // namespace metaring::client
