// SPDX-License-Identifier: Apache-2.0
//
// Reads /proc/TID/syscall (proc(5)).
#include "fusefs/mount/calling_syscall.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

namespace metaring::fusefs::mount {
namespace {

// Takes the next word off the line.
std::string_view NextWord(std::string_view& line) {
  const size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

template <int kBase>
std::optional<long> Number(std::string_view word) {
  long value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, kBase);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace

bool NamesDescriptorChange(std::string_view line) {
  const auto number = Number<10>(NextWord(line));
  if (!number) return false;
  if (*number == SYS_fchmod || *number == SYS_fchown) return true;
  if (*number != SYS_utimensat) return false;
  NextWord(line);  // the descriptor
  return NextWord(line) == "0x0";
}

bool CallsThroughDescriptor(pid_t tid) {
  if (tid <= 0) return false;
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/syscall", static_cast<int>(tid));
  const int fd = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  std::array<char, 256> line{};
  const ssize_t length = ::read(fd, line.data(), line.size());
  ::close(fd);
  return length > 0 && NamesDescriptorChange({line.data(), static_cast<size_t>(length)});
}

}  // namespace metaring::fusefs::mount
