// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/node_service.h"

#include <fmt/format.h>

#include <Kv.tcc>
#include <Node.tcc>
#include <algorithm>
#include <kv_types.tcc>
#include <node_types.tcc>

#include "kvnode/base/logging.h"
#include "kvnode/client/wire_admin.h"
#include "kvnode/state/command.h"

namespace metaring::server {
namespace {

constexpr int32_t kVersionMin = 1;
constexpr int32_t kVersionMax = 1;
constexpr size_t kClientNameBytesMax = 128;
// The map of one node: everything is in its one slot, and nothing ever changes.
constexpr int64_t kMapEpoch = 1;
constexpr uint32_t kRingSize = 1;

// The highest version that both speak; a range is absent where the other side has just one.
template <typename Request>
Result<int32_t> VersionFor(const Request& request) {
  const int32_t min = request.__isset.version_min ? request.version_min : kVersionMin;
  const int32_t max = request.__isset.version_max ? request.version_max : std::max(min, 1);
  if (min <= max && min <= kVersionMax && max >= kVersionMin) return std::min(max, kVersionMax);
  return Fail(ErrorCode::kUnsupported,
              fmt::format("versions {} to {} are asked for; this node speaks {} to {}", min, max,
                          kVersionMin, kVersionMax));
}

template <typename Request>
Status CheckCluster(const Request& request, const NodeFacts& facts) {
  if (!request.__isset.cluster_id || request.cluster_id == facts.identity.cluster_id) return {};
  return Fail(ErrorCode::kFormatMismatch,
              fmt::format("this is a node of cluster {}, not of {}", facts.identity.cluster_id,
                          Escaped(request.cluster_id)));
}

Result<wire::HelloReply> Hello(const NodeFacts& facts, const Exchange& exchange,
                               const wire::HelloRequest& request) {
  if (request.client_name.size() > kClientNameBytesMax) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("client_name has {} bytes; the limit is {}", request.client_name.size(),
                            kClientNameBytesMax));
  }
  RETURN_IF_ERROR(CheckCluster(request, facts));
  wire::HelloReply reply;
  ASSIGN_OR_RETURN(const int32_t version, VersionFor(request));
  const rpc::Identity& peer = exchange.call.peer();
  LogDebug("server", "{} is {} \"{}\" with {}", exchange.call.remote_address(),
           rpc::RoleName(peer.role), peer.name, Escaped(request.client_name));
  reply.__set_version(version);
  reply.__set_cluster_id(facts.identity.cluster_id);
  reply.__set_node_id(static_cast<int64_t>(facts.identity.node_id));
  reply.__set_node_name(facts.name);
  reply.__set_software(facts.software);
  reply.__set_key_bytes_max(static_cast<int64_t>(state::kKeyBytesMax));
  reply.__set_value_bytes_max(static_cast<int64_t>(state::kValueBytesMax));
  reply.__set_frame_bytes_max(facts.frame_bytes_max);
  reply.__set_peer_name(peer.name);
  reply.__set_peer_role(std::string(rpc::RoleName(peer.role)));
  return reply;
}

wire::HealthCheckReply HealthCheck(const NodeFacts& facts) {
  client::HealthReport report;
  const auto up = std::chrono::steady_clock::now() - facts.started;
  report.uptime = std::chrono::duration_cast<std::chrono::seconds>(up);
  if (facts.draining) {
    report.health = client::Health::kDraining;
    report.message = "the node is about to stop";
  } else if (facts.is_full()) {
    report.health = client::Health::kReadOnly;
    report.message = "the store is full: only reads and deletes are accepted";
  }
  for (ExpiryWarning& warning : facts.expiry_warnings()) {
    report.warnings.push_back(std::move(warning.text));
  }
  return ToWire(report);
}

wire::ClusterMapReply ClusterMap(const NodeFacts& facts) {
  client::ClusterMap map;
  map.cluster_id = facts.identity.cluster_id;
  map.epoch = kMapEpoch;
  map.ring_size = kRingSize;
  client::ClusterNode& node = map.nodes.emplace_back();
  node.id = NodeId(facts.identity.node_id);
  node.name = facts.name;
  node.address = facts.client_address();
  node.rack = facts.rack;
  return client::ToWire(map);
}

