// SPDX-License-Identifier: Apache-2.0
//
// The options of `fusefs -o`, as one table: what parses them, what --help prints and what the
// manual page must say.
#ifndef METARING_FUSEFS_MOUNT_OPTIONS_H_
#define METARING_FUSEFS_MOUNT_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kvnode/base/logging.h"
#include "kvnode/base/result.h"

namespace metaring::fusefs::mount {

struct MountOptions {
  std::string volume;  // of an embedded store; empty: "default"
  // Of the volume. Fixed at its creation, but for the two limits; unset: what it has, or the
  // default.
  std::optional<uint64_t> block_bytes;
  std::optional<uint64_t> small_bytes_max;
  std::optional<uint64_t> bytes_max;
  std::optional<uint64_t> inodes_max;

  bool read_only = false;
  bool allow_other = false;
  bool suid = false;
  bool dev = false;
  bool exec = true;
  bool atime = true;  // relatime
  // Unset: long for an embedded store, whose single mounter's caches are exact; short for a
  // cluster.
  std::optional<double> attr_timeout_seconds;
  std::optional<double> entry_timeout_seconds;
  std::optional<double> negative_timeout_seconds;

  // Of a cluster: who this client is, and how long an operation may take.
  std::string config_file;  // kvctl.toml
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  double op_timeout_seconds = 30;
  // How long an operation is tried: soft, until op_timeout; hard, until it is answered. Unset:
  // soft.
  std::optional<bool> hard;
  bool local_locks = false;  // flock and fcntl locks hold within this mount only

  std::string fsname;  // empty: SOURCE
  std::string subtype = "fusefs";
  std::string log_file;  // empty: stderr, and the system's log when in the background
  LogLevel log_level = LogLevel::kInfo;
  // Those that wait leave their requests to fibers; more than can run at once only helps reads that
  // miss the page cache. 0: twice the processors, at least 4, at most 16.
  uint32_t threads = 0;
};

enum class OptionKind {
  kFlag,  // no value
  kText,
  kBytes,  // a number with K, M, G or T (1024)
  kNumber,
  kSeconds,
};

struct OptionInfo {
  std::string_view name;
  OptionKind kind;
  std::string_view default_text;  // as --help shows it; empty: none
  std::string_view help;
};
// In the order of --help.
const std::vector<OptionInfo>& MountOptionTable();

// "a,b=c,..." as mount(8) gives it (a comma in a value is written as "\,"), onto `options`; later
// ones win. kInvalidArgument names the option.
Status ParseMountOptions(std::string_view text, MountOptions& options);
// The same for `fusefs check`, which knows those that say where the volume is, and refuses others.
Status ParseCheckOptions(std::string_view text, MountOptions& options);

// A number with an optional K, M, G, T; nothing for anything else or more than 64 bits.
std::optional<uint64_t> ParseBytes(std::string_view text);

// The table as text, for --help.
std::string DescribeMountOptions();
std::string DescribeCheckOptions();

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_OPTIONS_H_
