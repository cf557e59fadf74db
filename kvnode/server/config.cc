// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "kvnode/base/bytes.h"
#include "kvnode/client/toml_file.h"

namespace metaring::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kClusterIdDigits = 32;
constexpr size_t kTextBytesMax = 4096;

struct Problem {
  uint32_t line = 0;
  std::string message;
};

std::optional<Address> SplitAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  Address address{std::string(host), 0};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  in6_addr raw{};
  const int family = bracketed ? AF_INET6 : AF_INET;
  if (::inet_pton(family, address.host.c_str(), &raw) != 1) return std::nullopt;
  return address;
}

std::optional<int64_t> BytesOf(std::string_view text) {
  int64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || value < 0 || last - end > 1) return std::nullopt;
  if (end == last) return value;
  constexpr std::string_view kUnits = "KMGT";
  const size_t unit = kUnits.find(*end);
  if (unit == std::string_view::npos) return std::nullopt;
  const auto shift = static_cast<unsigned>(10 * (unit + 1));
  if (value > INT64_MAX >> shift) return std::nullopt;
  return value << shift;
}

std::string WantedText(const ConfigOption& option) {
  switch (option.kind) {
    case ConfigKind::kText:
    case ConfigKind::kPath:
      return "a text in quotes";
    case ConfigKind::kAddress:
      return "a numeric address and a port, as in \"127.0.0.1:7400\"";
    case ConfigKind::kChoice:
      return fmt::format("one of \"{}\"", fmt::join(option.choices, "\", \""));
    case ConfigKind::kFlag:
      return "true or false";
    case ConfigKind::kNumber:
      return fmt::format("a number from {} to {}", option.min, option.max);
    case ConfigKind::kBytes:
      return fmt::format("a number or a text such as \"64M\", from {} to {}", option.min,
                         option.max);
  }
  return "something else";
}

// Takes one value; false when it is not what the option wants.
class Taking {
 public:
  Taking(const ConfigOption& option, Config& config, const fs::path& base)
      : option_(option), config_(config), base_(base) {}

  bool Take(const toml::value& value) {
    if (option_.kind == ConfigKind::kFlag) return TakeFlag(value);
    if (option_.kind == ConfigKind::kNumber || option_.kind == ConfigKind::kBytes) {
      return TakeNumber(value);
    }
    return value.is_string() && TakeText(value.as_string().str);
  }

 private:
  bool TakeFlag(const toml::value& value) {
    if (!value.is_boolean()) return false;
    config_.*std::get<bool Config::*>(option_.field) = value.as_boolean();
    return true;
  }

  bool TakeNumber(const toml::value& value) {
    std::optional<int64_t> number;
    if (value.is_integer()) number = value.as_integer();
    if (value.is_string() && option_.kind == ConfigKind::kBytes) {
      number = BytesOf(value.as_string().str);
    }
    if (!number || *number < option_.min || *number > option_.max) return false;
    config_.*std::get<int64_t Config::*>(option_.field) = *number;
    return true;
  }

  bool TakeText(std::string text) {
    if (text.size() > kTextBytesMax || Escaped(text, text.size()) != text) return false;
    const auto& choices = option_.choices;
    if (option_.kind == ConfigKind::kChoice &&
        std::find(choices.begin(), choices.end(), text) == choices.end()) {
      return false;
    }
    if (option_.kind == ConfigKind::kAddress && !SplitAddress(text)) return false;
    if (option_.kind == ConfigKind::kPath && !text.empty()) text = (base_ / text).string();
    config_.*std::get<std::string Config::*>(option_.field) = std::move(text);
    return true;
  }

  const ConfigOption& option_;
  Config& config_;
  const fs::path& base_;
};

// One file onto what was loaded so far.
class FileReading {
 public:
  FileReading(std::string file, fs::path base, LoadedConfig& loaded)
      : file_(std::move(file)), base_(std::move(base)), loaded_(loaded) {}

  Status Read() {
    ASSIGN_OR_RETURN(const toml::value root, client::ReadTomlFile(file_));
    for (const auto& [section, content] : root.as_table()) ReadSection(section, content);
    if (problems_.empty()) return {};
    const auto first =
        std::min_element(problems_.begin(), problems_.end(),
                         [](const Problem& a, const Problem& b) { return a.line < b.line; });
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: {}", file_, first->line, first->message));
  }

 private:
  void Note(const toml::source_location& where, std::string message) {
    problems_.push_back({where.line(), std::move(message)});
  }

