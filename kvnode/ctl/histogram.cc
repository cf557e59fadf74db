// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/histogram.h"

#include <algorithm>
#include <cmath>

namespace metaring::ctl {

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

double Histogram::Mean() const {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

uint64_t Histogram::Quantile(double quantile) const {
  if (count_ == 0) return 0;
  const double clamped = std::clamp(quantile, 0.0, 1.0);
  const auto rank = static_cast<uint64_t>(std::ceil(clamped * static_cast<double>(count_)));
  const uint64_t wanted = std::clamp<uint64_t>(rank, 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return std::min(LastValueOf(i), max_);
  }
  return max_;
}

uint64_t Histogram::LastValueOf(size_t bucket) {
  if (bucket < kSubBuckets) return bucket;
  // The inverse of BucketOf: the upper half of each power of two's kSubBuckets * 2 is used.
  const auto shift = static_cast<unsigned>(bucket >> kSubBucketBits) - 1;
  const uint64_t mantissa = bucket - (size_t{shift} << kSubBucketBits);
  return (mantissa << shift) + ((uint64_t{1} << shift) - 1);
}

}  // namespace metaring::ctl
