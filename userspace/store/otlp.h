// SPDX-License-Identifier: Apache-2.0
// Ended connections and findings as log records of OpenTelemetry, in OTLP's JSON encoding
// (opentelemetry-proto 1.5, ExportLogsServiceRequest): for a collector's file or HTTP receiver.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "report/report.h"
#include "run/forwarding_consumer.h"
#include "run/rows.h"
#include "store/ends.h"

namespace tcpdwell::store {

struct OtlpOptions {
    /// Takes a request of so many records: one line of JSON.
    std::function<Result<void>(std::uint64_t records, std::string_view line)> take;
    Sampling sampling;
    bool takes_time_wait = false; ///< as ExporterOptions
    std::uint64_t records_in_request = 1'000;
    Nanoseconds longest_wait{}; ///< as ExporterOptions
    std::string host;           ///< as ExporterOptions
};

/// Attributes have the names of the semantic conventions for networks, clients and servers,
/// processes and containers where these have one, else "tcpdwell." and the name of the column.
class OtlpExporter final : public run::ForwardingConsumer {
public:
    /// `context` and `next` must outlive this.
    OtlpExporter(OtlpOptions options, const run::Context& context, run::Consumer& next);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& state) override;
    void settled(const run::RunState& state) override;
    Result<void> finish() override;
    void on_connection(const track::ConnectionLine& line) override;

    /// As Exporter::add_findings().
    void add_findings(const report::Report& report);

    [[nodiscard]] std::uint64_t rows() const { return sent_; }

private:
    void add_record(std::string_view json);
    void hand_over();

    OtlpOptions options_;
    const run::Context& context_;
    run::ConnectionCells cells_;
    std::string records_; ///< with commas between them
    std::uint64_t count_ = 0;
    MonoTime begun_{};
    MonoTime now_{};
    std::uint64_t sent_ = 0;
    Result<void> taken_;
    bool is_settled_ = false;
};

} // namespace tcpdwell::store
