// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/toml_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "kvnode/base/bytes.h"

namespace metaring::client {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;
constexpr size_t kReasonBytesMax = 200;

// Not by toml11, which asks a stream for its size: that of a directory is not to be had.
Result<std::string> ContentOf(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string content(kFileBytesMax + 1, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!in.eof()) {
    const bool long_file = in.good();
    return Fail(
        long_file ? ErrorCode::kInvalidArgument : ErrorCode::kNotFound,
        fmt::format("{}: {}", file, long_file ? "it is longer than 1 MiB" : "it cannot be read"));
  }
  content.resize(static_cast<size_t>(in.gcount()));
  return content;
}

// How many bytes the character at the beginning has by the table of RFC 3629, section 4; 0 when
// there is none.
size_t Utf8Length(ByteView text) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto continues = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      if ((at(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const uint8_t first = at(0);
  const uint8_t second = at(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1, 2) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second > 0x9F;
    return !overlong && !surrogate && continues(1, 3) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && second < 0x90;
    const bool beyond = first == 0xF4 && second > 0x8F;
    return !overlong && !beyond && continues(1, 4) ? 4 : 0;
  }
  return 0;
}

// The line of the first byte that is not UTF-8.
std::optional<size_t> LineThatIsNotUtf8(ByteView text) {
  size_t line = 1;
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) return line;
    if (text.front() == '\n') ++line;
    text.remove_prefix(length);
  }
  return std::nullopt;
}

// The first line of what toml11 says, without its marks.
std::string Reason(std::string_view what) {
  std::string_view line = what.substr(0, what.find('\n'));
  for (const std::string_view mark : {"[error] ", "toml::"}) {
    if (line.starts_with(mark)) line.remove_prefix(mark.size());
  }
  return Escaped(line, kReasonBytesMax);
}

}  // namespace

Result<toml::value> ReadTomlFile(const std::string& file) {
  ASSIGN_OR_RETURN(std::string content, ContentOf(file));
  // toml11 3.7 reads beyond its buffer when it tells of a string that is not UTF-8.
  if (const auto line = LineThatIsNotUtf8(content)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}:{}: this is not UTF-8", file, *line));
  }
  try {
    std::istringstream in(std::move(content));
    return toml::parse(in, file);
  } catch (const toml::syntax_error& error) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: this is not TOML: {}", file, error.location().line(),
                            Reason(error.what())));
  } catch (const std::exception& error) {  // toml11 gives up on it
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: this is not TOML: {}", file, Reason(error.what())));
  }
}

}  // namespace metaring::client
