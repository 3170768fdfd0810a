// SPDX-License-Identifier: Apache-2.0
#include "renderings.h"

#include <memory>

#include "golden_run.h"
#include "pretty_json.h"
#include "render/renderer.h"
#include "render/report_formats.h"
#include "report/schemas.h"
#include "run/rows.h"
#include "screens.h"

namespace tcpdwell::test {
namespace {

std::string text(analysis::SplitBy by, const render::TextStyle& style) {
    return report_text(golden_run(by)->report(), style);
}

nlohmann::ordered_json parsed(analysis::SplitBy by) {
    return nlohmann::ordered_json::parse(render::report_json(golden_run(by)->report()));
}

/// Without what it says of its own sections, which has a file of its own.
std::string json(analysis::SplitBy by) {
    auto report = parsed(by);
    report.erase("sections");
    return pretty(report);
}

std::string sections() { return pretty(parsed(analysis::SplitBy::none)["sections"]); }

constexpr render::TextStyle kNarrow{.width = 80};
constexpr render::TextStyle kWide{.width = 120, .colour = true, .unicode = true};

/// Only the part of a report that --by adds; the rest is that of the report without it.
std::string split_only(analysis::SplitBy by) {
    report::Report report = golden_run(by)->report();
    std::erase_if(report.sections, [](const report::Section& s) {
        return s.id != "meta" && s.id != "quality" && s.id != "states_by";
    });
    return report_text(report, kNarrow);
}

/// The lines of `trace`, or of `trace --connections`.
class Trace : public track::TrackerListener {
public:
    Trace(render::Format format, bool connections)
        : connections_(connections), renderer_(make_renderer(format, out_, render::TableStyle{})) {
        renderer_->begin(connections ? report::connection_schema() : report::transition_schema());
    }

    std::string tell(const synth::GeneratedConnection& story) {
        event::Decoder decoder;
        track::Tracker tracker(*this, track::TrackerOptions{});
        decoder.decode(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
        for (const synth::WireRecord& record : story.records) {
            tracker.advance_to(record.at - Nanoseconds(1));
            if (const auto event = decoder.decode(record.bytes)) tracker.on_event(*event);
        }
        tracker.finish(story.records.back().at);
        renderer_->finish();
        return out_.buffer();
    }

    void on_transition(const track::TransitionLine& line) override {
        if (!connections_)
            renderer_->row(report::transition_schema(),
                           run::to_row(line, synth::kTestClock, kCgroup));
    }
    void on_connection(const track::ConnectionLine& line) override {
        run::ConnectionCells cells;
        if (connections_)
            renderer_->row(report::connection_schema(),
                           run::to_row(line, synth::kTestClock, kCgroup, cells));
    }
    void on_lost(const track::LostLine&) override {}

private:
    static constexpr run::CgroupCells kCgroup = {"/system.slice/app.service", "app.service"};
    bool connections_;
    render::Output out_{-1};
    std::unique_ptr<render::Renderer> renderer_;
};

std::string trace(render::Format format) { return Trace(format, false).tell(short_story()); }
std::string connections(render::Format format) { return Trace(format, true).tell(short_story()); }

constexpr Rendering kList[] = {
    {"report_narrow", "report_80_ascii.txt", [] { return text(analysis::SplitBy::none, kNarrow); }},
    {"report_wide", "report_120_unicode_colour.txt",
     [] { return text(analysis::SplitBy::none, kWide); }},
    {"report_by_role", "report_by_role.txt", [] { return split_only(analysis::SplitBy::role); }},
    {"report_by_service", "report_by_service.txt",
     [] { return split_only(analysis::SplitBy::service); }},
    {"report_by_remote", "report_by_remote.txt",
     [] { return split_only(analysis::SplitBy::remote); }},
    {"report_by_ending", "report_by_ending.txt",
     [] { return split_only(analysis::SplitBy::ending); }},
    {"report_json", "report.json", [] { return json(analysis::SplitBy::none); }},
    {"report_sections", "report_sections.json", sections},
    {"report_json_by_role", "report_by_role.json", [] { return json(analysis::SplitBy::role); }},
    {"trace_table", "trace.txt", [] { return trace(render::Format::table); }},
    {"trace_json", "trace.json", [] { return trace(render::Format::json); }},
    {"trace_jsonl", "trace.jsonl", [] { return trace(render::Format::jsonl); }},
    {"trace_csv", "trace.csv", [] { return trace(render::Format::csv); }},
    {"connections_table", "connections.txt", [] { return connections(render::Format::table); }},
    {"connections_jsonl", "connections.jsonl", [] { return connections(render::Format::jsonl); }},
    {"trace_screen_40", "trace_screen_40.txt", [] { return screen(false, 40); }},
    {"trace_screen_80", "trace_screen_80.txt", [] { return screen(false, 80); }},
    {"trace_screen_120", "trace_screen_120.txt", [] { return screen(false, 120); }},
    {"trace_screen_200", "trace_screen_200.txt", [] { return screen(false, 200); }},
    {"connections_screen_40", "connections_screen_40.txt", [] { return screen(true, 40); }},
    {"connections_screen_80", "connections_screen_80.txt", [] { return screen(true, 80); }},
    {"connections_screen_120", "connections_screen_120.txt", [] { return screen(true, 120); }},
    {"connections_screen_200", "connections_screen_200.txt", [] { return screen(true, 200); }},
    {"connections_csv", "connections.csv", [] { return connections(render::Format::csv); }},
};

} // namespace

std::span<const Rendering> renderings() { return kList; }

} // namespace tcpdwell::test
