#include "io/send_call.hpp"

#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>

#include "io/udp_socket.hpp"

namespace meridian::io {

void SendCall::reset(Grouping grouping) {
  grouping_ = grouping;
  datagram_count_ = 0;
  message_count_ = 0;
}

bool SendCall::add(const SocketAddress& to, Bytes datagram) {
  if (datagram_count_ == kMaxDatagrams) {
    return false;
  }
  if (extend(to, datagram)) {
    return true;
  }
  return begin(to, datagram);
}

bool SendCall::extend(const SocketAddress& to, Bytes datagram) {
  if (grouping_ == Grouping::kSingle || message_count_ == 0) {
    return false;
  }
  Message& message = messages_[message_count_ - 1];
  if (message.is_closed || message.segments == kMaxSegments ||
      datagram.size() > message.segment_size || datagram.empty() ||
      message.size + datagram.size() > kMaxMessageSize || message.to != to) {
    return false;
  }
  message.is_closed = datagram.size() < message.segment_size;
  ++message.segments;
  message.size += datagram.size();
  append(datagram);
  return true;
}

bool SendCall::begin(const SocketAddress& to, Bytes datagram) {
  if (message_count_ == kMaxMessages) {
    return false;
  }
  messages_[message_count_++] = {.to = to,
                                 .first = datagram_count_,
                                 .segments = 1,
                                 .segment_size = datagram.size(),
                                 .size = datagram.size(),
                                 .is_closed = false};
  append(datagram);
  return true;
}

void SendCall::append(Bytes datagram) {
  datagrams_[datagram_count_] = datagram;
  refused_[datagram_count_++] = false;
}

void SendCall::set_segment_size(msghdr& header, std::span<std::uint8_t> control, std::size_t size) {
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* option = CMSG_FIRSTHDR(&header);
  option->cmsg_level = SOL_UDP;
  option->cmsg_type = UDP_SEGMENT;
  option->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto value = static_cast<std::uint16_t>(size);
  std::memcpy(CMSG_DATA(option), &value, sizeof value);
}

std::span<mmsghdr> SendCall::headers() {
  std::size_t vector = 0;
  for (std::size_t i = 0; i < message_count_; ++i) {
    const Message& message = messages_[i];
    const std::size_t first = vector;
    const std::uint8_t* end = nullptr;
    for (const Bytes datagram : datagrams(message)) {
      if (datagram.data() == end) {  // what lies together is one piece: cheaper for the kernel
        vectors_[vector - 1].iov_len += datagram.size();
      } else {
        // The kernel only reads through iov_base; the structure is shared with receiving calls.
        vectors_[vector++] = {const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
      }
      end = datagram.data() + datagram.size();
    }
    msghdr& header = headers_[i].msg_hdr;
    header = {};
    header.msg_name = &addresses_[i];
    header.msg_namelen = to_sockaddr(message.to, addresses_[i]);
    header.msg_iov = &vectors_[first];
    header.msg_iovlen = vector - first;
    if (message.segments > 1) {
      set_segment_size(header, control_[i], message.segment_size);
    }
  }
  return std::span(headers_).first(message_count_);
}

}  // namespace meridian::io
