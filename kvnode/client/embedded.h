// SPDX-License-Identifier: Apache-2.0
//
// The embedded form: the whole store in one process, on one directory. The same log, the same store
// and the same state machine as a node's, as one group of one member.
//
// A write is checked against the current state (a transaction whose compare fails is answered
// without a log write), queued in the log, made durable with everything else that is queued, and
// applied in log order; only then is it seen by readers and answered. The calling threads do all of
// this themselves.
#ifndef METARING_KVNODE_CLIENT_EMBEDDED_H_
#define METARING_KVNODE_CLIENT_EMBEDDED_H_

#include <memory>
#include <string>
#include <vector>

#include "kvnode/base/clock.h"
#include "kvnode/client/encoded_kv.h"
#include "kvnode/client/keyspace_info.h"
#include "kvnode/client/kv.h"
#include "kvnode/log/log.h"
#include "kvnode/store/directory.h"
#include "kvnode/store/store.h"

namespace metaring::client {

struct EmbeddedOptions {
  log::LogOptions log;
  store::StoreOptions store;
  store::IfMissing if_missing = store::IfMissing::kCreate;
  // A thread that only commits, for callers that must not be kept (a node's connections); without,
  // the callers commit by themselves.
  bool own_commit_thread = false;
};

struct EmbeddedStats {
  log::LogStats log;
  store::Usage store;
};

struct OpenedKeyspace {
  KeyspaceInfo info;
  std::unique_ptr<EncodedKv> kv;
};

// Thread-safe. One process at a time has it open.
class Embedded {
 public:
  virtual ~Embedded() = default;

  // kNotFound when there is none of that name. The Kv must not outlive this object.
  virtual Result<std::unique_ptr<Kv>> Open(const std::string& keyspace) = 0;
  // The same, with what it is and with its values as they are stored.
  virtual Result<OpenedKeyspace> OpenEncoded(const std::string& keyspace) = 0;
  // Keyspace 0, which has no name: the catalog (keyspaces.h), and what a node keeps beside it.
  virtual std::unique_ptr<Kv> OpenSystem() = 0;
  // kNotFound.
  virtual Result<KeyspaceInfo> Find(const std::string& keyspace) = 0;
  // kExists; kInvalidArgument and kUnsupported for the name and the options (keyspace_info.h).
  virtual Result<KeyspaceInfo> Create(const std::string& keyspace,
                                      const KeyspaceOptions& options) = 0;
  virtual Result<std::vector<KeyspaceInfo>> List() = 0;
  // Removes a keyspace and all that is in it; no Kv of it may be in use. Its name is free at once;
  // a crash before the end of the erasing is made good by the next open. kNotFound.
  virtual Status Drop(const std::string& keyspace) = 0;
  virtual EmbeddedStats stats() const = 0;
  // Writes what is in memory to LMDB and lets go of the log; not needed for durability.
  virtual Status Flush() = 0;
};

// Opens `directory`/{FORMAT,log/,data.mdb}, or makes it, and replays the log.
Result<std::unique_ptr<Embedded>> OpenEmbedded(const std::string& directory,
                                               const EmbeddedOptions& options, const Clock& clock);

// The same over a memory store and any disk for the log: for tests and the simulator.
Result<std::unique_ptr<Embedded>> OpenEmbeddedOn(std::unique_ptr<store::Store> store, Disk& disk,
                                                 const EmbeddedOptions& options,
                                                 const Clock& clock);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_EMBEDDED_H_
