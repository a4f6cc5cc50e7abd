#include "io/evidence_reader.hpp"

#include <algorithm>
#include <fstream>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include <boost/json.hpp>

#include "api/routing_json.hpp"
#include "audit/chain.hpp"
#include "audit/inspection.hpp"
#include "audit/record.hpp"
#include "audit/signing.hpp"
#include "audit/transit_report.hpp"
#include "io/identity_table.hpp"

namespace meridian::io {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using api::AdminResponse;

/// An export is one answer, held in memory while it is sent.
constexpr std::size_t kMaxExport = 512UL * 1024 * 1024;

json::string_view view(std::string_view text) {
  return {text.data(), text.size()};
}

AdminResponse unreadable() {
  return AdminResponse::error(503, "unavailable", "the records can't be read now");
}
AdminResponse not_found() {
  return AdminResponse::error(404, "not_found", "there is no such thing");
}

// -- The log --------------------------------------------------------------------------------------

/// The files of the log, oldest first.
std::vector<fs::path> log_files(const fs::path& data_dir) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(data_dir / "audit", error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("audit-") && name.ends_with(".log")) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

/// Calls `visit` with each whole line, without its newline, until it returns false. The last line
/// may be in the middle of being written: it isn't whole yet. False when a file can't be read.
bool for_each_line(const fs::path& data_dir, const std::function<bool(std::string_view)>& visit) {
  for (const fs::path& file : log_files(data_dir)) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
      return false;
    }
    for (std::string line; std::getline(in, line);) {
      if (in.eof()) {
        break;
      }
      if (!visit(line)) {
        return true;
      }
    }
  }
  return true;
}

/// The record of a line, when it is one of the account's.
std::optional<json::object> record_of(std::string_view line, const AccountId& account) {
  // Most lines of a big node are of other accounts: they are not parsed.
  if (!line.contains("\"account\":\"" + account.value() + "\"")) {
    return std::nullopt;
  }
  json::error_code error;
  json::value parsed = json::parse(view(line), error);
  json::object* object = error ? nullptr : parsed.if_object();
  json::value* record = object == nullptr ? nullptr : object->if_contains("record");
  if (record == nullptr || !record->is_object()) {
    return std::nullopt;
  }
  json::object& members = record->get_object();
  const json::value* owner = members.if_contains("account");
  const json::value* time = members.if_contains("time_ns");
  if (owner == nullptr || *owner != json::value(view(account.value())) || time == nullptr ||
      !members.contains("seq")) {
    return std::nullopt;
  }
  const auto nanoseconds = time->to_number<std::int64_t>(error);
  members["time"] = view(api::timestamp(UnixTime::from_nanoseconds(nanoseconds)));
  return std::move(members);
}

AdminResponse answer(const fs::path& data_dir, const api::ReadAudit& query) {
  json::array records;
  json::value next = nullptr;
  const bool is_read = for_each_line(data_dir, [&](std::string_view line) {
    auto record = record_of(line, query.account);
    json::error_code error;
    const auto sequence = record ? record->at("seq").to_number<std::uint64_t>(error) : 0;
    if (sequence <= query.after) {
      return true;
    }
    if (records.size() == query.limit) {
      next = records.back().at("seq");
      return false;
    }
    records.push_back(std::move(*record));
    return true;
  });
  return is_read ? AdminResponse::json(200, json::object{{"records", std::move(records)},
                                                         {"next", std::move(next)}})
                 : unreadable();
}

AdminResponse answer(const fs::path& data_dir, const api::ExportAudit& query) {
  AdminResponse response{.status = 200, .content_type = "application/x-ndjson", .body = {}};
  bool is_whole = true;
  const bool is_read = for_each_line(data_dir, [&](std::string_view line) {
    const auto shown = audit::redact(std::string(line) + '\n', query.account);
    is_whole = shown && response.body.size() + shown->size() <= kMaxExport;
    response.body += is_whole ? *shown : std::string();
    return is_whole;
  });
  return is_read && is_whole ? response : unreadable();
}

// -- Checkpoints ----------------------------------------------------------------------------------

/// The signed notes, oldest first: one JSON object with a `note` on each line of the files.
std::vector<std::string> read_notes(const fs::path& data_dir) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(data_dir / "audit", ignored)) {
    if (entry.path().filename().string().starts_with("checkpoints")) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  std::vector<std::string> notes;
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    for (std::string line; std::getline(in, line) && !in.eof();) {
      json::error_code error;
      const json::value parsed = json::parse(line, error);
      const json::object* object = error ? nullptr : parsed.if_object();
      const json::value* note = object == nullptr ? nullptr : object->if_contains("note");
      if (note != nullptr && note->is_string()) {
        notes.emplace_back(note->get_string());
      }
    }
  }
  return notes;
}

