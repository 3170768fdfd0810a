// SPDX-License-Identifier: Apache-2.0
// Ended connections and findings as log records of OpenTelemetry, in OTLP's JSON encoding
// (opentelemetry-proto 1.5, ExportLogsServiceRequest): for a collector's file or HTTP receiver.
#pragma once

#include <string>

#include "run/rows.h"
#include "store/row_maker.h"

namespace tcpdwell::store {

/// What batches of log records are called, among those of tables.
inline constexpr std::string_view kOtlpBatch = "otlp";

/// A batch is a request, one line of JSON. Attributes have the names of the semantic conventions
/// for networks, clients and servers, processes and containers where these have one, else
/// "tcpdwell." and the name of the column.
class OtlpExporter final : public RowMaker {
public:
    using RowMaker::RowMaker;

private:
    void advance(bool) override {}
    void add_end(const track::ConnectionLine& line, std::uint64_t flow,
                 std::uint64_t weight) override;
    void add_finding(const report::Finding& finding, MonoTime begin) override;
    [[nodiscard]] std::span<Batch> batches() override { return {&records_, 1}; }
    [[nodiscard]] std::string text_of(Batch& batch) override;

    void add_record(std::string_view json);

    run::ConnectionCells cells_;
    Batch records_{kOtlpBatch};
};

} // namespace tcpdwell::store
