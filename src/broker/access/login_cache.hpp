#pragma once
#include <cstddef>
#include <cstring>
#include <list>
#include <optional>
#include <unordered_map>

#include "broker/access/secrets.hpp"

namespace sluice::broker {

// What hashing said about (user record, password) lately, so that a fleet that reconnects does not
// cost a hash each. Keys are keyed digests: a password cannot be read back from them. A changed
// user record makes other keys, so nothing has to be thrown out.
//
// Owns:    at most `maximum` right and `maximum` / 8 wrong answers, the longest unused go first;
// the
//          wrong ones apart, so that guessing cannot push out the right ones.
// Threads: one at a time.
class LoginCache {
 public:
  explicit LoginCache(std::size_t maximum) : right_(maximum), wrong_(maximum / 8 + 1) {}

  [[nodiscard]] std::optional<bool> find(const Digest& key) {
    if (right_.touch(key)) return true;
    if (wrong_.touch(key)) return false;
    return std::nullopt;
  }
  void remember(const Digest& key, bool is_right) { (is_right ? right_ : wrong_).add(key); }
  [[nodiscard]] std::size_t size() const { return right_.size() + wrong_.size(); }

 private:
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof hash);
      return hash;
    }
  };
  class Recent {
   public:
    explicit Recent(std::size_t maximum) : maximum_(maximum) {}
    [[nodiscard]] std::size_t size() const { return places_.size(); }
    bool touch(const Digest& key) {
      const auto found = places_.find(key);
      if (found == places_.end()) return false;
      order_.splice(order_.begin(), order_, found->second);
      return true;
    }
    void add(const Digest& key) {
      if (touch(key)) return;
      if (places_.size() >= maximum_) {
        places_.erase(order_.back());
        order_.pop_back();
      }
      order_.push_front(key);
      places_.emplace(key, order_.begin());
    }

   private:
    std::size_t maximum_;
    std::list<Digest> order_;  // latest used first
    std::unordered_map<Digest, std::list<Digest>::iterator, DigestHash> places_;
  };

  Recent right_;
  Recent wrong_;
};

}  // namespace sluice::broker
