// SPDX-License-Identifier: Apache-2.0
#include "tracer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/fd.h"

namespace tcpdwell::bench {

using namespace std::chrono_literals;

test::Program start_tracer(const std::vector<std::string>& words,
                           const std::function<void()>& before_exec) {
    const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    test::Program tracer(words, {.out = nowhere.get(), .before_exec = before_exec});
    if (tracer.await_saying("tracing", 15s)) return tracer;
    std::fprintf(stderr, "the tracer doesn't start:\n%s", tracer.said().c_str());
    std::exit(1);
}

void stop_tracer(test::Program& tracer) { tracer.stop(SIGINT, 60s); }

std::string this_host() {
    utsname host{};
    ::uname(&host);
    return std::string(host.sysname) + " " + host.release + " " + host.machine + ", " +
           std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " CPUs";
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

} // namespace tcpdwell::bench
