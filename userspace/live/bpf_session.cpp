// SPDX-License-Identifier: Apache-2.0
#include "live/bpf_session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.h"
#include "event/record.h"
#include "live/bpf_object.h"
#include "live/tracefs.h"

namespace tcpdwell::live {

/// A program that the kernel skips while it is running on the same CPU. Its twin, if it has one,
/// takes such events; what the twin missed too is lost.
struct GuardedProgram {
    bpf_program* bpf = nullptr;
    td_probe probe = TD_PROBE_STATE;
    const __u64* taken_by_twin = nullptr; ///< in the kernel's memory; nullptr: it has none
    std::uint64_t before =
        0; ///< missed before anything was to be recorded: its twin may not have been attached yet
    std::uint64_t missed = 0; ///< since, at the last look
    std::uint64_t lost = 0;   ///< missed at two looks in a row: not just on its way to the twin

    [[nodiscard]] std::uint64_t missed_by_both() const;
};

namespace {

std::string g_last_warning; // libbpf's callback has no argument of ours

int on_libbpf_message(libbpf_print_level level, const char* format, va_list arguments) {
    // The verifier's log is one message, and may be long.
    va_list again;
    va_copy(again, arguments);
    std::string line(
        static_cast<std::size_t>(std::max(std::vsnprintf(nullptr, 0, format, again), 0)), '\0');
    va_end(again);
    std::vsnprintf(line.data(), line.size() + 1, format, arguments);
    while (!line.empty() && line.back() == '\n') line.pop_back();
    if (level == LIBBPF_WARN && line.find("BEGIN PROG LOAD LOG") == std::string::npos)
        g_last_warning = line;
    const auto as = level == LIBBPF_WARN ? spdlog::level::debug : spdlog::level::trace;
    constexpr std::string_view kOwnName = "libbpf: "; // most of its messages begin with it
    std::string_view rest = line;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view message = rest.substr(0, end);
        if (message.starts_with(kOwnName)) message.remove_prefix(kOwnName.size());
        spdlog::log(as, "{}{}", kOwnName, message);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return 0;
}

struct Slot {
    Program program;
    bpf_program* bpf;
};

/// What a program of the set `fentry` can lose; nullopt for the others.
std::optional<td_probe> function_probe(Program program) {
    switch (program) {
    case Program::mini_begin:
    case Program::mini_rearm:
    case Program::mini_expire:
    case Program::mini_kill: return TD_PROBE_TIMEWAIT;
    case Program::request_begin:
    case Program::request_drop:
    case Program::request_put:
    case Program::request_migrate:
    case Program::request_expire: return TD_PROBE_REQUEST;
    case Program::accepted: return TD_PROBE_OWNER;
    default: return std::nullopt;
    }
}

/// How often the kernel skipped the program; 0 where it doesn't report that (before 5.12).
std::uint64_t recursion_misses(const bpf_program* program) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    return bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0
               ? info.recursion_misses
               : 0;
}

/// The programs of tcp_send_reset, which has a reason to read or not.
const char* send_reset_program(bool reason) {
    return reason ? "on_send_reset_reason" : "on_send_reset";
}
const char* send_reset_twin(bool reason) {
    return reason ? "on_send_reset_reason_nested" : "on_send_reset_nested";
}

/// Decides for each program of the object whether it is loaded. Those that are, in the order in
/// which they are to be attached: the mini-sockets' probes come before the full sockets', so that
/// no hand-over is taken for an end; a twin comes after its first (bpf/nested.bpf.h).
std::vector<Slot> choose_programs(const BpfObject& object, const ProbePlan& plan) {
    const auto program = [&object](const char* name) { return object.program(name); };
    const bool reason = plan.reset_reason.on;
    bpf_program__set_autoload(program(send_reset_program(!reason)), false);
    bpf_program__set_autoload(program(send_reset_twin(!reason)), false);
    std::vector<Slot> slots{
        {Program::timer_start, program("on_timer_start")},
        {Program::timer_cancel, program("on_timer_cancel")},
        {Program::timer_expire, program("on_timer_expire")},
        {Program::mini_begin,
         program(plan.hashdance_schedules ? "on_mini_scheduled" : "on_mini_hashed")},
        {Program::mini_rearm, program("on_mini_rearmed")},
        {Program::mini_expire, program("on_mini_expired")},
        {Program::mini_expire, program("on_mini_expiry_done")},
        {Program::mini_kill, program("on_mini_killed")},
        {Program::request_begin, program("on_request_hashed")},
        {Program::request_drop, program("on_request_dropped")},
        {Program::request_put, program("on_request_dropped_and_put")},
        {Program::request_migrate, program("on_request_migrated")},
        {Program::request_expire, program("on_request_expired")},
        {Program::reset_received, program("on_receive_reset")},
        {Program::reset_received, program("on_receive_reset_nested")},
        {Program::reset_sent, program(send_reset_program(reason))},
        {Program::reset_sent, program(send_reset_twin(reason))},
        {Program::retransmit, program("on_retransmit")},
        {Program::fork, program("on_fork")},
        {Program::accepted, program("on_accepted")},
        {Program::accept, program("on_accept_exit")},
        {Program::accept4, program("on_accept4_exit")},
        {Program::state, program("on_state")},
        {Program::state, program("on_state_nested")},
    };
    for (const Slot& slot : slots)
        if (slot.bpf) bpf_program__set_autoload(slot.bpf, plan.loads(slot.program));
    std::erase_if(slots, [&plan](const Slot& slot) { return !plan.loads(slot.program); });
    return slots;
}

/// The caller owns the link.
Result<bpf_link*> attach(const Slot& slot, std::array<std::uint64_t, 2> accept_ids) {
    bpf_link* link = nullptr;
    if (slot.program == Program::accept || slot.program == Program::accept4) {
        Fd event = open_tracepoint(accept_ids[slot.program == Program::accept4]);
        if (event) link = bpf_program__attach_perf_event(slot.bpf, event.get());
        if (link) static_cast<void>(event.release()); // the link closes it
    } else {
        link = bpf_program__attach(slot.bpf);
    }
    if (link) return link;
    const int error = errno;
    const std::string warning = take_libbpf_warning();
    return fail(ErrorCode::cannot_trace,
                fmt::format("cannot attach the BPF program {}: {}{}{}", bpf_program__name(slot.bpf),
                            std::strerror(error), warning.empty() ? "" : "; ", warning),
                error);
}

/// The programs that the kernel may skip, out of `loaded`.
std::vector<GuardedProgram> guarded_programs(const BpfObject& object, const ProbePlan& plan,
                                             std::span<const Slot> loaded) {
    const auto* const taken =
        object.nested_events(); // in the order of enum guard (bpf/nested.bpf.h)
    std::vector<GuardedProgram> guarded{
        {object.program("on_state"), TD_PROBE_STATE, &taken[0]},
        {object.program("on_receive_reset"), TD_PROBE_RESET, &taken[1]},
        {object.program(send_reset_program(plan.reset_reason.on)), TD_PROBE_RESET, &taken[2]},
    };
    for (const Slot& slot : loaded)
        if (const auto probe = function_probe(slot.program))
            guarded.push_back(GuardedProgram{slot.bpf, *probe});
    return guarded;
}

} // namespace

