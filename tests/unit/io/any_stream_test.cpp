#include "io/any_stream.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

namespace meridian::io {
namespace {

namespace asio = boost::asio;

/// Takes so many bytes a call.
class CountingTransport final : public AnyStream::Transport {
 public:
  struct Log {
    std::size_t limit = 100;
    std::vector<std::string> writes;
    AnyStream::Error error;
    bool is_shut_down = false;
  };
  CountingTransport(asio::io_context& context, Log& log) : socket_(context), log_(log) {}

  void handshake(AnyStream::DoneHandler) override {}
  void read_some(asio::mutable_buffer, AnyStream::IoHandler) override {}
  void write_some(std::span<const asio::const_buffer> from, AnyStream::IoHandler done) override {
    std::string taken;
    for (const auto& buffer : from) {
      taken.append(static_cast<const char*>(buffer.data()), buffer.size());
    }
    taken.resize(std::min(taken.size(), log_.limit));
    log_.writes.push_back(taken);
    asio::post(socket_.get_executor(),
               [done = std::move(done), error = log_.error, size = taken.size()]() mutable {
                 std::move(done)(error, error ? 0 : size);
               });
  }
  void shutdown(AnyStream::DoneHandler done) override {
    log_.is_shut_down = true;
    std::move(done)(AnyStream::Error());
  }
  asio::ip::tcp::socket& socket() override { return socket_; }
  AnyStream::Released release() override { return {}; }

 private:
  asio::ip::tcp::socket socket_;
  Log& log_;
};

class AnyStreamTest : public testing::Test {
 protected:
  /// What the write said, once everything has happened.
  std::optional<std::size_t> write(std::string text) {
    std::optional<std::size_t> size;
    stream_.async_write_some(asio::buffer(text), [&](AnyStream::Error error, std::size_t written) {
      if (!error) {
        size = written;
      }
    });
    context_.restart();
    context_.run();
    return size;
  }
  bool flush() {
    bool is_written = false;
    stream_.async_flush([&](AnyStream::Error error) { is_written = !error; });
    context_.restart();
    context_.run();
    return is_written;
  }

  using Writes = std::vector<std::string>;
  asio::io_context context_;
  CountingTransport::Log log_;
  AnyStream stream_{std::make_unique<CountingTransport>(context_, log_)};
};

TEST_F(AnyStreamTest, what_was_held_leaves_with_the_next_write) {
  stream_.hold();
  EXPECT_EQ(write("ab"), 2U);
  EXPECT_EQ(write("cde"), 3U);
  EXPECT_EQ(stream_.held(), 5U);
  EXPECT_TRUE(log_.writes.empty());
  stream_.let_go();
  EXPECT_EQ(write("f"), 1U) << "its own bytes";
  EXPECT_EQ(log_.writes, Writes{"abcdef"});
  EXPECT_EQ(stream_.held(), 0U);
  EXPECT_EQ(write("g"), 1U);
  EXPECT_EQ(log_.writes, (Writes{"abcdef", "g"}));
}

TEST_F(AnyStreamTest, what_was_held_leaves_with_a_flush) {
  EXPECT_TRUE(flush()) << "nothing to do";
  stream_.hold();
  write("ab");
  EXPECT_TRUE(flush());
  EXPECT_EQ(log_.writes, Writes{"ab"});
  write("c");
  EXPECT_EQ(log_.writes, (Writes{"ab", "c"})) << "no longer held";
}

TEST_F(AnyStreamTest, a_transport_that_takes_little_gets_the_rest) {
  log_.limit = 4;
  stream_.hold();
  write("abcdef");
  stream_.let_go();
  EXPECT_EQ(write("ghi"), 3U);
  EXPECT_EQ(log_.writes, (Writes{"abcd", "efgh", "i"}));
}

TEST_F(AnyStreamTest, a_write_that_fails_is_told) {
  stream_.hold();
  write("ab");
  log_.error = asio::error::broken_pipe;
  EXPECT_FALSE(flush());
  stream_.hold();
  write("cd");
  stream_.let_go();
  EXPECT_FALSE(write("e"));
}

TEST_F(AnyStreamTest, nothing_is_lost_when_it_is_shut_down) {
  stream_.hold();
  write("ab");
  stream_.async_shutdown([](AnyStream::Error) {});
  context_.restart();
  context_.run();
  EXPECT_EQ(log_.writes, Writes{"ab"});
  EXPECT_TRUE(log_.is_shut_down);
}

}  // namespace
}  // namespace meridian::io
