// SPDX-License-Identifier: Apache-2.0
#include "analysis/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tcpdwell::analysis {
namespace {

__extension__ using Wide = unsigned __int128; // a GNU extension that both compilers here have

} // namespace

LogHistogram::Page& LogHistogram::page(std::size_t number) {
    if (!pages_) pages_ = std::make_unique<Pages>();
    auto& slot = (*pages_)[number];
    if (!slot) slot = std::make_unique<Page>();
    return *slot;
}

report::DurationBucket LogHistogram::bounds(std::size_t page, std::size_t index) {
    if (page == 0) return {Nanoseconds(index), Nanoseconds(index + 1), 0};
    const std::uint64_t width = std::uint64_t{1} << (page - 1);
    const std::uint64_t low = (kPerPage + index) * width;
    const std::uint64_t high = std::min<std::uint64_t>(low + width, std::uint64_t{1} << 63);
    return {Nanoseconds(low),
            Nanoseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(high, INT64_MAX))), 0};
}

void LogHistogram::record(Nanoseconds duration, std::uint64_t times) {
    const std::int64_t value = std::max<std::int64_t>(duration.count(), 0);
    const auto bits = static_cast<std::uint64_t>(value);
    if (bits < kPerPage) {
        page(0)[bits] += times;
    } else {
        const auto exponent = static_cast<unsigned>(std::bit_width(bits) - 1);
        page(exponent - kBits + 1)[(bits >> (exponent - kBits)) - kPerPage] += times;
    }
    min_ = count_ == 0 ? value : std::min(min_, value);
    max_ = std::max(max_, value);
    count_ += times;
    const Wide sum = static_cast<Wide>(bits) * times;
    const auto low = static_cast<std::uint64_t>(sum);
    sum_low_ += low;
    sum_high_ += static_cast<std::uint64_t>(sum >> 64) + (sum_low_ < low ? 1 : 0);
}

void LogHistogram::merge(const LogHistogram& other) {
    if (other.count_ == 0) return;
    for (std::size_t p = 0; p < kPages; ++p) {
        const Page* theirs = other.find_page(p);
        if (!theirs) continue;
        Page& mine = page(p);
        for (std::size_t i = 0; i < kPerPage; ++i) mine[i] += (*theirs)[i];
    }
    min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
    count_ += other.count_;
    sum_low_ += other.sum_low_;
    sum_high_ += other.sum_high_ + (sum_low_ < other.sum_low_ ? 1 : 0);
}

Nanoseconds LogHistogram::mean() const {
    if (count_ == 0) return Nanoseconds(0);
    const Wide sum = (static_cast<Wide>(sum_high_) << 64) | sum_low_;
    return Nanoseconds(static_cast<std::int64_t>(sum / count_));
}

Nanoseconds LogHistogram::quantile(double q) const {
    if (count_ == 0) return Nanoseconds(0);
    const auto rank = static_cast<std::uint64_t>(
        std::clamp(std::ceil(q * static_cast<double>(count_)), 1.0, static_cast<double>(count_)));
    std::uint64_t passed = 0;
    for (std::size_t p = 0; p < kPages; ++p) {
        const Page* counts = find_page(p);
        if (!counts) continue;
        for (std::size_t i = 0; i < kPerPage; ++i) {
            passed += (*counts)[i];
            if (passed < rank) continue;
            const report::DurationBucket bucket = bounds(p, i);
            const Nanoseconds middle =
                p == 0 ? bucket.low : bucket.low + (bucket.high - bucket.low) / 2;
            return std::clamp(middle, min(), max());
        }
    }
    return max();
}

std::vector<report::DurationBucket> LogHistogram::buckets() const {
    std::vector<report::DurationBucket> all;
    for (std::size_t p = 0; p < kPages; ++p) {
        const Page* counts = find_page(p);
        if (!counts) continue;
        for (std::size_t i = 0; i < kPerPage; ++i) {
            if ((*counts)[i] == 0) continue;
            all.push_back(bounds(p, i));
            all.back().count = (*counts)[i];
        }
    }
    return all;
}

report::Distribution summarise(const LogHistogram& histogram, std::string_view id,
                               std::string_view title) {
    report::Distribution d;
    d.id = id;
    d.title = title;
    d.count = histogram.count();
    d.min = histogram.min();
    d.mean = histogram.mean();
    d.p50 = histogram.quantile(0.50);
    d.p90 = histogram.quantile(0.90);
    d.p99 = histogram.quantile(0.99);
    d.p999 = histogram.quantile(0.999);
    d.max = histogram.max();
    d.buckets = histogram.buckets();
    return d;
}

} // namespace tcpdwell::analysis
