#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "broker/access/jwt_keys.hpp"

namespace sluice::app {

// Keeps the keys of an identity provider fresh: fetches its JSON Web Key Set (RFC 7517) again and
// again, and sooner when a token names a key that is not in it.
//
// Owns:    a thread, which alone waits for the network; at most one fetch at a time.
// Threads: any, but stop() and the destructor: one.
// Fails:   what cannot be fetched is tried again; the keys there are hold until they are too old.
class KeyFetcher {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // A way to the text of the set. Blocks for some seconds at most.
  using Fetch = std::function<Result<std::string>(const std::string& url, const std::string& ca)>;
  // Keys, and until when they hold. May not wait, nor call back.
  using Take = std::function<void(broker::JwtKeys, Time until)>;

  struct Options {
    std::string url = {};     // empty: nothing is fetched
    std::string ca_pem = {};  // empty: whom the machine trusts
    std::chrono::milliseconds refresh{std::chrono::minutes(5)};
    std::chrono::milliseconds keep{std::chrono::hours(1)};  // since the last fetch that worked
    friend bool operator==(const Options&, const Options&) = default;
  };
  static constexpr std::chrono::seconds kSoonest{10};    // between two that tokens ask for
  static constexpr std::chrono::seconds kFirstPause{2};  // after a failure, doubling up to refresh

  KeyFetcher(const Clock& clock, Fetch fetch, Take take);
  ~KeyFetcher();
  KeyFetcher(const KeyFetcher&) = delete;
  KeyFetcher& operator=(const KeyFetcher&) = delete;

  // Other ones: fetched at once, and the keys there are hold no longer.
  void use(Options options);
  bool want();  // a key is missing; false: there is nobody to ask
  void stop();  // waits for a fetch that is under way; idempotent

  // Over HTTPS, or HTTP on this machine, under the address rule of HTTP; no redirects.
  [[nodiscard]] static Result<std::string> fetch(const std::string& url, const std::string& ca_pem);

 private:
  void run();
  void fetch_once(const Options& options);
  void note(const Result<broker::JwtKeys>& keys);  // with mutex_ held
  [[nodiscard]] Time next_due() const;             // with mutex_ held

  const Clock& clock_;
  const Fetch fetch_;
  const Take take_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Options options_;
  bool is_wanted_ = false;
  bool is_new_ = false;  // the options are
  bool stopping_ = false;
  std::uint32_t failures_ = 0;  // since the last fetch that worked
  Time last_ = {};              // began
  std::thread thread_;          // last: it begins with all of them
};

}  // namespace sluice::app
