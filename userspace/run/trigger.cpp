// SPDX-License-Identifier: Apache-2.0
#include "run/trigger.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "analysis/findings.h"
#include "base/similar.h"
#include "base/text.h"

namespace tcpdwell::run {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

/// The words that triggers begin with.
std::vector<std::string> known_words() {
    std::vector<std::string> words;
    for (const tcp::State state : kAllOf<tcp::State>)
        if (has_connection(state)) words.push_back(lower(name(state)));
    for (const tcp::Ending ending : kAllOf<tcp::Ending>)
        if (ending != tcp::Ending::open) words.emplace_back(name(ending));
    for (const std::string_view id : analysis::finding_ids()) words.emplace_back(id);
    return words;
}

/// Without the words that there are: they would take ten lines.
tl::unexpected<Error> wrong(std::string_view text) {
    const auto words = known_words();
    const std::string word = lower(text.substr(0, text.find_first_of("> ")));
    std::string meant;
    if (std::find(words.begin(), words.end(), word) == words.end())
        if (const auto alike = most_alike(word, words); !alike.empty())
            meant = fmt::format(" (did you mean {}?)", fmt::join(alike, " or "));
    return fail(
        ErrorCode::usage,
        fmt::format("'{}' is no trigger{}: STATE>NUMBER as time_wait>20000, ENDING>NUMBER/s "
                    "(or /m, /h) as reset_sent>100/s, or FINDING as close_wait_leak; "
                    "'tcpdwell explain' lists states, endings and findings",
                    printable(text), meant));
}

std::optional<Nanoseconds> unit(std::string_view text) {
    if (text == "/s") return std::chrono::seconds(1);
    if (text == "/m") return std::chrono::minutes(1);
    if (text == "/h") return std::chrono::hours(1);
    return std::nullopt;
}

} // namespace

Result<Trigger> Trigger::parse(std::string_view text) {
    std::string plain = lower(text);
    std::erase(plain, ' ');
    const std::size_t sign = plain.find('>');
    const std::string_view word = std::string_view(plain).substr(0, sign);
    if (sign == std::string::npos) {
        for (const std::string_view id : analysis::finding_ids())
            if (word == id) return Trigger{std::string(text), FindingRaised{id}};
        return wrong(text);
    }
    std::uint64_t limit = 0;
    const char* const end = plain.data() + plain.size();
    const auto [rest, error] = std::from_chars(plain.data() + sign + 1, end, limit);
    if (error != std::errc()) return wrong(text);
    const std::string_view behind(rest, static_cast<std::size_t>(end - rest));
    if (behind.empty()) {
        for (const tcp::State state : kAllOf<tcp::State>)
            if (has_connection(state) && word == lower(name(state)))
                return Trigger{std::string(text), SocketsInState{state, limit}};
        return wrong(text);
    }
    const auto per = unit(behind);
    const auto ending = from_word<tcp::Ending>(word);
    if (per && ending && *ending != tcp::Ending::open)
        return Trigger{std::string(text), RateOfEnding{*ending, limit, *per}};
    return wrong(text);
}

void SlidingCount::advance_to(MonoTime now) {
    const std::int64_t step = now.time_since_epoch() / step_;
    if (step <= newest_) return;
    const std::int64_t steps = std::min(step - newest_, kParts);
    for (std::int64_t i = 1; i <= steps; ++i) {
        auto& part = parts_[static_cast<std::size_t>((newest_ + i) % kParts)];
        sum_ -= part;
        part = 0;
    }
    newest_ = step;
}

void SlidingCount::add(MonoTime at) {
    advance_to(at);
    ++parts_[static_cast<std::size_t>(newest_ % kParts)];
    ++sum_;
}

std::uint64_t SlidingCount::count(MonoTime now) {
    advance_to(now);
    return sum_;
}

} // namespace tcpdwell::run