std::uint64_t GuardedProgram::missed_by_both() const {
    const std::uint64_t skipped = recursion_misses(bpf);
    const std::uint64_t taken = taken_by_twin ? *taken_by_twin : 0;
    return skipped > taken ? skipped - taken : 0;
}

void capture_libbpf_messages() { libbpf_set_print(on_libbpf_message); }

std::string take_libbpf_warning() { return std::exchange(g_last_warning, {}); }

struct BpfSession::Members {
    std::unique_ptr<BpfObject> object;
    std::unique_ptr<ring_buffer, FreeRing> ring; // freed before the map it reads
    std::vector<std::unique_ptr<bpf_link, DestroyLink>> links;
    std::vector<GuardedProgram> guarded;
    const event::RecordSink* sink = nullptr; // these two: during drain()
    std::uint64_t drained_until_ns = 0;

    static int on_record(void* self, void* data, std::size_t size) noexcept {
        const Members& members = *static_cast<Members*>(self);
        const std::span<const std::byte> record(static_cast<const std::byte*>(data), size);
        (*members.sink)(record);
        return event::read_header(record).time_ns > members.drained_until_ns ? -ECANCELED : 0;
    }
};

void BpfSession::FreeRing::operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
void BpfSession::DestroyLink::operator()(bpf_link* link) const { bpf_link__destroy(link); }

