// SPDX-License-Identifier: Apache-2.0
// What the screen is shown on.
#pragma once

#include <optional>
#include <vector>

#include "screen/layout.h"

namespace tcpdwell::screen {

class Terminal {
public:
    virtual ~Terminal() = default;
    [[nodiscard]] virtual ScreenSize size() const = 0;
    /// Whether it shows UTF-8.
    [[nodiscard]] virtual bool is_unicode() const = 0;
    /// The next key that has been pressed; nullopt: none. Doesn't wait.
    virtual std::optional<Key> next_key() = 0;
    /// Shows these lines and nothing else.
    virtual void draw(const std::vector<ScreenLine>& lines) = 0;
    /// What it shows is no longer known: the next draw() sends everything.
    virtual void forget() = 0;
};

} // namespace tcpdwell::screen
