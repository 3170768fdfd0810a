// SPDX-License-Identifier: Apache-2.0
// The screens of `top`, of the golden run and of names that would break a terminal, as text.
#include <gtest/gtest.h>

#include <algorithm>
#include <clocale>
#include <cstdlib>
#include <ctime>

#include "expected_file.h"
#include "golden_run.h"
#include "screen/collector.h"
#include "screen/layout.h"
#include "screen/text_fit.h"

namespace tcpdwell::test {
namespace {

using screen::Key;
using screen::ScreenData;
using screen::TableKind;
using screen::ViewState;

run::Context golden_context() {
    run::Context context;
    context.on_event(event::ClockReading{synth::kTestClock});
    context.on_event(event::Fact{0, "net.ipv4.ip_local_port_range", "40000 40149"});
    context.on_event(event::CgroupPath{4242, "/system.slice/app.service"});
    return context;
}

/// The golden run as it is collected at its end.
const ScreenData& golden_data() {
    static const ScreenData data = [] {
        const run::Context context = golden_context();
        screen::Collector collector({}, synth::kTestClock.mono);
        const auto run = golden_run(analysis::SplitBy::none, &collector);
        run->tracker.advance_to(run->now());
        ScreenData collected =
            collector.collect({run->tracker, event::DataQuality{}, run->now()}, context);
        collected.source.name = "golden.tdw";
        collected.source.is_live = false;
        collected.source.speed = 10;
        collected.source.position = run->now() - synth::kTestClock.mono;
        collected.source.length = std::chrono::seconds(180);
        return collected;
    }();
    return data;
}

std::array<char, TD_COMM_LEN> comm_of(std::string_view name) {
    std::array<char, TD_COMM_LEN> comm{};
    std::copy_n(name.begin(), std::min(name.size(), comm.size() - 1), comm.begin());
    return comm;
}

/// Names of 15 bytes with all that a terminal would act on, and the longest addresses.
ScreenData hostile_data() {
    ScreenData data;
    data.source.name = "evil\x1b]0;title\x07\xe2\x80\xae.tdw";
    data.source.filter = "--comm \x1b[2J";
    const std::string_view names[] = {"\x1b[2J\nfake\rline",
                                      "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
                                      "a\xe2\x80\xae"
                                      "b\xe2\x80\x8b"
                                      "c",
                                      "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
                                      "\xff\xfe",
                                      "plain"};
    std::uint64_t connections = 1000;
    for (const std::string_view name : names) {
        screen::GroupRow row;
        row.comm = row.key.service.comm = comm_of(name);
        row.key.service.role = tcp::Role::server;
        row.key.service.family = tcp::Family::ipv6;
        row.key.service.local = {*tcp::IpAddress::parse("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"),
                                 65535};
        row.pid = 4194304;
        row.total.connections = connections--;
        data.services.push_back(row);
    }
    return data;
}

std::string text_of(const ScreenData& data, ViewState view, const screen::ScreenStyle& style) {
    const screen::Layout layout = lay_out(data, view, style);
    EXPECT_LE(layout.lines.size(), style.size.height);
    std::string text;
    for (const screen::ScreenLine& line : layout.lines) {
        std::string whole;
        for (const screen::Piece& piece : line) whole += piece.text;
        EXPECT_LE(screen::columns_of(whole), style.size.width) << whole;
        whole.erase(whole.find_last_not_of(' ') + 1);
        text += whole + "\n";
    }
    return text;
}

ViewState view_of(TableKind table) {
    ViewState view;
    view.table = table;
    return view;
}

/// Of the golden run, as if it were one connection in `sample`.
ScreenData data_of_sample(std::uint64_t sample) {
    const run::Context context = golden_context();
    analysis::ReportOptions options;
    options.run.sample = sample;
    screen::Collector collector(options, synth::kTestClock.mono);
    const auto run = golden_run(analysis::SplitBy::none, &collector);
    run->tracker.advance_to(run->now());
    return collector.collect({run->tracker, event::DataQuality{}, run->now()}, context);
}

TEST(Collector, of_a_sample_each_connection_counts_so_many_times) {
    const ScreenData all = data_of_sample(1);
    const ScreenData some = data_of_sample(3);
    const auto listeners = static_cast<std::uint64_t>(
        std::ranges::count_if(all.open, &screen::ConnectionEntry::is_listener));
    EXPECT_EQ(some.sockets, 3 * all.sockets - 2 * listeners);
    for (const TableKind kind : {TableKind::services, TableKind::programs, TableKind::remotes}) {
        const auto& rows = all.groups(kind);
        ASSERT_EQ(some.groups(kind).size(), rows.size());
        std::uint64_t sockets = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const screen::GroupRow& row = some.groups(kind)[i];
            EXPECT_EQ(row.opened, 3 * rows[i].opened);
            EXPECT_EQ(row.total.connections, 3 * rows[i].total.connections);
            EXPECT_EQ(row.time_wait_peak, 3 * rows[i].time_wait_peak);
            for (const tcp::State state : kAllOf<tcp::State>) {
                EXPECT_EQ(row.sockets[state], 3 * rows[i].sockets[state]) << name(state);
                sockets += rows[i].sockets[state];
            }
        }
        EXPECT_GT(sockets, 0U);
    }
}

class GoldenScreen : public testing::Test {
protected:
    void SetUp() override {
        setenv("TZ", "UTC", 1);
        tzset();
        ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr);
    }
    void TearDown() override { std::setlocale(LC_CTYPE, "C"); }
};

