// SPDX-License-Identifier: Apache-2.0
// What `trace` prints: transitions or connections as rows.
#pragma once

#include <memory>

#include "render/renderer.h"
#include "run/pipeline.h"

namespace tcpdwell {

class TracePrinter final : public Consumer {
public:
    enum class What { transitions, connections };

    /// `context` and `out` must outlive the printer.
    /// `idle`: also connections that nothing happened to.
    TracePrinter(What what, bool idle, const Context& context, Output& out,
                 std::unique_ptr<Renderer> renderer);

    void begin(const Context& context) override;
    Result<bool> flush(const RunState& state) override;
    Result<void> finish() override;
    void on_transition(const TransitionLine& line) override;
    void on_connection(const ConnectionLine& line) override;
    void on_lost(const LostLine& line) override;

    [[nodiscard]] std::uint64_t printed() const { return printed_; }

private:
    What what_;
    bool idle_;
    const Context& context_;
    Output& out_;
    std::unique_ptr<Renderer> renderer_;
    std::vector<StateSpan> spans_;
    std::uint64_t printed_ = 0;
};

} // namespace tcpdwell
