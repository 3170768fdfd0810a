// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_printer.h"

#include "render/json_writer.h"
#include "report/schemas.h"
#include "run/rows.h"

namespace tcpdwell::cli {
namespace {

/// The facts as members of the meta line; sysctls (names with a dot) of the own namespace as an
/// object.
std::vector<render::MetaEntry> meta_entries(const std::vector<event::Fact>& facts) {
    std::vector<render::MetaEntry> entries;
    render::JsonWriter sysctls;
    sysctls.begin_object();
    for (const event::Fact& fact : facts) {
        if (fact.netns != 0) continue;
        if (fact.key.find('.') == std::string::npos) {
            entries.push_back({fact.key, render::json_string(fact.value)});
            continue;
        }
        sysctls.key(fact.key);
        sysctls.string(fact.value);
    }
    sysctls.end_object();
    entries.push_back({"sysctls", std::string(sysctls.view())});
    return entries;
}

} // namespace

TracePrinter::TracePrinter(Options options, const run::Context& context, render::Output& rendered,
                           std::unique_ptr<render::Renderer> renderer, render::Output& out)
    : options_(options), context_(context), rendered_(rendered), renderer_(std::move(renderer)),
      out_(out) {}

void TracePrinter::begin(const run::Context& context) {
    renderer_->begin(options_.what == What::transitions ? report::transition_schema()
                                                        : report::connection_schema());
    renderer_->meta(meta_entries(context.facts()));
    pass_on();
}

Result<bool> TracePrinter::flush(const run::RunState& state) {
    order_.release(state.now, [this](const PrintedLine& line) { return print(line); });
    if (auto written = out_.flush(); !written) return tl::unexpected(written.error());
    return !out_.closed() && printed_ < options_.most;
}

void TracePrinter::settled(const run::RunState&) {
    order_.release_all([this](const PrintedLine& line) { return print(line); });
    is_settled_ = true;
}

Result<void> TracePrinter::finish() {
    print_counters();
    renderer_->finish();
    pass_on();
    return out_.flush();
}

void TracePrinter::take_line(MonoTime at, bool counts) {
    const PrintedLine line{rendered_.buffer(), counts};
    if (is_settled_)
        print(line);
    else if (!line.text.empty())
        order_.add(at, line);
    rendered_.buffer().clear();
}

void TracePrinter::pass_on() {
    out_.buffer() += rendered_.buffer();
    rendered_.buffer().clear();
}

bool TracePrinter::print(const PrintedLine& line) {
    if (printed_ >= options_.most) return false;
    if (line.counts) ++printed_;
    out_.buffer() += line.text;
    return true;
}

run::CgroupCells TracePrinter::cgroup_of(const track::ConnectionIdentity& who) const {
    return {context_.cgroup(who.cgroup), context_.container(who.cgroup)};
}

void TracePrinter::on_transition(const track::TransitionLine& line) {
    if (options_.what != What::transitions) return;
    renderer_->row(report::transition_schema(),
                   run::to_row(line, context_.clock(), cgroup_of(*line.who)));
    take_line(line.at, true);
}

void TracePrinter::on_connection(const track::ConnectionLine& line) {
    if (options_.what != What::connections || (line.idle && !options_.idle)) return;
    renderer_->row(report::connection_schema(),
                   run::to_row(line, context_.clock(), cgroup_of(*line.who), cells_));
    take_line(line.closed.value_or(line.entered), true);
}

void TracePrinter::on_lost(const track::LostLine& line) {
    renderer_->row(report::lost_schema(), run::to_row(line, context_.clock()));
    take_line(line.at, false);
}

void TracePrinter::on_stray_reset(const track::StrayResetLine& line) {
    renderer_->summary(report::stray_reset_schema(), run::to_row(line, context_.clock()));
    take_line(line.at, false);
}

void TracePrinter::on_counters(const track::CountersLine& line) {
    if (!counted_until_.contains(line.netns) &&
        counted_until_.size() >= analysis::CounterGrowth::kMostCounters)
        return;
    counters_.on_counters(line);
    counted_until_[line.netns] = line.at;
}

/// Which columns there are depends on what grew, so each namespace has a schema of its own.
void TracePrinter::print_counters() {
    for (const auto& [netns, until] : counted_until_) {
        std::vector<report::Column> columns(2);
        columns[0].id = "time";
        columns[1].id = "netns";
        std::vector<report::Value> row{context_.clock().to_wall(until), std::int64_t{netns}};
        for (const auto& [name, count] : counters_.grown(netns)) {
            columns.emplace_back().id = name;
            row.emplace_back(report::count_value(count));
        }
        if (row.size() > 2) renderer_->summary({"counters", columns, {}}, row);
    }
}

} // namespace tcpdwell::cli
