#include "app/key_fetcher.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "io/http_channel.hpp"

namespace sluice::app {
namespace {

constexpr std::chrono::seconds kWithin{5};
constexpr std::uint32_t kMostDoublings = 16;

}  // namespace

KeyFetcher::KeyFetcher(const Clock& clock, Fetch fetch, Take take)
    : clock_(clock), fetch_(std::move(fetch)), take_(std::move(take)), thread_([this] { run(); }) {}

KeyFetcher::~KeyFetcher() {
  stop();
}

void KeyFetcher::use(Options options) {
  const std::scoped_lock lock(mutex_);
  if (options == options_) return;
  options_ = std::move(options);
  is_new_ = true;
  failures_ = 0;
  take_({}, Time::min());
  changed_.notify_all();
}

bool KeyFetcher::want() {
  const std::scoped_lock lock(mutex_);
  if (options_.url.empty()) return false;
  is_wanted_ = true;
  changed_.notify_all();
  return true;
}

void KeyFetcher::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

KeyFetcher::Time KeyFetcher::next_due() const {
  if (options_.url.empty()) return Time::max();
  if (is_new_) return Time::min();
  auto due = last_ + options_.refresh;
  if (failures_ > 0) {
    const auto pause = kFirstPause * (1U << std::min(failures_ - 1, kMostDoublings));
    due = std::min<Time>(due, last_ + pause);
  }
  if (is_wanted_) due = std::min<Time>(due, last_ + kSoonest);
  return due;
}

void KeyFetcher::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now = clock_.steady();
    const auto due = next_due();
    if (now < due) {
      // A wait for the end of time overflows in the library.
      changed_.wait_for(lock, std::min<Time::duration>(due - now, std::chrono::hours(1)));
      continue;
    }
    is_new_ = is_wanted_ = false;
    last_ = now;
    const auto options = options_;
    lock.unlock();
    fetch_once(options);
    lock.lock();
  }
}

void KeyFetcher::fetch_once(const Options& options) {
  auto keys = fetch_(options.url, options.ca_pem).and_then(broker::jwt_keys_from_jwks);
  const std::scoped_lock lock(mutex_);
  if (is_new_) return;  // other options are in force by now
  note(keys);
  if (keys) take_(*std::move(keys), clock_.steady() + options.keep);
}

// A line when it begins to fail and when it works again, not one for each try.
void KeyFetcher::note(const Result<broker::JwtKeys>& keys) {
  const auto before = std::exchange(failures_, keys ? 0 : failures_ + 1);
  if (!keys && before == 0)
    log::warn("keys of tokens not fetched: those that are there hold for a while",
              {{"setting", "access.jwt.jwks_url"}, {"reason", keys.error().detail}});
  if (keys && before > 0) log::info("keys of tokens fetched again", {{"failed_before", before}});
}

Result<std::string> KeyFetcher::fetch(const std::string& url, const std::string& ca_pem) {
  SL_TRY(parsed, io::parse_web_url(url));
  io::HttpRequest request{.method = "GET", .url = url, .headers = {{"Accept", "application/json"}}};
  request.maximum_body_bytes = broker::kMaximumJwksBytes;
  io::HttpChannel channel(std::move(parsed), {.ca_pem = ca_pem});
  auto answer = channel.exchange(request, std::chrono::steady_clock::now() + kWithin);
  if (!answer) return tl::unexpected(std::move(answer.error().error));
  if (answer->status != 200)
    return fail(Errc::IoFailed, "the answer is " + std::to_string(answer->status));
  return std::move(answer->body);
}

}  // namespace sluice::app
