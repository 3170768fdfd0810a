// SPDX-License-Identifier: Apache-2.0
#include "live/kernel_clock.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/types.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <thread>

#include "live/bpf_session.h"

#include "clock.skel.h" // needs the types above

namespace tcpdwell::live {
namespace {

constexpr std::array<std::uint32_t, 12> kCommonHz = {100, 250, 300, 1000, 24,   48,
                                                     64,  128, 256, 512,  1024, 1200};
constexpr std::chrono::milliseconds kInterval(200);

struct Destroy {
    void operator()(clock_bpf* skeleton) const { clock_bpf::destroy(skeleton); }
};

Result<JiffiesSample> sample(const clock_bpf& skeleton) {
    std::array<char, 64> packet{}; // any will do
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.data(), .data_size_in = packet.size(),
                .repeat = 1);
    if (const int error =
            bpf_prog_test_run_opts(bpf_program__fd(skeleton.progs.read_clock), &options);
        error != 0)
        return fail(ErrorCode::cannot_trace,
                    fmt::format("cannot run a BPF program that reads the kernel's clock: {}",
                                std::strerror(-error)),
                    -error);
    return JiffiesSample{skeleton.bss->clock_jiffies, skeleton.bss->clock_ns};
}

} // namespace

Result<JiffiesClock> read_kernel_clock() {
    const std::unique_ptr<clock_bpf, Destroy> skeleton(clock_bpf::open_and_load());
    if (!skeleton)
        return fail(ErrorCode::cannot_trace,
                    fmt::format("the kernel refused the BPF program that reads its clock: {}",
                                take_libbpf_warning()),
                    errno);
    const auto first = sample(*skeleton);
    if (!first) return tl::unexpected(first.error());
    if (const std::uint32_t hz = hz_from_uptime(*first)) return JiffiesClock{*first, hz};
    std::this_thread::sleep_for(kInterval);
    const auto second = sample(*skeleton);
    if (!second) return tl::unexpected(second.error());
    return JiffiesClock{*second, hz_from_interval(*first, *second)};
}

std::uint32_t hz_from_uptime(const JiffiesSample& sample) {
    const double seconds = static_cast<double>(sample.mono_ns) / 1e9;
    const double ticks = static_cast<double>(sample.jiffies) - 4294967296.0;
    std::uint32_t best = 0;
    double best_error = 2.0; // s; clocks start some ticks apart
    double second_error = 1e9;
    for (const std::uint32_t hz : kCommonHz) {
        const double error = std::abs(ticks / hz - (seconds - 300.0));
        if (error < best_error) {
            second_error = best_error;
            best_error = error;
            best = hz;
        } else if (error < second_error) {
            second_error = error;
        }
    }
    return best != 0 && second_error > 1.9 && best_error < 1.0 ? best : 0;
}

std::uint32_t hz_from_interval(const JiffiesSample& first, const JiffiesSample& second) {
    const double seconds = static_cast<double>(second.mono_ns - first.mono_ns) / 1e9;
    const double rate = static_cast<double>(second.jiffies - first.jiffies) / seconds;
    std::uint32_t best = 100;
    for (const std::uint32_t hz : {100u, 250u, 300u, 1000u})
        if (std::abs(hz - rate) < std::abs(best - rate)) best = hz;
    return best;
}

} // namespace tcpdwell::live
