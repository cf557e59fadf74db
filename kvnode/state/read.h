// SPDX-License-Identifier: Apache-2.0
//
// Reads of the state: what get, multi_get and scan do to a View, and whether a transaction's
// compares hold. Shared by every form; nothing here writes.
#ifndef METARING_KVNODE_STATE_READ_H_
#define METARING_KVNODE_STATE_READ_H_

#include <optional>
#include <span>
#include <vector>

#include "kvnode/state/layout.h"
#include "kvnode/store/store.h"

namespace metaring::state {

// Of all values that one multi_get, or one transaction's reads, bring.
inline constexpr size_t kReadBytesMax = kValueBytesMax;

// Values come back in the codec that they were written in. kCorrupt for a damaged record.
Result<std::optional<Record>> Read(const store::View& view, Scope scope, ByteView key);

// One answer for each key, in their order. kTooBig when their values have more than kReadBytesMax
// together.
Result<std::vector<std::optional<Record>>> ReadAll(const store::View& view, Scope scope,
                                                   std::span<const Bytes> keys);

// The page ends at `limit` records, or before the one that would take it over kScanBytesMax, but
// holds at least one record if there is one: so it is never larger than the largest value and key.
Result<ScanPage> ScanKeys(const store::View& view, Scope scope, const ScanRequest& request);

// Index of the first compare that does not hold; nothing when all do.
Result<std::optional<size_t>> FirstFailed(const store::View& view, Scope scope,
                                          const std::vector<Compare>& compares);

// kInvalidArgument, naming the field and its limit, for what no form accepts.
Status Validate(const Transaction& transaction);
Status Validate(const ScanRequest& request);
Status ValidateKey(ByteView key);
Status ValidateRequestId(const std::optional<RequestId>& id);

}  // namespace metaring::state

#endif  // METARING_KVNODE_STATE_READ_H_
