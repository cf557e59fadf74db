// SPDX-License-Identifier: Apache-2.0
//
// The functions by which libFuzzer knows a target.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string_view>

#include "kvnode/base/check.h"
#include "kvnode/base/logging.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  CHECK(metaring::InitLogging("/dev/null", metaring::LogLevel::kError));
  if (*argc != 3 || std::string_view((*argv)[1]) != "--seed") return 0;
  int number = 0;
  for (const metaring::Bytes& seed : metaring::fuzz::Seeds()) {
    std::ofstream file(fmt::format("{}/seed-{:02}", (*argv)[2], ++number), std::ios::binary);
    file << seed;
    CHECK(file.flush());
  }
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
  metaring::fuzz::RunInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
