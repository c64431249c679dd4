// SPDX-License-Identifier: Apache-2.0
#include "exec/index.h"

#include <sqlite3.h>

#include "headrace/base/text.h"

namespace headrace::exec::detail {
namespace {

constexpr int kSchemaVersion = 1;
constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS objects(id BLOB PRIMARY KEY, kind INTEGER, run TEXT, offset INTEGER, length INTEGER, content BLOB,
  seconds REAL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS objects_by_run ON objects(run);
CREATE TABLE IF NOT EXISTS files(path TEXT PRIMARY KEY, size INTEGER, changed INTEGER, content BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs(id TEXT PRIMARY KEY, pipeline TEXT, plan BLOB, status TEXT, started INTEGER, seconds REAL,
  executed INTEGER, remembered INTEGER, failed INTEGER, best TEXT, best_mean REAL) WITHOUT ROWID;
)sql";

}  // namespace

// A prepared statement for one use. Bind in order, then step.
class Index::Statement {
 public:
  Statement(sqlite3* database, const char* sql) { sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr); }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& text(std::string_view value) {
    sqlite3_bind_text(statement_, ++bound_, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& blob(const Digest& value) {
    sqlite3_bind_blob(statement_, ++bound_, value.bytes.data(), 32, SQLITE_TRANSIENT);
    return *this;
  }
  Statement& integer(std::int64_t value) {
    sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Statement& real(double value) {
    sqlite3_bind_double(statement_, ++bound_, value);
    return *this;
  }
  bool row() { return statement_ != nullptr && sqlite3_step(statement_) == SQLITE_ROW; }
  bool done() { return statement_ != nullptr && sqlite3_step(statement_) == SQLITE_DONE; }
  void again() {
    sqlite3_reset(statement_);
    bound_ = 0;
  }

  std::int64_t integer_at(int column) const { return sqlite3_column_int64(statement_, column); }
  double real_at(int column) const { return sqlite3_column_double(statement_, column); }
  std::string text_at(int column) const {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
  }
  Digest digest_at(int column) const {
    Digest out;
    const void* bytes = sqlite3_column_blob(statement_, column);
    if (bytes != nullptr && sqlite3_column_bytes(statement_, column) == 32) std::memcpy(out.bytes.data(), bytes, 32);
    return out;
  }
  Kept kept() const {
    return {.id = digest_at(0), .kind = static_cast<data::Kind>(integer_at(1)), .run = text_at(2),
            .offset = static_cast<std::uint64_t>(integer_at(3)), .length = static_cast<std::uint64_t>(integer_at(4)),
            .content = digest_at(5), .seconds = real_at(6)};
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
};

Error Index::failed(std::string_view what) const {
  return Error(Code::kIo, cat("the store's index failed while ", what, ": ", sqlite3_errmsg(database_)),
               "check space and rights of the store folder; index.sqlite may be deleted, it is made again from the journals");
}

Result<std::unique_ptr<Index>> Index::open(const std::string& path) {
  sqlite3* database = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  std::unique_ptr<Index> index(new Index(database));
  if (opened != SQLITE_OK) return index->failed(cat("opening ", path));
  sqlite3_busy_timeout(database, 10'000);
  HEADRACE_TRY(index->execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"));
  std::int64_t version = 0;
  {
    Statement statement(database, "PRAGMA user_version");
    if (statement.row()) version = statement.integer_at(0);
  }
  if (version > kSchemaVersion) {
    return Error(Code::kVersion, cat("store ", path, " was written by a newer program (index version ", version, ")"),
                 "use that program, or another --store");
  }
  if (version < kSchemaVersion) {
    HEADRACE_TRY(index->execute(kSchema));
    HEADRACE_TRY(index->execute(cat("PRAGMA user_version=", kSchemaVersion).c_str()));
  }
  return index;
}

Index::~Index() { sqlite3_close_v2(database_); }

Status Index::execute(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failed("changing it");
  return {};
}

std::optional<Kept> Index::find(const ObjectId& id) {
  const std::lock_guard lock(mutex_);
  Statement statement(database_, "SELECT id, kind, run, offset, length, content, seconds FROM objects WHERE id=?");
  if (!statement.blob(id).row()) return std::nullopt;
  return statement.kept();
}

std::vector<Kept> Index::find_prefix(std::string_view hex, std::size_t most) {
  const std::lock_guard lock(mutex_);
  std::string low(hex.substr(0, 64));
  std::string high = low;
  low.resize(64, '0');
  high.resize(64, 'f');
  const auto from = Digest::from_hex(low);
  const auto to = Digest::from_hex(high);
  std::vector<Kept> found;
  if (!from.has_value() || !to.has_value()) return found;
  Statement statement(database_, "SELECT id, kind, run, offset, length, content, seconds FROM objects WHERE id BETWEEN ? AND ? LIMIT ?");
  statement.blob(*from).blob(*to).integer(static_cast<std::int64_t>(most));
  while (statement.row()) found.push_back(statement.kept());
  return found;
}

Status Index::add(std::span<const Kept> kept) {
  const std::lock_guard lock(mutex_);
  HEADRACE_TRY(execute("BEGIN IMMEDIATE"));
  {
    Statement statement(
        database_,
        "INSERT INTO objects VALUES(?,?,?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET kind=excluded.kind, run=excluded.run, "
        "offset=excluded.offset, length=excluded.length, content=excluded.content WHERE objects.length=0 AND excluded.length>0");
    for (const Kept& entry : kept) {
      statement.blob(entry.id).integer(static_cast<std::int64_t>(entry.kind)).text(entry.run);
      statement.integer(static_cast<std::int64_t>(entry.offset)).integer(static_cast<std::int64_t>(entry.length));
      if (!statement.blob(entry.content).real(entry.seconds).done()) {
        Error error = failed("adding objects");
        sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
        return error;
      }
      statement.again();
    }
  }
  return execute("COMMIT");
}

Status Index::forget(const ObjectId& id) {
  const std::lock_guard lock(mutex_);
  if (!Statement(database_, "DELETE FROM objects WHERE id=?").blob(id).done()) return failed("forgetting an object");
  return {};
}

std::optional<Index::File> Index::file(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Statement statement(database_, "SELECT size, changed, content FROM files WHERE path=?");
  if (!statement.text(path).row()) return std::nullopt;
  return File{static_cast<std::uint64_t>(statement.integer_at(0)), statement.integer_at(1), statement.digest_at(2)};
}

Status Index::set_file(const std::string& path, const File& file) {
  const std::lock_guard lock(mutex_);
  Statement statement(database_, "INSERT OR REPLACE INTO files VALUES(?,?,?,?)");
  statement.text(path).integer(static_cast<std::int64_t>(file.size)).integer(file.changed_ns).blob(file.content);
  if (!statement.done()) return failed("noting a file");
  return {};
}

Status Index::set_run(const RunSummary& run, const Digest& plan) {
  const std::lock_guard lock(mutex_);
  Statement statement(database_, "INSERT OR REPLACE INTO runs VALUES(?,?,?,?,?,?,?,?,?,?,?)");
  statement.text(run.id).text(run.pipeline).blob(plan).text(run.status).integer(run.started_us).real(run.seconds);
  statement.integer(run.executed).integer(run.remembered).integer(run.failed).text(run.best).real(run.best_mean);
  if (!statement.done()) return failed("noting a run");
  return {};
}

std::vector<RunSummary> Index::runs() {
  const std::lock_guard lock(mutex_);
  std::vector<RunSummary> found;
  Statement statement(database_,
                      "SELECT id, pipeline, status, started, seconds, executed, remembered, failed, best, best_mean FROM runs "
                      "ORDER BY started DESC, id DESC");
  while (statement.row()) {
    found.push_back({.id = statement.text_at(0), .pipeline = statement.text_at(1), .status = statement.text_at(2),
                     .started_us = statement.integer_at(3), .seconds = statement.real_at(4), .executed = statement.integer_at(5),
                     .remembered = statement.integer_at(6), .failed = statement.integer_at(7), .best = statement.text_at(8),
                     .best_mean = statement.real_at(9)});
  }
  return found;
}

std::vector<std::string> Index::unended(const Digest& plan) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  Statement statement(database_,
                      "SELECT id FROM runs WHERE plan=? AND status IN ('running','interrupted','cancelled') ORDER BY started DESC");
  statement.blob(plan);
  while (statement.row()) found.push_back(statement.text_at(0));
  return found;
}

std::vector<std::string> Index::unended() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  Statement statement(database_, "SELECT id FROM runs WHERE status='running'");
  while (statement.row()) found.push_back(statement.text_at(0));
  return found;
}

Status Index::remove_run(const std::string& id) {
  const std::lock_guard lock(mutex_);
  HEADRACE_TRY(execute("BEGIN IMMEDIATE"));
  const bool removed = Statement(database_, "DELETE FROM objects WHERE run=?").text(id).done() &&
                       Statement(database_, "DELETE FROM runs WHERE id=?").text(id).done();
  if (!removed) {
    Error error = failed("removing a run");
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
    return error;
  }
  return execute("COMMIT");
}

}  // namespace headrace::exec::detail
