// SPDX-License-Identifier: Apache-2.0
#include "analysis/both_ends_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analysis/both_ends_sums.h"
#include "base/counted.h"

namespace tcpdwell::analysis {
namespace {

constexpr std::size_t kMostServers = 10'000;

constexpr std::string_view kServersTitle = "Who closed first, where both ends say the same";
constexpr std::string_view kExamplesTitle = "Where the ends disagree";
constexpr std::string_view kExamplesHelp =
    "Each end as its host saw it. Where each says that the other closed first, somebody between "
    "them did: a firewall, a load balancer.";

constexpr report::Column kHostColumns[] = {
    {.id = "host", .title = "Host", .help = "What the other tables call it."},
    {.id = "begin", .title = "From", .help = "Where its recordings begin, by its own clock."},
    {.id = "end", .title = "To", .help = "Where they end."},
    {.id = "ends",
     .title = "Ends",
     .help = "Ends of connections that were looked at for a partner.",
     .align = report::Align::right},
    {.id = "left_out",
     .title = "Left out",
     .help = "Those that weren't, for want of room.",
     .align = report::Align::right},
};

constexpr report::Column kPairColumns[] = {
    {.id = "client_host", .title = "Client host", .help = "Host that connects."},
    {.id = "server_host", .title = "Server host", .help = "Host that is connected to."},
    {.id = "joined",
     .title = "Both ends found",
     .help = "Connections of which both ends were found.",
     .align = report::Align::right},
    {.id = "clock_difference_ns",
     .title = "Server's clock ahead by",
     .help = "Median of the opening time by the server's clock less that by the client's: includes "
             "half a round trip.",
     .align = report::Align::right},
    {.id = "only_client",
     .title = "Only the client's",
     .help = "Connections that only the client's host recorded.",
     .align = report::Align::right},
    {.id = "only_client_outside",
     .title = "of which outside",
     .help = "Of which while the server's host wasn't recorded.",
     .align = report::Align::right},
    {.id = "only_server",
     .title = "Only the server's",
     .help = "Connections that only the server's host recorded.",
     .align = report::Align::right},
    {.id = "only_server_outside",
     .title = "of which outside",
     .help = "Of which while the client's host wasn't recorded.",
     .align = report::Align::right},
};

constexpr report::Column kServerColumns[] = {
    {.id = "client_host", .title = "Client host", .help = "Host that connects."},
    {.id = "server_host", .title = "Server host", .help = "Host that is connected to."},
    {.id = "server", .title = "Server", .help = "Endpoint that is connected to."},
    {.id = "connections",
     .title = "Connections",
     .help = "Connections of which both ends were found."},
    {.id = "closed_first",
     .title = "Closed first",
     .help = "Who closed first, where both ends say the same."},
    {.id = "crossed",
     .title = "Crossed",
     .help = "Each end closed before it heard of the other's closing."},
    {.id = "not_told",
     .title = "Not known",
     .help = "One end doesn't know, or its recording ended before."},
    {.id = "disagree", .title = "Disagree", .help = "The two ends say different things."},
    {.id = "client_established_p50_ns",
     .title = "ESTABLISHED at client",
     .help = "Median time in ESTABLISHED at the client."},
    {.id = "server_established_p50_ns",
     .title = "ESTABLISHED at server",
     .help = "Median time in ESTABLISHED at the server."},
    {.id = "time_wait", .title = "TIME_WAIT", .help = "At which ends there was a TIME_WAIT."},
};

constexpr report::TableView kServer = {"server", "SERVER", "Endpoint that is connected to.", 21,
                                       report::Align::left};

constexpr report::TableView kCloserView[] = {
    kServer,
    {"connections", "CONNS", "Connections of which both ends were found.", 6},
    {"closed_first.client", "CLIENT", "Both say: the client.", 6},
    {"closed_first.server", "SERVER", "Both say: the server.", 6},
    {"closed_first.both", "BOTH", "Both say: both.", 5},
    {"closed_first.none", "NONE", "Both say: nobody.", 5},
    {"crossed", "CROSSED", "Each closed before it heard of the other's closing.", 7},
    {"not_told", "NOT KNOWN", "One end doesn't know.", 9},
    {"disagree", "DISAGREE", "They say different things.", 8},
};

constexpr report::TableView kTimeView[] = {
    kServer,
    {"client_established_p50_ns", "EST CLIENT", "Median at the client.", 10},
    {"server_established_p50_ns", "EST SERVER", "Median at the server.", 10},
    {"time_wait.client", "TW CLIENT", "TIME_WAIT at the client only.", 9},
    {"time_wait.server", "TW SERVER", "TIME_WAIT at the server only.", 9},
    {"time_wait.both", "TW BOTH", "At both.", 7},
    {"time_wait.neither", "NO TW", "At neither.", 6},
};

/// Both in one table, if the line is wide enough.
constexpr auto kServerView = [] {
    std::array<report::TableView, 2 + std::size(kCloserView) + std::size(kTimeView) - 1> all{
        report::TableView{"client_host", "CLIENT HOST", "Host that connects.", 11,
                          report::Align::left},
        report::TableView{"server_host", "SERVER HOST", "Host that is connected to.", 11,
                          report::Align::left}};
    const auto rest = std::copy(std::begin(kCloserView), std::end(kCloserView), all.begin() + 2);
    std::copy(std::begin(kTimeView) + 1, std::end(kTimeView), rest);
    return all;
}();

constexpr report::Column kExampleColumns[] = {
    {.id = "client_host", .title = "Client host", .help = "Host that connects."},
    {.id = "server_host", .title = "Server host", .help = "Host that is connected to."},
    {.id = "client", .title = "Client", .help = "Endpoint of the client."},
    {.id = "server", .title = "Server", .help = "Endpoint of the server."},
    {.id = "client_opened", .title = "Opened", .help = "By the client's clock."},
    {.id = "server_opened", .title = "Opened", .help = "By the server's clock."},
    {.id = "client_says",
     .title = "Closed first",
     .help = "Who closed first, as the client's end was seen."},
    {.id = "server_says",
     .title = "Closed first",
     .help = "Who closed first, as the server's end was seen."},
    {.id = "client_ending", .title = "Ending", .help = "How the client's end ended."},
    {.id = "server_ending", .title = "Ending", .help = "How the server's end ended."},
    {.id = "client_ending_detail", .title = "Detail", .help = "What is known beyond that."},
    {.id = "server_ending_detail", .title = "Detail", .help = "What is known beyond that."},
    {.id = "client_seen", .title = "Seen", .help = "How much of the client's end was seen."},
    {.id = "server_seen", .title = "Seen", .help = "How much of the server's end was seen."},
    {.id = "client_states",
     .title = "States",
     .help = "States of the client's end, with the time in each."},
    {.id = "server_states",
     .title = "States",
     .help = "States of the server's end, with the time in each."},
};

/// For people each end of an example has a row.
constexpr report::Column kViewColumns[] = {
    {.id = "at", .title = "SEEN AT"},        {.id = "local", .title = "LOCAL"},
    {.id = "says", .title = "CLOSED FIRST"}, {.id = "ending", .title = "ENDING"},
    {.id = "seen", .title = "SEEN"},         {.id = "states", .title = "STATES"},
};
constexpr report::TableView kExampleView[] = {
    {"at", "SEEN AT", "Whose end.", 7, report::Align::left},
    {"local", "LOCAL", "The endpoint there.", 21, report::Align::left},
    {"says", "CLOSED FIRST", "Who closed first, as it was seen there.", 12, report::Align::left},
    {"ending", "ENDING", "How it ended, as it was seen there.", 17, report::Align::left},
    {"seen", "SEEN", "How much of it was seen.", 6, report::Align::left},
    {"states", "", "States with the time in each.", 0, report::Align::left, true},
};

report::Value optional_time(std::optional<Nanoseconds> time) {
    return time ? report::Value(*time) : report::Value();
}

class BothEndsReportBuilder {
public:
    BothEndsReportBuilder(std::span<const EndSummaries> hosts, std::uint64_t sample)
        : hosts_(hosts), sample_(sample), both_(hosts), sums_(sum_up(hosts, both_, sample)),
          shown_(std::min(sums_.servers.size(), kMostServers)) {}

