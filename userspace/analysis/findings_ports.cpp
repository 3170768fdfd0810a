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
    const bool is_one = !row.is_of_several() && (row.is_bound() || use.bound == 0);
    return !is_one || row.comm[0] == 0 ? std::string() : fmt::format(" by {}", comm_of(row.comm));
}

/// What holds them now, where that still is most of what was held.
const PortHolders* holders_of(const PortRow& row, const PortUse& use) {
    const bool is_mixed = !row.is_bound() && use.bound > 0;
    return is_mixed || row.holding.count() * 2 < use.peak ? nullptr : &row.holding;
}

/// "278 by crawler, 22 by payment"
std::string shares_text(const PortHolders& holders) {
    constexpr std::size_t kMostNamed = 3;
    std::string text;
    std::uint64_t rest = holders.count();
    for (const PortHolders::Program& each : holders.programs()) {
        if (each.comm[0] == 0) continue;
        if (std::ranges::count(text, ',') + 1 >= std::ptrdiff_t{kMostNamed}) break;
        text += fmt::format("{}{} by {}", text.empty() ? "" : ", ", each.ports, comm_of(each.comm));
        rest -= each.ports;
    }
    return rest == 0 || text.empty() ? text : fmt::format("{}, {} by others", text, rest);
}

std::string state_text(PortState state) {
    return state == PortState::idle
               ? fmt::format("open, with nothing sent or received for {} or longer",
                             duration_text(kIdlePort))
               : std::string(name(state));
}

/// ", now 278 by crawler, 22 by payment, 300 of them in TIME_WAIT"
std::string holding_text(const PortRow& row, const PortHolders& holders) {
    std::string text = row.is_of_several() ? shares_text(holders) : std::string();
    if (const PortState state = holders.most_are(); state != PortState::other)
        text += fmt::format("{}{} of them {}", text.empty() ? "" : ", ", holders.in(state),
                            state_text(state));
    return text.empty() ? text : ", now " + text;
}

/// What cures it, by what most of the connections do.
std::string_view port_cure(PortState state) {
    switch (state) {
    case PortState::close_wait:
        return "The peers have closed these connections, and the program that holds them hasn't: "
               "it has to call close() once read() has returned 0. No sysctl, and no pool, helps "
               "as long as it doesn't.";
    case PortState::idle:
        return "They are open, and unused: a program that opens a connection for each piece of "
               "work has to close() it afterwards (on errors, too), and a pool needs an upper "
               "limit. If they wait for slow answers, the cure is at the server.";
    case PortState::time_wait:
    case PortState::other: break;
    }
    return "Reuse connections (a pool, HTTP keep-alive): that is the cure. A port is held as long "
           "as any trace of its connection is, TIME_WAIT included.";
}

/// Of several programs the one that holds most; empty: none does.
std::string hog_of(const PortRow& row, const PortHolders* holders) {
    if (!row.is_of_several() || holders == nullptr) return {};
    const PortHolders::Program most = holders->programs().front();
    return most.ports * 2 <= holders->count() || most.comm[0] == 0 ? std::string()
                                                                   : comm_of(most.comm);
}

void advise_on_ports(const RuleInput& evidence, const PortRow& row, const PortUse& use,
                     FindingDraft& draft) {
    const std::string no_port_advice =
        "A program that binds a local address before connect() should set IP_BIND_ADDRESS_NO_PORT "
        "(haproxy's source and nginx's proxy_bind do), or its ports are not shared between remote "
        "endpoints.";
    if (row.is_bound()) draft.advice.push_back(no_port_advice);
    const PortHolders* holders = holders_of(row, use);
    const PortState state = holders ? holders->most_are() : PortState::other;
    draft.advice.emplace_back(port_cure(state));
    if (const std::string hog = hog_of(row, holders); !hog.empty())
        draft.advice.push_back(fmt::format(
            "{} holds most of them: that is the program to be changed, whichever found no port.",
            hog));
    if (state == PortState::time_wait || state == PortState::other)
        draft.advice.push_back(reuse_advice(evidence, row));
    draft.advice.push_back(fmt::format(
        "More ports: widen {}, clear of the ports that services listen on; or use more local "
        "addresses{}.",
        sysctl_text(evidence, row.netns, "net.ipv4.ip_local_port_range"),
        row.is_bound() ? ": what bind() holds, it holds towards all remote endpoints"
                       : ", or more remote addresses or ports: the limit is for each pair"));
    if (!row.is_bound() && use.bound > 0) draft.advice.push_back(no_port_advice);
}

void add_holders(const PortHolders& holders, FindingDraft& draft) {
    if (const std::string shares = shares_text(holders); !shares.empty())
        draft.evidence.push_back({"held_by", "held by", shares});
    draft.evidence.push_back(
        {"ports_time_wait", "in TIME_WAIT now", holders.in(PortState::time_wait)});
    draft.evidence.push_back(
        {"ports_close_wait", "in CLOSE_WAIT now", holders.in(PortState::close_wait)});
    draft.evidence.push_back({"ports_idle", "open and idle now", holders.in(PortState::idle)});
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
    draft.scope.netns = row.netns;
    if (!row.is_bound()) draft.scope.remotes = {row.remote};
    const PortHolders* holders = holders_of(row, use);
    draft.what = fmt::format("{} of {} local ports from {} to {} were held{}{}{}{}.", use.peak,
                             use.limit, local, remote, holder_text(row, use),
                             row.is_bound() || use.bound == 0
                                 ? std::string(row.is_bound() ? ", by bind() before connect()" : "")
                                 : fmt::format(", {} of them by bind(), towards all", use.bound),
                             holders ? holding_text(row, *holders) : std::string(),
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
    if (holders) add_holders(*holders, draft);
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
