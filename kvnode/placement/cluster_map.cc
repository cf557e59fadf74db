// SPDX-License-Identifier: Apache-2.0
#include "kvnode/placement/cluster_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "kvnode/base/bytes.h"

namespace metaring::placement {
namespace {

constexpr size_t kClusterIdDigits = 32;
constexpr size_t kNodeNameBytesMax = 255;
constexpr size_t kAddressBytesMax = 320;  // a DNS name of 255, brackets, a port
constexpr size_t kRackBytesMax = 64;

using Nodes = std::unordered_map<NodeId, const ClusterNode*>;

template <typename... Args>
tl::unexpected<Error> Wrong(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format(format, std::forward<Args>(args)...));
}

Status ValidateText(const ClusterNode& node, const char* field, const std::string& text,
                    size_t bytes_min, size_t bytes_max) {
  if (text.size() >= bytes_min && text.size() <= bytes_max) return {};
  return Wrong("node {}: {} has {} bytes; it must be {} to {}", node.id.value(), field, text.size(),
               bytes_min, bytes_max);
}

Status ValidateNode(const ClusterNode& node) {
  if (node.id.value() < 1 || node.id.value() > INT64_MAX) {
    return Wrong("node.id is {}; it must be 1 to {}", node.id.value(), INT64_MAX);
  }
  if (node.state < NodeState::kJoining || node.state > NodeState::kRemoved) {
    return Wrong("node {}: state: there is no value {}", node.id.value(), unsigned(node.state));
  }
  if (node.weight > kWeightMax) {
    return Wrong("node {}: weight is {}; the limit is {}", node.id.value(), node.weight,
                 kWeightMax);
  }
  RETURN_IF_ERROR(ValidateText(node, "name", node.name, 1, kNodeNameBytesMax));
  RETURN_IF_ERROR(ValidateText(node, "rack", node.rack, 0, kRackBytesMax));
  const size_t address_bytes_min = node.state == NodeState::kRemoved ? 0 : 1;
  RETURN_IF_ERROR(ValidateText(node, "address", node.address, address_bytes_min, kAddressBytesMax));
  return ValidateText(node, "peer_address", node.peer_address, address_bytes_min, kAddressBytesMax);
}

Status ValidateNodes(const ClusterMap& map, Nodes& by_id) {
  if (map.nodes.size() > kNodesMax) {
    return Wrong("the map has {} nodes; the limit is {}", map.nodes.size(), kNodesMax);
  }
  std::unordered_set<std::string_view> names;
  for (const ClusterNode& node : map.nodes) {
    RETURN_IF_ERROR(ValidateNode(node));
    if (!by_id.emplace(node.id, &node).second) {
      return Wrong("node.id {} is there twice", node.id.value());
    }
    if (node.state != NodeState::kRemoved && !names.insert(node.name).second) {
      return Wrong("node {}: another one has the name \"{}\"", node.id.value(), Escaped(node.name));
    }
  }
  return {};
}

Status ValidateTokens(const ClusterMap& map, const Nodes& by_id) {
  const Token* last = nullptr;
  for (const Token& token : map.tokens) {
    const auto slot = token.slot.value();
    if (slot >= map.ring_size) return Wrong("token.slot is {} of {} slots", slot, map.ring_size);
    if (last != nullptr && last->slot >= token.slot) {
      return Wrong("token.slot {} comes after {}; they must grow", slot, last->slot.value());
    }
    const auto found = by_id.find(token.node);
    if (found == by_id.end()) {
      return Wrong("the token of slot {}: there is no node {}", slot, token.node.value());
    }
    if (!found->second->TakesTokens()) {
      return Wrong("the token of slot {}: node {} is {} with weight {} and may have none", slot,
                   token.node.value(), NodeStateName(found->second->state), found->second->weight);
    }
    last = &token;
  }
  return {};
}

Status ValidateKeyspaces(const ClusterMap& map) {
  if (map.keyspaces.size() > kKeyspacesMax) {
    return Wrong("the map has {} keyspaces; the limit is {}", map.keyspaces.size(), kKeyspacesMax);
  }
  std::unordered_set<KeyspaceId> ids;
  std::unordered_set<std::string_view> names;
  for (const KeyspaceInfo& keyspace : map.keyspaces) {
    RETURN_IF_ERROR(ValidateKeyspaceName(keyspace.name));
    RETURN_IF_ERROR(ValidateKeyspaceProperties(keyspace.options));
    if (!ids.insert(keyspace.id).second) {
      return Wrong("keyspace.id {} is there twice", keyspace.id.value());
    }
    if (!names.insert(keyspace.name).second) {
      return Wrong("keyspace.name \"{}\" is there twice", keyspace.name);
    }
  }
  return {};
}

Status ValidateNodeChange(const ClusterNode& from, const ClusterNode* to) {
  const uint64_t id = from.id.value();
  if (to == nullptr) return Wrong("node {} vanished; it must stay as removed", id);
  if (to->state < from.state) {
    return Wrong("node {} cannot go from {} to {}", id, NodeStateName(from.state),
                 NodeStateName(to->state));
  }
  if (to->name != from.name) {
    return Wrong("node {} was \"{}\" and cannot be \"{}\"", id, Escaped(from.name),
                 Escaped(to->name));
  }
  return {};
}

bool SameFixed(const KeyspaceOptions& a, const KeyspaceOptions& b) {
  return a.mode == b.mode && a.placement == b.placement && a.conflict == b.conflict &&
         a.compression == b.compression;
}

}  // namespace