    report::Report make() {
        for (const EndSummaries& host : hosts_) names_.push_back(report_.keep(host.host()));
        summary();
        add_table("hosts", "Hosts", "Times are those of each host's own clock.", hosts());
        add_table("pairs", "Pairs of hosts",
                  "Half a round trip is in the difference of the clocks. Outside: while the other "
                  "host wasn't "
                  "recorded.",
                  pairs());
        add_table("servers", kServersTitle, "",
                  servers([](const ServedPair&) { return true; }, kServerView));
        add_table("disagreements", kExamplesTitle, kExamplesHelp, disagreements());
        for (const HostPair& pair : sums_.pairs) for_people(pair);
        return std::move(report_);
    }

private:
    [[nodiscard]] const EndSummary& at(EndRef end) const { return hosts_[end.host][end.line]; }
    [[nodiscard]] report::Value host(std::uint32_t index) const { return names_[index]; }
    /// What the text has by pairs of hosts.
    void add_table(std::string_view id, std::string_view title, std::string_view help,
                   report::Table table) {
        report_.sections.push_back(
            {id, title, help, std::move(table), report::SectionPlace::other, false});
    }
    void add_for_people(std::string_view title, std::string_view help, report::SectionBody body) {
        report_.sections.push_back({"", title, help, std::move(body)});
    }

