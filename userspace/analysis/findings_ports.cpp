// SPDX-License-Identifier: Apache-2.0
// Local ports that run out.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

std::string reuse_advice(const RuleInput& evidence, const PortRow& row) {
    const auto value = evidence.moment.host.sysctl_number(row.netns, "net.ipv4.tcp_tw_reuse");
    const auto timestamps =
        evidence.moment.host.sysctl_number(row.netns, "net.ipv4.tcp_timestamps");
    const auto delay = evidence.moment.host.sysctl_number(row.netns, "net.ipv4.tcp_tw_reuse_delay");
    const std::string after =
        delay ? fmt::format("{} ms (net.ipv4.tcp_tw_reuse_delay)", *delay) : "1 s";
    const std::string current = sysctl_text(evidence, row.netns, "net.ipv4.tcp_tw_reuse");
    if (row.is_bound())
        return fmt::format("{} doesn't help: bind() passes over the ports of TIME_WAITs, whatever "
                           "it says.",
                           current);
    const std::string effect = fmt::format("lets connect() take over a port whose TIME_WAIT has "
                                           "lasted for {}, if both ends use timestamps",
                                           after);
    const tcp::IpAddress& host = row.remote.address;
    const bool loopback = host.is_v4() ? host.text(tcp::Family::ipv4).starts_with("127.")
                                       : host.text(tcp::Family::ipv6) == "::1";
    std::string text;
    if (value == 1 || (value == 2 && loopback))
        text = fmt::format("{} already {}{}", current, effect,
                           timestamps == 0 ? "."
                                           : ": TIME_WAIT alone does not exhaust the ports here.");
    else if (value == 2)
        text =
            fmt::format("{} means loopback only; 1 {}, for outgoing connections.", current, effect);
    else
        text = fmt::format("{}: 1 {}, for outgoing connections only.", current, effect);
    if (timestamps == 0) text += " It needs net.ipv4.tcp_timestamps=1 (0 here).";
    return text;
}

/// What is held towards the remote endpoint of a row.
struct PortUse {
    std::uint64_t limit;
    std::uint64_t now;
    std::uint64_t peak;
    std::uint64_t bound; ///< of which held by bind(), towards all; at most
};

PortUse use_of(const Flows& flows, const PortRow& row, std::uint64_t limit) {
    if (row.is_bound()) return {limit, row.held.now(), row.held.peak(), row.held.peak()};
    const PortRow* bound = flows.bound_ports(row.netns, row.local);
    if (!bound) return {limit, row.held.now(), row.peak(limit), 0};
    return {limit, row.held.now() + bound->held.now(),
            std::min(limit, row.held.peak() + bound->held.peak()), bound->held.peak()};
}

/// Connects that found no port.
struct Portless {
    std::uint64_t count = 0;
    std::vector<const PartyEnds*> programs; ///< whose they are, where that is known
};

/// " of loader (pid 12)", " of a, b and others": whose connects found no port.
std::string programs_text(const std::vector<const PartyEnds*>& programs) {
    constexpr std::size_t kMostNamed = 3;
    std::vector<std::string> names;
    for (const PartyEnds* each : programs)
        if (const std::string name = program_text(*each);
            std::ranges::find(names, name) == names.end())
            names.push_back(name);
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), kMostNamed); ++i)
        text += fmt::format("{}{}", i == 0 ? " of " : ", ", names[i]);
    return names.size() > kMostNamed ? text + " and others" : text;
}

void name_programs(const std::vector<const PartyEnds*>& programs, FindingDraft& draft) {
    std::vector<event::Process> processes;
    for (const PartyEnds* each : programs) {
        if (!each->process) continue;
        if (std::ranges::find(processes, *each->process) == processes.end())
            processes.push_back(*each->process);
        draft.scope.add_pid(each->process->pid);
    }
    if (!processes.empty()) draft.processes.push_back({"process", "process", processes});
}

