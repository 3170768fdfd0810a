// SPDX-License-Identifier: Apache-2.0
// What was traced against what the kernel counted in the same time, by network namespace: an oracle
// that needs no second tracer.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "analysis/analysis.h"
#include "report/evidence.h"

namespace tcpdwell::analysis {

/// A counter of the kernel that one kind of transition makes grow.
struct CheckedCounter {
    std::string_view name; ///< as counters have it: "Tcp.ActiveOpens"
    report::EvidenceKey counted;
    report::EvidenceKey traced;
    std::string_view title; ///< what was traced
};

/// Between the first and the last reading of a namespace. Memory: some 200 bytes for each of at
/// most kMostNamespaces.
class CounterCheck : public Analysis {
public:
    static constexpr std::size_t kMostNamespaces = 10'000;
    static constexpr std::size_t kCounters = 3;
    static const std::array<CheckedCounter, kCounters> kChecked;

    struct Sums {
        std::uint32_t netns = 0;
        std::array<std::uint64_t, kCounters> counted{}; ///< by the kernel
        std::array<std::uint64_t, kCounters> traced{};
    };

    void on_counters(const track::CountersLine& line);
    void on_transition(const track::TransitionLine& line, Weight) override;
    void on_connection(const track::ConnectionLine& line, Weight) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime) override;

    /// Of the namespaces that were read at least twice.
    [[nodiscard]] std::vector<Sums> sums() const;

private:
    struct Namespace {
        MonoTime first{};
        MonoTime last{};
        std::array<std::uint64_t, kCounters> at_first{};
        std::array<std::uint64_t, kCounters> at_last{};
        std::array<std::uint64_t, kCounters> traced{}; ///< up to the last reading
        std::array<std::uint64_t, kCounters> since{};  ///< after it
    };

    std::map<std::uint32_t, Namespace> namespaces_;
};

} // namespace tcpdwell::analysis
