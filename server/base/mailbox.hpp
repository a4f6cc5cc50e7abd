#pragma once

#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

namespace meridian::base {

/// Many-producer single-consumer queue without locks: producers push onto an atomic list, the
/// consumer takes the whole list at once, in order of arrival. Allocates one node a message, so it
/// carries commands and events, never packets. `limit` bounds what may be queued.
template <class Message>
class Mailbox {
 public:
  explicit Mailbox(std::size_t limit) : limit_(limit) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() {
    for (Node* node = head_.load(); node != nullptr;) {
      delete std::exchange(node, node->next);
    }
  }

  /// What push() did; `kFirst` means that the consumer must be woken.
  enum class Push { kQueued, kFirst, kFull };

  Push push(Message message) {
    if (size_.fetch_add(1, std::memory_order_relaxed) >= limit_) {
      size_.fetch_sub(1, std::memory_order_relaxed);
      return Push::kFull;
    }
    Node* before = head_.load(std::memory_order_relaxed);
    Node* node = new Node{std::move(message), before};
    while (!head_.compare_exchange_weak(before, node, std::memory_order_release,
                                        std::memory_order_relaxed)) {
      node->next = before;
    }
    // The node is the consumer's now, and may be gone.
    return before == nullptr ? Push::kFirst : Push::kQueued;
  }

  /// Consumer only: everything queued, oldest first.
  std::vector<Message> drain() {
    Node* reversed = nullptr;
    for (Node* node = head_.exchange(nullptr, std::memory_order_acquire); node != nullptr;) {
      Node* next = node->next;
      node->next = std::exchange(reversed, node);
      node = next;
    }
    std::vector<Message> messages;
    while (reversed != nullptr) {
      messages.push_back(std::move(reversed->message));
      delete std::exchange(reversed, reversed->next);
    }
    size_.fetch_sub(messages.size(), std::memory_order_relaxed);
    return messages;
  }

  [[nodiscard]] bool empty() const { return head_.load(std::memory_order_relaxed) == nullptr; }

 private:
  struct Node {
    Message message;
    Node* next;
  };
  const std::size_t limit_;
  std::atomic<Node*> head_{nullptr};
  std::atomic<std::size_t> size_{0};
};

}  // namespace meridian::base
