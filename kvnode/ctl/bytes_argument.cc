// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/bytes_argument.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace metaring::ctl {
namespace {

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<Bytes> ParseHex(std::string_view digits) {
  Bytes bytes;
  for (size_t i = 0; i < digits.size();) {
    if (digits[i] == ' ' || digits[i] == '\n' || digits[i] == '\t') {
      ++i;
      continue;
    }
    const int high = DigitOf(digits[i]);
    const int low = i + 1 < digits.size() ? DigitOf(digits[i + 1]) : -1;
    if (high < 0 || low < 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is not pairs of hexadecimal digits", Escaped(digits, 32)));
    }
    bytes.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return bytes;
}

std::string ToHex(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  digits.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    digits.push_back(kDigits[byte >> 4]);
    digits.push_back(kDigits[byte & 15]);
  }
  return digits;
}

Result<Bytes> ParseBytes(const std::string& text, bool hex) {
  if (!hex) return text;
  return ParseHex(text);
}

Result<Bytes> ReadBytes(const std::string& file, size_t bytes_max) {
  const auto close = [](FILE* f) {
    if (f != stdin) (void)std::fclose(f);
  };
  const std::unique_ptr<FILE, decltype(close)> from(
      file == "-" ? stdin : std::fopen(file.c_str(), "rbe"), close);
  if (!from) return Fail(ErrnoError(errno, "read " + Escaped(file, 4096)));
  Bytes content;
  char buffer[64 << 10];
  while (const size_t n = std::fread(buffer, 1, sizeof(buffer), from.get())) {
    content.append(buffer, n);
    if (content.size() > bytes_max) {
      return Fail(ErrorCode::kTooBig,
                  fmt::format("{} has more than {} bytes", Escaped(file, 4096), bytes_max));
    }
  }
  if (std::ferror(from.get()) != 0) {
    return Fail(ErrnoError(errno, "read " + Escaped(file, 4096)));
  }
  return content;
}

}  // namespace metaring::ctl
