// SPDX-License-Identifier: Apache-2.0
// By how much the kernel's own counters grew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "track/tracker.h"

namespace tcpdwell::analysis {

/// Growth since the first reading of each namespace. A counter that went back is another
/// namespace's with the same inode, which began at 0. Memory: at most kMostCounters.
class CounterGrowth {
public:
    /// A stream can name what it likes; a host has some 30 counters in each namespace.
    static constexpr std::size_t kMostCounters = 1 << 16;

    struct Counter {
        std::uint64_t last;
        std::uint64_t growth;
    };
    /// By namespace and name, "TcpExt.TW".
    using Counters = std::map<std::pair<std::uint32_t, std::string>, Counter>;

    /// Names that aren't of the form "Tcp.Name" or "TcpExt.Name" are passed over.
    void on_counters(const track::CountersLine& line);
    /// Growth counts from the last readings on.
    void begin_anew();

    /// 0 also where the kernel has no such counter, or it wasn't read.
    [[nodiscard]] std::uint64_t growth(std::uint32_t netns, std::string_view name) const;
    /// From the first reading that growth counts from to the last one; 0: there were none between.
    [[nodiscard]] Nanoseconds time_read(std::uint32_t netns) const;
    /// Over all namespaces.
    [[nodiscard]] std::uint64_t total(std::string_view name) const;
    /// Those of a namespace that grew, by their short names.
    [[nodiscard]] std::map<std::string_view, std::uint64_t> grown(std::uint32_t netns) const;
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    struct Readings {
        MonoTime first;
        MonoTime last;
    };
    Counters counters_;
    std::map<std::uint32_t, Readings> readings_; ///< of each namespace that has counters
};

/// "ListenOverflows" of "TcpExt.ListenOverflows"; "" if it isn't of that form.
std::string_view short_counter_name(std::string_view name);

} // namespace tcpdwell::analysis
