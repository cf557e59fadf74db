// SPDX-License-Identifier: Apache-2.0
//
// lmdb_bench DIR: what LMDB alone commits: puts of 40-byte keys and 200-byte values, a transaction
// and a full sync for each batch, without anything of ours. The measure for durable puts.
#include <fmt/format.h>
#include <lmdb.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "kvnode/base/random.h"

namespace metaring {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMapBytes = size_t{8} << 30;
constexpr size_t kValueBytes = 200;

struct Settings {
  std::string directory;
  std::vector<unsigned> batches{1, 16, 64, 256};
  double seconds = 2;
  uint64_t keys = 10'000;
};

// Ends the program with a message: a benchmark has nobody to report to.
void Need(int code, const char* what) {
  if (code == MDB_SUCCESS) return;
  fmt::print(stderr, "lmdb_bench: {}: {}\n", what, mdb_strerror(code));
  std::exit(1);
}

class Environment {
 public:
  explicit Environment(const std::string& directory) {
    Need(mdb_env_create(&env_), "create");
    Need(mdb_env_set_mapsize(env_, kMapBytes), "map size");
    Need(mdb_env_open(env_, directory.c_str(), 0, 0600), directory.c_str());
    MDB_txn* txn = nullptr;
    Need(mdb_txn_begin(env_, nullptr, 0, &txn), "begin");
    Need(mdb_dbi_open(txn, nullptr, 0, &dbi_), "database");
    Need(mdb_txn_commit(txn), "commit");
  }
  ~Environment() { mdb_env_close(env_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // One durable transaction of puts of random ones of `keys` keys.
  void PutBatch(unsigned batch, uint64_t keys, Random& random) {
    MDB_txn* txn = nullptr;
    Need(mdb_txn_begin(env_, nullptr, 0, &txn), "begin");
    for (unsigned i = 0; i < batch; ++i) {
      std::string key = fmt::format("{:040}", random.Below(keys));
      MDB_val k{key.size(), key.data()};
      MDB_val v{value_.size(), value_.data()};
      Need(mdb_put(txn, dbi_, &k, &v, 0), "put");
    }
    Need(mdb_txn_commit(txn), "commit");
  }

 private:
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
  std::string value_ = std::string(kValueBytes, 'v');
};

void Measure(Environment& environment, unsigned batch, const Settings& settings, Random& random) {
  const auto begin = Clock::now();
  const std::chrono::duration<double> wanted(settings.seconds);
  uint64_t commits = 0;
  while (Clock::now() - begin < wanted) {
    environment.PutBatch(batch, settings.keys, random);
    ++commits;
  }
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print("{:>9} {:>10.0f} {:>10.0f} {:>9.1f}\n", batch, double(commits * batch) / took,
             double(commits) / took, took * 1e6 / double(commits));
}

}  // namespace
}  // namespace metaring

int main(int argc, char** argv) {
  metaring::Settings settings;
  CLI::App app("What LMDB alone commits, a line for each size of batch", "lmdb_bench");
  app.add_option("DIR", settings.directory, "an existing directory; data.mdb stays in it")
      ->required();
  app.add_option("--batch", settings.batches, "puts in a transaction; may be given again");
  app.add_option("--seconds", settings.seconds, "for each")->capture_default_str();
  app.add_option("--keys", settings.keys, "different keys")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  metaring::Environment environment(settings.directory);
  metaring::Random random(1);
  fmt::print("{:>9} {:>10} {:>10} {:>9}\n", "batch", "puts/s", "commits/s", "us each");
  for (const unsigned batch : settings.batches) {
    metaring::Measure(environment, batch, settings, random);
  }
  return 0;
}
