// SPDX-License-Identifier: Apache-2.0
// Prints the facts (kernel_support.h) and the decision (probe_plan.h); it decides nothing itself.
// Whether tracing can begin is tested by starting it.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/live/probes.h"
#include "cli/live_view.h"
#include "cli/terminal.h"
#include "host/cgroup_paths.h"
#include "host/pid_namespace.h"
#include "live/kernel_support.h"
#include "live/live_source.h"
#include "live/probe_choice.h"
#include "live/probe_plan.h"
#include "render/json_writer.h"
#include "render/renderer.h"

namespace tcpdwell::cli {
namespace {

constexpr int cannot_trace_status = 3;

/// One line of the answer.
struct CheckItem {
    std::string id;   ///< for JSON
    std::string what; ///< for people
    bool ok = false;
    bool needed = false; ///< without it there is no tracing
    std::string note;    ///< if ok a detail, else what is wrong or lost
};

struct CheckSection {
    std::string_view id;
    std::string_view title;
    std::vector<CheckItem> items;
};

CheckItem item(std::string id, std::string what, const live::Support& support,
               bool needed = false) {
    return {std::move(id), std::move(what), support.ok, needed, support.why_not};
}

CheckItem capability(std::string_view name, bool has, bool needed, std::string_view without) {
    return {std::string(name), std::string(name), has, needed, has ? "" : std::string(without)};
}

CheckItem pids_item(std::optional<std::uint32_t> pid_namespace) {
    CheckItem pids{"pids", "numbers of processes", pid_namespace.has_value(), false, ""};
    if (!pid_namespace)
        pids.note =
            "/proc is another pid namespace's: what is seen as it happens has names without "
            "pids; mount the /proc of this one";
    else if (*pid_namespace != host::kInitialPidNamespace)
        pids.note = fmt::format(
            "of the pid namespace {}; processes outside have names without pids", *pid_namespace);
    return pids;
}

CheckItem cgroups_item() {
    const auto paths = host::CgroupPaths::open();
    return {"cgroups", "cgroups and containers", paths && paths->whole(), false,
            paths ? paths->what_is_missing() : paths.error().message};
}

CheckSection host_section(const live::KernelSupport& support) {
    CheckSection section{"host", "Host", {}};
    const bool recent = support.version >= live::KernelVersion{5, 8};
    section.items.push_back({"kernel", fmt::format("Linux {} {}", support.release, support.machine),
                             recent, true, recent ? "" : "too old: tracing needs 5.8 or later"});
    section.items.push_back(
        item("btf", "type information (BTF)", support.btf, support.btf_file.empty()));
    if (!support.btf_file.empty())
        section.items.push_back(
            {"btf_file", "the same from --btf", support.types.ok, true,
             !support.types ? support.types.why_not
             : support.types_tried
                 ? fmt::format("{}; with it, a connection of our own is shown as it was",
                               support.btf_file)
                 : fmt::format("{}; whether it is this kernel's couldn't be tried: {}",
                               support.btf_file, support.types_tried.why_not)});
    section.items.push_back(item("memlock", "locked memory", support.memlock, true));
    if (support.lockdown)
        section.items.push_back({"lockdown", "kernel lockdown",
                                 *support.lockdown != "confidentiality", true, *support.lockdown});
    section.items.push_back(item("sock_diag", "socket list (sock_diag)", support.sock_diag));
    section.items.push_back(item("processes", "processes (/proc)", support.processes));
    section.items.push_back(pids_item(support.pid_namespace));
    section.items.push_back(cgroups_item());
    return section;
}

CheckSection capability_section(const live::KernelSupport& support) {
    const live::KernelSupport::Capabilities& has = support.capabilities;
    CheckSection section{"capabilities", "Capabilities", {}};
    const std::string_view needed = "needed to load programs";
    section.items.push_back(capability("CAP_BPF", has.bpf || has.sys_admin, true, needed));
    section.items.push_back(capability("CAP_PERFMON", has.perfmon || has.sys_admin, true, needed));
    section.items.push_back(
        capability("CAP_SYS_ADMIN", has.sys_admin, false,
                   "open connections of other network namespaces aren't listed"));
    section.items.push_back(capability("CAP_SYS_PTRACE", has.sys_ptrace, false,
                                       "owners of other users' connections aren't found in /proc"));
    section.items.push_back(
        capability("CAP_SYSLOG", has.syslog, false, "addresses of kernel functions are hidden"));
    return section;
}

CheckItem timer_item(const live::FunctionFact& fact, std::string_view name, bool by_calibration) {
    const bool found = fact.status == live::FunctionFact::Status::found;
    if (found)
        return {std::string(name), std::string(name), true, true,
                fmt::format("{:#x}", fact.address)};
    return {std::string(name), std::string(name), by_calibration, true,
            by_calibration ? fmt::format("{}; read from a connection made for the purpose instead",
                                         fact.why_not)
                           : fact.why_not};
}

CheckSection kernel_section(const live::KernelSupport& support,
                            const Result<live::ProbePlan>& plan) {
    CheckSection section{"kernel", "Tracing", {}};
    const bool by_calibration = support.tcp_iterator.ok && support.capabilities.sys_admin;
    section.items.push_back(
        item("tracing_programs", "programs are accepted", support.tracing_programs, true));
    if (plan) {
        const bool fentry = plan->set == live::ProbeSet::fentry;
        section.items.push_back(
            {"fentry", "kernel functions (fentry)", fentry, false,
             fentry ? "tried on a connection of our own" : plan->why_not_fentry});
        if (fentry) return section; // which needs no addresses
    }
    section.items.push_back(
        timer_item(support.tw_timer_handler, "tw_timer_handler", by_calibration));
    section.items.push_back(
        timer_item(support.reqsk_timer_handler, "reqsk_timer_handler", by_calibration));
    return section;
}

CheckSection probe_section(const live::ProbePlan& plan) {
    CheckSection section{"probes", "Probes", {}};
    for (const live::ProgramChoice& choice : plan.programs)
        section.items.push_back(
            {std::string(choice.hook), std::string(choice.hook), choice.load, false,
             choice.load ? std::string(choice.gives)
                         : fmt::format("unseen: {} ({})", choice.gives, choice.why_not)});
    for (const live::FeatureChoice* feature : plan.features())
        section.items.push_back(
            {std::string(feature->name), std::string(feature->name), feature->on, false,
             feature->on ? std::string(feature->gives)
                         : fmt::format("unseen: {} ({})", feature->gives, feature->why_not)});
    return section;
}

void append_text(std::string& out, std::span<const CheckSection> sections,
                 const Result<live::ProbePlan>& plan, bool colour) {
    const std::string_view good = colour ? "\x1b[32mok\x1b[0m     " : "ok     ";
    const std::string_view bad = colour ? "\x1b[31mmissing\x1b[0m" : "missing";
    const std::string_view poor = colour ? "\x1b[33mwithout\x1b[0m" : "without";
    for (const CheckSection& section : sections) {
        out += fmt::format("{}\n", section.title);
        for (const CheckItem& each : section.items) {
            const std::string_view mark = each.ok ? good : each.needed ? bad : poor;
            const std::string what = printable(each.what);
            out += each.note.empty()
                       ? fmt::format("  {}  {}\n", mark, what)
                       : fmt::format("  {}  {:<36} {}\n", mark, what, printable(each.note));
        }
    }
    if (plan)
        out += fmt::format("This host can be traced (probe set: {}, hooks: {}, listing by {}).\n",
                           name(plan->set), name(plan->hooks), name(plan->listing));
    else
        out += fmt::format("This host can't be traced: {}.\n", printable(plan.error().message));
}

void append_json(std::string& out, std::span<const CheckSection> sections,
                 const live::KernelSupport& support, const Result<live::ProbePlan>& plan) {
    render::JsonWriter json;
    const auto member = [&json](std::string_view key, const report::Value& value) {
        json.key(key);
        json.write(value);
    };
    json.begin_object();
    member("can_trace", plan.has_value());
    member("reason", std::string_view(plan ? "" : plan.error().message));
    member("kernel", std::string_view(support.release));
    member("machine", std::string_view(support.machine));
    member("probe_set", plan ? name(plan->set) : "");
    member("hooks", plan ? name(plan->hooks) : "");
    member("listing", plan ? name(plan->listing) : "");
    member("btf_file", std::string_view(support.btf_file));
    member("timer_functions", plan && plan->timer_functions ? name(*plan->timer_functions) : "");
    json.key("checks");
    json.begin_object();
    for (const CheckSection& section : sections) {
        json.key(section.id);
        json.begin_object();
        for (const CheckItem& each : section.items) {
            json.key(each.id);
            json.begin_object();
            member("ok", each.ok);
            member("needed", each.needed);
            member("note", std::string_view(each.note));
            json.end_object();
        }
        json.end_object();
    }
    json.end_object();
    json.end_object();
    out.append(json.view()) += '\n';
}

constexpr report::Column kCheckColumns[] = {
    {"section", "SECTION", "Part of the check", 12},
    {"check", "CHECK", "What is checked", 36},
    {"ok", "OK", "Whether it is there", 5},
    {"needed", "NEEDED", "Whether tracing needs it", 6},
    {"note", "NOTE", "A detail, or what is wrong and what is lost", 0},
};
constexpr report::Schema kCheckSchema = {"check", kCheckColumns};

void print_rows(render::Output& out, render::Format format,
                std::span<const CheckSection> sections) {
    const auto renderer = make_renderer(format, out, {stdout_takes_colour()});
    renderer->begin(kCheckSchema);
    for (const CheckSection& section : sections)
        for (const CheckItem& each : section.items) {
            const report::Value note =
                each.note.empty() ? report::Value() : report::Value(std::string_view(each.note));
            const report::Value row[] = {section.id, std::string_view(each.id), each.ok,
                                         each.needed, note};
            renderer->row(kCheckSchema, row);
        }
    renderer->finish();
}

} // namespace

Result<int> check_host(const std::string& format, const ProbeTexts& probes) {
    const live::ProbeOptions options = probe_options(probes);
    auto [support, plan] = choose_probes(options);
    if (!plan && plan.error().code == ErrorCode::usage) return tl::unexpected(plan.error());
    std::vector<CheckSection> sections = {host_section(support), capability_section(support)};
    sections.push_back(kernel_section(support, plan));
    if (plan) {
        sections.push_back(probe_section(*plan));
        // What is planned may be refused all the same, by a limit, a security module, or a kernel
        // that we don't know yet.
        live::LiveOptions live;
        live.probes = options;
        if (const auto trial = live::LiveSource::open(live, support, *plan); !trial)
            plan = tl::unexpected(trial.error());
        else if (const auto settled = (*trial)->settle_in(); !settled)
            plan = tl::unexpected(settled.error());
    }

    render::Output out(STDOUT_FILENO);
    if (format == "json")
        append_json(out.buffer(), sections, support, plan);
    else if (format == "text")
        append_text(out.buffer(), sections, plan, stdout_takes_colour());
    else
        print_rows(out, *from_word<render::Format>(format), sections);
    if (auto written = out.flush(); !written) return tl::unexpected(written.error());
    return plan ? 0 : cannot_trace_status;
}

} // namespace tcpdwell::cli