TEST_F(GoldenScreen, services_fit_each_width) {
    for (const std::size_t width : {40U, 80U, 120U, 200U, 300U})
        expect_golden("screen_services_" + std::to_string(width) + ".txt",
                      text_of(golden_data(), {}, {{width, width < 100 ? 24U : 40U}, true}));
}

TEST_F(GoldenScreen, other_tables_fit_each_width) {
    for (const TableKind table :
         {TableKind::programs, TableKind::remotes, TableKind::ports, TableKind::connections}) {
        std::string title(screen::ScreenTable::title(table));
        title[0] = static_cast<char>(title[0] + ('a' - 'A'));
        for (const std::size_t width : {40U, 80U, 120U, 200U})
            expect_golden("screen_" + title + "_" + std::to_string(width) + ".txt",
                          text_of(golden_data(), view_of(table), {{width, 24}, true}));
    }
}

TEST_F(GoldenScreen, is_ascii_where_the_locale_is) {
    const std::string text = text_of(golden_data(), {}, {{80, 24}, false});
    EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c >= 0 && c < 0x7f; }));
    expect_golden("screen_services_80_ascii.txt", text);
}

TEST_F(GoldenScreen, hostile_names_stay_in_their_columns) {
    expect_golden("screen_hostile_80.txt", text_of(hostile_data(), {}, {{80, 24}, true}));
    expect_golden("screen_hostile_120.txt", text_of(hostile_data(), {}, {{120, 24}, true}));
    std::setlocale(LC_CTYPE, "C");
    const std::string text = text_of(hostile_data(), {}, {{120, 24}, false});
    EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c >= 0 && c < 0x7f; })) << text;
}

TEST_F(GoldenScreen, a_row_is_opened) {
    for (const TableKind table : {TableKind::services, TableKind::programs, TableKind::remotes,
                                  TableKind::ports, TableKind::connections}) {
        ViewState view = view_of(table);
        screen::ViewExtent extent = lay_out(golden_data(), view, {{80, 24}, true}).extent;
        EXPECT_EQ(press(view, {Key::Code::enter, {}}, extent).what,
                  screen::KeyRequest::What::nothing);
        ASSERT_EQ(view.page, ViewState::Page::row);
        std::string title(screen::ScreenTable::title(table));
        title[0] = static_cast<char>(title[0] + ('a' - 'A'));
        expect_golden("screen_row_of_" + title + ".txt",
                      text_of(golden_data(), view, {{80, 40}, true}));
    }
}

TEST_F(GoldenScreen, findings_and_help_are_pages) {
    ViewState view;
    view.page = ViewState::Page::findings;
    expect_golden("screen_findings_80.txt", text_of(golden_data(), view, {{80, 40}, true}));
    view.page = ViewState::Page::help;
    expect_golden("screen_help_80.txt", text_of(golden_data(), view, {{80, 60}, true}));
    expect_golden("screen_help_40.txt", text_of(golden_data(), view, {{40, 24}, true}));
}

TEST_F(GoldenScreen, says_where_it_has_no_room) {
    EXPECT_EQ(text_of(golden_data(), {}, {{39, 24}, true}), "Too small: 40x10 at least\n");
    EXPECT_EQ(text_of(golden_data(), {}, {{10, 1}, true}), "Too small…\n");
    EXPECT_EQ(text_of(golden_data(), {}, {{80, 9}, true}), "Too small: 40x10 at least\n");
}

} // namespace
} // namespace tcpdwell::test
