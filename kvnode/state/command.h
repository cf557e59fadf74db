// SPDX-License-Identifier: Apache-2.0
//
// The vocabulary of the key-value state machine: what a client can ask, as plain values. The same
// types are the arguments of client::Kv, the content of a logged command and the input of Apply.
#ifndef METARING_KVNODE_STATE_COMMAND_H_
#define METARING_KVNODE_STATE_COMMAND_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "kvnode/base/bytes.h"

namespace metaring::state {

// Limits that every form enforces before the log. Key 0 B to 1 MiB, value 0 B to 16 MiB.
inline constexpr size_t kKeyBytesMax = 1 << 20;
inline constexpr size_t kValueBytesMax = 16 << 20;
// Of one transaction, keys and values together: it is one logged command. Room for a key of 1 MiB.
inline constexpr size_t kTransactionBytesMax = 2 << 20;
inline constexpr size_t kTransactionItemsMax = 8192;  // compares, ops and reads together
inline constexpr size_t kMultiGetKeysMax = 4096;
inline constexpr size_t kScanLimitMax = 10'000;   // records of one page
inline constexpr size_t kScanBytesMax = 4 << 20;  // of one page, but always at least one record

// How a value is encoded, chosen by the client that wrote it: compressed values travel compressed.
enum class Codec : uint8_t {
  kNone = 0,
  kZstd = 1,  // one zstd frame (RFC 8878) that states its content size
};

// What a read returns.
struct Record {
  Bytes value;
  Codec codec = Codec::kNone;  // of `value`; always kNone above client::Kv
  // Of a strong record: the slot's revision at which it was last written. Grows with every write of
  // the slot; 0 is never the version of a record.
  uint64_t version = 0;
};

struct Compare {
  enum class Kind : uint8_t {
    kExists = 1,
    kAbsent = 2,
    kVersion = 3,     // exists, and its version is `version`
    kValue = 4,       // exists, and its value is `value`
    kRangeEmpty = 5,  // no key in [key, end); an empty `end` means all keys that start with `key`
  };
  Kind kind = Kind::kExists;
  Bytes key;
  uint64_t version = 0;
  Bytes value;
  Bytes end;
};

struct Op {
  enum class Kind : uint8_t {
    kPut = 1,
    kDelete = 2,  // of a missing key: nothing
    kAdd = 3,     // value is a little-endian i64 (missing: 0); wraps around; commutes with kAdd
    kMax = 4,     // value is a little-endian i64 (missing: set); commutes with kMax
  };
  Kind kind = Kind::kPut;
  Bytes key;
  Bytes value;                 // kPut
  Codec codec = Codec::kNone;  // kPut: of `value`; callers of client::Kv leave it
  int64_t delta = 0;           // kAdd: the summand; kMax: the candidate
};

// Names one write of one client, so that a retry returns the first outcome.
struct RequestId {
  uint64_t client = 0;              // random, chosen once by the client; not 0
  uint64_t sequence = 0;            // grows by one with each write of the client, from 1
  uint64_t lowest_outstanding = 0;  // the client retries nothing below it any more
};

// If every compare holds, all ops are applied in their order, else nothing is and the reads are
// done.
struct Transaction {
  std::vector<Compare> compares;
  std::vector<Op> then_ops;
  std::vector<Bytes> else_reads;
  std::optional<RequestId> request_id;
  // The caller declares that this gives space back (an unlink, a truncation), so it may use the
  // reserve when the store is full. A transaction of deletes alone may do so anyway.
  bool frees_space = false;
};

struct TransactReply {
  bool succeeded = false;
  uint64_t version = 0;       // succeeded: what the written records carry
  size_t failed_compare = 0;  // not succeeded: index of the first compare that does not hold
  std::vector<std::optional<Record>> reads;  // not succeeded: the else_reads, in their order
};

struct ScanRequest {
  // Keys in [begin, end); with an empty `end`, keys that start with `begin`.
  Bytes begin;
  Bytes end;
  size_t limit = 1000;  // records, 1 to kScanLimitMax
  // From the last page, or empty. Opaque; it stays good while keys come and go.
  Bytes cursor;
  bool keys_only = false;  // values are left empty
  // A record with a wrong checksum ends the scan with kCorrupt; with this it is an item that says
  // so.
  bool keep_damaged = false;
};

struct ScanItem {
  Bytes key;
  Record record;
  bool damaged = false;  // with keep_damaged: the key is there, its record is not to be had
};

struct ScanPage {
  std::vector<ScanItem> items;  // in byte order of the keys
  Bytes cursor;                 // where the next page begins; empty: there is none
};

// i64 values of kAdd and kMax.
Bytes EncodeI64(int64_t v);
// Nothing when it is not 8 bytes.
std::optional<int64_t> DecodeI64(ByteView raw);

}  // namespace metaring::state

#endif  // METARING_KVNODE_STATE_COMMAND_H_
