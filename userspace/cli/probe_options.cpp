// SPDX-License-Identifier: Apache-2.0
#include "cli/probe_options.h"

namespace tcpdwell {

CLI::Option* declare_probes(CLI::App& app, ProbeWish& wish) {
    const std::string fentry(name(ProbeSet::fentry));
    const std::string timer(name(ProbeSet::timer));
    return app
        .add_option_function<std::string>(
            "--probes",
            [&wish, fentry, timer](const std::string& word) {
                wish.reset();
                if (word == fentry) wish = ProbeSet::fentry;
                if (word == timer) wish = ProbeSet::timer;
            },
            "How TIME_WAIT and SYN_RECV are watched: by the kernel's functions, by its timers, or the former where it "
            "works")
        ->type_name("auto|fentry|timer")
        ->check(CLI::IsMember({std::string("auto"), fentry, timer}).description(""))
        ->default_str("auto");
}

} // namespace tcpdwell
