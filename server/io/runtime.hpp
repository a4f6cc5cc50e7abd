#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/expected.hpp"
#include "config/config.hpp"

namespace meridian::io {

/// A whole node: the configuration's workers, listeners and files, put together and running.
class Runtime {
 public:
  /// Opens everything that can fail: sockets, listeners, TLS files, the audit log. Errors: a
  /// sentence that names what is wrong.
  /// SIGHUP reads `config_file` again, for its accounts; empty = never.
  static base::Expected<std::unique_ptr<Runtime>, base::Error> make(
      const config::Config& config, const std::string& config_file = {});

  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// The page of the first signalling listener, `http://127.0.0.1:7880/`.
  [[nodiscard]] std::string page_url() const;
  /// Sentences for the operator about this machine: kernel limits with the command that raises
  /// them, a web root that isn't built.
  [[nodiscard]] const std::vector<std::string>& warnings() const;

  /// Serves on this thread until SIGINT or SIGTERM, then says goodbye and stops everything.
  void run();
  /// Any thread: as SIGTERM.
  void request_stop();

 private:
  struct State;
  explicit Runtime(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace meridian::io
