// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/volume_copy.h"

namespace metaring::ctl {
namespace {

constexpr size_t kBatchBytesMax = 512 << 10;
constexpr size_t kBatchItemsMax = 1000;

// What goes into the next transaction. One caller.
class Batch {
 public:
  explicit Batch(client::Kv& to) : to_(to) {}

  Status Add(client::ScanItem item) {
    const size_t bytes = item.key.size() + item.record.value.size();
    copied_.bytes += bytes;
    ++copied_.records;
    if (bytes > kBatchBytesMax) {
      RETURN_IF_ERROR(Write());
      RETURN_IF_ERROR(to_.Put(item.key, item.record.value));
      return {};
    }
    client::Op op;
    op.key = std::move(item.key);
    op.value = std::move(item.record.value);
    transaction_.then_ops.push_back(std::move(op));
    bytes_ += bytes;
    const bool full = bytes_ >= kBatchBytesMax || transaction_.then_ops.size() >= kBatchItemsMax;
    return full ? Write() : Status{};
  }

  Status Write() {
    if (transaction_.then_ops.empty()) return {};
    RETURN_IF_ERROR(to_.Transact(transaction_));
    transaction_.then_ops.clear();
    bytes_ = 0;
    return {};
  }

  const Copied& copied() const { return copied_; }

 private:
  client::Kv& to_;
  client::Transaction transaction_;
  size_t bytes_ = 0;
  Copied copied_;
};

}  // namespace

Result<Copied> CopyRecords(client::Kv& from, client::Kv& to) {
  Batch batch(to);
  client::ScanRequest request;
  request.limit = kBatchItemsMax;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, from.Scan(request));
    for (client::ScanItem& item : page.items) RETURN_IF_ERROR(batch.Add(std::move(item)));
    request.cursor = std::move(page.cursor);
  } while (!request.cursor.empty());
  RETURN_IF_ERROR(batch.Write());
  return batch.copied();
}

}  // namespace metaring::ctl
