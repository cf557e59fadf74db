// SPDX-License-Identifier: Apache-2.0
//
// Transaction: compares, and what is written if all of them hold.
#ifndef METARING_KVNODE_CLIENT_METARING_TRANSACTION_H_
#define METARING_KVNODE_CLIENT_METARING_TRANSACTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace metaring {

struct Record {
  std::string value;
  uint64_t version = 0;  // grows with every write; 0 is never the version of a record
};

struct CommitReply {
  bool succeeded = false;
  uint64_t version = 0;       // succeeded: what the written records carry
  size_t failed_compare = 0;  // not succeeded: the first that does not hold, in order of the calls
  std::vector<std::optional<Record>> reads;  // not succeeded: those of ElseRead, in order
};

// Built call by call:
//   auto reply = ks.Commit(metaring::Transaction()
//                              .IfAbsent("alice").Put("alice", "42").Add("count", 1)
//                              .ElseRead("alice"));
// At most 2 MiB of keys and values together, and 8192 compares, writes and reads.
class Transaction {
 public:
  Transaction();
  ~Transaction();
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  Transaction(const Transaction& other);
  Transaction& operator=(const Transaction& other);

  // If all of these hold ...
  Transaction& IfExists(std::string key);
  Transaction& IfAbsent(std::string key);
  Transaction& IfVersion(std::string key, uint64_t version);
  Transaction& IfValue(std::string key, std::string value);
  Transaction& IfNoneIn(std::string begin, std::string end);  // no key in [begin, end)
  Transaction& IfNoneBegins(std::string prefix);

  // ... these are done, in order, all or none ...
  Transaction& Put(std::string key, std::string value);
  Transaction& Delete(std::string key);  // of a missing key: nothing
  // The value is a little-endian signed number of 8 bytes; missing: 0. It wraps around.
  Transaction& Add(std::string key, int64_t summand);
  Transaction& Max(std::string key, int64_t candidate);

  // ... else these are read.
  Transaction& ElseRead(std::string key);

  class Core;
  Core& core() { return *core_; }

 private:
  std::unique_ptr<Core> core_;
};

// What Add and Max keep. Nothing when it is not 8 bytes.
std::optional<int64_t> NumberOf(const std::string& value);
std::string ValueOf(int64_t number);

}  // namespace metaring

#endif  // METARING_KVNODE_CLIENT_METARING_TRANSACTION_H_
