// SPDX-License-Identifier: Apache-2.0
#include "cli/trace_printer.h"

#include "cli/rows.h"
#include "render/json_writer.h"
#include "report/schemas.h"

namespace tcpdwell {
namespace {

/// The facts as members of the meta line; sysctls (names with a dot) of the own namespace as an
/// object.
std::vector<MetaEntry> meta_entries(const std::vector<Fact>& facts) {
    std::vector<MetaEntry> entries;
    JsonWriter sysctls;
    sysctls.begin_object();
    for (const Fact& fact : facts) {
        if (fact.netns != 0) continue;
        if (fact.key.find('.') == std::string::npos) {
            entries.push_back({fact.key, json_string(fact.value)});
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

TracePrinter::TracePrinter(What what, bool idle, const Context& context, Output& out,
                           std::unique_ptr<Renderer> renderer)
    : what_(what), idle_(idle), context_(context), out_(out), renderer_(std::move(renderer)) {}

void TracePrinter::begin(const Context& context) {
    renderer_->begin(what_ == What::transitions ? transition_schema() : connection_schema());
    renderer_->meta(meta_entries(context.facts()));
}

Result<bool> TracePrinter::flush(const RunState&) {
    if (auto written = out_.flush(); !written) return tl::unexpected(written.error());
    return !out_.closed();
}

Result<void> TracePrinter::finish() {
    renderer_->finish();
    return out_.flush();
}

void TracePrinter::on_transition(const TransitionLine& line) {
    if (what_ != What::transitions) return;
    ++printed_;
    renderer_->row(transition_schema(),
                   to_row(line, context_.clock(), context_.cgroup(line.who->cgroup)));
}

void TracePrinter::on_connection(const ConnectionLine& line) {
    if (what_ != What::connections || (line.idle && !idle_)) return;
    ++printed_;
    renderer_->row(connection_schema(),
                   to_row(line, context_.clock(), context_.cgroup(line.who->cgroup), spans_));
}

void TracePrinter::on_lost(const LostLine& line) {
    renderer_->row(lost_schema(), to_row(line, context_.clock()));
}

} // namespace tcpdwell
