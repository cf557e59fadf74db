// SPDX-License-Identifier: Apache-2.0
//
// Source: the SOURCE argument, opened. Today there is one kind: embedded:DIR, the whole store in
// this process on one directory.
#ifndef METARING_FUSEFS_MOUNT_SOURCE_H_
#define METARING_FUSEFS_MOUNT_SOURCE_H_

#include <memory>
#include <string>

#include "fusefs/meta/volume.h"
#include "fusefs/mount/options.h"
#include "kvnode/client/embedded.h"

namespace metaring::fusefs::mount {

// The absolute DIR of "embedded:DIR". kInvalidArgument says what a SOURCE looks like.
Result<std::string> ParseSource(const std::string& source);

// Opens the store in a directory. While another process is letting go of it (its mount is gone, but
// it has not ended) this waits, for at most kBusyWaitMax; then it is kBusy.
Result<std::unique_ptr<client::Embedded>> OpenStore(const std::string& directory,
                                                    store::IfMissing if_missing,
                                                    const Clock& clock);

// One caller. Members end in the reverse order: the volume's Kv before its store.
struct OpenedVolume {
  std::unique_ptr<client::Embedded> store;
  std::unique_ptr<client::Kv> kv;
  Volume volume;
};

// Opens the volume, or makes store, keyspace and volume as `options` say (never when read-only). An
// option that was fixed at creation and differs is kInvalidArgument; limits that differ are
// changed.
Result<OpenedVolume> OpenVolume(const std::string& directory, const MountOptions& options,
                                const Clock& clock);

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_SOURCE_H_
