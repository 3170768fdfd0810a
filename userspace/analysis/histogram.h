// SPDX-License-Identifier: Apache-2.0
// A log-linear histogram of durations: each power of two of nanoseconds is cut into 64 equal
// buckets.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "report/report.h"

namespace tcpdwell::analysis {

/// Counts durations from 0 to 292 years. Count, minimum, maximum and mean are exact; quantiles and
/// bucket bounds have a relative error of at most kRelativeError. Merging two gives what one would
/// have counted. Memory: 48 bytes; from the first sample on 464 more, and
/// 512 for each power of two in which there is one, at most 31 KB.
class LogHistogram {
public:
    /// Half the width of a bucket over its lower bound: 1/128.
    static constexpr double kRelativeError = 0.5 / 64;

    LogHistogram() = default;
    LogHistogram(const LogHistogram& other) { merge(other); }
    LogHistogram(LogHistogram&&) = default;
    LogHistogram& operator=(const LogHistogram&) = delete;
    LogHistogram& operator=(LogHistogram&&) = default;

    /// So many of one duration; negative ones count as 0.
    void record(Nanoseconds duration, std::uint64_t times = 1);
    void merge(const LogHistogram& other);
    void clear() { *this = LogHistogram(); }

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] Nanoseconds min() const { return Nanoseconds(count_ ? min_ : 0); }
    [[nodiscard]] Nanoseconds max() const { return Nanoseconds(max_); }
    [[nodiscard]] Nanoseconds mean() const; ///< rounded down; 0 if there is no sample
    /// The smallest sample that is not below the fraction `q` (0 to 1) of all samples (nearest
    /// rank), as the middle of its bucket, but within min() and max(). 0 if there is no sample.
    [[nodiscard]] Nanoseconds quantile(double q) const;
    /// Those that aren't empty, ascending.
    [[nodiscard]] std::vector<report::DurationBucket> buckets() const;

private:
    static constexpr unsigned kBits = 6;
    static constexpr std::size_t kPerPage = std::size_t{1} << kBits;
    static constexpr std::size_t kPages = 63 - kBits + 1; ///< the first holds 0 to 63 ns, one each
    using Page = std::array<std::uint64_t, kPerPage>;

    [[nodiscard]] Page& page(std::size_t number);
    /// Bounds of a bucket: [low, high).
    static report::DurationBucket bounds(std::size_t page, std::size_t index);

    using Pages = std::array<std::unique_ptr<Page>, kPages>;

    /// nullptr: no sample is there.
    [[nodiscard]] const Page* find_page(std::size_t number) const {
        return pages_ ? (*pages_)[number].get() : nullptr;
    }

    std::unique_ptr<Pages> pages_; ///< nullptr: there is no sample at all, as in most
    std::uint64_t count_ = 0;
    std::int64_t min_ = 0;
    std::int64_t max_ = 0;
    // The sum in 128 bits: 300 million TIME_WAITs pass 2^64 ns.
    std::uint64_t sum_low_ = 0;
    std::uint64_t sum_high_ = 0;
};

/// The histogram as a report shows it.
report::Distribution summarise(const LogHistogram& histogram, std::string_view id,
                               std::string_view title);

} // namespace tcpdwell::analysis
