// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/wire_admin.h"

#include <string>
#include <utility>

#include "kvnode/client/wire_checks.h"

namespace metaring::client {
namespace {

// Sets an enum of ours when a number came; else it keeps its default.
template <typename To, typename From>
Status SetEnum(const char* field, bool set, const From& from, To first, To last, To& to) {
  if (!set) return {};
  ASSIGN_OR_RETURN(to, EnumOf(field, from, first, last));
  return {};
}

Status SetUnsigned(const char* field, bool set, int32_t from, uint32_t& to) {
  if (!set) return {};
  ASSIGN_OR_RETURN(to, Unsigned(field, from));
  return {};
}

}  // namespace

// --- keyspaces -----------------------------------------------------------------------------------

wire::Keyspace ToWire(KeyspaceInfo info) {
  const KeyspaceOptions& options = info.options;
  wire::Keyspace to;
  if (info.id != KeyspaceId{}) to.__set_id(static_cast<int32_t>(info.id.value()));
  to.__set_mode(static_cast<wire::Mode::type>(options.mode));
  to.__set_replicas(static_cast<int32_t>(options.replicas));
  to.__set_write_ack(static_cast<wire::WriteAck::type>(options.write_ack));
  to.__set_placement(static_cast<wire::Placement::type>(options.placement));
  to.__set_compression(static_cast<wire::Compression::type>(options.compression));
  to.__set_compression_bytes_min(static_cast<int32_t>(options.compression_bytes_min));
  to.name = std::move(info.name);
  to.__isset.name = true;
  return to;
}

Result<KeyspaceInfo> FromWire(wire::Keyspace&& from) {
  const auto& set = from.__isset;
  KeyspaceInfo to;
  if (!set.name) return Wrong("keyspace.name", "missing");
  to.name = std::move(from.name);
  uint32_t id = 0;
  RETURN_IF_ERROR(SetUnsigned("keyspace.id", set.id, from.id, id));
  to.id = KeyspaceId(id);
  KeyspaceOptions& options = to.options;
  RETURN_IF_ERROR(
      SetEnum("keyspace.mode", set.mode, from.mode, Mode::kStrong, Mode::kEventual, options.mode));
  RETURN_IF_ERROR(SetUnsigned("keyspace.replicas", set.replicas, from.replicas, options.replicas));
  RETURN_IF_ERROR(SetEnum("keyspace.write_ack", set.write_ack, from.write_ack, WriteAck::kMajority,
                          WriteAck::kAllInSync, options.write_ack));
  RETURN_IF_ERROR(SetEnum("keyspace.placement", set.placement, from.placement, Placement::kKey,
                          Placement::kParent, options.placement));
  RETURN_IF_ERROR(SetEnum("keyspace.compression", set.compression, from.compression,
                          Compression::kNone, Compression::kZstd, options.compression));
  RETURN_IF_ERROR(SetUnsigned("keyspace.compression_bytes_min", set.compression_bytes_min,
                              from.compression_bytes_min, options.compression_bytes_min));
  return to;
}

// --- grants --------------------------------------------------------------------------------------

wire::Grant ToWire(Grant grant) {
  wire::Grant to;
  to.client = std::move(grant.client);
  to.__isset.client = true;
  to.keyspace = std::move(grant.keyspace);
  to.__isset.keyspace = true;
  if (grant.access) to.__set_access(static_cast<wire::Access::type>(*grant.access));
  return to;
}

Result<Grant> FromWire(wire::Grant&& from) {
  Grant to;
  if (!from.__isset.client) return Wrong("grant.client", "missing");
  if (!from.__isset.keyspace) return Wrong("grant.keyspace", "missing");
  to.client = std::move(from.client);
  to.keyspace = std::move(from.keyspace);
  if (from.__isset.access) {
    ASSIGN_OR_RETURN(to.access, EnumOf("grant.access", from.access, Access::kRead, Access::kAdmin));
  }
  return to;
}

// --- the node and the cluster --------------------------------------------------------------------

wire::HealthCheckReply ToWire(const HealthReport& report) {
  wire::HealthCheckReply to;
  to.__set_health(static_cast<wire::Health::type>(report.health));
  if (!report.message.empty()) to.__set_message(report.message);
  to.__set_uptime_seconds(report.uptime.count());
  if (!report.warnings.empty()) to.__set_warnings(report.warnings);
  return to;
}

Result<HealthReport> FromWire(wire::HealthCheckReply&& from) {
  HealthReport to;
  if (!from.__isset.health) return Wrong("health", "missing");
  ASSIGN_OR_RETURN(to.health, EnumOf("health", from.health, Health::kOk, Health::kDraining));
  to.message = std::move(from.message);
  to.uptime = std::chrono::seconds(from.uptime_seconds);
  to.warnings = std::move(from.warnings);
  return to;
}

wire::ClusterMapReply ToWire(const ClusterMap& map) {
  wire::ClusterMapReply to;
  to.__set_cluster_id(map.cluster_id);
  to.__set_epoch(map.epoch);
  to.__set_ring_size(static_cast<int32_t>(map.ring_size));
  for (const ClusterNode& node : map.nodes) {
    wire::NodeInfo& info = to.nodes.emplace_back();
    info.__set_id(static_cast<int64_t>(node.id.value()));
    info.__set_name(node.name);
    info.__set_address(node.address);
    info.__set_rack(node.rack);
  }
  to.__isset.nodes = true;
  return to;
}

Result<ClusterMap> FromWire(wire::ClusterMapReply&& from) {
  ClusterMap to;
  to.cluster_id = std::move(from.cluster_id);
  if (from.epoch < 0) return Wrong("epoch", "negative");
  to.epoch = from.epoch;
  RETURN_IF_ERROR(SetUnsigned("ring_size", from.__isset.ring_size, from.ring_size, to.ring_size));
  for (wire::NodeInfo& info : from.nodes) {
    ClusterNode& node = to.nodes.emplace_back();
    node.id = NodeId(static_cast<uint64_t>(info.id));
    node.name = std::move(info.name);
    node.address = std::move(info.address);
    node.rack = std::move(info.rack);
  }
  return to;
}

}  // namespace metaring::client
