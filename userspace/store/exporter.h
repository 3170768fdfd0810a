// SPDX-License-Identifier: Apache-2.0
// Rows of the tables in ClickHouse.
#pragma once

#include <array>
#include <string>

#include "analysis/minute_sums.h"
#include "render/flat_json.h"
#include "run/rows.h"
#include "store/row_maker.h"
#include "store/table.h"

namespace tcpdwell::store {

/// Memory, besides: what MinuteSums needs.
class Exporter final : public RowMaker {
public:
    Exporter(RowOptions options, const run::Context& context, run::Consumer& next);

    void begin(const run::Context& context) override;
    void on_move(const track::StateMove& move) override;
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override;
    void on_transition(const track::TransitionLine& line) override;

private:
    void advance(bool is_over) override;
    void note_end(const track::ConnectionLine& line) override { minutes_.on_connection(line); }
    void add_end(const track::ConnectionLine& line, std::uint64_t flow,
                 std::uint64_t weight) override;
    void add_finding(const report::Finding& finding, MonoTime begin) override;
    [[nodiscard]] std::span<Batch> batches() override { return batches_; }

    void begin_row(MonoTime at, Nanoseconds rounding = {});
    void end_row(Batch& batch);
    void add_minute(const analysis::MinuteRow& row);

    analysis::MinuteSums minutes_;
    std::array<Batch, 3> batches_{Batch{ends_table().name}, Batch{minutes_table().name},
                                  Batch{findings_table().name}};
    Batch& ends_ = batches_[0];
    Batch& sums_ = batches_[1];
    Batch& findings_ = batches_[2];
    render::FlatJson json_;
    run::ConnectionCells cells_;
};

} // namespace tcpdwell::store
