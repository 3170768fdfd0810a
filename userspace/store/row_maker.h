// SPDX-License-Identifier: Apache-2.0
// Makes rows of what ends, in batches, whatever they look like; what it is placed before gets
// everything too.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "report/report.h"
#include "run/forwarding_consumer.h"
#include "store/ends.h"

namespace tcpdwell::store {

struct RowOptions {
    /// Takes a batch of a table: so many rows, as lines of JSON.
    std::function<Result<void>(std::string_view table, std::uint64_t rows, std::string_view lines)>
        take;
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
    std::string zone;   ///< of that host, as its user calls it; "": none is given
    std::string filter; ///< what is traced of it, as options; "": everything
};

/// Memory: a batch for each table.
class RowMaker : public run::ForwardingConsumer {
public:
    /// `context` and `next` must outlive this.
    RowMaker(RowOptions options, const run::Context& context, run::Consumer& next);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& state) override;
    void settled(const run::RunState& state) override;
    Result<void> finish() override;
    void on_connection(const track::ConnectionLine& line) override;

    /// A report has been made, on the time since the last one or since the beginning. Not after
    /// finish().
    void add_findings(const report::Report& report);

    [[nodiscard]] std::uint64_t rows() const { return rows_; } ///< of all tables

protected:
    struct Batch {
        std::string_view table;
        std::string lines{};
        std::uint64_t rows = 0;
        MonoTime begun{};
    };

    /// Everything before now() has come; the last time before finish() ends. `is_over`: nothing
    /// more comes.
    virtual void advance(bool is_over) = 0;
    /// It has ended, whether it has a row or not.
    virtual void note_end(const track::ConnectionLine&) {}
    virtual void add_end(const track::ConnectionLine& line, std::uint64_t flow,
                         std::uint64_t weight) = 0;
    /// Of a report on the time from `begin` to now().
    virtual void add_finding(const report::Finding& finding, MonoTime begin) = 0;
    [[nodiscard]] virtual std::span<Batch> batches() = 0;
    /// What of a batch is handed over.
    [[nodiscard]] virtual std::string text_of(Batch& batch) { return std::move(batch.lines); }

    /// A row has been added to `batch.lines`.
    void count_row(Batch& batch);

    [[nodiscard]] const RowOptions& options() const { return options_; }
    [[nodiscard]] const run::Context& context() const { return context_; }
    [[nodiscard]] MonoTime now() const { return now_; }
    [[nodiscard]] bool is_settled() const { return is_settled_; }

private:
    void hand_over(Batch& batch);

    RowOptions options_;
    const run::Context& context_;
    MonoTime now_{};
    MonoTime findings_begin_{};
    std::uint64_t rows_ = 0;
    Result<void> taken_; ///< what became of a batch that couldn't wait for flush()
    bool is_settled_ = false;
};

} // namespace tcpdwell::store