    void summary() {
        std::uint64_t joined = 0;
        std::uint64_t left_out = 0;
        EnumArray<Agreement, std::uint64_t> by_agreement;
        for (const ServedPair& row : sums_.servers) {
            joined += row.connections;
            for (const Agreement what : kAllOf<Agreement>) by_agreement[what] += row.count(what);
        }
        for (const EndSummaries& host : hosts_) left_out += host.left_out() * sample_;
        const auto count = [&](Agreement what) { return by_agreement[what]; };
        const std::uint64_t agree = count(Agreement::client) + count(Agreement::server) +
                                    count(Agreement::both) + count(Agreement::none);
        std::string help = fmt::format(
            "{} between these hosts {} found at both ends. Both say the same of who closed first: "
            "{}; closed at the "
            "same time: {}; one end doesn't know: {}; they disagree: {}.",
            counted(joined, "connection"), joined == 1 ? "was" : "were", agree,
            count(Agreement::crossed), count(Agreement::not_told), count(Agreement::disagree));
        if (joined == 0)
            help = fmt::format(
                "No connection between these hosts was found at both ends: they were recorded at "
                "different times, their clocks differ by more than {} s, or addresses are "
                "translated "
                "between them.",
                std::chrono::duration_cast<std::chrono::seconds>(BothEnds::kTolerance).count());
        if (sample_ > 1)
            help += fmt::format(" A SAMPLE: one connection in {0} was compared; what is counted "
                                "of connections is that times {0}.",
                                sample_);
        if (left_out != 0) help += fmt::format(" Left out for want of room: {} ends.", left_out);
        report::Facts facts{
            {{"joined", "", report::count_value(joined)},
             {"agree", "", report::count_value(agree)},
             {"crossed", "", report::count_value(count(Agreement::crossed))},
             {"not_told", "", report::count_value(count(Agreement::not_told))},
             {"disagree", "", report::count_value(count(Agreement::disagree))},
             {"left_out", "", report::count_value(left_out)},
             {"servers_left_out", "", report::count_value(sums_.servers.size() - shown_)},
             {"tolerance_ns", "", BothEnds::kTolerance}}};
        if (sample_ > 1) facts.lines.push_back({"sample", "", report::count_value(sample_)});
        report_.sections.push_back(
            {"summary", "Both ends", report_.keep(std::move(help)), std::move(facts)});
    }

    [[nodiscard]] report::Table hosts() const {
        report::Table table{kHostColumns, {}, {}};
        for (std::uint32_t i = 0; i < hosts_.size(); ++i)
            table.rows.push_back({host(i), hosts_[i].begin(), hosts_[i].end(),
                                  report::count_value(hosts_[i].size() * sample_),
                                  report::count_value(hosts_[i].left_out() * sample_)});
        return table;
    }

    [[nodiscard]] report::Table pairs() const {
        report::Table table{kPairColumns, {}, {}};
        for (const HostPair& pair : sums_.pairs)
            table.rows.push_back({host(pair.client_host), host(pair.server_host),
                                  report::count_value(pair.joined),
                                  optional_time(pair.clock_difference),
                                  report::count_value(pair.only_client.connections),
                                  report::count_value(pair.only_client.outside),
                                  report::count_value(pair.only_server.connections),
                                  report::count_value(pair.only_server.outside)});
        return table;
    }

    template <class Wants>
    report::Table servers(const Wants& wants, std::span<const report::TableView> view) {
        report::Table table{kServerColumns, view, {}};
        for (const ServedPair& row : std::span(sums_.servers).first(shown_)) {
            if (!wants(row)) continue;
            table.rows.push_back(
                {host(row.client_host), host(row.server_host),
                 report::EndpointValue{row.server, row.family, true},
                 report::count_value(row.connections),
                 report_.keep({{"client", report::count_value(row.count(Agreement::client))},
                               {"server", report::count_value(row.count(Agreement::server))},
                               {"both", report::count_value(row.count(Agreement::both))},
                               {"none", report::count_value(row.count(Agreement::none))}}),
                 report::count_value(row.count(Agreement::crossed)),
                 report::count_value(row.count(Agreement::not_told)),
                 report::count_value(row.count(Agreement::disagree)),
                 optional_time(row.client_established), optional_time(row.server_established),
                 report_.keep({{"client", report::count_value(row.time_wait[1])},
                               {"server", report::count_value(row.time_wait[2])},
                               {"both", report::count_value(row.time_wait[3])},
                               {"neither", report::count_value(row.time_wait[0])}})});
        }
        return table;
    }

