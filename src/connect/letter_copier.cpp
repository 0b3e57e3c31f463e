#include "connect/letter_copier.hpp"

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostAtOnce = 256;
constexpr std::size_t kMostBytesAtOnce = std::size_t{8} << 20;
constexpr auto kFirstPause = 200ms;
constexpr auto kLongestPause = 30s;
constexpr auto kLeastBetweenPasses = 1s;  // over all that were refused
constexpr auto kAnswerWithin = 2s;        // when it ends

}  // namespace

LetterCopier::LetterCopier(Context context, const LetterCopy& copy, MakeSink make_sink)
    : context_(std::move(context)),
      make_sink_(std::move(make_sink)),
      records_(copy, context_.names),
      backoff_(kFirstPause, kLongestPause, context_.seed) {}

LetterCopier::~LetterCopier() {
  stop();
}

void LetterCopier::start() {
  context_.letters.listen_for_copies(context_.task_id, [this](model::Position lowest) {
    {
      const std::scoped_lock lock(mutex_);
      kept_ = std::min(kept_.value_or(lowest), lowest);
    }
    wake_.notify_one();
  });
  thread_ = context_.threads->start([this] { run(); });
}

void LetterCopier::request_stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

void LetterCopier::stop() {
  request_stop();
  if (auto ending = std::move(thread_)) {
    ending->join();
    context_.letters.listen_for_copies(context_.task_id, {});
  }
}

void LetterCopier::try_refused_again() {
  {
    const std::scoped_lock lock(mutex_);
    takes_all_ = true;
  }
  wake_.notify_one();
}

LetterCopier::Status LetterCopier::status() const {
  return status_.with([](const Status& status) { return status; });
}

bool LetterCopier::is_stopping() const {
  const std::scoped_lock lock(mutex_);
  return stopping_;
}

void LetterCopier::run() {
  pthread_setname_np(pthread_self(), "letter-copies");
  while (!is_stopping()) {
    if (!turn()) wait();
  }
  park();
}

// False: there is nothing to do before something wakes it.
bool LetterCopier::turn() {
  take_mail();
  if (sink_) collect();
  if (resume_at_ && now() < *resume_at_) return false;
  const bool has_paused = std::exchange(resume_at_, std::nullopt).has_value();
  if (has_paused && !look_again()) return false;
  if (entries_.empty() && !load()) return false;
  if (count(Entry::State::Ready) > 0) {
    if (!sink_ && !open_sink()) return false;
    hand_over();
    collect();
  }
  if (count(Entry::State::Ready) > 0 || count(Entry::State::InSink) > 0) return false;
  return settle_letters();
}

void LetterCopier::take_mail() {
  std::optional<model::Position> kept;
  {
    const std::scoped_lock lock(mutex_);
    has_news_ = false;
    kept = std::exchange(kept_, std::nullopt);
    // What is on its way through the letters ends first: else those at the end never come.
    if (has_all_ && std::exchange(takes_all_, false))
      refused_again_at_ = std::max(now(), pass_ended_at_ + kLeastBetweenPasses);
  }
  if (kept) {
    if (*kept <= next_) next_ = model::Position(kept->get() - 1);
    has_all_ = false;
  }
  if (now() < refused_again_at_) return;
  refused_again_at_ = SteadyTime::max();
  takes_refused_ = true;
  has_all_ = false;
  next_ = {};
}

// What is not on its way is read again after a pause: a person may have deleted letters meanwhile.
// False: not now.
bool LetterCopier::look_again() {
  if (entries_.empty() || count(Entry::State::InSink) > 0) return true;
  const auto first = entries_.front().letter->message.position();
  if (!settle_letters()) return false;
  next_ = std::min(next_, model::Position(first.get() - 1));
  has_all_ = false;
  return true;
}

// False: nothing waits, or it cannot be read.
bool LetterCopier::load() {
  if (has_all_) return false;
  arena_.reset();
  const auto waiting =
      context_.letters.copies(context_.task_id, next_, kMostAtOnce, takes_refused_);
  if (!waiting) {
    wait_for(waiting.error().detail);
    return false;
  }
  if (waiting->empty()) {
    end_pass();
    return false;
  }
  std::size_t bytes = 0;
  for (const auto position : *waiting) {
    if (bytes >= kMostBytesAtOnce) break;
    if (!add(position)) {
      entries_.clear();
      return false;
    }
    bytes += entries_.back().letter->memory.size();
  }
  next_ = entries_.back().letter->message.position();
  return true;
}

// False: it cannot be read now.
bool LetterCopier::add(model::Position position) {
  const auto saved = context_.letters.get(context_.task_id, position);
  if (!saved) {
    wait_for(saved.error().detail);
    return false;
  }
  auto& entry = entries_.emplace_back();
  auto letter = *saved ? decode_letter(**saved)
                       : Result<std::unique_ptr<SavedLetter>>(std::make_unique<SavedLetter>());
  if (!*saved || !letter) {
    entry.letter = std::make_unique<SavedLetter>();
    entry.letter->message.id.position = position.get();
    entry.state = *saved ? Entry::State::Refused : Entry::State::Arrived;  // deleted meanwhile
    if (!letter) entry.reason = letter.error().detail;
    return true;
  }
  entry.letter = std::move(*letter);
  if (context_.has_records) restore_key(entry.letter->message, entry.key);
  auto record = records_.make(*entry.letter, arena_, context_.clock.wall_ms());
  if (record) {
    entry.record = *record;
    entry.record.token = entries_.size() - 1;
  } else {
    entry.state = Entry::State::Refused;
    entry.reason = std::move(record.error());
  }
  return true;
}