BpfSession::BpfSession(std::unique_ptr<Members> members) : members_(std::move(members)) {}
BpfSession::BpfSession(BpfSession&&) noexcept = default;
BpfSession& BpfSession::operator=(BpfSession&&) noexcept = default;
BpfSession::~BpfSession() = default;

Result<BpfSession> BpfSession::open(const ProbePlan& plan, std::array<std::uint64_t, 2> accept_ids,
                                    const event::Filter& filter, std::size_t buffer_bytes) {
    auto members = std::make_unique<Members>();
    auto opened = BpfObject::open(plan, filter, buffer_bytes);
    if (!opened) return tl::unexpected(opened.error());
    members->object = std::move(*opened);
    BpfObject& object = *members->object;

    const std::vector<Slot> slots = choose_programs(object, plan);
    if (const int error = object.load(); error != 0)
        return fail(ErrorCode::cannot_trace,
                    fmt::format("the kernel refused the BPF programs ({}): {}; 'tcpdwell check' "
                                "shows what this host lacks",
                                std::strerror(-error), take_libbpf_warning()),
                    -error);
    for (const Slot& slot : slots) {
        auto link = attach(slot, accept_ids);
        if (!link) return tl::unexpected(link.error());
        members->links.emplace_back(*link);
    }
    members->guarded = guarded_programs(object, plan, slots);
    members->ring.reset(ring_buffer__new(bpf_map__fd(object.records()), Members::on_record,
                                         members.get(), nullptr));
    if (!members->ring)
        return fail(ErrorCode::failed, "cannot map the ring buffer: " + take_libbpf_warning(),
                    errno);
    for (GuardedProgram& g : members->guarded) g.before = g.missed_by_both();
    object.set_recording(true); // all are attached: from now on all see the same
    return BpfSession(std::move(members));
}

int BpfSession::fd() const { return bpf_map__fd(members_->object->records()); }

bool BpfSession::drain(std::uint64_t until_ns, const event::RecordSink& sink) {
    members_->sink = &sink;
    members_->drained_until_ns = until_ns;
    const int taken = ring_buffer__consume(members_->ring.get());
    members_->sink = nullptr;
    return taken != -ECANCELED;
}

void BpfSession::detach() {
    members_->object->set_recording(false);
    members_->links.clear();
}

std::array<std::uint64_t, TD_PROBE_COUNT> BpfSession::lost() const {
    std::array<std::uint64_t, TD_PROBE_COUNT> totals{};
    std::copy_n(members_->object->lost_totals(), TD_PROBE_COUNT, totals.begin());
    for (const GuardedProgram& g : members_->guarded) totals[g.probe] += g.lost;
    return totals;
}

void BpfSession::count_skipped() {
    for (GuardedProgram& g : members_->guarded) {
        const std::uint64_t now = g.missed_by_both();
        const std::uint64_t missed = now > g.before ? now - g.before : 0;
        g.lost = std::max(g.lost, std::min(g.missed, missed));
        g.missed = missed;
    }
}

} // namespace tcpdwell::live
