// SPDX-License-Identifier: Apache-2.0
//
// Source: the SOURCE argument, opened: embedded:DIR, the whole store in this process on one
// directory; or HOST:PORT[,HOST:PORT...]/VOLUME, a volume of a cluster.
#ifndef METARING_FUSEFS_MOUNT_SOURCE_H_
#define METARING_FUSEFS_MOUNT_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "fusefs/meta/volume.h"
#include "fusefs/mount/options.h"
#include "kvnode/client/embedded.h"
#include "kvnode/client/endpoint.h"
#include "kvnode/client/remote_cluster.h"

namespace metaring::fusefs::mount {

struct Source {
  std::string directory;                    // embedded: absolute; empty: a cluster
  std::vector<client::Endpoint> endpoints;  // of a cluster
  std::string volume;                       // of a cluster

  bool embedded() const { return !directory.empty(); }
  std::string ToString() const;
};
// kInvalidArgument says what a SOURCE looks like.
Result<Source> ParseSource(const std::string& text);
// The name of the volume.
std::string VolumeOf(const Source& source, const MountOptions& options);

// Opens the store in a directory. While another process is letting go of it (its mount is gone, but
// it has not ended) this waits, for at most kBusyWaitMax; then it is kBusy.
Result<std::unique_ptr<client::Embedded>> OpenStore(const std::string& directory,
                                                    store::IfMissing if_missing,
                                                    const Clock& clock);

// One caller. Members end in the reverse order: the volume's Kv before what it is of.
struct OpenedVolume {
  std::unique_ptr<client::Embedded> store;         // or
  std::unique_ptr<client::RemoteCluster> cluster;  // this
  std::unique_ptr<client::Kv> kv;
  Volume volume;
};

// Opens the volume, or makes store, keyspace and volume as `options` say (never when read-only). An
// option that was fixed at creation and differs is kInvalidArgument; limits that differ are
// changed.
Result<OpenedVolume> OpenVolume(const Source& source, const MountOptions& options,
                                const Clock& clock);

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_SOURCE_H_
