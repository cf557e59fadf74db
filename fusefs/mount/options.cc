// SPDX-License-Identifier: Apache-2.0
//
// The option table and its parser.
#include "fusefs/mount/options.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "kvnode/base/bytes.h"

namespace metaring::fusefs::mount {
namespace {

// Sets an option from its value (empty for flags); false: the value is not one of its kind.
using Setter = bool (*)(MountOptions&, std::string_view);

struct Option {
  OptionInfo info;
  Setter set;
};

template <auto kMember, bool kValue>
bool SetFlag(MountOptions& options, std::string_view /*value*/) {
  options.*kMember = kValue;
  return true;
}

template <auto kMember>
bool SetText(MountOptions& options, std::string_view value) {
  options.*kMember = std::string(value);
  return !value.empty();
}

template <auto kMember>
bool SetBytes(MountOptions& options, std::string_view value) {
  const auto bytes = ParseBytes(value);
  if (bytes) options.*kMember = *bytes;
  return bytes.has_value();
}

template <auto kMember>
bool SetSeconds(MountOptions& options, std::string_view value) {
  constexpr double kSecondsMax = 1e9;
  double seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc{} || end != value.data() + value.size()) return false;
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kSecondsMax) return false;
  options.*kMember = seconds;
  return true;
}

bool SetOpTimeout(MountOptions& options, std::string_view value) {
  constexpr double kSecondsMin = 0.1;
  constexpr double kSecondsMax = 3600;
  MountOptions parsed;
  if (!SetSeconds<&MountOptions::op_timeout_seconds>(parsed, value)) return false;
  if (parsed.op_timeout_seconds < kSecondsMin || parsed.op_timeout_seconds > kSecondsMax) {
    return false;
  }
  options.op_timeout_seconds = parsed.op_timeout_seconds;
  return true;
}

bool SetLocks(MountOptions& options, std::string_view value) {
  options.local_locks = value == "local";
  return options.local_locks || value == "none";
}

bool SetThreads(MountOptions& options, std::string_view value) {
  constexpr uint32_t kThreadsMax = 256;
  uint32_t threads = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), threads);
  if (error != std::errc{} || end != value.data() + value.size()) return false;
  if (threads < 1 || threads > kThreadsMax) return false;
  options.threads = threads;
  return true;
}

bool SetLogLevel(MountOptions& options, std::string_view value) {
  if (value == "debug") {
    options.log_level = LogLevel::kDebug;
  } else if (value == "info") {
    options.log_level = LogLevel::kInfo;
  } else if (value == "warn") {
    options.log_level = LogLevel::kWarn;
  } else if (value == "error") {
    options.log_level = LogLevel::kError;
  } else {
    return false;
  }
  return true;
}

bool Accept(MountOptions& /*options*/, std::string_view /*value*/) {
  return true;
}

// Where the volume is, and how long its cluster is waited for.
std::vector<Option> SourceOptions() {
  using M = MountOptions;
  using K = OptionKind;
  return {
      {{"volume", K::kText, "default", "the volume in embedded:DIR; made when it is not there"},
       SetText<&M::volume>},
      {{"config", K::kText, "", "of a cluster: a kvctl.toml with CA, certificate and key"},
       SetText<&M::config_file>},
      {{"ca", K::kText, "", "of a cluster: who may sign its nodes' certificates (PEM)"},
       SetText<&M::ca_file>},
      {{"cert", K::kText, "", "of a cluster: the own certificate (PEM)"},
       SetText<&M::certificate_file>},
      {{"key", K::kText, "", "of a cluster: the key of the own certificate (PEM)"},
       SetText<&M::key_file>},
      {{"op_timeout", K::kSeconds, "30",
        "of a cluster: how long an operation may take, 0.1 to 3600"},
       SetOpTimeout},
      {{"soft", K::kFlag, "on",
        "of a cluster: without an answer in op_timeout, ETIMEDOUT or EIO; EINTR after a signal"},
       SetFlag<&M::hard, false>},
      {{"hard", K::kFlag, "",
        "of a cluster: tried until it is answered, or its caller killed; a write that may be done "
        "already, for 5 minutes"},
       SetFlag<&M::hard, true>},
      {{"locks", K::kText, "none",
        "of a cluster: local (flock and fcntl hold within this mount) or none (they fail)"},
       SetLocks},
  };
}

