#include "io/evidence_delivery.hpp"

#include <fcntl.h>

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "io/http_server.hpp"
#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

using testing::ElementsAre;

/// A witness that answers with a status and remembers what it got.
struct Witness final : HttpHandler {
  std::size_t max_body(std::string_view) const override { return 65536; }
  HttpResult handle_http(const signalling::HttpRequest& request) override {
    notes.push_back(request.body);
    return HttpReply{signalling::HttpResponse::text(status, ""), nullptr};
  }
  bool is_websocket_path(std::string_view) const override { return false; }
  base::Expected<node::SignalSessionId, signalling::HttpResponse> open_websocket(
      const signalling::HttpRequest&) override {
    return std::unexpected(signalling::HttpResponse::text(404, ""));
  }
  void handle_frame(node::SignalSessionId, Bytes, node::FrameKind) override {}
  void handle_closed(node::SignalSessionId) override {}

  unsigned status = 200;
  std::vector<std::string> notes;
};

struct Delivery : testing::Test {
  Delivery() {
    const auto bound = server.listen({*SocketAddress::parse("127.0.0.1:0"), {}, &witness, nullptr});
    EXPECT_TRUE(bound);
    url = "http://" + bound->to_string() + "/add-checkpoint";
    delivery.emplace(EvidenceDelivery::Config{
        .audit = *audit, .store = store, .fetcher = fetcher, .witnesses = {url}});
  }
  static std::vector<node::Stored> note(const char* text) {
    std::vector<node::Stored> stored;
    stored.emplace_back(node::StoredCheckpoint{text});
    return stored;
  }
  template <class Done>
  void run_until(Done done) {
    const Instant give_up = monotonic_now() + 20s;
    while (!done() && monotonic_now() < give_up) {
      context.run_one_for(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(done());
  }

  TemporaryFolder folder;
  boost::asio::io_context context{1};
  HttpServer server{context, {}};
  HttpFetcher fetcher{context};
  Witness witness;
  std::unique_ptr<AuditWriter> audit =
      std::move(AuditWriter::open(folder.path() / "audit").value().writer);
  EvidenceStore store{{.data_dir = folder.path(), .retention = std::chrono::days(90)}};
  std::string url;
  std::optional<EvidenceDelivery> delivery;
};

TEST_F(Delivery, gives_witnesses_the_note_as_it_is_and_the_newest_of_those_that_waited) {
  for (const char* text : {"one", "two", "three"}) {
    delivery->add(note(text));
    delivery->deliver();
  }
  run_until([&] { return delivery->witnessed() == 2; });
  EXPECT_THAT(witness.notes, ElementsAre("one", "three"));
}

TEST_F(Delivery, a_witness_that_refuses_is_counted_and_holds_up_nothing) {
  witness.status = 500;
  delivery->add(note("one"));
  delivery->deliver();
  run_until([&] { return delivery->unwitnessed() == 1; });
  witness.status = 200;
  delivery->add(note("two"));
  delivery->deliver();
  run_until([&] { return delivery->witnessed() == 1; });
}

TEST_F(Delivery, leaves_once_the_log_is_on_the_disk) {
  const std::vector<std::string> lines = {"line\n"};
  ASSERT_TRUE(audit->append(lines));
  delivery->add(note("one"));
  audit->sync();
  EXPECT_TRUE(audit->is_synced());
  delivery->deliver();
  run_until([&] { return delivery->witnessed() == 1; });
}

TEST_F(Delivery, does_not_wait_for_lines_that_came_later) {
  // /dev/full takes no byte, so that what is appended stays on its way to the disk.
  FileDescriptor full(::open("/dev/full", O_WRONLY));
  ASSERT_TRUE(full.is_open());
  AuditWriter stuck(folder.path() / "stuck", 1, std::move(full), 0);
  EvidenceDelivery later({.audit = stuck, .store = store, .fetcher = fetcher, .witnesses = {url}});
  later.add(note("one"));
  const std::vector<std::string> lines = {"line\n"};
  EXPECT_FALSE(stuck.append(lines));
  later.add(note("two"));
  later.deliver();
  run_until([&] { return later.witnessed() == 1; });
  later.deliver();
  context.poll();
  EXPECT_THAT(witness.notes, ElementsAre("one"));
}

}  // namespace
}  // namespace meridian::io
