// SPDX-License-Identifier: Apache-2.0
//
// Reads a file of TOML (toml.io, 1.0) for those that take options from it.
#ifndef METARING_KVNODE_CLIENT_TOML_FILE_H_
#define METARING_KVNODE_CLIENT_TOML_FILE_H_

#include <string>
#include <toml.hpp>

#include "kvnode/base/result.h"

namespace metaring::client {

// The root table. kNotFound when the file cannot be read; kInvalidArgument when it is over 1 MiB,
// not UTF-8 or not TOML, with "FILE:LINE: " first where a line is at fault.
Result<toml::value> ReadTomlFile(const std::string& file);

}  // namespace metaring::client

#endif  // METARING_KVNODE_CLIENT_TOML_FILE_H_