// What the volume is made with.
std::vector<Option> CreationOptions() {
  using M = MountOptions;
  using K = OptionKind;
  return {
      {{"max_bytes", K::kBytes, "", "limit of the volume's content (0: none); may be changed"},
       SetBytes<&M::bytes_max>},
      {{"max_inodes", K::kBytes, "", "limit of the number of files (0: none); may be changed"},
       SetBytes<&M::inodes_max>},
      {{"block_size", K::kBytes, "64K",
        "of content; 4K to 512K, a power of two; fixed at creation"},
       SetBytes<&M::block_bytes>},
      {{"small_limit", K::kBytes, "4K",
        "content up to this lies beside the entry; fixed at creation"},
       SetBytes<&M::small_bytes_max>},
  };
}

// How it is mounted.
std::vector<Option> KernelOptions() {
  using M = MountOptions;
  using K = OptionKind;
  return {
      {{"ro", K::kFlag, "", "mount read-only"}, SetFlag<&M::read_only, true>},
      {{"rw", K::kFlag, "on", "mount for reading and writing"}, SetFlag<&M::read_only, false>},
      {{"allow_other", K::kFlag, "", "other users than the mounting one may use it"},
       SetFlag<&M::allow_other, true>},
      {{"attr_timeout", K::kSeconds, "86400; of a cluster 1",
        "how long the kernel may keep attributes"},
       SetSeconds<&M::attr_timeout_seconds>},
      {{"entry_timeout", K::kSeconds, "86400; of a cluster 1",
        "how long the kernel may keep names"},
       SetSeconds<&M::entry_timeout_seconds>},
      {{"negative_timeout", K::kSeconds, "86400; of a cluster 0",
        "how long the kernel may keep missing names"},
       SetSeconds<&M::negative_timeout_seconds>},
      {{"relatime", K::kFlag, "on",
        "note an access if it is the first since a change, or in a day"},
       SetFlag<&M::atime, true>},
      {{"noatime", K::kFlag, "", "never note accesses"}, SetFlag<&M::atime, false>},
      {{"nosuid", K::kFlag, "on", "set-user-ID bits have no effect"}, SetFlag<&M::suid, false>},
      {{"suid", K::kFlag, "", "set-user-ID bits have effect (root only)"}, SetFlag<&M::suid, true>},
      {{"nodev", K::kFlag, "on", "device files have no effect"}, SetFlag<&M::dev, false>},
      {{"dev", K::kFlag, "", "device files have effect (root only)"}, SetFlag<&M::dev, true>},
      {{"exec", K::kFlag, "on", "programs may be run from it"}, SetFlag<&M::exec, true>},
      {{"noexec", K::kFlag, "", "no programs may be run from it"}, SetFlag<&M::exec, false>},
      {{"fsname", K::kText, "SOURCE", "what mount(8) and df(1) show as the device"},
       SetText<&M::fsname>},
      {{"subtype", K::kText, "fusefs", "the type that mount(8) shows is fuse.SUBTYPE"},
       SetText<&M::subtype>},
      {{"log_file", K::kText, "", "append log lines to this file"}, SetText<&M::log_file>},
      {{"log_level", K::kText, "info", "debug, info, warn or error"}, SetLogLevel},
      {{"threads", K::kNumber, "4 to 16",
        "threads that serve requests, 1 to 256; twice the processors"},
       SetThreads},
      {{"default_permissions", K::kFlag, "on", "always on: the kernel checks permissions"}, Accept},
      {{"defaults", K::kFlag, "", "no effect; for fstab(5), as auto, noauto, nofail, _netdev"},
       Accept},
  };
}