  void ReadSection(const std::string& section, const toml::value& content) {
    if (!content.is_table()) {
      return Note(content.location(), fmt::format("unknown option {}", Escaped(section)));
    }
    for (const auto& [key, value] : content.as_table()) {
      const std::string name = fmt::format("{}.{}", section, key);
      const ConfigOption* option = FindConfigOption(name);
      if (option == nullptr) {
        Note(value.location(), fmt::format("unknown option {}", Escaped(name)));
      } else if (!Taking(*option, loaded_.config, base_).Take(value)) {
        Note(value.location(), fmt::format("{} must be {}", name, WantedText(*option)));
      } else {
        loaded_.places[name] = fmt::format("{}:{}", file_, value.location().line());
      }
    }
    const bool known = std::any_of(
        ConfigOptions().begin(), ConfigOptions().end(),
        [&](const ConfigOption& option) { return option.name.starts_with(section + "."); });
    if (!known) Note(content.location(), fmt::format("unknown section [{}]", Escaped(section)));
  }

  const std::string file_;
  const fs::path base_;
  LoadedConfig& loaded_;
  std::vector<Problem> problems_;
};

Result<std::vector<std::string>> FilesOf(const std::string& file) {
  std::vector<std::string> files = {file};
  std::error_code error;
  const fs::path directory = fs::path(file).parent_path() / "conf.d";
  if (!fs::is_directory(directory, error)) return files;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path().string());
  }
  if (error) return Fail(ErrnoError(error.value(), "list " + directory.string()));
  std::sort(files.begin() + 1, files.end());
  return files;
}

// The refusal of what `name` was set to, at its place.
tl::unexpected<Error> Wrong(const LoadedConfig& loaded, std::string_view name,
                            const std::string& message) {
  const auto place = loaded.places.find(name);
  const std::string at = place == loaded.places.end() ? "the default" : place->second;
  return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: {} {}", at, name, message));
}

}  // namespace

Address ParseAddress(std::string_view text) {
  return SplitAddress(text).value_or(Address());
}

std::string AddressText(std::string_view host, uint16_t port) {
  const bool is_v6 = host.find(':') != std::string_view::npos;
  return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

bool IsLoopback(const Address& address) {
  return address.host == "::1" || address.host.starts_with("127.");
}

Status ValidateConfig(const LoadedConfig& loaded) {
  const Config& config = loaded.config;
  const std::string& id = config.cluster_id;
  if (!id.empty() && (id.size() != kClusterIdDigits ||
                      id.find_first_not_of("0123456789abcdef") != std::string::npos)) {
    return Wrong(loaded, "node.cluster_id", "must be 32 of the digits 0-9 a-f");
  }
  if (config.insecure_plain_text) {
    for (const auto& [name, text] : {std::pair{"listen.clients", config.listen_clients},
                                     {"listen.nodes", config.listen_nodes}}) {
      if (!IsLoopback(ParseAddress(text))) {
        return Wrong(loaded, name, "must be a loopback address with tls.insecure_plain_text");
      }
    }
  } else {
    for (const auto& [name, text] : {std::pair{"tls.ca", config.ca_file},
                                     {"tls.certificate", config.certificate_file},
                                     {"tls.key", config.key_file}}) {
      if (text.empty()) return Wrong(loaded, name, "must name a file");
    }
  }
  if (config.data_directory.empty()) return Wrong(loaded, "node.data_directory", "must be a path");
  if (config.connections_reserved_for_nodes >= config.connections_max) {
    return Wrong(loaded, "limits.connections_reserved_for_nodes",
                 "must be less than limits.connections_max");
  }
  if (config.request_bytes_max < 4 * config.frame_bytes_max) {
    return Wrong(loaded, "limits.request_bytes_max",
                 "must be at least four times limits.frame_bytes_max");
  }
  if (config.quota_bytes != 0 && config.quota_bytes <= config.reserve_bytes) {
    return Wrong(loaded, "store.quota_bytes", "must be more than store.reserve_bytes");
  }
  return {};
}

Result<LoadedConfig> LoadConfig(const std::string& file) {
  LoadedConfig loaded;
  std::error_code error;
  const fs::path base = fs::absolute(file, error).parent_path();
  ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesOf(file));
  for (const std::string& each : files) {
    RETURN_IF_ERROR(FileReading(each, base, loaded).Read());
  }
  RETURN_IF_ERROR(ValidateConfig(loaded));
  return loaded;
}

}  // namespace metaring::server