json::object checkpoint_object(const audit::SignedCheckpoint& checkpoint, std::string_view note) {
  return {{"size", checkpoint.body.lines},
          {"root", checkpoint.body.root.hex()},
          {"time", view(api::timestamp(checkpoint.body.time))},
          {"config", checkpoint.body.config.hex()},
          {"note", view(note)}};
}

AdminResponse answer(const fs::path& data_dir, const api::ListCheckpoints& query) {
  const std::vector<std::string> notes = read_notes(data_dir);
  json::array list;
  for (auto note = notes.rbegin(); note != notes.rend() && list.size() < query.limit; ++note) {
    if (const auto checkpoint = audit::parse_checkpoint(*note)) {
      list.push_back(checkpoint_object(*checkpoint, *note));
    }
  }
  return AdminResponse::json(200, json::object{{"checkpoints", std::move(list)}});
}

AdminResponse answer(const fs::path& data_dir, const api::VerifyAudit& query) {
  // Checkpoints first: the log then has at least the lines that they are about.
  audit::Inspector::Evidence evidence;
  json::value newest = nullptr;
  for (const std::string& note : read_notes(data_dir)) {
    if (auto checkpoint = audit::parse_checkpoint(note)) {
      newest = checkpoint_object(*checkpoint, note);
      evidence.checkpoints.push_back(std::move(*checkpoint));
    }
  }
  audit::Inspector inspector(std::move(evidence));
  std::optional<audit::Finding> finding;
  if (!for_each_line(data_dir, [&](std::string_view line) {
        finding = inspector.feed(line);
        return !finding;
      })) {
    return unreadable();
  }
  finding = finding ? finding : inspector.finish();
  const audit::Heads& heads = inspector.heads();
  const auto own = heads.accounts.find(query.account);
  json::object body{{"intact", !finding},
                    {"lines", heads.lines},
                    {"records", own == heads.accounts.end() ? 0 : own->second.sequence},
                    {"head", heads.node.hex()},
                    {"checkpoint", std::move(newest)}};
  if (finding) {
    body["fault"] =
        json::object{{"line", finding->line}, {"flaw", view(audit::name_of(finding->flaw))}};
  }
  return AdminResponse::json(200, std::move(body));
}

// -- Reports --------------------------------------------------------------------------------------

/// Whether a text from a request may be the name of a file or folder: nothing that leads elsewhere.
bool is_file_name(std::string_view text) {
  constexpr std::size_t kMaxName = 128;
  return !text.empty() && text.size() <= kMaxName && !text.starts_with('.') &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

fs::path report_folder(const fs::path& data_dir, const AccountId& account) {
  return data_dir / "transit" / (is_file_name(account.value()) ? account.value() : "none");
}

UnixTime written_at(const fs::path& file) {
  std::error_code error;
  const auto time = fs::last_write_time(file, error);
  const auto system = std::chrono::file_clock::to_sys(time);
  return UnixTime::from_nanoseconds(
      std::chrono::duration_cast<Duration>(system.time_since_epoch()).count());
}

AdminResponse answer(const fs::path& data_dir, const api::ListReports& query) {
  std::vector<std::pair<UnixTime, std::string>> reports;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(report_folder(data_dir, query.account), error)) {
    if (entry.path().extension() == ".json") {
      reports.emplace_back(written_at(entry.path()), entry.path().stem().string());
    }
  }
  std::ranges::sort(reports, std::greater());
  reports.resize(std::min(reports.size(), query.limit));
  json::array list;
  for (const auto& [time, sid] : reports) {
    list.push_back(json::object{{"sid", view(sid)}, {"time", view(api::timestamp(time))}});
  }
  return AdminResponse::json(200, json::object{{"reports", std::move(list)}});
}

std::optional<std::string> read_file(const fs::path& path, std::size_t limit) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || size > limit || !in) {
    return std::nullopt;
  }
  std::ostringstream text;
  text << in.rdbuf();
  return in ? std::optional(std::move(text).str()) : std::nullopt;
}

