// SPDX-License-Identifier: Apache-2.0
// Needs no privileges: texts, and sysctls that every user may read.
#include "cli/cmd_explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/explain_print.h"
#include "cli/heading_words.h"
#include "cli/metric_words.h"
#include "cli/terminal.h"
#include "explain/explain.h"
#include "host/sysctls.h"
#include "render/renderer.h"

namespace tcpdwell::cli {
namespace {

constexpr std::size_t kWidest = 100; // longer lines are hard to read

std::vector<const explain::Explanation*> all_of(explain::Topic topic) {
    std::vector<const explain::Explanation*> found;
    for (const auto* all : {&explain::explanations(), &metric_explanations()})
        for (const explain::Explanation& each : *all)
            if (each.topic == topic) found.push_back(&each);
    return found;
}

std::string not_known(const std::string& word) {
    const auto similar = explain::similar_words(word);
    const std::string hint =
        similar.empty() ? "" : fmt::format("; did you mean {}?", fmt::join(similar, ", "));
    return fmt::format("no explanation of \"{}\"{}{} tcpdwell explain lists them all", word, hint,
                       similar.empty() ? ";" : "");
}

Result<std::vector<const explain::Explanation*>> look_up(const std::vector<std::string>& words) {
    std::vector<const explain::Explanation*> found;
    for (const std::string& word : words) {
        const auto topic = explain::topic_from_name(word);
        auto meant = topic ? all_of(*topic) : explain::explain(word);
        if (const auto* metric = topic ? nullptr : explain_metric(word)) meant.push_back(metric);
        if (meant.empty()) meant = explain_heading(word);
        if (meant.empty()) return fail(ErrorCode::usage, not_known(word));
        for (const explain::Explanation* each : meant) {
            if (std::find(found.begin(), found.end(), each) == found.end()) found.push_back(each);
        }
    }
    return found;
}

Result<int> run_explain(const std::vector<std::string>& words) {
    const ExplainStyle style{std::min(stdout_width(), kWidest), stdout_takes_colour()};
    render::Output out(STDOUT_FILENO);
    if (words.empty()) {
        append_word_list(out.buffer(), style);
    } else {
        const auto found = look_up(words);
        if (!found) return tl::unexpected(found.error());
        const std::vector<host::Sysctl> here = host::read_tcp_sysctls();
        for (const explain::Explanation* each : *found) {
            if (each != found->front()) out.buffer() += '\n';
            append_explanation(out.buffer(), *each, here, style);
        }
    }
    if (auto written = out.flush(); !written) return tl::unexpected(written.error());
    return 0;
}

} // namespace

Action define_explain(CLI::App& app) {
    const auto words = std::make_shared<std::vector<std::string>>();
    app.add_option("WORD", *words,
                   "A word that tcpdwell prints, a sysctl, or a topic (states, endings, findings, "
                   "sysctls, columns, metrics, "
                   "myths); none: list them")
        ->type_name("");
    app.footer(
        "Examples:\n"
        "  tcpdwell explain                      all words, one line each\n"
        "  tcpdwell explain time-wait            in any spelling, TIME_WAIT as well as timewait\n"
        "  tcpdwell explain tcp_fin_timeout      what it governs, what it doesn't, its value here\n"
        "  tcpdwell explain connections_ended_total   a metric, with its type and labels\n"
        "  tcpdwell explain myths                the usual recipes, and what is true of them\n"
        "\nValues are those of the network namespace that you are in. Needs no privileges.");
    return [words] { return run_explain(*words); };
}

} // namespace tcpdwell::cli
