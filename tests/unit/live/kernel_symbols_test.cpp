// SPDX-License-Identifier: Apache-2.0
// Symbols from texts like /proc/kallsyms.
#include "live/kernel_symbols.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace tcpdwell::test {
namespace {

using Piece = live::KernelFunction::Piece;

const std::array<std::string_view, 3> wanted = {"tw_timer_handler", "tcp_abort",
                                                "tcp_diag_destroy"};

TEST(KernelSymbols, AFunctionEndsWhereTheNextSymbolBegins) {
    const auto symbols =
        live::parse_kernel_symbols("ffffffff81000000 T _stext\n"
                                   "ffffffff82006870 t tw_timer_handler\n"
                                   "ffffffff82006870 t an_alias_of_it\n"
                                   "ffffffff82006890 t __pfx_inet_twsk_deschedule_put\n",
                                   wanted);
    ASSERT_EQ(symbols.functions.size(), 1u);
    EXPECT_EQ(symbols.functions[0].name, "tw_timer_handler");
    EXPECT_EQ(symbols.functions[0].begin, 0xffffffff82006870u);
    EXPECT_EQ(symbols.functions[0].end, 0xffffffff82006890u);
    EXPECT_EQ(symbols.address("tw_timer_handler"), 0xffffffff82006870u);
    EXPECT_FALSE(symbols.hidden);
}

TEST(KernelSymbols, ModulesListTheirSymbolsInNoOrder) {
    const auto symbols =
        live::parse_kernel_symbols("ffffffffc0101000 t later\t[tcp_diag]\n"
                                   "ffffffffc0100040 t tcp_diag_dump\t[tcp_diag]\n"
                                   "ffffffffc0100000 t tcp_diag_destroy\t[tcp_diag]",
                                   wanted);
    ASSERT_TRUE(symbols.has("tcp_diag_destroy"));
    EXPECT_EQ(symbols.functions[0].end, 0xffffffffc0100040u);
}

TEST(KernelSymbols, LooksThroughTheCompilersSuffixes) {
    for (const std::string suffix :
         {"", ".llvm.1234567", ".constprop.0", ".isra.0", ".constprop.0.isra.0"}) {
        const auto symbols = live::parse_kernel_symbols(
            "ffffffff82006870 t tw_timer_handler" + suffix + "\n", wanted);
        EXPECT_EQ(symbols.address("tw_timer_handler"), 0xffffffff82006870u) << suffix;
    }
}

TEST(KernelSymbols, NamesThatOnlyBeginAlikeAreOthers) {
    const auto symbols = live::parse_kernel_symbols("ffffffff8200bc20 T tcp_abort_override\n"
                                                    "ffffffff8200bd20 t __pfx_tcp_abort\n"
                                                    "ffffffff8200be20 d .tcp_abort\n",
                                                    wanted);
    EXPECT_FALSE(symbols.has("tcp_abort"));
}

TEST(KernelSymbols, SplitOffPartsAreNotTheEntry) {
    const auto symbols = live::parse_kernel_symbols("ffffffff81000100 t tcp_abort.cold\n"
                                                    "ffffffff81000200 t tcp_abort.part.0\n"
                                                    "ffffffff81000300 t tcp_abort.part.0.cold\n"
                                                    "ffffffff81000400 T tcp_abort\n",
                                                    wanted);
    ASSERT_EQ(symbols.functions.size(), 4u);
    EXPECT_EQ(symbols.functions[0].piece, Piece::cold);
    EXPECT_EQ(symbols.functions[1].piece, Piece::part);
    EXPECT_EQ(symbols.functions[2].piece, Piece::cold);
    EXPECT_EQ(symbols.functions[3].piece, Piece::whole);
    EXPECT_EQ(symbols.address("tcp_abort"), 0xffffffff81000400u);
}

TEST(KernelSymbols, TwoFunctionsOfOneNameHaveNoSingleAddress) {
    const auto symbols = live::parse_kernel_symbols("ffffffff82006870 t tw_timer_handler\n"
                                                    "ffffffffc0006870 t tw_timer_handler\t[dccp]\n",
                                                    wanted);
    EXPECT_EQ(symbols.address("tw_timer_handler"), 0u);
    EXPECT_TRUE(symbols.has("tw_timer_handler"));
}

TEST(KernelSymbols, HiddenIsNotAbsent) {
    const auto hidden = live::parse_kernel_symbols(
        "0000000000000000 T _stext\n0000000000000000 t tw_timer_handler\n", wanted);
    EXPECT_TRUE(hidden.hidden);
    EXPECT_TRUE(hidden.functions.empty());

    const auto absent = live::parse_kernel_symbols(
        "0000000000000000 A fixed_percpu_data\nffffffff81000000 T _stext\n", wanted);
    EXPECT_FALSE(absent.hidden);
    EXPECT_FALSE(absent.has("tw_timer_handler"));
    EXPECT_EQ(absent.address("tw_timer_handler"), 0u);
}

TEST(KernelSymbols, LinesThatAreNoSymbolsDoNoHarm) {
    const auto symbols = live::parse_kernel_symbols(
        "\nffffffff81000000\nffffffff81000000 \nnonsense\nffffffff82006870 t tw_timer_handler",
        wanted);
    EXPECT_EQ(symbols.address("tw_timer_handler"), 0xffffffff82006870u);
}

} // namespace
} // namespace tcpdwell::test
