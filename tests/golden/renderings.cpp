// SPDX-License-Identifier: Apache-2.0
#include "renderings.h"

#include <memory>

#include "cli/rows.h"
#include "golden_run.h"
#include "pretty_json.h"
#include "render/renderer.h"
#include "render/report_formats.h"
#include "report/schemas.h"

namespace tcpdwell {
namespace {

std::string text(SplitBy by, const TextStyle& style) {
    return report_text(golden_run(by)->report(), style);
}

nlohmann::ordered_json parsed(SplitBy by) {
    return nlohmann::ordered_json::parse(report_json(golden_run(by)->report()));
}

/// Without what it says of its own sections, which has a file of its own.
std::string json(SplitBy by) {
    auto report = parsed(by);
    report.erase("sections");
    return pretty(report);
}

std::string sections() { return pretty(parsed(SplitBy::none)["sections"]); }

constexpr TextStyle kNarrow{.width = 80};
constexpr TextStyle kWide{.width = 120, .colour = true, .unicode = true};

/// Only the part of a report that --by adds; the rest is that of the report without it.
std::string split_only(SplitBy by) {
    Report report = golden_run(by)->report();
    std::erase_if(report.sections, [](const Section& s) {
        return s.id != "meta" && s.id != "quality" && s.id != "states_by";
    });
    return report_text(report, kNarrow);
}

/// The lines of `trace`, or of `trace --connections`.
class Trace : public TrackerListener {
public:
    Trace(Format format, bool connections)
        : connections_(connections), renderer_(make_renderer(format, out_, TableStyle{})) {
        renderer_->begin(connections ? connection_schema() : transition_schema());
    }

    std::string tell(const GeneratedConnection& story) {
        Decoder decoder;
        Tracker tracker(*this, TrackerOptions{});
        decoder.decode(encode(ClockReading{kTestClock}, kTestClock));
        for (const WireRecord& record : story.records) {
            tracker.advance_to(record.at - Nanoseconds(1));
            if (const auto event = decoder.decode(record.bytes)) tracker.on_event(*event);
        }
        tracker.finish(story.records.back().at);
        renderer_->finish();
        return out_.buffer();
    }

    void on_transition(const TransitionLine& line) override {
        if (!connections_) renderer_->row(transition_schema(), to_row(line, kTestClock, kCgroup));
    }
    void on_connection(const ConnectionLine& line) override {
        std::vector<StateSpan> spans;
        if (connections_)
            renderer_->row(connection_schema(), to_row(line, kTestClock, kCgroup, spans));
    }
    void on_lost(const LostLine&) override {}

private:
    static constexpr std::string_view kCgroup = "/system.slice/app.service";
    bool connections_;
    Output out_{-1};
    std::unique_ptr<Renderer> renderer_;
};

std::string trace(Format format) { return Trace(format, false).tell(short_story()); }
std::string connections(Format format) { return Trace(format, true).tell(short_story()); }

constexpr Rendering kList[] = {
    {"report_narrow", "report_80_ascii.txt", [] { return text(SplitBy::none, kNarrow); }},
    {"report_wide", "report_120_unicode_colour.txt", [] { return text(SplitBy::none, kWide); }},
    {"report_by_role", "report_by_role.txt", [] { return split_only(SplitBy::role); }},
    {"report_by_service", "report_by_service.txt", [] { return split_only(SplitBy::service); }},
    {"report_by_remote", "report_by_remote.txt", [] { return split_only(SplitBy::remote); }},
    {"report_by_ending", "report_by_ending.txt", [] { return split_only(SplitBy::ending); }},
    {"report_json", "report.json", [] { return json(SplitBy::none); }},
    {"report_sections", "report_sections.json", sections},
    {"report_json_by_role", "report_by_role.json", [] { return json(SplitBy::role); }},
    {"trace_table", "trace.txt", [] { return trace(Format::table); }},
    {"trace_jsonl", "trace.jsonl", [] { return trace(Format::jsonl); }},
    {"trace_csv", "trace.csv", [] { return trace(Format::csv); }},
    {"connections_table", "connections.txt", [] { return connections(Format::table); }},
    {"connections_jsonl", "connections.jsonl", [] { return connections(Format::jsonl); }},
    {"connections_csv", "connections.csv", [] { return connections(Format::csv); }},
};

} // namespace

std::span<const Rendering> renderings() { return kList; }

} // namespace tcpdwell
