// SPDX-License-Identifier: Apache-2.0
// Finding a word in whatever spelling it is asked for, and what looks like it.
#include "explain/explain.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "base/similar.h"
#include "explain/texts.h"

namespace tcpdwell::explain {
namespace {

constexpr std::pair<Topic, std::string_view> kTopics[] = {
    {Topic::state, "state"},   {Topic::ending, "ending"}, {Topic::finding, "finding"},
    {Topic::sysctl, "sysctl"}, {Topic::column, "column"}, {Topic::metric, "metric"},
    {Topic::myth, "myth"},
};

/// Letters and digits in lower case: "FIN-WAIT-2", "fin_wait2" and "FIN_WAIT2" are one.
std::string key(std::string_view word) {
    std::string out;
    for (const char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0) out += static_cast<char>(std::tolower(byte));
    }
    return out;
}

/// Names used by other tools and the RFC, by key: RFC 9293, ss, netstat; and keys that share an
/// explanation.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"synreceived", "SYN_RECV"},
    {"estab", "ESTABLISHED"},
    {"closed", "CLOSE"},
    {"unconn", "CLOSE"},
    {"listening", "LISTEN"},
    {"2msl", "TIME_WAIT"},
    {"p90ns", "p50_ns"},
    {"p99ns", "p50_ns"},
    {"p999ns", "p50_ns"},
    {"maxns", "min_ns"},
    {"endings", "ending"},
    {"stepns", "timeline"},
    {"handshake", "latencies"},
    {"connect", "latencies"},
    {"finacked", "latencies"},
    {"dwell", "dwell_ns"},
    {"nofile", "without_file"},
    {"lost", "events_lost"},
    {"strayreset", "stray_resets"},
    {"shutdown", "how"},
    {"exit", "how"},
    {"abort", "how"},
    {"close", "how"},
    {"retrans", "retransmitted"},
    {"retransmittedshare", "retransmitted"},
};

std::string_view after_last(std::string_view text, std::string_view separators) {
    const std::size_t at = text.find_last_of(separators);
    return at == std::string_view::npos ? text : text.substr(at + 1);
}

bool is_name_of(std::string_view word, const std::string& wanted, const Explanation& entry) {
    if (key(entry.word) == wanted) return true;
    switch (entry.topic) {
    case Topic::sysctl: // net.ipv4.tcp_x, net/ipv4/tcp_x, /proc/sys/net/ipv4/tcp_x, tcp_x
        return key(after_last(entry.word, ".")) == key(after_last(word, "./"));
    case Topic::finding: // a threshold: close_wait_leak.age
        return word.find('.') != std::string_view::npos &&
               key(word.substr(0, word.find('.'))) == key(entry.word);
    case Topic::ending:
    case Topic::column: // time_wait.peak, states.TIME_WAIT.p99_ns
        return word.find('.') != std::string_view::npos &&
               key(after_last(word, ".")) == key(entry.word);
    case Topic::state:
    case Topic::metric:
    case Topic::myth: return false;
    }
    return false;
}

bool is_other_name_of(const std::string& wanted, const Explanation& entry) {
    return std::any_of(std::begin(kOtherNames), std::end(kOtherNames), [&](const auto& name) {
        return name.first == wanted && name.second == entry.word;
    });
}

} // namespace

std::string_view name(Topic topic) {
    for (const auto& [value, text] : kTopics) {
        if (value == topic) return text;
    }
    return {};
}

std::optional<Topic> topic_from_name(std::string_view word) {
    const std::string wanted = key(word);
    for (const auto& [topic, text] : kTopics) {
        if (wanted == text || wanted == std::string(text) + "s") return topic;
    }
    return std::nullopt;
}

const std::vector<Explanation>& explanations() {
    static const std::vector<Explanation> all = [] {
        std::vector<Explanation> list;
        for (const auto& part : {texts::states(), texts::endings(), texts::ending_details(),
                                 texts::time_wait_ends(), texts::findings(), texts::causes(),
                                 texts::sysctls(), texts::columns(), texts::myths()})
            list.insert(list.end(), part.begin(), part.end());
        return list;
    }();
    return all;
}

std::vector<const Explanation*> explain(std::string_view word) {
    const std::string wanted = key(word);
    std::vector<const Explanation*> found;
    if (wanted.empty()) return found;
    for (const Explanation& entry : explanations()) {
        if (is_name_of(word, wanted, entry) || is_other_name_of(wanted, entry))
            found.push_back(&entry);
    }
    const std::size_t direct = found.size();
    for (std::size_t i = 0; i < direct; ++i) {
        if (found[i]->topic != Topic::sysctl) continue;
        for (const Explanation& entry : explanations()) {
            const bool about_it = entry.topic == Topic::myth && !entry.sysctls.empty() &&
                                  std::find(entry.sysctls.begin(), entry.sysctls.end(),
                                            found[i]->word) != entry.sysctls.end();
            if (about_it && std::find(found.begin(), found.end(), &entry) == found.end())
                found.push_back(&entry);
        }
    }
    return found;
}

std::vector<std::string_view> similar_words(std::string_view word) {
    constexpr std::size_t kMost = 3;
    const std::string wanted = key(after_last(word, "./"));
    if (wanted.empty()) return {};
    std::vector<std::pair<std::size_t, std::string_view>> alike;
    for (const Explanation& entry : explanations()) {
        const std::string_view candidate = after_last(entry.word, ".");
        const auto far = unlikeness(wanted, key(candidate));
        const bool listed = std::any_of(alike.begin(), alike.end(), [&](const auto& other) {
            return key(other.second) == key(candidate);
        });
        if (far && !listed) alike.emplace_back(*far, candidate);
    }
    std::stable_sort(alike.begin(), alike.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string_view> words;
    for (std::size_t i = 0; i < std::min(kMost, alike.size()); ++i)
        words.push_back(alike[i].second);
    return words;
}

} // namespace tcpdwell::explain
