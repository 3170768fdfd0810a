// SPDX-License-Identifier: Apache-2.0
// A consumer that writes down how it is called.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "run/pipe.h"

namespace tcpdwell::test {

class CallLog : public run::Consumer {
public:
    void begin(const run::Context& context) override {
        calls.emplace_back("begin");
        facts = context.facts().size();
    }
    Result<bool> flush(const run::RunState& state) override {
        calls.emplace_back("flush");
        now = state.now;
        return answer;
    }
    void settled(const run::RunState&) override { calls.emplace_back("settled"); }
    Result<void> finish() override {
        calls.emplace_back("finish");
        return finish_answer;
    }
    void on_transition(const track::TransitionLine&) override { calls.emplace_back("transition"); }
    void on_connection(const track::ConnectionLine& line) override {
        calls.emplace_back(line.closed ? "ended" : "open");
    }
    void on_lost(const track::LostLine&) override { calls.emplace_back("lost"); }

    /// How often `call` has come, and where it came first and last.
    [[nodiscard]] std::size_t count(const std::string& call) const {
        return static_cast<std::size_t>(std::count(calls.begin(), calls.end(), call));
    }
    [[nodiscard]] std::ptrdiff_t first(const std::string& call) const {
        return std::find(calls.begin(), calls.end(), call) - calls.begin();
    }
    [[nodiscard]] std::ptrdiff_t last(const std::string& call) const {
        return calls.rend() - std::find(calls.rbegin(), calls.rend(), call) - 1;
    }

    std::vector<std::string> calls;
    std::size_t facts = 0; ///< known at the beginning
    MonoTime now{};        ///< of the last flush
    Result<bool> answer = true;
    Result<void> finish_answer;
};

} // namespace tcpdwell::test
