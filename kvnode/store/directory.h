// SPDX-License-Identifier: Apache-2.0
//
// A data directory of Metaring: it is locked for one process, and a file FORMAT says what made it.
// Whoever opens log and store in it holds a Directory first.
#ifndef METARING_KVNODE_STORE_DIRECTORY_H_
#define METARING_KVNODE_STORE_DIRECTORY_H_

#include <memory>
#include <string>

#include "kvnode/base/result.h"

namespace metaring::store {

// Immutable; the lock ends with it.
class Directory {
 public:
  virtual ~Directory() = default;
  virtual const std::string& path() const = 0;
  // A random id, made with the directory, in hex.
  virtual const std::string& id() const = 0;
};

enum class IfMissing { kCreate, kFail };

// Makes the directory (0700) or opens it, takes the lock (kBusy: "in use by process N") and checks
// FORMAT: kFormatMismatch for a directory that holds other things, another version (the message
// says both versions) or a damaged FORMAT; kNotFound with IfMissing::kFail. On error nothing is
// changed.
Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path, IfMissing if_missing);

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_DIRECTORY_H_
