// SPDX-License-Identifier: Apache-2.0
// One row of a table, opened: its endings, latencies, holders and newest connections.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "analysis/histogram.h"
#include "render/cell.h"
#include "screen/layout_parts.h"
#include "screen/text_fit.h"

namespace tcpdwell::screen {
namespace {

using analysis::LogHistogram;
using tcp::State;

constexpr std::size_t kMostConnections = 200;
constexpr std::size_t kMostHolders = 50;

/// What the lines of a page go into.
class PageWriter {
public:
    explicit PageWriter(const ScreenStyle& style) : style_(style) {}

    void heading(std::string_view text) {
        if (!lines_.empty()) lines_.emplace_back();
        lines_.push_back({piece_of(text, style_.size.width, style_, Tone::title)});
    }
    void line(std::string_view text, Tone tone = Tone::plain) {
        lines_.push_back({piece_of(text, style_.size.width, style_, tone)});
    }
    /// The same on as many lines as it takes.
    void paragraph(std::string_view text) {
        for (const std::string& part : wrapped_text(text, style_.size.width, style_.unicode))
            line(part);
    }
    Lines take() { return std::move(lines_); }

private:
    const ScreenStyle& style_;
    Lines lines_;
};

std::string cell_text(const report::Value& value) {
    static constexpr report::Column kPlain{};
    render::CellText text(false);
    text.append(kPlain, value);
    return std::string(text.text());
}

std::string process_text(const event::Process& process) {
    return cell_text(report::ProcessValue{process.pid, process.comm()});
}

std::string ends_text(const tcp::FourTuple& tuple) {
    return cell_text(report::EndpointValue{tuple.local, tuple.family}) + " > " +
           cell_text(report::EndpointValue{tuple.remote, tuple.family});
}

/// "fin 120 (97.6%)", the most frequent first.
template <class E>
std::string shares(const EnumArray<E, std::uint64_t>& counts) {
    std::vector<std::pair<std::uint64_t, E>> order;
    std::uint64_t sum = 0;
    for (const E each : kAllOf<E>) {
        if (counts[each] == 0) continue;
        order.emplace_back(counts[each], each);
        sum += counts[each];
    }
    std::ranges::stable_sort(order, [](auto& a, auto& b) { return a.first > b.first; });
    std::string text;
    for (const auto& [count, each] : order)
        text += fmt::format("{}{} {} ({:.1f}%)", text.empty() ? "" : ", ", name(each), count,
                            100.0 * static_cast<double>(count) / static_cast<double>(sum));
    return text.empty() ? "-" : text;
}

std::string counts_by_state(const EnumArray<State, std::uint64_t>& sockets) {
    std::string text;
    for (const State state : kAllOf<State>)
        if (sockets[state] != 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name(state), sockets[state]);
    return text.empty() ? "none" : text;
}

void write_latency(PageWriter& page, std::string_view what, const LogHistogram& histogram) {
    if (histogram.count() == 0) return;
    page.line(fmt::format("{:<24}{:>7}{:>9}{:>9}{:>9}{:>9}", what, histogram.count(),
                          duration_text(histogram.quantile(0.5)),
                          duration_text(histogram.quantile(0.9)),
                          duration_text(histogram.quantile(0.99)), duration_text(histogram.max())));
}

/// Whether the time in SYN_SENT or SYN_RECV was that of a handshake that came to nothing.
bool has_failed(const ConnectionEntry& entry) {
    return entry.ending == tcp::Ending::refused || entry.ending == tcp::Ending::connect_failed ||
           entry.ending == tcp::Ending::handshake_failed;
}

/// Of the connections that are kept: those open, and those that ended last.
void write_latencies(PageWriter& page, const std::vector<const ConnectionEntry*>& entries) {
    LogHistogram accept;
    EnumArray<State, LogHistogram> dwell;
    for (const ConnectionEntry* entry : entries) {
        if (entry->accept_delay) accept.record(*entry->accept_delay);
        if (has_failed(*entry)) continue;
        for (const State state : kAllOf<State>)
            if (entry->dwell[state]) dwell[state].record(*entry->dwell[state]);
    }
    page.heading(fmt::format("{:<24}{:>7}{:>9}{:>9}{:>9}{:>9}", "Latencies", "COUNT", "P50", "P90",
                             "P99", "MAX"));
    write_latency(page, "connect (SYN_SENT)", dwell[State::SYN_SENT]);
    write_latency(page, "handshake (SYN_RECV)", dwell[State::SYN_RECV]);
    write_latency(page, "accept delay", accept);
    for (const State state : kAllOf<State>)
        if (state != State::SYN_SENT && state != State::SYN_RECV)
            write_latency(page, name(state), dwell[state]);
}

void write_holders(PageWriter& page, const std::vector<const ConnectionEntry*>& entries) {
    std::map<std::pair<std::string, std::uint32_t>, std::size_t> holders;
    for (const ConnectionEntry* entry : entries) {
        if (entry->state == State::CLOSE) continue;
        for (const event::Process& process : entry->holders)
            ++holders[{std::string(process.comm()), process.pid}];
    }
    if (holders.empty()) return;
    page.heading("Holders of the sockets that were looked up");
    std::size_t written = 0;
    for (const auto& [process, sockets] : holders) {
        if (++written > kMostHolders) break;
        page.line(fmt::format("{:>7}  {}", sockets,
                              cell_text(report::ProcessValue{process.second, process.first})));
    }
}

void write_connections(PageWriter& page, std::vector<const ConnectionEntry*> entries,
                       const ScreenData& data) {
    const auto begin = [](const ConnectionEntry* entry) {
        return entry->opened.value_or(entry->since);
    };
    std::ranges::stable_sort(entries, [&](auto* a, auto* b) { return begin(a) > begin(b); });
    page.heading(
        fmt::format("{:<16} {:<8} {:<17} {}", "Newest", "AGE", "STATE, ENDING", "LOCAL > REMOTE"));
    if (entries.size() > kMostConnections) entries.resize(kMostConnections);
    for (const ConnectionEntry* entry : entries) {
        const bool is_open = entry->state != State::CLOSE;
        page.line(fmt::format("{:016x} {:<8} {:<17} {}", entry->id,
                              duration_text(std::max(data.now - begin(entry), Nanoseconds(0))),
                              is_open ? name(entry->state) : name(entry->ending),
                              ends_text(entry->tuple)),
                  is_open ? Tone::plain : Tone::dim);
    }
}

std::string title_of(const ScreenData& data, TableKind kind, const GroupRow& row) {
    const ScreenTable table(kind, data);
    for (std::size_t i = 0; i < table.size(); ++i)
        if (table.key(i) == row.key) {
            std::string title(ScreenTable::title(kind));
            title.pop_back(); // of one
            title += ": " + table.text(i, 0);
            if (kind != TableKind::programs) title += "  " + table.text(i, 1);
            return title;
        }
    return {};
}

void write_group(PageWriter& page, const ScreenData& data, TableKind kind, const GroupRow& row) {
    std::vector<const ConnectionEntry*> entries;
    std::size_t open = 0;
    for (const auto* list : {&data.open, &data.ended})
        for (const ConnectionEntry& entry : *list) {
            if (!ScreenData::is_of(kind, row.key, entry)) continue;
            entries.push_back(&entry);
            open += list == &data.open ? 1 : 0;
        }
    page.heading(title_of(data, kind, row));
    if (kind == TableKind::ports) {
        page.line(fmt::format("Ports held: {} now, {} at most, of {} in ip_local_port_range",
                              row.held, row.peak, row.limit ? std::to_string(*row.limit) : "?"));
    } else {
        page.line(fmt::format("Connections: {}; begun per second: {}", row.total.connections,
                              row.opened_per_second ? short_number(*row.opened_per_second) : "-"));
        page.paragraph("Endings: " + shares(row.total.endings));
        page.paragraph("Closed first: " + shares(row.total.closed_first));
        page.paragraph("Sockets now: " + counts_by_state(row.sockets));
    }
    page.line(fmt::format("Below: of {} open connections, and the last {} that ended", open,
                          entries.size() - open),
              Tone::dim);
    write_latencies(page, entries);
    write_holders(page, entries);
    write_connections(page, std::move(entries), data);
}

void write_connection(PageWriter& page, const ScreenData& data, const ConnectionEntry& entry) {
    page.heading(fmt::format("Connection {:016x}", entry.id));
    page.line(ends_text(entry.tuple));
    page.line(fmt::format("Role: {}; program: {}; network namespace: {}", name(entry.role),
                          entry.process ? process_text(*entry.process) : "-", entry.netns));
    const std::string for_text = duration_text(std::max(data.now - entry.since, Nanoseconds(0)));
    if (entry.state == State::CLOSE)
        page.line(fmt::format("Ended {} ago: {}{}{}; closed first: {}", for_text,
                              name(entry.ending), name(entry.detail).empty() ? "" : ", ",
                              name(entry.detail), name(entry.closed_first)));
    else
        page.line(fmt::format("{} for {} at least", name(entry.state), for_text));
    const auto number = [](auto count) {
        return count ? cell_text(report::count_value(*count)) : std::string("-");
    };
    page.line(fmt::format("Bytes sent: {}, received: {}, unread: {}; segments retransmitted: {}",
                          number(entry.sent), number(entry.received), number(entry.unread),
                          number(entry.retransmitted)));
    page.heading("Dwell times");
    for (const State state : kAllOf<State>)
        if (entry.dwell[state])
            page.line(fmt::format("{:<24}{}", name(state), duration_text(entry.dwell[state])));
    if (entry.accept_delay)
        page.line(fmt::format("{:<24}{}", "accept delay", duration_text(entry.accept_delay)));
    if (entry.holders.empty()) return;
    page.heading("Holders, when they were looked up");
    for (const event::Process& process : entry.holders) page.line(process_text(process));
}

} // namespace

Lines row_page(const ScreenData& data, const ViewState& view, const ScreenStyle& style) {
    PageWriter page(style);
    if (view.table == TableKind::connections) {
        for (const auto* list : {&data.open, &data.ended})
            for (const ConnectionEntry& entry : *list)
                if (entry.id == view.opened.connection) {
                    write_connection(page, data, entry);
                    return page.take();
                }
    }
    const auto& rows = data.groups(view.table);
    const auto row = std::ranges::find(rows, view.opened, &GroupRow::key);
    if (row == rows.end())
        page.line("It is no longer known; Esc goes back", Tone::warning);
    else
        write_group(page, data, view.table, *row);
    return page.take();
}

} // namespace tcpdwell::screen
