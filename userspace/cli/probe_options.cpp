// SPDX-License-Identifier: Apache-2.0
#include "cli/probe_options.h"

namespace tcpdwell::cli {

void declare_probes(CLI::App& app, ProbeTexts& texts) {
    app.add_option("--probes", texts.set,
                   "How TIME_WAIT and SYN_RECV are watched: by the kernel's functions, by its "
                   "timers, or the former where it "
                   "works")
        ->type_name("auto|fentry|timer")
        ->check(CLI::IsMember({"auto", "fentry", "timer"}).description(""))
        ->default_str("auto");
    app.add_option("--btf", texts.btf_file,
                   "Types of the running kernel, for one built without CONFIG_DEBUG_INFO_BTF: a "
                   "BTF file or a vmlinux "
                   "with BTF, of exactly this kernel")
        ->type_name("FILE")
        ->check(CLI::Validator(
            [](const std::string& file) { return file.empty() ? "it names no file" : ""; }, ""));
}

} // namespace tcpdwell::cli
