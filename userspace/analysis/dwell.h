// SPDX-License-Identifier: Apache-2.0
// How long the states last, and which edges of the state diagram are taken.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "analysis/analysis.h"
#include "analysis/flows.h"
#include "analysis/histogram.h"

namespace tcpdwell::analysis {

/// By what the dwell times are split, in addition to the totals.
enum class SplitBy : std::uint8_t { none, role, service, remote, ending, container };
std::string_view name(SplitBy by);
std::optional<SplitBy> split_from_name(std::string_view name); ///< nullopt: no such word

/// Whether leaving `from` for `to` completes a handshake: from SYN_SENT that of a client, from
/// SYN_RECV that of a server.
bool completes_handshake(tcp::State from, tcp::State to);

/// By ending a connection counts as a whole: where it ends, and as long as it is there in each
/// report, by how it would end now. Memory: one histogram for each edge seen, and with a split one
/// for each state of at most kMaxParts parts; what comes after counts as the part "(others)".
class Dwell : public Analysis {
public:
    static constexpr std::size_t kMaxParts = 1000;

    /// `flows` maps connections to services and remote servers; it must process each move before
    /// this does, and must outlive this.
    Dwell(SplitBy by, const Flows& flows) : by_(by), flows_(flows) {}

    void on_transition(const track::TransitionLine& line, Weight weight) override;
    void on_connection(const track::ConnectionLine& line, Weight weight) override;
    void begin_live(MonoTime now) override;
    void on_live(const track::LiveSocket& socket, Weight weight) override;
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime now) override;

    [[nodiscard]] std::uint64_t transitions() const { return transitions_; }
    [[nodiscard]] std::uint64_t unexpected() const {
        return unexpected_;
    } ///< transitions that no rule explains

private:
    struct EdgeSeen {
        std::uint64_t count = 0;
        LogHistogram dwell; ///< in the state before, where that is known
    };
    using StateHistograms = EnumArray<tcp::State, std::unique_ptr<LogHistogram>>;
    struct Live {
        std::uint64_t count = 0;
        std::optional<Nanoseconds> oldest;
    };

    LogHistogram of_state(tcp::State state) const;
    const EdgeSeen* edge(tcp::State from, tcp::State to) const;
    using Parts = std::map<std::uint32_t, StateHistograms>; ///< by what is split by
    static void record(Parts& parts, std::uint32_t key, tcp::State state, Nanoseconds dwell,
                       Weight weight);
    [[nodiscard]] std::string part_label(std::uint32_t key, const CgroupNames& cgroups) const;
    report::Distributions states() const;
    report::Distributions latencies() const;
    /// Empty where nothing is split.
    report::Distributions split(report::Report& report, const CgroupNames& cgroups) const;
    report::StateDiagram diagram() const;

    SplitBy by_;
    const Flows& flows_;
    EnumArray<tcp::State, EnumArray<tcp::State, std::unique_ptr<EdgeSeen>>> edges_;
    Parts parts_;
    Parts live_parts_; ///< with SplitBy::ending: what connections that are there have left behind
                       ///< them so far
    EnumArray<tcp::State, Live> live_;
    MonoTime live_at_{};
    std::uint64_t transitions_ = 0;
    std::uint64_t unexpected_ = 0;
};

} // namespace tcpdwell::analysis