std::string_view NodeStateName(NodeState state) {
  switch (state) {
    case NodeState::kJoining:
      return "joining";
    case NodeState::kUp:
      return "up";
    case NodeState::kLeaving:
      return "leaving";
    case NodeState::kRemoved:
      return "removed";
  }
  return "unnamed";
}

const ClusterNode* FindNode(const ClusterMap& map, NodeId id) {
  const auto found = std::find_if(map.nodes.begin(), map.nodes.end(),
                                  [id](const ClusterNode& node) { return node.id == id; });
  return found == map.nodes.end() ? nullptr : &*found;
}

Status ValidateMap(const ClusterMap& map) {
  const bool hex = map.cluster_id.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!hex || map.cluster_id.size() != kClusterIdDigits) {
    return Wrong("cluster_id \"{}\" must be {} hexadecimal digits", Escaped(map.cluster_id),
                 kClusterIdDigits);
  }
  if (map.epoch < 1) return Wrong("epoch is {}; it must be at least 1", map.epoch);
  if (map.ring_size < 1 || map.ring_size > kRingSizeMax) {
    return Wrong("ring_size is {}; it must be 1 to {}", map.ring_size, kRingSizeMax);
  }
  Nodes by_id;
  RETURN_IF_ERROR(ValidateNodes(map, by_id));
  RETURN_IF_ERROR(ValidateTokens(map, by_id));
  return ValidateKeyspaces(map);
}

Status ValidateChange(const ClusterMap& from, const ClusterMap& to) {
  RETURN_IF_ERROR(ValidateMap(to));
  if (to.cluster_id != from.cluster_id) {
    return Wrong("cluster_id is {}, not {}", to.cluster_id, from.cluster_id);
  }
  if (to.epoch <= from.epoch) return Wrong("epoch {} does not come after {}", to.epoch, from.epoch);
  if (to.ring_size != from.ring_size) {
    return Wrong("ring_size is fixed at {} and cannot be {}", from.ring_size, to.ring_size);
  }
  std::unordered_map<NodeId, const ClusterNode*> nodes;
  for (const ClusterNode& node : to.nodes) nodes.emplace(node.id, &node);
  for (const ClusterNode& node : from.nodes) {
    const auto found = nodes.find(node.id);
    RETURN_IF_ERROR(ValidateNodeChange(node, found == nodes.end() ? nullptr : found->second));
  }
  std::unordered_map<KeyspaceId, const KeyspaceInfo*> keyspaces;
  for (const KeyspaceInfo& keyspace : to.keyspaces) keyspaces.emplace(keyspace.id, &keyspace);
  for (const KeyspaceInfo& keyspace : from.keyspaces) {
    const auto found = keyspaces.find(keyspace.id);
    if (found == keyspaces.end()) continue;
    if (!SameFixed(keyspace.options, found->second->options)) {
      return Wrong("keyspace \"{}\": mode, placement, conflict and compression are fixed",
                   keyspace.name);
    }
  }
  return {};
}

}  // namespace metaring::placement