const std::vector<Option>& Options() {
  static const std::vector<Option> options = [] {
    std::vector<Option> all;
    for (auto part : {SourceOptions(), CreationOptions(), KernelOptions()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return options;
}

// Options of mount(8) that are for mount itself; it passes them on all the same.
bool IsForMountItself(std::string_view name) {
  return name == "auto" || name == "noauto" || name == "nofail" || name == "_netdev" ||
         name.starts_with("x-");
}

// Of `fusefs check` too.
bool IsOfCheck(std::string_view name) {
  return name == "volume" || name == "config" || name == "ca" || name == "cert" || name == "key" ||
         name == "op_timeout";
}

Status SetOption(std::string_view text, bool for_check, MountOptions& options) {
  const size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const bool has_value = equals != std::string_view::npos;
  const std::string_view value = has_value ? text.substr(equals + 1) : std::string_view{};
  if (IsForMountItself(name)) return {};
  for (const Option& option : Options()) {
    if (option.info.name != name || (for_check && !IsOfCheck(name))) continue;
    const bool is_flag = option.info.kind == OptionKind::kFlag;
    if (is_flag && has_value) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("option {} takes no value", name));
    }
    if (!is_flag && !has_value) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("option {} needs a value", name));
    }
    if (option.set(options, value)) return {};
    return Fail(ErrorCode::kInvalidArgument, fmt::format("option {}: '{}' is not valid ({})", name,
                                                         Escaped(value), option.info.help));
  }
  return Fail(ErrorCode::kInvalidArgument, fmt::format("unknown option '{}'; see fusefs {}--help",
                                                       Escaped(name), for_check ? "check " : ""));
}

std::string_view Placeholder(OptionKind kind) {
  switch (kind) {
    case OptionKind::kFlag:
      return "";
    case OptionKind::kText:
      return "=TEXT";
    case OptionKind::kBytes:
      return "=N[KMGT]";
    case OptionKind::kNumber:
      return "=N";
    case OptionKind::kSeconds:
      return "=SECONDS";
  }
  return "";
}

}  // namespace

std::optional<uint64_t> ParseBytes(std::string_view text) {
  uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  if (end == last) return value;
  if (last - end != 1) return std::nullopt;
  constexpr std::string_view kUnits = "KMGT";
  const char unit = *end >= 'a' && *end <= 'z' ? static_cast<char>(*end - 'a' + 'A') : *end;
  const size_t power = kUnits.find(unit);
  if (power == std::string_view::npos) return std::nullopt;
  const size_t shift = 10 * (power + 1);
  if (value > (UINT64_MAX >> shift)) return std::nullopt;
  return value << shift;
}

const std::vector<OptionInfo>& MountOptionTable() {
  static const std::vector<OptionInfo> table = [] {
    std::vector<OptionInfo> infos;
    for (const Option& option : Options()) infos.push_back(option.info);
    return infos;
  }();
  return table;
}

namespace {

Status ParseOptions(std::string_view text, bool for_check, MountOptions& options) {
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '\\' && i + 1 < text.size()) {
      word.push_back(text[++i]);
    } else if (i == text.size() || text[i] == ',') {
      if (!word.empty()) RETURN_IF_ERROR(SetOption(word, for_check, options));
      word.clear();
    } else {
      word.push_back(text[i]);
    }
  }
  return {};
}

std::string Describe(bool for_check) {
  std::string text;
  for (const OptionInfo& info : MountOptionTable()) {
    if (for_check && !IsOfCheck(info.name)) continue;
    std::string left = fmt::format("{}{}", info.name, Placeholder(info.kind));
    text += fmt::format("  {:<26}{}", left, info.help);
    if (!info.default_text.empty()) text += fmt::format(" [{}]", info.default_text);
    text += '\n';
  }
  return text;
}

}  // namespace

Status ParseMountOptions(std::string_view text, MountOptions& options) {
  return ParseOptions(text, /*for_check=*/false, options);
}

Status ParseCheckOptions(std::string_view text, MountOptions& options) {
  return ParseOptions(text, /*for_check=*/true, options);
}

std::string DescribeMountOptions() {
  return Describe(/*for_check=*/false);
}

std::string DescribeCheckOptions() {
  return Describe(/*for_check=*/true);
}

}  // namespace metaring::fusefs::mount