wire::StatsReply Stats(const NodeFacts& facts) {
  wire::StatsReply reply;
  reply.counters = facts.counters();
  reply.__isset.counters = true;
  return reply;
}

Result<wire::IdentifyReply> Identify(const NodeFacts& facts, const wire::IdentifyRequest& request) {
  RETURN_IF_ERROR(CheckCluster(request, facts));
  wire::IdentifyReply reply;
  ASSIGN_OR_RETURN(const int32_t version, VersionFor(request));
  reply.__set_version(version);
  reply.__set_cluster_id(facts.identity.cluster_id);
  reply.__set_node_id(static_cast<int64_t>(facts.identity.node_id));
  reply.__set_node_name(facts.name);
  return reply;
}

Result<wire::HeartbeatReply> Heartbeat(const NodeFacts& facts,
                                       const wire::HeartbeatRequest& request) {
  if (!request.__isset.cluster_id) {
    return Fail(ErrorCode::kInvalidArgument, "cluster_id: missing");
  }
  RETURN_IF_ERROR(CheckCluster(request, facts));
  wire::HeartbeatReply reply;
  reply.__set_sequence(request.sequence);
  reply.__set_map_epoch(kMapEpoch);
  return reply;
}

// This node keeps its keyspaces alone.
Result<wire::DeliverReply> NoPeers() {
  return Fail(ErrorCode::kUnsupported, "this node replicates nothing");
}

}  // namespace

void AddInfoMethods(Front& front, rpc::Dispatcher& dispatcher, const NodeFacts& facts) {
  front.Add<Rpc::kHello>(dispatcher, Runs::kHere,
                         [&facts](const Exchange& exchange, wire::HelloRequest& request) {
                           return Hello(facts, exchange, request);
                         });
  front.Add<Rpc::kHealthCheck>(dispatcher, Runs::kHere,
                               [&facts](const Exchange&, wire::HealthCheckRequest&) {
                                 return Result<wire::HealthCheckReply>(HealthCheck(facts));
                               });
  front.Add<Rpc::kClusterMap>(dispatcher, Runs::kHere,
                              [&facts](const Exchange&, wire::ClusterMapRequest&) {
                                return Result<wire::ClusterMapReply>(ClusterMap(facts));
                              });
  front.Add<Rpc::kStats>(dispatcher, Runs::kHere, [&facts](const Exchange&, wire::StatsRequest&) {
    return Result<wire::StatsReply>(Stats(facts));
  });
}

void AddNodeMethods(Front& front, rpc::Dispatcher& dispatcher, const NodeFacts& facts) {
  front.Add<Rpc::kIdentify>(dispatcher, Runs::kHere,
                            [&facts](const Exchange&, wire::IdentifyRequest& request) {
                              return Identify(facts, request);
                            });
  front.Add<Rpc::kHeartbeat>(dispatcher, Runs::kHere,
                             [&facts](const Exchange&, wire::HeartbeatRequest& request) {
                               return Heartbeat(facts, request);
                             });
  front.Add<Rpc::kDeliver>(dispatcher, Runs::kHere,
                           [](const Exchange&, wire::DeliverRequest&) { return NoPeers(); });
}

namespace {

// Of all rows, those that belong to the other listener; an RPC that is new is among them.
template <size_t... kIndex>
void AddElsewhere(Front& front, rpc::Dispatcher& clients, rpc::Dispatcher& nodes,
                  std::index_sequence<kIndex...>) {
  const auto add = [&]<Rpc kRpc>() {
    const bool of_clients = RowOf(kRpc).listener == Listener::kClients;
    front.AddElsewhere<kRpc>(of_clients ? nodes : clients);
  };
  (add.template operator()<static_cast<Rpc>(kIndex)>(), ...);
}

}  // namespace

void AddMethodsElsewhere(Front& front, rpc::Dispatcher& clients, rpc::Dispatcher& nodes) {
  AddElsewhere(front, clients, nodes, std::make_index_sequence<kRpcCount>());
}

}  // namespace metaring::server
