// SPDX-License-Identifier: Apache-2.0
//
// Which values a client compresses: those of a keyspace that wants it, from its smallest size on.
// What is over the limit of a value is left as it is, for whoever refuses it.
#ifndef METARING_KVNODE_CLIENT_COMPRESSION_H_
#define METARING_KVNODE_CLIENT_COMPRESSION_H_

#include "kvnode/base/bytes.h"
#include "kvnode/client/keyspace_info.h"
#include "kvnode/state/codec.h"
#include "kvnode/state/command.h"

namespace metaring::client {

bool Compresses(const KeyspaceOptions& options, ByteView value);
// Of an op: the value of a put.
bool Compresses(const KeyspaceOptions& options, const state::Op& op);

state::Encoded EncodedFor(const KeyspaceOptions& options, Bytes value);
void EncodeFor(const KeyspaceOptions& options, state::Transaction& transaction);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_COMPRESSION_H_
