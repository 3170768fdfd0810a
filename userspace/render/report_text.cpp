// SPDX-License-Identifier: Apache-2.0
// Reports for people.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "render/cell.h"
#include "render/duration.h"
#include "render/loss_text.h"
#include "render/report_formats.h"
#include "render/text_bars.h"
#include "render/text_table.h"
#include "render/timestamp.h"
#include "render/wrap.h"

namespace tcpdwell::render {
namespace {

std::string duration_cell(Nanoseconds duration) {
    std::string text;
    append_duration(text, duration);
    return text;
}

struct Statistic {
    std::string_view title;
    Nanoseconds report::Distribution::*value;
};
constexpr Statistic kStatistics[] = {
    {"MIN", &report::Distribution::min}, {"MEAN", &report::Distribution::mean},
    {"P50", &report::Distribution::p50}, {"P90", &report::Distribution::p90},
    {"P99", &report::Distribution::p99}, {"P99.9", &report::Distribution::p999},
    {"MAX", &report::Distribution::max},
};

class Page {
public:
    Page(const report::Report& report, const TextStyle& style) : report_(report), style_(style) {
        style_.width = std::max<std::size_t>(style_.width, 80);
    }

    /// Head and sections.
    std::string write() {
        head();
        return write_sections();
    }

    std::string write_sections() {
        for (const report::Section* section : report_.in_reading_order()) {
            if (!section->is_in_text) continue;
            section_ = section;
            std::visit([this](const auto& body) { write(body); }, section->body);
        }
        return std::move(out_);
    }

private:
    std::string coloured(std::string_view text, std::string_view sgr) const {
        return style_.colour ? fmt::format("\x1b[{}m{}\x1b[0m", sgr, text) : std::string(text);
    }

    void heading() {
        out_ += '\n';
        out_ += coloured(printable(section_->title), kBold) + '\n';
        if (!section_->help.empty()) out_ += wrap(printable(section_->help), style_.width, "");
    }

    /// The cell of a Facts section; nullptr: the report has no such.
    const report::Value* find(std::string_view section, std::string_view id) const {
        const report::Section* found = report_.find(section);
        const auto* facts = found ? std::get_if<report::Facts>(&found->body) : nullptr;
        if (!facts) return nullptr;
        for (const report::FactLine& line : facts->lines)
            if (line.id == id) return &line.value;
        return nullptr;
    }

    /// The same as people read it.
    std::string fact(std::string_view section, std::string_view id) const {
        const report::Value* value = find(section, id);
        return value ? text_cell(*value, false).text : "-";
    }

    bool is_zero(std::string_view section, std::string_view id) const {
        return fact(section, id) == "0";
    }

    /// 0 if it isn't there.
    std::uint64_t count(std::string_view section, std::string_view id) const {
        const report::Value* const value = find(section, id);
        const auto* number = value ? std::get_if<std::int64_t>(value) : nullptr;
        return number ? static_cast<std::uint64_t>(*number) : 0;
    }

    std::string counted_connections() const {
        return fact("quality", "connections") +
               (count("quality", "connections") == 1 ? " connection" : " connections");
    }

    void head() {
        const std::string begin = fact("meta", "begin");
        const std::string end = fact("meta", "end");
        out_ += wrap(fmt::format("tcpdwell report: {}, {}, Linux {}", fact("meta", "source"),
                                 fact("meta", "host"), fact("meta", "kernel")),
                     style_.width, "");
        std::string text =
            fmt::format("{} from {} to {}, {} network namespace{}", fact("meta", "duration_ns"),
                        begin.substr(0, begin.find('.')), end.substr(0, end.find('.')),
                        fact("meta", "netns"), fact("meta", "netns") == "1" ? "" : "s");
        if (fact("meta", "filter") != "-") text += ", filter " + fact("meta", "filter");
        out_ += wrap(text, style_.width, "");
        if (fact("meta", "sample") != "-")
            out_ += wrap(
                fmt::format("A SAMPLE: one connection in {0} was traced (--sample), {1} in all; "
                            "counts of connections, sockets, transitions and bytes are "
                            "estimates, what was traced times {0}",
                            fact("meta", "sample"), fact("quality", "traced")),
                style_.width, "");
        // In TIME_WAIT a connection is over.
        const std::uint64_t waits = count("quality", "time_wait");
        text = fmt::format("{}: {} ended, {} still open{}", counted_connections(),
                           fact("quality", "ended"), count("quality", "open") - waits,
                           waits == 0 ? "" : fmt::format(", {} in TIME_WAIT", waits));
        if (!is_zero("quality", "joined"))
            text += fmt::format("; {} open before tracing began", fact("quality", "joined"));
        if (!is_zero("quality", "gap"))
            text += fmt::format("; {} with gaps", fact("quality", "gap"));
        if (count("quality", "evicted") != 0)
            text += fmt::format("; {} GIVEN UP FOR WANT OF ROOM (--max-connections)",
                                fact("quality", "evicted"));
        if (find("quality", "lost"))
            text += "; " + loss_text(count("quality", "lost"), count("quality", "holes"),
                                     count("quality", "unseen"));
        out_ += wrap(text, style_.width, "");
    }