    report::Value states(EndRef end) {
        std::vector<report::StateSpan> spans;
        for (const track::PathStep& step : hosts_[end.host].states(at(end)))
            spans.push_back({step.state, step.dwell});
        return report_.keep(std::move(spans));
    }

    static report::Value detail(const EndSummary& end) {
        const std::string_view text = name(end.detail);
        return text.empty() ? report::Value() : report::Value(text);
    }

    static report::Value opened(const EndSummary& end) {
        return end.has_opened() ? report::Value(WallTime(Nanoseconds(end.opened_ns)))
                                : report::Value();
    }

    report::Table disagreements() {
        report::Table table{kExampleColumns, {}, {}};
        for (const HostPair& pair : sums_.pairs)
            for (const JoinedEnds& ends : pair.disagreements) {
                const EndSummary& c = at(ends.client);
                const EndSummary& s = at(ends.server);
                table.rows.push_back({host(pair.client_host), host(pair.server_host),
                                      report::EndpointValue{c.local, c.family, true},
                                      report::EndpointValue{s.local, s.family, true}, opened(c),
                                      opened(s), name(closer_by_client(c.closed_first)),
                                      name(closer_by_server(s.closed_first)), name(c.ending),
                                      name(s.ending), detail(c), detail(s), name(c.seen),
                                      name(s.seen), states(ends.client), states(ends.server)});
            }
        return table;
    }

    void for_people(const HostPair& pair) {
        const std::string& client = hosts_[pair.client_host].host();
        const std::string& server = hosts_[pair.server_host].host();
        std::string help = counted(pair.joined, "connection") + " found at both ends.";
        const auto alone = [&](const UnmatchedEnds& seen, const std::string& who,
                               const std::string& other) {
            if (seen.connections == 0) return;
            help += fmt::format(" Only {} recorded {} more", who, seen.connections);
            if (seen.outside != 0)
                help += fmt::format(", {} of them while {} wasn't recorded", seen.outside, other);
            help += '.';
        };
        alone(pair.only_client, client, server);
        alone(pair.only_server, server, client);
        if (pair.clock_difference)
            help += fmt::format(
                " The clock of {} is {:.6f} s {} (median; half a round trip is in it).", server,
                std::abs(std::chrono::duration<double>(*pair.clock_difference).count()),
                *pair.clock_difference < Nanoseconds(0) ? "behind" : "ahead");
        add_for_people(report_.keep(fmt::format("{} connects to {}", client, server)),
                       report_.keep(std::move(help)), report::Facts{});
        const auto of_pair = [&](const ServedPair& row) {
            return row.client_host == pair.client_host && row.server_host == pair.server_host;
        };
        add_for_people(kServersTitle, "", servers(of_pair, kCloserView));
        add_for_people("Time in ESTABLISHED (median), and who had the TIME_WAIT", "",
                       servers(of_pair, kTimeView));
        add_for_people(kExamplesTitle, kExamplesHelp, examples(pair));
    }

    report::Table examples(const HostPair& pair) {
        report::Table table{kViewColumns, kExampleView, {}};
        const auto row = [&](EndRef ref, std::string_view side, Closer says) {
            const EndSummary& end = at(ref);
            table.rows.push_back({side, report::EndpointValue{end.local, end.family, true},
                                  name(says), name(end.ending), name(end.seen), states(ref)});
        };
        for (const JoinedEnds& ends : pair.disagreements) {
            row(ends.client, "client", closer_by_client(at(ends.client).closed_first));
            row(ends.server, "server", closer_by_server(at(ends.server).closed_first));
        }
        return table;
    }

    std::span<const EndSummaries> hosts_;
    std::uint64_t sample_;
    std::vector<std::string_view>
        names_; ///< of the hosts; the report, which owns them, outlives hosts_
    BothEnds both_;
    BothEndsSums sums_;
    std::size_t shown_; ///< servers; of more there is no table
    report::Report report_;
};

} // namespace

report::Report both_ends_report(std::span<const EndSummaries> hosts, std::uint64_t sample) {
    return BothEndsReportBuilder(hosts, sample).make();
}

} // namespace tcpdwell::analysis
