// SPDX-License-Identifier: Apache-2.0
#include "cli/probe_options.h"

#include "cli/option_values.h"

namespace tcpdwell::cli {

void declare_probes(CLI::App& app, ProbeTexts& texts) {
    add_choice(app, "--probes", texts.set, {"auto", "fentry", "timer"},
               "How TIME_WAIT and SYN_RECV are watched: by the kernel's functions (fentry), by its "
               "timers, or (auto) the former where that works")
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