    void write(const report::Facts& facts) {
        heading();
        for (const report::FactLine& line : facts.lines)
            if (!line.title.empty())
                out_ += wrap(
                    fmt::format("{}: {}", printable(line.title), text_cell(line.value, false).text),
                    style_.width, "  ");
    }

    void write(const report::Findings& findings) {
        heading();
        if (findings.list.empty())
            out_ +=
                wrap(fmt::format("No problems found in {} over {}; 'tcpdwell report --help' lists "
                                 "what is looked for.",
                                 counted_connections(), fact("meta", "duration_ns")),
                     style_.width, "");
        for (const report::Finding& finding : findings.list) write(finding);
    }

    /// A consequence stands under its cause, indented, and without advice: the cure is the cause's.
    void write(const report::Finding& finding) {
        const std::string_view sgr = finding.severity == report::Severity::critical  ? "1;31"
                                     : finding.severity == report::Severity::warning ? "1;33"
                                                                                     : "1;36";
        const std::string indent(finding.because ? 4 : 2, ' ');
        out_ += indent.substr(2) + coloured(fmt::format("[{}]", name(finding.severity)), sgr) +
                ' ' + coloured(finding.id, kBold) + '\n';
        if (finding.because)
            out_ += wrap(fmt::format("Because of {}: {}.", finding.because->id,
                                     printable(finding.because->subject)),
                         style_.width, indent);
        out_ += wrap(printable(finding.what), style_.width, indent);
        std::string evidence;
        for (const report::FactLine& line : finding.evidence) {
            if (std::holds_alternative<std::monostate>(line.value)) continue;
            evidence += fmt::format("{}{} {}", evidence.empty() ? "Evidence: " : ", ",
                                    printable(line.title), text_cell(line.value, false).text);
        }
        for (const report::HexId& id : finding.connections)
            evidence +=
                fmt::format("{}{}", &id == finding.connections.data() ? "; connections " : " ",
                            text_cell(id, false).text);
        out_ += wrap(evidence, style_.width, indent);
        if (finding.because) return;
        for (const std::string_view sentence : finding.advice) {
            const std::string lines = wrap(printable(sentence), style_.width - 2, "    ");
            out_ += "  - " + lines.substr(4);
        }
    }

    void write(const report::Table& table) {
        if (table.rows.empty()) return;
        heading();
        append_table(out_, table, style_);
    }

    void write(const report::Distributions& all) {
        if (all.groups.empty()) return;
        heading();
        for (const report::DistributionGroup& group : all.groups) {
            if (!group.label.empty()) out_ += '\n' + coloured(printable(group.label), kBold) + '\n';
            summaries(group.members);
        }
        if (!all.has_bars) return;
        for (const report::DistributionGroup& group : all.groups)
            for (const report::Distribution& d : group.members) histogram(d);
    }

    void summaries(const std::vector<report::Distribution>& members) {
        // A long run has long durations and large counts: then the line does without these, one
        // after the other.
        constexpr std::string_view dispensable[] = {"MEAN", "P90", "P99.9", "MIN"};
        std::span<const std::string_view> left_out(dispensable, 0);
        TextTable table = summary_table(members, left_out);
        while (table.width() > style_.width && left_out.size() < std::size(dispensable)) {
            left_out = std::span(dispensable, left_out.size() + 1);
            table = summary_table(members, left_out);
        }
        table.append_to(out_, 0);
    }

    TextTable summary_table(const std::vector<report::Distribution>& members,
                            std::span<const std::string_view> left_out) {
        const bool has_title = !members.empty() && !members.front().title.empty();
        const bool has_open = !members.empty() && members.front().open.has_value();
        std::vector<Statistic> shown;
        for (const Statistic& s : kStatistics)
            if ((!has_title || s.title != "MEAN") &&
                std::ranges::find(left_out, s.title) == left_out.end())
                shown.push_back(s);
        std::vector<TextTable::Column> columns{
            {has_title ? "STEP" : "STATE", has_title ? 25U : 11U, report::Align::left},
            {"COUNT", 6, report::Align::right}};
        for (const Statistic& s : shown) columns.push_back({s.title, 6, report::Align::right});
        if (has_open) columns.push_back({"NOW", 4, report::Align::right});
        if (has_open) columns.push_back({"OLDEST", 6, report::Align::right});
        TextTable table(std::move(columns), style_.colour);
        for (const report::Distribution& d : members) {
            std::vector<TextCell> row{has_title ? text_cell(std::string_view(d.title), false)
                                                : state_cell(d.id),
                                      plain_cell(fmt::format("{}", d.count))};
            for (const Statistic& s : shown)
                row.push_back(plain_cell(d.count == 0 ? "-" : duration_cell(d.*s.value)));
            if (has_open) row.push_back(plain_cell(fmt::format("{}", d.open.value_or(0))));
            if (has_open) row.push_back(plain_cell(d.oldest ? duration_cell(*d.oldest) : "-"));
            table.add(std::move(row));
        }
        return table;
    }