/// By whom, where it is one program. Of ports that bind() holds beside them that isn't known.
std::string holder_text(const PortRow& row, const PortUse& use) {
    const bool is_one = !row.several_programs && (row.is_bound() || use.bound == 0);
    return !is_one || row.comm[0] == 0 ? std::string() : fmt::format(" by {}", comm_of(row.comm));
}

void advise_on_ports(const RuleInput& evidence, const PortRow& row, const PortUse& use,
                     FindingDraft& draft) {
    const std::string no_port_advice =
        "A program that binds a local address before connect() should set IP_BIND_ADDRESS_NO_PORT "
        "(haproxy's source and nginx's proxy_bind do), or its ports are not shared between remote "
        "endpoints.";
    if (row.is_bound()) draft.advice.push_back(no_port_advice);
    draft.advice.push_back("Reuse connections (a pool, HTTP keep-alive): that is the cure. A port "
                           "is held as long as any "
                           "trace of its connection is, TIME_WAIT included.");
    draft.advice.push_back(reuse_advice(evidence, row));
    draft.advice.push_back(fmt::format(
        "More ports: widen {}, clear of the ports that services listen on; or use more local "
        "addresses{}.",
        sysctl_text(evidence, row.netns, "net.ipv4.ip_local_port_range"),
        row.is_bound() ? ": what bind() holds, it holds towards all remote endpoints"
                       : ", or more remote addresses or ports: the limit is for each pair"));
    if (!row.is_bound() && use.bound > 0) draft.advice.push_back(no_port_advice);
}

FindingDraft ports_draft(const RuleInput& evidence, const PortRow& row, const PortUse& use,
                         const Portless& portless) {
    const std::uint64_t no_port = portless.count;
    const double seconds =
        std::chrono::duration<double>(evidence.moment.now - evidence.moment.begin).count();
    const auto per_second = [&](double count) { return seconds > 0 ? count / seconds : 0; };
    const double rate = per_second(static_cast<double>(row.opened));
    const double growth =
        per_second(static_cast<double>(row.held.now()) - static_cast<double>(row.held_at_begin));
    FindingDraft::Cell left;
    if (growth > 0 && use.now <= use.limit)
        left = static_cast<double>(use.limit - use.now) / growth;
    const bool is_critical = no_port != 0 || use.peak * 20 >= use.limit * 19;

    FindingDraft draft{"ephemeral_ports_low",
                       is_critical ? report::Severity::critical : report::Severity::warning};
    draft.connections = row.holders.list();
    const std::string local = row.local.text(row.family);
    const std::string remote =
        row.is_bound() ? std::string("all endpoints") : row.remote.text(row.family);
    draft.subject = fmt::format("{} to {}", local, remote);
    draft.scope.connections = use.peak;
    draft.what = fmt::format("{} of {} local ports from {} to {} were held{}{}{}.", use.peak,
                             use.limit, local, remote, holder_text(row, use),
                             row.is_bound() || use.bound == 0
                                 ? std::string(row.is_bound() ? ", by bind() before connect()" : "")
                                 : fmt::format(", {} of them by bind(), towards all", use.bound),
                             no_port == 0 ? ""
                                          : fmt::format("; {}{} found no free port",
                                                        counted(no_port, "connect"),
                                                        programs_text(portless.programs)));
    draft.evidence = {{"local", "local address", local},
                      {"remote", "remote endpoint", remote},
                      {"held", "held now", use.now},
                      {"peak", "at most", use.peak},
                      {"bound", "of which by bind()", use.bound},
                      {"limit", "ports", use.limit},
                      {"opened_per_second", "opened per second", rate},
                      {"growth_per_second", "growing per second", growth},
                      {"seconds_left", "seconds left at this pace", left},
                      {"no_port", "connects without a port", no_port}};
    name_programs(portless.programs, draft);
    advise_on_ports(evidence, row, use, draft);
    return draft;
}

