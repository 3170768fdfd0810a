// SPDX-License-Identifier: Apache-2.0
// A renderer turns rows into text. It handles columns and cells, never connections.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/word_enum.h"
#include "report/column.h"

namespace tcpdwell::render {

/// Buffers output and writes it to a descriptor on flush(). A closed pipe is recorded and isn't an
/// error; for that the program has to ignore SIGPIPE.
class Output {
public:
    /// Doesn't own the descriptor.
    explicit Output(int fd) : fd_(fd) {}

    std::string& buffer() { return buffer_; }
    /// Writes what has been collected. After EPIPE closed() is true and everything further is
    /// thrown away; any other failure (a full disk) is returned.
    Result<void> flush();
    [[nodiscard]] bool closed() const { return closed_; }

private:
    int fd_;
    std::string buffer_;
    bool closed_ = false;
};

/// Free-form object for the "meta" line of machine formats: key and value, value already JSON text.
struct MetaEntry {
    std::string key;
    std::string json;
};

class Renderer {
public:
    virtual ~Renderer() = default;
    /// Called once, before any row, with the schema whose heading is to be printed.
    virtual void begin(const report::Schema& main) = 0;
    /// The description of the run; printed by json and jsonl only.
    virtual void meta(std::span<const MetaEntry> entries) = 0;
    /// `row` has one cell per column of `schema`, which may differ from the main one (a "lost" row
    /// among transitions).
    virtual void row(const report::Schema& schema, report::Row row) = 0;
    /// A row that is about no connection, or about the whole run; printed by json and jsonl only.
    virtual void summary(const report::Schema&, report::Row) {}
    /// After the last row.
    virtual void finish() = 0;
};

/// How a table may look.
struct TableStyle {
    bool colour = false;
    /// Of the terminal, in characters: columns are left out and cells cut so that each row is one
    /// line. 0: nothing is.
    std::size_t width = 0;
    bool unicode = true; ///< whether "..." in one character can be shown
};

#define TCPDWELL_FORMAT_LIST(X) X(table, "table") X(json, "json") X(jsonl, "jsonl") X(csv, "csv")
TCPDWELL_WORD_ENUM(Format, TCPDWELL_FORMAT_LIST)

/// `out` must outlive the renderer.
std::unique_ptr<Renderer> make_renderer(Format format, Output& out, TableStyle style);

} // namespace tcpdwell::render
