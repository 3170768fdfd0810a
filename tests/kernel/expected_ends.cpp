// SPDX-License-Identifier: Apache-2.0
// Lines against truths.
#include "expected_ends.h"

#include <algorithm>
#include <set>

namespace tcpdwell::test {

namespace {

std::vector<std::string> states_of(const ConnectionLine& line) {
    std::vector<std::string> states;
    for (const StateStep& step : line.states) states.push_back(step.state);
    return states;
}

// Whether all of `part` stands in `whole`, in the same order.
bool is_subsequence(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
    auto at = whole.begin();
    for (const std::string& each : part) {
        at = std::find(at, whole.end(), each);
        if (at == whole.end()) return false;
        ++at;
    }
    return true;
}

// How many of the last states are the same.
std::size_t common_tail(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    const auto difference = std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first;
    return static_cast<std::size_t>(difference - a.rbegin());
}

class Judge {
public:
    Judge(const ConnectionLine& line, const ExpectedEnd& truth, std::vector<std::string>& errors)
        : line_(line), truth_(truth), errors_(errors) {}

    void judge(nanoseconds lifetime) {
        const std::vector<std::string> states = states_of(line_);
        const bool is_whole = line_.seen == "whole";
        if (truth_.reported_as_whole && !is_whole) complain("nothing was lost of it");
        // Who joined a connection has seen all that came after its first state.
        const bool lacks_nothing =
            is_whole ? states == truth_.path
                     : line_.seen == "gap" || (states.size() + 1 == truth_.path.size());
        if (!lacks_nothing || !is_subsequence(states, truth_.path)) complain("other states");
        if (common_tail(states, truth_.path) < truth_.reported_at_least)
            complain("the last states are missing");

        const bool must_know = is_whole || truth_.reported_at_least > 0;
        expect_word("closed_first", line_.closed_first, truth_.closed_first, must_know);
        expect_word("ending", line_.ending, truth_.ending, must_know);

        for (std::size_t i = 0; i < line_.states.size(); ++i) {
            const auto& dwell = line_.states[i].dwell;
            if (dwell && (*dwell < nanoseconds(0) || *dwell > lifetime))
                complain("an impossible duration");
            const bool is_present = truth_.ending == "open" || states[i] == "TIME_WAIT";
            if (is_whole && !dwell && !(is_present && i + 1 == states.size()))
                complain("a duration is missing");
        }
        if (line_.opened && line_.closed && *line_.closed < *line_.opened)
            complain("closed before it was opened");
    }

private:
    void expect_word(const std::string& key, const std::string& word, const std::string& right,
                     bool must_know) {
        if (word != right && (must_know || word != "unknown")) complain(key + " isn't " + right);
    }

    void complain(const std::string& what) { errors_.push_back(what + ": " + line_.text); }

    const ConnectionLine& line_;
    const ExpectedEnd& truth_;
    std::vector<std::string>& errors_;
};

} // namespace

std::vector<std::string> ExpectedEnds::errors_in(const std::vector<ConnectionLine>& lines,
                                                 nanoseconds lifetime) const {
    std::vector<std::string> errors;
    std::set<Ports> reported;
    for (const ConnectionLine& line : lines) {
        const Ports end{line.who.local.port, line.who.remote.port};
        const auto truth = truths_.find(end);
        if (truth == truths_.end())
            errors.push_back("invented: " + line.text);
        else
            Judge(line, truth->second, errors).judge(lifetime);
        if (!reported.insert(end).second) errors.push_back("reported twice: " + line.text);
    }
    for (const auto& [end, truth] : truths_)
        if (truth.known_to_tracer && !reported.contains(end))
            errors.push_back("no line for " + std::to_string(end.first) + " to " +
                             std::to_string(end.second) + " in " + truth.path.back());
    return errors;
}

} // namespace tcpdwell::test
