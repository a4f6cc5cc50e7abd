#include "io/policy_files.hpp"

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "api/bootstrap.hpp"
#include "audit/chain.hpp"
#include "directory/memory_directory.hpp"
#include "io/audit_writer.hpp"

namespace meridian::io {
namespace {

base::Expected<std::unique_ptr<SqliteStore>, base::Error> open_store(const config::Config& config) {
  const std::filesystem::path folder(config.data_dir);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return base::fail("cannot make the data folder " + folder.string() + ": " + error.message());
  }
  return SqliteStore::open(folder / "policy.db");
}

std::string to_text(const std::vector<directory::StartRefusal>& refusals) {
  std::string text = "refusing to start:";
  for (const directory::StartRefusal& refusal : refusals) {
    text += "\n  " + refusal.message;
    if (refusal.is_confirmable) {
      text += "\n    if that is meant: meridian routing confirm --config FILE --account " +
              refusal.account.value() + " --reason TEXT";
    }
  }
  return text;
}

}  // namespace

base::Expected<OpenedDirectory, base::Error> open_directory(const config::Config& config,
                                                            directory::RecordedPolicies recorded,
                                                            UnixTime now) {
  auto store = open_store(config);
  if (!store) {
    return std::unexpected(store.error());
  }
  auto started = directory::start(api::starting_point(config, std::move(recorded), now), **store);
  if (!started) {
    return base::fail(to_text(started.error()));
  }
  for (const directory::NewVersion& made : started->versions) {
    if (const auto written = (*store)->append(made.account, made.version); !written) {
      return std::unexpected(written.error());
    }
  }
  OpenedDirectory opened{std::move(*store), nullptr};
  opened.directory =
      std::make_unique<directory::MemoryDirectory>(std::move(started->contents), *opened.store);
  return opened;
}

base::Expected<PolicyEpoch, base::Error> confirm_policy(const config::Config& config,
                                                        const Confirmation& confirmation,
                                                        UnixTime now) {
  auto store = open_store(config);  // first: it is what a running node holds
  if (!store) {
    return std::unexpected(store.error());
  }
  auto log = AuditWriter::open(std::filesystem::path(config.data_dir) / "audit");
  if (!log) {
    return std::unexpected(log.error());
  }
  const auto confirmed = directory::confirm(api::starting_point(config, log->policies, now),
                                            **store, confirmation.account,
                                            {.actor = "operator", .reason = confirmation.reason});
  if (!confirmed) {
    return std::unexpected(confirmed.error());
  }
  const residency::AccountPolicy& policy = confirmed->version.policy;
  audit::Record record;
  record.time = now;
  record.account = policy.account();
  record.kind = audit::Kind::kPolicyConfirmed;
  record.epoch = policy.epoch();
  record.digest = policy.digest();
  audit::Log chain("console", std::move(log->heads));
  (void)chain.append(std::move(record));
  // Recorded before it holds: a confirmation that nobody can see must not be.
  const std::vector<std::string> lines = chain.take_lines();
  if (!log->writer->append(lines)) {
    return base::fail("the audit log can't be written, so nothing was confirmed");
  }
  log->writer->sync();
  if (const auto written = (*store)->append(confirmed->account, confirmed->version); !written) {
    return std::unexpected(written.error());
  }
  return policy.epoch();
}

}  // namespace meridian::io
