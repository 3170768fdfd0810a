// SPDX-License-Identifier: Apache-2.0
// The report model: what analyses hand to renderers. A report is a list of sections, and there are
// few kinds of sections, so that M analyses and N renderers are M + N pieces of code.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "report/column.h"
#include "report/value.h"
#include "tcp/close.h"
#include "tcp/state.h"
#include "tcp/transition.h"

namespace tcpdwell::report {

/// One line of a Facts section.
struct FactLine {
    std::string_view id;    ///< JSON key
    std::string_view title; ///< for people; empty: not in text
    Value value;
};

/// Things that are known once each.
struct Facts {
    std::vector<FactLine> lines;
};

/// So many durations in [low, high).
struct DurationBucket {
    Nanoseconds low;
    Nanoseconds high;
    std::uint64_t count;
};

/// How long something took: summary and histogram. With a count of 0 all durations are 0 and mean
/// nothing.
struct Distribution {
    std::string_view id;    ///< "TIME_WAIT", "connect": JSON key
    std::string_view title; ///< what is measured, in a few words
    std::uint64_t count = 0;
    Nanoseconds
        min{}; ///< exact, as are max and mean; the quantiles have the error that `quality` states
    Nanoseconds mean{};
    Nanoseconds p50{};
    Nanoseconds p90{};
    Nanoseconds p99{};
    Nanoseconds p999{};
    Nanoseconds max{};
    std::vector<DurationBucket> buckets; ///< ascending, none empty
    std::optional<std::uint64_t>
        open; ///< how many are still under way, and so not counted; nullopt: not known
    std::optional<Nanoseconds> oldest;  ///< how long the oldest of those has lasted, at least
    std::optional<Nanoseconds> nominal; ///< length according to the specification (2MSL)
};

/// Distributions of one part of the connections.
struct DistributionGroup {
    std::string_view label; ///< "" where nothing is split
    std::vector<Distribution> members;
};

/// Without groups it was not requested: null in JSON, omitted in text.
struct Distributions {
    std::string_view split_by; ///< "" or what distinguishes the groups: "role", ...
    std::vector<DistributionGroup> groups;
    bool has_bars = false; ///< in text too, where each histogram takes many lines
};

/// A column for people: a whole cell, or one part of a cell made of numbers ("time_wait.peak").
struct TableView {
    std::string_view path;
    std::string_view title; ///< as short as a line of 80 characters needs it
    std::string_view help;
    int width;
    Align align = Align::right;
    bool is_below = false; ///< on lines of its own under the row, which it is too long for
    bool is_minor = false; ///< only in outputs that are wider than a line of text
};

/// A column for outputs that are wider than a line of text.
constexpr TableView minor_column(std::string_view path, std::string_view help,
                                 Align align = Align::right) {
    return {.path = path,
            .title = {},
            .help = help,
            .width = 0,
            .align = align,
            .is_below = false,
            .is_minor = true};
}

/// Rows of cells. `columns` are what machines get; `view` is what people see, in its order. Without
/// a view people see the columns.
struct Table {
    std::span<const Column> columns;
    std::span<const TableView> view;
    std::vector<std::vector<Value>> rows; ///< in the order of importance