void LetterCopier::end_pass() {
  has_all_ = true;
  pass_ended_at_ = now();
  takes_refused_ = false;
  wait_reason_.clear();
  show("");
  if (context_.letters.count_copies(context_.task_id).refused > 0 &&
      refused_again_at_ == SteadyTime::max())
    refused_again_at_ = now() + context_.refused_again_after;
}

bool LetterCopier::open_sink() {
  auto made = make_sink_({.on_ready = [this] {
    {
      const std::scoped_lock lock(mutex_);
      has_news_ = true;
    }
    wake_.notify_one();
  }});
  if (made) {
    sink_ = std::move(*made);
    return true;
  }
  wait_for(made.error().detail);
  return false;
}

void LetterCopier::hand_over() {
  if (came_back_ && count(Entry::State::InSink) > 0) return;
  came_back_ = false;
  std::vector<Record> records;
  for (const auto& entry : entries_) {
    if (entry.state == Entry::State::Ready) records.push_back(entry.record);
  }
  if (records.empty()) return;
  const auto taken = sink_->write(records);
  if (!taken) {
    is_spent_ = taken.error().code == Errc::InvalidArgument;
    wait_for(taken.error().detail);
    if (is_spent_) give_up_sink();
    return;
  }
  for (std::size_t i = 0; i < *taken; ++i) entries_[records[i].token].state = Entry::State::InSink;
}

void LetterCopier::collect() {
  if (!sink_) return;
  std::vector<Delivery> deliveries;
  const auto again = sink_->collect(deliveries);
  collect_at_ = again == Sink::kNotByItself ? SteadyTime::max() : now() + again;
  for (auto& delivery : deliveries) settle(delivery);
  const auto away = entries_.empty() ? std::string_view() : sink_->away();
  if (away != away_) {
    away_ = away;
    if (!away_.empty()) note_error(away_);
    show(away_.empty() ? wait_reason_ : away_);
  }
  if (is_spent_) give_up_sink();
}

void LetterCopier::settle(Delivery& delivery) {
  auto& entry = entries_[delivery.token];
  switch (delivery.verdict) {
    case Verdict::Delivered:
      entry.state = Entry::State::Arrived;
      backoff_.reset();
      wait_reason_.clear();
      return;
    case Verdict::Rejected:
      entry.state = Entry::State::Refused;
      entry.reason = std::move(delivery.reason);
      return;
    case Verdict::RetryLater:
      entry.state = Entry::State::Ready;
      if (!std::exchange(came_back_, true) && !delivery.at_once) wait_for(delivery.reason);
      return;
    case Verdict::Fatal:
      entry.state = Entry::State::Ready;
      is_spent_ = true;
      wait_for(std::move(delivery.reason));
      return;
  }
}

// Another one is made after the back-off: a person may have mended it meanwhile. What it still has
// comes back first, for it points at it.
void LetterCopier::give_up_sink() {
  if (count(Entry::State::InSink) > 0) return sink_->abandon();
  sink_.reset();
  is_spent_ = false;
  away_.clear();
  collect_at_ = SteadyTime::max();
}

// What has arrived waits no more; what was refused waits behind all others.
bool LetterCopier::settle_letters() {
  std::vector<model::Position> arrived, refused;
  std::string why;
  for (const auto& entry : entries_) {
    const auto position = entry.letter->message.position();
    if (entry.state == Entry::State::Arrived) arrived.push_back(position);
    if (entry.state != Entry::State::Refused) continue;
    refused.push_back(position);
    why = entry.reason;
  }
  if (!why.empty()) note_error("refused: " + why);  // before it counts: who sees it sees why
  const auto settled = context_.letters.settle_copies(context_.task_id, arrived, refused);
  if (!settled) {
    wait_for(settled.error().detail);
    return false;
  }
  context_.copied.add(arrived.size());
  if (!arrived.empty()) {
    status_.with([&](Status& status) {
      status.last_success_ms = context_.clock.wall_ms();
      status.trouble.clear();
    });
  }
  entries_.clear();
  return true;
}

// What the other side has is waited for, so that it need not go twice; not when it is away.
void LetterCopier::park() {
  if (!sink_) return;
  const auto until = now() + kAnswerWithin;
  while (count(Entry::State::InSink) > 0 && sink_->away().empty() && now() < until) {
    sink_->flush();
    std::unique_lock lock(mutex_);
    context_.threads->wait(
        wake_, lock, [this] { return has_news_; }, std::min(until, collect_at_) - now());
    has_news_ = false;
    lock.unlock();
    collect();
    if (!sink_) break;
  }
  sink_.reset();                        // it points at the letters
  static_cast<void>(settle_letters());  // as far as it is known; the rest goes again
}

void LetterCopier::wait() {
  auto deadline = std::min(collect_at_, refused_again_at_);
  if (resume_at_) deadline = std::min(deadline, *resume_at_);
  std::unique_lock lock(mutex_);
  context_.threads->wait(
      wake_, lock,
      [this] { return has_news_ || stopping_ || (takes_all_ && has_all_) || kept_.has_value(); },
      deadline == SteadyTime::max() ? Threads::kForever : deadline - now());
}

void LetterCopier::wait_for(std::string reason) {
  resume_at_ = now() + backoff_.next();
  note_error(reason);
  show(reason);
  wait_reason_ = std::move(reason);
}

void LetterCopier::note_error(const std::string& reason) {
  status_.with([&](Status& status) {
    status.last_error = reason;
    status.last_error_ms = context_.clock.wall_ms();
  });
}

void LetterCopier::show(std::string trouble) {
  status_.with([&](Status& status) { status.trouble = std::move(trouble); });
}

std::size_t LetterCopier::count(Entry::State state) const {
  return static_cast<std::size_t>(std::ranges::count(entries_, state, &Entry::state));
}

}  // namespace sluice::connect