AdminResponse answer(const fs::path& data_dir, const api::ReadReport& query) {
  if (!is_file_name(query.sid)) {
    return not_found();
  }
  auto text =
      read_file(report_folder(data_dir, query.account) / (query.sid + ".json"), audit::kMaxReport);
  if (!text) {
    return not_found();
  }
  if (!query.as_text) {
    return {.status = 200, .content_type = "application/json", .body = std::move(*text)};
  }
  const auto report = audit::parse_signed_report(*text);
  return report ? AdminResponse{.status = 200,
                                .content_type = "text/plain; charset=utf-8",
                                .body = audit::describe(report->report)}
                : unreadable();
}

// -- Keys -----------------------------------------------------------------------------------------

/// Calls `visit` with each record of a kind.
bool for_each_record(const fs::path& data_dir, audit::Kind kind,
                     const std::function<void(const json::object&)>& visit) {
  const std::string marker = "\"kind\":\"" + std::string(audit::name_of(kind)) + "\"";
  return for_each_line(data_dir, [&](std::string_view line) {
    if (line.contains(marker)) {
      json::error_code error;
      const json::value parsed = json::parse(view(line), error);
      const json::object* object = error ? nullptr : parsed.if_object();
      const json::value* record = object == nullptr ? nullptr : object->if_contains("record");
      if (record != nullptr && record->is_object()) {
        visit(record->get_object());
      }
    }
    return true;
  });
}

AdminResponse answer(const fs::path& data_dir, const api::ListAuditKeys&) {
  json::array keys;
  const bool is_read =
      for_each_record(data_dir, audit::Kind::kKeyPublished, [&](const json::object& record) {
        const json::value* text = record.if_contains("key");
        const auto key = text != nullptr && text->is_string()
                             ? audit::PublicKey::parse(std::string_view(text->get_string().data(),
                                                                        text->get_string().size()))
                             : std::nullopt;
        if (key) {
          keys.push_back(json::object{{"id", view(key->name())},
                                      {"algorithm", "Ed25519"},
                                      {"public_key", view(key->to_string())}});
        }
      });
  return is_read ? AdminResponse::json(200, json::object{{"keys", std::move(keys)}}) : unreadable();
}

AdminResponse answer(const fs::path& data_dir, const api::FindPeople& query) {
  const auto rows =
      find_people(data_dir, query.account, query.identity, query.pseudonym, query.limit);
  if (!rows) {
    return unreadable();
  }
  json::array people;
  for (const audit::Opening& row : *rows) {
    people.push_back(json::object{{"pseudonym", view(row.pseudonym)},
                                  {"identity", view(row.identity)},
                                  {"meeting", view(row.room_sid)},
                                  {"room", view(row.room_name)},
                                  {"reason", view(row.reason)},
                                  {"time", view(api::timestamp(row.time))},
                                  {"commitment", audit::commitment_of(row).hex()}});
  }
  return AdminResponse::json(200, json::object{{"people", std::move(people)}});
}

AdminResponse answer(const fs::path& data_dir, const api::ErasePerson& query) {
  const auto rows = erase_person(data_dir, query.account, query.pseudonym);
  if (!rows) {
    return unreadable();
  }
  return *rows == 0 ? not_found() : AdminResponse{.status = 204, .content_type = {}, .body = {}};
}

}  // namespace

AdminResponse answer_evidence(const fs::path& data_dir, const api::EvidenceQuery& query) {
  return std::visit([&](const auto& one) { return answer(data_dir, one); }, query);
}

EvidenceReader::EvidenceReader(fs::path data_dir, EvidenceStore& store,
                               EvidenceAnswerChannel& answers)
    : data_dir_(std::move(data_dir)), store_(store), answers_(answers) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "evidence");
    run();
  });
}

EvidenceReader::~EvidenceReader() {
  is_stopping_.store(true, std::memory_order_release);
  wakeup_.notify();
  thread_.join();
}

void EvidenceReader::ask(Query query) {
  const signalling::PendingResponse request = query.first;
  if (queries_.push(std::move(query)) == Channel<Query>::Push::kFull) {
    (void)answers_.push({request, AdminResponse::error(503, "busy", "too many calls")});
  }
}

void EvidenceReader::run() {
  while (!is_stopping_.load(std::memory_order_acquire)) {
    pollfd waited{.fd = wakeup_.descriptor(), .events = POLLIN, .revents = 0};
    ::poll(&waited, 1, -1);
    wakeup_.clear();
    for (const Query& query : queries_.drain()) {
      if (is_stopping_.load(std::memory_order_acquire)) {
        return;
      }
      store_.settle();
      (void)answers_.push({query.first, answer_evidence(data_dir_, query.second)});
    }
  }
}

}  // namespace meridian::io
