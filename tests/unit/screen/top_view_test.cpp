// SPDX-License-Identifier: Apache-2.0
#include "screen/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "synth/setting.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Keeps what was drawn last. No key is pressed.
class PaperTerminal final : public screen::Terminal {
public:
    [[nodiscard]] screen::ScreenSize size() const override { return {120, 30}; }
    [[nodiscard]] bool is_unicode() const override { return false; }
    std::optional<screen::Key> next_key() override { return std::nullopt; }
    void draw(const std::vector<screen::ScreenLine>& lines) override {
        text.clear();
        for (const screen::ScreenLine& line : lines) {
            for (const screen::Piece& piece : line) text += piece.text;
            text += '\n';
        }
    }
    void forget() override {}

    std::string text;
};

// A pipe has reached no time before its first event.
TEST(TopView, counts_from_when_it_began_on) {
    run::Context context;
    context.on_event(event::ClockReading{synth::kTestClock});
    PaperTerminal terminal;
    screen::ViewState view;
    screen::TopView top({.interval = 1ns}, context, terminal, nullptr, view);
    const track::Tracker tracker(top, {});
    const event::DataQuality quality;
    top.begin(context);
    ASSERT_TRUE(top.flush({tracker, quality, MonoTime{}}));
    EXPECT_THAT(terminal.text, HasSubstr("counts of the last 0ns"));
}

} // namespace
} // namespace tcpdwell::test
