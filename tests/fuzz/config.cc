// SPDX-License-Identifier: Apache-2.0
//
// config: a configuration file. It loads, or the error names the file and the line.
#include "kvnode/server/config.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "kvnode/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace metaring::fuzz {
namespace {

// A file of no directory, under a name that can be opened.
class MemoryFile {
 public:
  explicit MemoryFile(ByteView content) : fd_(::memfd_create("config", 0)) {
    CHECK(fd_ >= 0);
    CHECK(::write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string name() const { return "/dev/fd/" + std::to_string(fd_); }

 private:
  const int fd_;
};

}  // namespace

void RunInput(ByteView input) {
  const MemoryFile file(input);
  const auto loaded = server::LoadConfig(file.name());
  if (!loaded) {
    const std::string& message = loaded.error().message;
    CHECK(message.starts_with(file.name() + ":") || message.starts_with("the default: "));
    CHECK(Escaped(message, message.size()) == message);
    return;
  }
  for (const server::ConfigOption& option : server::ConfigOptions()) {
    CHECK(!server::ConfigValueText(option, loaded->config).empty());
  }
  CHECK(server::ValidateConfig(*loaded));
}

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds = {
      "[node]\ndata_directory = \"data\"\nid = 7\nrack = 'r1'\n",
      "[tls]\nca = \"ca.crt\"\nreload_seconds = 1_000\nallow_tls12 = true\n",
      "[listen]\nclients = \"[::1]:7400\"\nnodes = \"127.0.0.1:0\"\n",
      "[limits]\nframe_bytes_max = \"20M\"\nrequests_max = 0x10\n",
      "[tls]\ninsecure_plain_text = true\n[listen]\nclients = \"0.0.0.0:1\"\n",
      "node.name = \"a\"\nnode = { id = 1 }\n",
      "rack = 'ectory = \"d\xF3\xFF\xFF\xFF' = 'r1'\n",
      "[[node]]\nid = [1, [2, 3], {a = 1979-05-27T07:32:00Z}]\n",
      "[node]\nname = \"\"\"\n\\u00e9\\t\\\n  x\"\"\"\n"};
  // The sample with its options set to their defaults, a section each.
  Bytes section;
  for (const server::ConfigOption& option : server::ConfigOptions()) {
    const size_t dot = option.name.find('.');
    const Bytes head = "[" + Bytes(option.name.substr(0, dot)) + "]\n";
    if (!section.starts_with(head)) {
      if (!section.empty()) seeds.push_back(section);
      section = head;
    }
    section += Bytes(option.name.substr(dot + 1)) + " = " +
               server::ConfigValueText(option, server::Config()) + "\n";
  }
  seeds.push_back(section);
  return seeds;
}

}  // namespace metaring::fuzz
