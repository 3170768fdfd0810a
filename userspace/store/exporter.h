// SPDX-License-Identifier: Apache-2.0
// Makes rows of what ends, in batches for each table; what it is placed before gets everything too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/minute_sums.h"
#include "base/result.h"
#include "render/flat_json.h"
#include "report/report.h"
#include "run/forwarding_consumer.h"
#include "run/rows.h"
#include "store/ends.h"
#include "store/table.h"

namespace tcpdwell::store {

struct ExporterOptions {
    /// Takes a batch: so many rows, as JSON lines.
    std::function<Result<void>(const ExportTable& table, std::uint64_t rows,
                               std::string_view lines)>
        take;
    std::string zone;
    Sampling sampling; ///< of ends
    /// What is in TIME_WAIT at the end has rows: nobody traces on from there.
    bool takes_time_wait = false;
    std::uint64_t rows_in_batch = 20'000;
    std::size_t bytes_in_batch = std::size_t{16} << 20;
    /// After this time a batch is handed over although it isn't full; 0: it waits for that.
    Nanoseconds longest_wait{};
    /// Reports that come sooner after one whose findings were taken are left out.
    Nanoseconds findings_interval{};
    /// Of a recording that has the facts of the host in its head only.
    std::string host;
    std::string boot;
};

/// Memory: a batch for each table, and what MinuteSums needs.
class Exporter final : public run::ForwardingConsumer {
public:
    /// `context` and `next` must outlive this.
    Exporter(ExporterOptions options, const run::Context& context, run::Consumer& next);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& state) override;
    void settled(const run::RunState& state) override;
    Result<void> finish() override;
    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;

    /// A report has been made, on the time since the last one or since the beginning. Not after
    /// finish().
    void add_findings(const report::Report& report);

    [[nodiscard]] std::uint64_t rows() const { return rows_; } ///< of all tables

private:
    struct Batch {
        const ExportTable& table;
        std::string lines{};
        std::uint64_t rows = 0;
        MonoTime begun{};
    };

    void begin_row(std::uint64_t at_seconds);
    void end_row(Batch& batch);
    void add_end(const track::ConnectionLine& line);
    void add_minute(const analysis::MinuteRow& row);
    void add_finding(const report::Finding& finding, MonoTime begin);
    void hand_over(Batch& batch);
    Result<void> hand_over_all();
    [[nodiscard]] std::uint64_t wall_seconds(MonoTime at) const;

    ExporterOptions options_;
    const run::Context& context_;
    analysis::MinuteSums minutes_;
    Batch ends_{ends_table()};
    Batch sums_{minutes_table()};
    Batch findings_{findings_table()};
    render::FlatJson json_;
    run::ConnectionCells cells_;
    MonoTime now_{};
    MonoTime findings_begin_{};
    std::uint64_t rows_ = 0;
    Result<void> taken_; ///< what became of a batch that couldn't wait for flush()
    bool is_settled_ = false;
};

} // namespace tcpdwell::store