    TextCell state_cell(std::string_view id) const {
        if (const auto state = from_word<tcp::State>(id)) return text_cell(*state, style_.colour);
        return plain_cell(std::string(id));
    }

    void histogram(const report::Distribution& d) {
        constexpr std::uint64_t few = 10; // fully described by the table
        if (d.count == 0 || (d.count < few && !d.nominal)) return;
        out_ += '\n' + state_cell(d.id).text;
        if (d.nominal)
            out_ += fmt::format("  2MSL: median {}, nominally {}", duration_cell(d.p50),
                                duration_cell(*d.nominal));
        out_ += '\n';
        append_bars(out_, d, style_);
    }

    void write(const report::StateDiagram& diagram) {
        if (diagram.edges.empty()) return;
        heading();
        TextTable table({{"FROM", 11, report::Align::left},
                         {"TO", 11, report::Align::left},
                         {"COUNT", 9, report::Align::right},
                         {"MEDIAN", 8, report::Align::right},
                         {"", 0, report::Align::left}},
                        style_.colour);
        for (const report::Edge& edge : diagram.edges)
            table.add({text_cell(edge.from, style_.colour), text_cell(edge.to, style_.colour),
                       plain_cell(fmt::format("{}", edge.count)),
                       plain_cell(edge.median ? duration_cell(*edge.median) : "-"),
                       plain_cell(edge.kind == tcp::EdgeKind::unexpected ? " unexpected" : "")});
        table.append_to(out_, 0);
        if (std::ranges::any_of(diagram.edges, [](const report::Edge& e) {
                return e.kind == tcp::EdgeKind::unexpected;
            }))
            out_ += wrap("Unexpected: events were lost, or the kernel is newer than the table of "
                         "transitions.",
                         style_.width, "");
    }

    void write(const report::Timeline& timeline) {
        if (timeline.series.empty()) return;
        heading();
        constexpr std::size_t label = 11;
        constexpr std::size_t most = 8;
        TextTable table({{"STATE", label, report::Align::left},
                         {"MOST", most, report::Align::right},
                         {"", 0, report::Align::left}},
                        style_.colour);
        for (const report::Timeline::Series& series : timeline.series) {
            const std::size_t room = style_.width - label - most - 4;
            TextCell line = plain_cell(sparkline(series.counts, room, style_.unicode));
            line.width = line.text.empty() ? 0 : 1; // the last column: its width doesn't matter
            table.add({text_cell(series.state, style_.colour),
                       plain_cell(fmt::format(
                           "{}", *std::max_element(series.counts.begin(), series.counts.end()))),
                       std::move(line)});
        }
        table.append_to(out_, 0);
    }

    const report::Report& report_;
    TextStyle style_;
    const report::Section* section_ = nullptr;
    std::string out_;
};

/// A heading over a whole report; untrusted bytes in it are escaped.
std::string title_line(std::string_view title, const TextStyle& style) {
    const std::string text = "== " + printable(title) + " ==";
    return style.colour ? fmt::format("\x1b[{}m{}\x1b[0m\n", kBold, text) : text + '\n';
}

} // namespace

std::string report_text(const report::Report& report, const TextStyle& style) {
    return Page(report, style).write();
}

std::string report_text(const report::ReportSet& reports, const TextStyle& style) {
    if (!reports.both_ends) return report_text(reports.hosts.front().report, style);
    std::string out;
    for (std::size_t i = 0; i < reports.hosts.size(); ++i) {
        const report::HostReport& host = reports.hosts[i];
        if (i != 0) out += '\n';
        out += title_line(
            fmt::format("Host {} of {}: {}", i + 1, reports.hosts_asked_for, host.name), style);
        out += report_text(host.report, style);
    }
    out += '\n' + title_line(report::ReportSet::kBothEndsTitle, style);
    return out + Page(*reports.both_ends, style).write_sections();
}

} // namespace tcpdwell::render