/// Connects that found no port, by where they were to; each is reported once.
class PortlessConnects {
public:
    PortlessConnects(const Flows& flows, const Causes& causes) {
        for (const auto& [key, ends] : causes.parties())
            if (ends.endings.contains({tcp::Ending::connect_failed, tcp::EndingDetail::no_port}))
                programs_[{key.netns, key.endpoint}].push_back(&ends);
        for (const RemoteRow& row : flows.remotes())
            if (const std::uint64_t n = row.total().with(tcp::EndingDetail::no_port); n > 0)
                left_.push_back({&row, n});
    }
    /// Which local address they wanted isn't known.
    Portless take(const PortRow& ports) {
        Portless taken;
        std::erase_if(left_, [&](const Connects& each) {
            if (each.to->netns != ports.netns) return false;
            if (!ports.is_bound() && each.to->remote != ports.remote) return false;
            taken.count += each.count;
            add_programs(*each.to, taken);
            return true;
        });
        return taken;
    }
    [[nodiscard]] Portless left() const {
        Portless sum;
        for (const Connects& each : left_) {
            sum.count += each.count;
            add_programs(*each.to, sum);
        }
        return sum;
    }
    [[nodiscard]] const RemoteRow* example() const {
        const auto most = std::ranges::max_element(left_, {}, &Connects::count);
        return most == left_.end() ? nullptr : most->to;
    }

private:
    struct Connects {
        const RemoteRow* to;
        std::uint64_t count;
    };
    void add_programs(const RemoteRow& to, Portless& portless) const {
        const auto found = programs_.find({to.netns, to.remote});
        if (found != programs_.end())
            portless.programs.insert(portless.programs.end(), found->second.begin(),
                                     found->second.end());
    }

    std::vector<Connects> left_;
    std::map<std::pair<std::uint32_t, tcp::Endpoint>, std::vector<const PartyEnds*>> programs_;
};

/// What bind() holds first: where it is near the range, what connects hold beside it is no other
/// problem.
void find_full_ports(const RuleInput& evidence, PortlessConnects& portless, bool bound,
                     FindingDrafts& drafts) {
    const double share = evidence.thresholds.value("ephemeral_ports_low.share");
    for (const PortRow& row : evidence.flows.ports()) {
        const auto range = evidence.moment.host.port_range(row.netns);
        if (row.is_bound() != bound || !range) continue;
        const std::uint64_t limit = range->second - range->first + 1;
        const double low = share * static_cast<double>(limit);
        const PortUse use = use_of(evidence.flows, row, limit);
        if (static_cast<double>(use.peak) < low) continue;
        if (!bound && static_cast<double>(use.bound) >= low) continue;
        drafts.push_back(ports_draft(evidence, row, use, portless.take(row)));
    }
}

} // namespace

void find_ephemeral_ports_low(const RuleInput& evidence, FindingDrafts& drafts) {
    if (evidence.overview.is_sampled()) return; // which ports are in use isn't known
    PortlessConnects portless(evidence.flows, evidence.causes);
    find_full_ports(evidence, portless, true, drafts);
    find_full_ports(evidence, portless, false, drafts);
    const RemoteRow* example = portless.example();
    if (!example) return;
    const Portless left = portless.left();
    // Ports bound explicitly, reserved, or taken by other pairs' listeners.
    FindingDraft draft{"ephemeral_ports_low", report::Severity::critical};
    draft.subject = fmt::format("connects to {}", example->remote.text(example->family));
    draft.what = fmt::format("{}{} found no free local port, for instance to {}.",
                             counted(left.count, "connect"), programs_text(left.programs),
                             example->remote.text(example->family));
    draft.evidence = {{"no_port", "connects without a port", left.count},
                      {"remote", "remote endpoint", example->remote.text(example->family)}};
    name_programs(left.programs, draft);
    draft.advice.push_back(fmt::format(
        "Compare {} and net.ipv4.ip_local_reserved_ports with the ports in use: sockets "
        "that are bound to a port of their own count for every remote endpoint.",
        sysctl_text(evidence, example->netns, "net.ipv4.ip_local_port_range")));
    drafts.push_back(std::move(draft));
}

} // namespace tcpdwell::analysis
