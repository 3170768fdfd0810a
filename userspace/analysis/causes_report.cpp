// SPDX-License-Identifier: Apache-2.0
// The tables of endings and transfers, by listening endpoint and by remote endpoint.
#include <algorithm>
#include <tuple>

#include "analysis/causes.h"

namespace tcpdwell::analysis {
namespace {

constexpr report::Column kEndpoint = {
    .id = "endpoint",
    .title = "Endpoint",
    .help = "Where a program here listens (role server), or what it connects to (role client)."};
constexpr report::Column kProgram = {
    .id = "process",
    .title = "Process",
    .help = "The program; its process id if there was just one process."};
constexpr report::Column kSide = {
    .id = "role", .title = "Role", .help = "server: it accepts; client: it connects."};
constexpr report::Column kNamespace = {
    .id = "netns", .title = "Namespace", .help = "Inode of the network namespace."};

constexpr report::Column kEndingColumns[] = {
    kEndpoint,
    kProgram,
    kSide,
    kNamespace,
    {.id = "ending", .title = "Ending", .help = "How connections ended."},
    {.id = "ending_detail", .title = "Detail", .help = "What is known beyond that."},
    {.id = "count", .title = "Count", .help = "So many; those in TIME_WAIT now included."},
};

constexpr report::Column kTransferColumns[] = {
    kEndpoint,
    kProgram,
    kSide,
    kNamespace,
    {.id = "connections", .title = "Connections", .help = "Connections that ended."},
    {.id = "bytes_sent", .title = "Sent", .help = "Bytes sent, retransmissions included."},
    {.id = "bytes_received", .title = "Received", .help = "Bytes received."},
    {.id = "segments_sent", .title = "Segments", .help = "Segments sent."},
    {.id = "segments_retransmitted", .title = "Retransmitted", .help = "Segments sent again."},
    {.id = "retransmitted_share", .title = "Share", .help = "Of the segments sent."},
    {.id = "rtt_p50_ns",
     .title = "RTT",
     .help = "Median of the smoothed round-trip times at the end."},
};

constexpr report::TableView kMinorNamespace = report::minor_column("netns", kNamespace.help);

constexpr report::TableView kEndingView[] = {
    {"endpoint", "SERVICE OR REMOTE", "Listening, or connected to.", 21, report::Align::left},
    {"process", "PROCESS", "The program.", 11, report::Align::left},
    {"role", "ROLE", "server or client.", 6, report::Align::left},
    kMinorNamespace,
    {"ending", "ENDING", "How connections ended.", 16, report::Align::left},
    {"ending_detail", "DETAIL", "What is known beyond that.", 16, report::Align::left},
    {"count", "COUNT", "So many.", 5},
};

constexpr report::TableView kTransferView[] = {
    {"endpoint", "SERVICE OR REMOTE", "Listening, or connected to.", 21, report::Align::left},
    {"process", "PROCESS", "The program.", 13, report::Align::left},
    {"role", "ROLE", "server or client.", 6, report::Align::left},
    kMinorNamespace,
    report::minor_column("connections", "Connections that ended."),
    {"bytes_sent", "SENT", "Bytes sent, retransmissions included.", 10},
    {"bytes_received", "RECEIVED", "Bytes received.", 10},
    report::minor_column("segments_sent", "Segments sent."),
    report::minor_column("segments_retransmitted", "Segments sent again."),
    {"retransmitted_share", "RETRANS", "Share of the segments sent.", 7},
    {"rtt_p50_ns", "RTT", "Median of the smoothed round-trip times.", 6},
};

std::uint64_t bad_ends(const PartyEnds& ends) {
    std::uint64_t sum = 0;
    for (const auto& [how, count] : ends.endings)
        if (how.first != tcp::Ending::fin) sum += count;
    return sum;
}

/// The cells that both tables begin with.
std::vector<report::Value> party_cells(report::Report& report, const PartyEnds& ends) {
    report::Value process;
    const std::array<char, TD_COMM_LEN>& comm =
        ends.process ? ends.process->comm_bytes : ends.party.comm;
    if (const std::string_view text = event::comm_text(comm); !text.empty())
        process = report::ProcessValue{ends.process && !ends.several_pids ? ends.process->pid : 0,
                                       report.keep(std::string(text))};
    return {report::EndpointValue{ends.party.endpoint, ends.family}, process, name(ends.party.role),
            std::int64_t{ends.party.netns}};
}

} // namespace

namespace {

bool was_established(const track::ConnectionLine& line) {
    return std::ranges::any_of(line.states, [](const track::PathStep& each) {
        return each.state == tcp::State::ESTABLISHED;
    });
}

} // namespace

void Causes::note_numbers(PartyEnds& party, const track::ConnectionLine& line, Weight weight) {
    if (line.numbers == nullptr) return;
    const event::SocketNumbers& n = *line.numbers;
    party.bytes_sent += n.bytes_sent.value_or(0) * weight;
    party.has_answered = party.has_answered || n.bytes_sent.value_or(0) > 0;
    party.bytes_received += n.bytes_received.value_or(0) * weight;
    party.segments_sent += n.segments_sent.value_or(0) * weight;
    party.segments_retransmitted += n.segments_retransmitted.value_or(0) * weight;
    if (was_established(line)) {
        party.ended_carried.sent += n.segments_sent.value_or(0) * weight;
        party.ended_carried.retransmitted += n.segments_retransmitted.value_or(0) * weight;
    }
    if (n.rtt_us) party.rtt.record(std::chrono::microseconds(*n.rtt_us), weight);
}

std::vector<const PartyEnds*> Causes::in_order() const {
    std::vector<const PartyEnds*> order;
    for (const auto& [key, ends] : parties_)
        if (ends.connections() != 0) order.push_back(&ends);
    std::ranges::stable_sort(order, [](const PartyEnds* a, const PartyEnds* b) {
        return std::tuple(bad_ends(*a), a->connections()) >
               std::tuple(bad_ends(*b), b->connections());
    });
    return order;
}

void Causes::add_to(report::Report& report, const ReportContext&) {
    report::Table endings{kEndingColumns, kEndingView, {}};
    report::Table transfers{kTransferColumns, kTransferView, {}};
    for (const PartyEnds* ends : in_order()) {
        auto counts = ends->endings;
        if (ends->waiting != 0)
            counts[{tcp::Ending::fin, tcp::EndingDetail::none}] += ends->waiting;
        std::vector<std::pair<std::pair<tcp::Ending, tcp::EndingDetail>, std::uint64_t>> order(
            counts.begin(), counts.end());
        std::ranges::stable_sort(order,
                                 [](const auto& a, const auto& b) { return a.second > b.second; });
        for (const auto& [how, count] : order) {
            std::vector<report::Value> row = party_cells(report, *ends);
            const std::string_view detail = name(how.second);
            row.insert(row.end(),
                       {name(how.first), detail.empty() ? report::Value() : report::Value(detail),
                        report::count_value(count)});
            endings.rows.push_back(std::move(row));
        }
        if (ends->segments_sent == 0) continue;
        std::vector<report::Value> row = party_cells(report, *ends);
        row.insert(
            row.end(),
            {report::count_value(ends->ended), report::count_value(ends->bytes_sent),
             report::count_value(ends->bytes_received), report::count_value(ends->segments_sent),
             report::count_value(ends->segments_retransmitted),
             static_cast<double>(ends->segments_retransmitted) /
                 static_cast<double>(ends->segments_sent),
             ends->rtt.count() == 0 ? report::Value() : report::Value(ends->rtt.quantile(0.5))});
        transfers.rows.push_back(std::move(row));
    }
    report.sections.push_back({"endings", "How connections ended",
                               "By listening endpoint, and by program and remote endpoint; the "
                               "most that didn't end by two FINs first.",
                               std::move(endings), report::SectionPlace::who});
    report.sections.push_back(
        {"transfers", "What was carried",
         "By ended connections; without numbers (--no-numbers) there is none.",
         std::move(transfers), report::SectionPlace::who});
}

} // namespace tcpdwell::analysis
