// SPDX-License-Identifier: Apache-2.0
//
// Histogram: counts of durations in log-linear buckets (the layout of HdrHistogram: every power of
// two is cut into kSubBuckets equal parts), so that recording is a shift and an increment, and a
// quantile is wrong by less than 1 / kSubBuckets. The largest value is kept exactly.
#ifndef METARING_KVNODE_CTL_HISTOGRAM_H_
#define METARING_KVNODE_CTL_HISTOGRAM_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace metaring::ctl {

// One caller.
class Histogram {
 public:
  static constexpr unsigned kSubBucketBits = 6;
  static constexpr unsigned kSubBuckets = 1U << kSubBucketBits;

  void Record(uint64_t nanos) {
    ++buckets_[BucketOf(nanos)];
    ++count_;
    sum_ += nanos;
    if (nanos > max_) max_ = nanos;
  }
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }
  // 0 when nothing was recorded.
  double Mean() const;
  // The value that `quantile` (0 to 1) of all recorded values do not exceed, rounded up to its
  // bucket's end but not above max(). 0 when nothing was recorded.
  uint64_t Quantile(double quantile) const;

 private:
  // Values below kSubBuckets have a bucket each; then kSubBuckets for each further power of two.
  static constexpr size_t kBuckets = (64 - kSubBucketBits + 1) * size_t{kSubBuckets};

  static constexpr size_t BucketOf(uint64_t v) {
    if (v < kSubBuckets) return v;
    const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - kSubBucketBits - 1;
    return (size_t{shift} << kSubBucketBits) + (v >> shift);
  }
  static uint64_t LastValueOf(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t max_ = 0;
};

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_HISTOGRAM_H_
