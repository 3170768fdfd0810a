// SPDX-License-Identifier: Apache-2.0
// What `trace` prints: transitions or connections, filtered, as rows.
#pragma once

#include <memory>

#include "cli/pipeline.h"
#include "event/filter.h"
#include "render/renderer.h"

namespace tcpdwell {

class TracePrinter final : public Consumer {
public:
    enum class What { transitions, connections };

    /// `context` and `out` must outlive the printer.
    /// `idle`: also connections that nothing happened to.
    TracePrinter(What what, bool idle, Filter filter, const Context& context, Output& out,
                 std::unique_ptr<Renderer> renderer);

    void begin(const Context& context) override;
    Result<bool> flush() override;
    Result<void> finish() override;
    void on_transition(const TransitionLine& line) override;
    void on_connection(const ConnectionLine& line) override;
    void on_lost(const LostLine& line) override;

    [[nodiscard]] std::uint64_t printed() const { return printed_; }

private:
    [[nodiscard]] bool wanted(const ConnectionIdentity& who) const;

    What what_;
    bool idle_;
    Filter filter_;
    bool filtering_;
    const Context& context_;
    Output& out_;
    std::unique_ptr<Renderer> renderer_;
    std::vector<StateSpan> spans_;
    std::uint64_t printed_ = 0;
};

} // namespace tcpdwell
