// SPDX-License-Identifier: Apache-2.0
//
// Whose a data directory is: the cluster and the node that it was made for, in a file NODE beside
// those of the store (store/directory.h). A daemon never serves the directory of another one.
//
//   NODE  text, written once, as NODE.new and then renamed:
//           "metaring node " VERSION "\n" "cluster " 32 hex digits "\n" "id " decimal "\n"
//           "sum " 16 hex digits "\n"
//         sum is the xxh3 of all bytes before its line. An example:
//           metaring node 1
//           cluster 6f1c0e0d5b9a4c2f8e7d6c5b4a392817
//           id 1
//           sum 66207b5cc11453bb
#ifndef METARING_KVNODE_SERVER_NODE_IDENTITY_H_
#define METARING_KVNODE_SERVER_NODE_IDENTITY_H_

#include <cstdint>
#include <string>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring::server {

struct NodeIdentity {
  std::string cluster_id;  // 32 hex digits; empty in a configuration: any
  uint64_t node_id = 0;
};

// Whether the directory, if it is there and has an identity, is `wanted`'s. kFormatMismatch says
// which it is; also for another format, and for a NODE that is damaged.
Status CheckIdentity(const std::string& directory, const NodeIdentity& wanted);

// The same, with the directory's lock held by the caller; without an identity it gets `wanted`'s,
// with a random cluster id when there is none.
Result<NodeIdentity> TakeIdentity(const std::string& directory, const NodeIdentity& wanted);

// The two directions of the file's text; `where` is for the message.
Bytes EncodeIdentity(const NodeIdentity& identity);
Result<NodeIdentity> DecodeIdentity(const std::string& where, ByteView text);

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_NODE_IDENTITY_H_