    /// The view, followed by the columns that it shows nothing of, as minor ones.
    [[nodiscard]] std::vector<TableView> whole_view() const;
    /// The column that `path` is, or is a part of; nullptr if there is none.
    [[nodiscard]] const Column* column_of(std::string_view path) const;
};

/// What was seen of one edge of the TCP state diagram.
struct Edge {
    tcp::State from;
    tcp::State to;
    std::uint64_t count;
    std::optional<Nanoseconds> median; ///< of the time spent in `from` before taking this edge
    tcp::EdgeKind kind;
};

struct StateDiagram {
    std::vector<Edge> edges; ///< by `from`, then `to`, in the order of a connection's life
};

/// How many sockets were in each state, at equal steps of time.
struct Timeline {
    WallTime begin;
    Nanoseconds step{};
    struct Series {
        tcp::State state;
        std::vector<std::uint64_t>
            counts; ///< at begin, begin + step, ...; all series are equally long
    };
    std::vector<Series>
        series; ///< of the states in which there ever was a socket; LISTEN and CLOSE never
};

enum class Severity : std::uint8_t { info, warning, critical };
std::string_view name(Severity severity);

/// When a connection was in which state.
struct ConnectionLife {
    struct Span {
        tcp::State state;
        std::optional<WallTime> begin; ///< nullopt: not known
        bool begin_is_exact;           ///< false: it was in the state by then
        std::optional<WallTime> end;   ///< nullopt: not known, or, of the last, it is in it still
    };
    HexId id;
    EndpointValue local;
    EndpointValue remote;
    std::optional<tcp::Ending> ending; ///< nullopt: it hasn't ended
    std::vector<Span> spans;           ///< oldest first
};

/// A problem, with advice.
struct Finding {
    std::string_view id; ///< a word that `tcpdwell explain` accepts
    Severity severity;
    std::string_view what; ///< one sentence, with the name of the cause and the relevant numbers
    std::vector<FactLine> evidence;       ///< numbers; JSON keys are ids
    std::vector<HexId> connections;       ///< some of those behind it, as `trace` calls them
    std::vector<std::string_view> advice; ///< sentences
    std::string_view
        subject; ///< the service or process, as in `what`: "nginx (pid 12) on 0.0.0.0:80"
    /// Another finding, which explains this one.
    struct Reason {
        std::string_view id;
        std::string_view subject;
    };
    std::optional<Reason> because;
    std::vector<std::uint64_t> likes; ///< ids of further ones, which only the timeline has
    /// Of `connections`, then of some further ones, as far as they are known.
    std::vector<ConnectionLife> lives;
};

struct Findings {
    std::vector<Finding> list; ///< the most severe first
};

using SectionBody = std::variant<Facts, Distributions, Table, StateDiagram, Timeline, Findings>;

/// The kind of a section, as the JSON names it: "facts", "distributions", "table", "diagram",
/// "timeline", "findings".
std::string_view kind(const SectionBody& body);

/// Position of a section among those that people read: what is wrong first, then who, then the
/// details. Sections of one place keep the order of the report.
enum class SectionPlace : std::uint8_t {
    findings,
    who,        ///< services, programs, endpoints
    durations,  ///< how long states and steps took
    states,     ///< which states there were, and which transitions between them
    other,      ///< sections without a place
    background, ///< how the report was made
};

struct Section {
    std::string_view id;    ///< JSON key; "": for text only, which has the same in other sections
    std::string_view title; ///< heading
    std::string_view help;  ///< a sentence or some under the heading
    SectionBody body;
    SectionPlace place = SectionPlace::other;
    bool is_in_text =
        true; ///< false: its head or other sections of the text have what people need of it
};

/// A finished report: sections in the order in which JSON has them. Owns the texts and lists that
/// its cells refer to; moving it keeps them valid.
class Report {
public:
    Report() = default;
    Report(Report&&) = default;
    Report& operator=(Report&&) = default;
    Report(const Report&) = delete;
    Report& operator=(const Report&) = delete;

    std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }
    std::span<const NumberPart> keep(std::vector<NumberPart> parts) {
        return numbers_.emplace_back(std::move(parts));
    }
    std::span<const TextPart> keep(std::vector<TextPart> parts) {
        return lists_.emplace_back(std::move(parts));
    }

    std::span<const StateSpan> keep(std::vector<StateSpan> spans) {
        return spans_.emplace_back(std::move(spans));
    }

    std::span<const ProcessValue> keep(std::vector<ProcessValue> processes) {
        return processes_.emplace_back(std::move(processes));
    }

    std::vector<Section> sections;

    /// nullptr if there is none.
    [[nodiscard]] const Section* find(std::string_view id) const;
    /// All of them, by their places.
    [[nodiscard]] std::vector<const Section*> in_reading_order() const;

private:
    std::deque<std::string> texts_;
    std::deque<std::vector<NumberPart>> numbers_;
    std::deque<std::vector<TextPart>> lists_;
    std::deque<std::vector<StateSpan>> spans_;
    std::deque<std::vector<ProcessValue>> processes_;
};

} // namespace tcpdwell::report
