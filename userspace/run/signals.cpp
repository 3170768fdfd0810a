// SPDX-License-Identifier: Apache-2.0
#include "run/signals.h"

#include "base/pending_file.h"

namespace tcpdwell::run {
namespace {

volatile sig_atomic_t g_stop = 0; // the only data that a handler passes to the program
volatile sig_atomic_t g_noted[NSIG];

void on_signal(int number) {
    if (g_stop) {
        remove_pending_files();
        ::signal(number, SIG_DFL);
        ::raise(number);
    }
    g_stop = number;
}

void on_noted_signal(int number) { g_noted[number] = 1; }

} // namespace

StopSignals::StopSignals() {
    g_stop = 0;
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigaction(SIGINT, &action, &old_int_);
    ::sigaction(SIGTERM, &action, &old_term_);
    ::sigaction(SIGHUP, nullptr, &old_hup_);
    const bool is_taken = old_hup_.sa_handler == SIG_IGN || old_hup_.sa_handler == on_noted_signal;
    if (!is_taken) ::sigaction(SIGHUP, &action, nullptr);
}

StopSignals::~StopSignals() {
    ::sigaction(SIGINT, &old_int_, nullptr);
    ::sigaction(SIGTERM, &old_term_, nullptr);
    ::sigaction(SIGHUP, &old_hup_, nullptr);
}

int StopSignals::received() { return g_stop; }

NotedSignal::NotedSignal(int number) : number_(number) {
    g_noted[number] = 0;
    struct sigaction action {};
    action.sa_handler = on_noted_signal;
    action.sa_flags = SA_RESTART;
    ::sigaction(number, &action, &old_);
}

NotedSignal::~NotedSignal() { ::sigaction(number_, &old_, nullptr); }

bool NotedSignal::take() {
    if (g_noted[number_] == 0) return false;
    g_noted[number_] = 0;
    return true;
}

} // namespace tcpdwell::run
