// SPDX-License-Identifier: Apache-2.0
//
// Keyspace: a map from keys to values; both are bytes. Keys have 0 B to 1 MiB, values 0 B to 16
// MiB; what is over a limit is kInvalidArgument.
#ifndef METARING_KVNODE_CLIENT_METARING_KEYSPACE_H_
#define METARING_KVNODE_CLIENT_METARING_KEYSPACE_H_

#include <metaring/result.h>
#include <metaring/transaction.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace metaring {

struct CallOptions {
  std::chrono::milliseconds deadline{0};  // 0: the client's
};

// An operation with a callback. Letting go of it changes nothing.
class Operation {
 public:
  // Ends it soon, if it has not ended: kCancelled, or kUnknownOutcome for a write that may be done.
  void Cancel();

  class Core;
  explicit Operation(std::shared_ptr<Core> core) : core_(std::move(core)) {}

 private:
  std::shared_ptr<Core> core_;
};

struct ScanOptions {
  // Keys that begin with `prefix`, or, when `end` or `begin` is given, those in [begin, end).
  std::string prefix{};
  std::string begin{};
  std::string end{};           // empty: to the last key
  bool keys_only = false;      // values are left empty
  size_t page_records = 1000;  // read at once, 1 to 10,000; a page ends at 4 MiB as well
};
struct ScanItem {
  std::string key;
  std::string value;
  uint64_t version = 0;
};

// The records of a scan in byte order of their keys, read page by page. A page is one snapshot of
// each slot; several pages are not. One caller. An error ends the loop: look at status() after it.
class ScanRange {
 public:
  class Core;
  class Iterator {
   public:
    // NOLINTBEGIN(readability-identifier-naming): the names that the standard library asks for.
    using iterator_category = std::input_iterator_tag;
    using value_type = ScanItem;
    using difference_type = std::ptrdiff_t;
    using pointer = ScanItem*;
    using reference = ScanItem&;
    // NOLINTEND(readability-identifier-naming)

    ScanItem& operator*() const { return range_->item_; }
    ScanItem* operator->() const { return &range_->item_; }
    Iterator& operator++() {
      range_->Next();
      return *this;
    }
    void operator++(int) { range_->Next(); }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.Ended(); }

   private:
    friend class ScanRange;
    bool Ended() const { return range_->ended_; }
    explicit Iterator(ScanRange* range) : range_(range) {}
    ScanRange* range_;
  };

  explicit ScanRange(std::unique_ptr<Core> core);
  ~ScanRange();
  ScanRange(ScanRange&&) noexcept;
  ScanRange& operator=(ScanRange&&) noexcept;
  ScanRange(const ScanRange&) = delete;
  ScanRange& operator=(const ScanRange&) = delete;

  // Once.
  Iterator begin() {
    Next();
    return Iterator(this);
  }
  std::default_sentinel_t end() const { return {}; }
  const Status& status() const { return ended_with_; }

 private:
  void Next();

  std::unique_ptr<Core> core_;
  ScanItem item_;
  bool ended_ = false;
  Status ended_with_;
};

class KeyspaceCore;

// Thread-safe. A handle: copies are the same keyspace.
class Keyspace {
 public:
  template <typename T>
  using Callback = std::function<void(Result<T>)>;
  using MaybeRecord = std::optional<Record>;

  // Nothing when there is no such key.
  Result<MaybeRecord> Get(std::string_view key, const CallOptions& options = {});
  // The version of the written record.
  Result<uint64_t> Put(std::string_view key, std::string_view value,
                       const CallOptions& options = {});
  // Whether there was one.
  Result<bool> Delete(std::string_view key, const CallOptions& options = {});
  // One answer for each key, in their order; at most 4096.
  Result<std::vector<MaybeRecord>> MultiGet(std::vector<std::string> keys,
                                            const CallOptions& options = {});
  ScanRange Scan(ScanOptions options = {});
  // All or nothing; a compare that does not hold is a value, not an error.
  Result<CommitReply> Commit(Transaction transaction, const CallOptions& options = {});

  // With callbacks (metaring.h says how).
  Operation Get(std::string key, Callback<MaybeRecord> done, const CallOptions& options = {});
  Operation Put(std::string key, std::string value, Callback<uint64_t> done,
                const CallOptions& options = {});
  Operation Delete(std::string key, Callback<bool> done, const CallOptions& options = {});
  Operation MultiGet(std::vector<std::string> keys, Callback<std::vector<MaybeRecord>> done,
                     const CallOptions& options = {});
  Operation Commit(Transaction transaction, Callback<CommitReply> done,
                   const CallOptions& options = {});

  // With futures. `operation`: as above, with the callback that it is given:
  //   auto later = ks.Later<uint64_t>([&](auto done) { ks.Put("k", "v", std::move(done)); });
  template <typename T, typename Begin>
  std::future<Result<T>> Later(Begin begin) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    begin([promise](Result<T> outcome) { promise->set_value(std::move(outcome)); });
    return future;
  }

  explicit Keyspace(std::shared_ptr<KeyspaceCore> core) : core_(std::move(core)) {}

 private:
  std::shared_ptr<KeyspaceCore> core_;
};

}  // namespace metaring

#endif  // METARING_KVNODE_CLIENT_METARING_KEYSPACE_H_
