#include "connect/source_worker.hpp"

#include <algorithm>
#include <pthread.h>
#include <utility>

#include "base/base64.hpp"
#include "base/log.hpp"
#include "connect/totals.hpp"
#include "mqtt/topic.hpp"

namespace sluice::connect {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostMessages = 2048;
// Each of them may take the most time and memory that a message is allowed.
constexpr std::size_t kMostToProcess = 128;
constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr std::size_t kThreadNameBytes = 15;
constexpr auto kKeepAgainAfter = 1s;
constexpr auto kKeepTotalsEvery = 100ms;
constexpr auto kLookAgainAfter = 1s;  // why nothing is delivered
constexpr auto kAnswerWithin = 10s;   // when it parks: the log answers or is closed

std::string why_refused(const broker::OutsideMessage& message, const Refusal& refusal) {
  auto text = "topic " + message.topic.substr(0, 256) + ": " + refusal.detail;
  for (const auto& field : refusal.fields) text += "; " + field.pointer + " " + field.detail;
  return text;
}

}  // namespace

SourceWorker::SourceWorker(Context context, const TaskSpec& spec, MakeSource make_source)
    : ReportingRunner({.clock = context.clock,
                       .task = spec.name,
                       .task_id = context.task_id,
                       .worker = context.worker_name,
                       .on_change = context.on_change,
                       .ask_rights = context.ask_rights},
                      Backoff(spec.retry_initial, spec.retry_maximum, context.seed),
                      context.before),
      context_(std::move(context)),
      spec_(spec),
      make_source_(std::move(make_source)),
      mapper_(spec.inbound, {.node = context_.node_name,
                             .client_id = context_.worker_name,
                             .task_id = context_.task_id,
                             .maximum_hops = context_.maximum_hops,
                             .account = spec.account}),
      kept_(context_.before) {
  if (!spec.steps.is_empty()) processor_.emplace(spec.steps);
  set_state(TaskState::Starting, "");
  publish_progress();
}

SourceWorker::~SourceWorker() {
  stop();
}

void SourceWorker::start() {
  if (context_.downstream)
    context_.downstream->listen([mail = mail_] {
      {
        const std::scoped_lock lock(mail->mutex);
        mail->has_news = true;
      }
      mail->wake.notify_one();
    });
  thread_ = context_.threads->start([this] { run(); });
}

void SourceWorker::request_stop() {
  {
    const std::scoped_lock lock(mail_->mutex);
    mail_->stopping = true;
  }
  mail_->wake.notify_one();
}

void SourceWorker::rights_changed() {
  {
    const std::scoped_lock lock(mail_->mutex);
    rights_changed_ = true;
  }
  mail_->wake.notify_one();
}

void SourceWorker::stop() {
  request_stop();
  if (auto ending = std::move(thread_)) {
    ending->join();
    if (context_.downstream) context_.downstream->listen({});
  }
}

bool SourceWorker::is_stopping() const {
  const std::scoped_lock lock(mail_->mutex);
  return mail_->stopping;
}

void SourceWorker::run() {
  pthread_setname_np(pthread_self(), context_.worker_name.substr(0, kThreadNameBytes).c_str());
  while (!stopping_) {
    turn();
    publish_progress();
    wait();
    take_mail();
  }
  park();
}

void SourceWorker::take_mail() {
  const std::scoped_lock lock(mail_->mutex);
  mail_->has_news = false;
  stopping_ = mail_->stopping;
  answers_ = std::exchange(mail_->answers, std::nullopt);
}

// Moves what can move; what a batch waits for wakes the thread again.
void SourceWorker::turn() {
  if (answers_) settle(*std::exchange(answers_, std::nullopt));
  review_rights(spec_);
  if (!failure_.empty()) return give_up();
  if (!source_ && !open_source()) return;
  acknowledge_delivered();
  keep_dead_letters();
  if (batch_ && !is_publishing_ && !is_held() && may_try_now()) {
    if (!is_mapped_) is_mapped_ = map_all();
    if (is_mapped_) publish();
    keep_dead_letters();
    finish_batch();
  }
  if (!batch_ && failure_.empty() && !is_held() && may_try_now()) receive();
  if (!source_) return;
  const auto again = source_->tend(batch_ != nullptr || is_held());
  tend_at_ = again == Source::kNotByItself ? SteadyTime::max() : steady_now() + again;
  note_lost();
  if (!failure_.empty()) give_up();
}

// Nothing more is received until a person has mended it; others may have what waits there.
void SourceWorker::give_up() {
  if (!source_ || is_publishing_) return;
  leave_batch();
  source_->close();
  close_source();
}

// Whatever it was not told to have arrived comes again.
void SourceWorker::close_source() {
  source_.reset();
  undelivered_.clear();
  undelivered_reason_.clear();
}

// What it begins with and is done with need not come again; the rest does.
void SourceWorker::leave_batch() {
  const auto open =
      std::ranges::find_if(items_, [](const Item& item) { return item.state != State::Done; });
  const auto done = static_cast<std::size_t>(open - items_.begin());
  if (batch_ && done > 0) acknowledge(batch_->arrivals[done - 1].token);
  batch_.reset();
  items_.clear();
  held_ = 0;
}

bool SourceWorker::may_try_now() {
  if (resume_at_ && steady_now() < *resume_at_) return false;
  resume_at_.reset();
  return true;
}

bool SourceWorker::open_source() {
  if (!may_try_now()) return false;
  auto made = make_source_({.on_ready = [mail = mail_] {
    {
      const std::scoped_lock lock(mail->mutex);
      mail->has_news = true;
    }
    mail->wake.notify_one();
  }});
  if (made) {
    source_ = std::move(*made);
    wait_reason_.clear();
    return true;
  }
  if (made.error().code == Errc::InvalidArgument) {
    fail_for_good(made.error().detail);
  } else {
    wait_for(made.error().detail);
  }
  return false;
}

void SourceWorker::receive() {
  auto batch = std::make_unique<ArrivalBatch>();
  const auto received =
      source_->receive(*batch, processor_ ? kMostToProcess : kMostMessages, kMostBytes);
  if (!received) {
    // What it had handed out before is done with: another one begins behind that.
    close_source();
    if (received.error().code == Errc::InvalidArgument)
      return fail_for_good(received.error().detail);
    note_error(received.error().detail);
    return wait_for(received.error().detail);
  }
  if (batch->arrivals.empty()) return;
  batch_ = std::move(batch);
  progress_.messages_read += batch_->arrivals.size();
  for (const auto& arrival : batch_->arrivals)
    progress_.bytes_read += arrival.message.payload.size();
  items_.assign(batch_->arrivals.size(), Item());
  outgoing_ = std::make_shared<std::vector<broker::OutsideMessage>>();
  outgoing_of_.clear();
  is_mapped_ = map_all();
  if (is_mapped_) publish();
  keep_dead_letters();
  finish_batch();
}

// Also what stands before the one that stops the task: nothing behind it was mapped.
void SourceWorker::publish() {
  review_rights(spec_);
  if (is_held()) return;
  refuse_denied();
  if (outgoing_->empty()) return;
  for (const auto index : outgoing_of_) {
    items_[index].state = State::Publishing;
    ++items_[index].attempts;
  }
  is_publishing_ = true;
  progress_.in_sink = outgoing_->size();
  progress_.last_movement = steady_now();
  context_.intake.publish_all(outgoing_, [mail = mail_](broker::Intake::Answers answers) {
    {
      const std::scoped_lock lock(mail->mutex);
      mail->answers = std::move(answers);
    }
    mail->wake.notify_one();
  });
}

// Each topic is asked about, as a client's is, with the rights of the moment. Behind one that stops
// the task nothing is published.
void SourceWorker::refuse_denied() {
  const auto is_denied = [this](const broker::OutsideMessage& message) {
    return !rights_->may_publish(message.topic, message.qos, message.retain);
  };
  if (!rights_ || std::ranges::none_of(*outgoing_, is_denied)) return;
  auto allowed = std::make_shared<std::vector<broker::OutsideMessage>>();
  std::vector<std::size_t> allowed_of;
  for (std::size_t i = 0; i < outgoing_->size() && failure_.empty(); ++i) {
    auto& message = (*outgoing_)[i];
    const auto index = outgoing_of_[i];
    if (!is_denied(message)) {
      allowed->push_back(std::move(message));
      allowed_of.push_back(index);
      continue;
    }
    items_[index].is_denied = true;
    items_[index].topic = message.topic;
    reject(index, "topic " + message.topic.substr(0, 256) + ": the account `" + spec_.account +
                      "` may not publish this: " +
                      rights_->why_not_publish(message.topic, message.qos, message.retain));
  }
  outgoing_ = std::move(allowed);
  outgoing_of_ = std::move(allowed_of);
}

// What is to be tried again is tried in its place: nothing behind it was taken.
void SourceWorker::settle(const broker::Intake::Answers& answers) {
  is_publishing_ = false;
  progress_.in_sink = 0;
  progress_.last_movement = steady_now();
  const auto now_ms = context_.clock.wall_ms();
  auto left = std::make_shared<std::vector<broker::OutsideMessage>>();
  std::vector<std::size_t> left_of;
  std::string later;
  std::uint64_t delivered = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto index = outgoing_of_[i];
    auto& message = (*outgoing_)[i];
    if (!answers[i]) {
      items_[index].state = State::Done;
      ++delivered;
    } else if (broker::is_for_good(*answers[i])) {
      items_[index].topic = message.topic;
      reject(index, why_refused(message, *answers[i]));
    } else {
      if (later.empty()) later = answers[i]->detail;
      items_[index].state = State::Ready;
      left->push_back(std::move(message));
      left_of.push_back(index);
    }
  }
  progress_.delivered += delivered;
  context_.counters.delivered.add(delivered);
  if (delivered > 0) progress_.last_success_ms = now_ms;
  progress_.retried += left->size();
  context_.counters.retried.add(left->size());
  outgoing_ = std::move(left);
  outgoing_of_ = std::move(left_of);
  if (!later.empty()) {
    note_error(later);
    wait_for(std::move(later));
    return;
  }
  backoff_.reset();
  wait_reason_.clear();
  keep_dead_letters();
  finish_batch();
}

// A letter has a number of its own: what comes from outside has no place in the log. It is kept as
// text, and a key may be any bytes.
void SourceWorker::make_letter_of(model::Message& message) {
  const auto now_ms = static_cast<std::uint64_t>(context_.clock.wall_ms());
  last_letter_ = std::max(last_letter_ + 1, now_ms << 20U);
  message.id = {.time_and_node = now_ms << 16U, .position = last_letter_};
  if (!mqtt::is_valid_utf8(message.client_id))
    message.client_id = batch_->arena.copy("base64:" + base64(message.client_id));
}

LetterClass SourceWorker::class_of(const Item& item) {
  if (item.is_denied) return LetterClass::Denied;
  return item.attempts > 0 ? LetterClass::Refused : LetterClass::Unmapped;
}

void SourceWorker::keep_dead_letters() {
  if (held_ == 0 || (letters_at_ && steady_now() < *letters_at_)) return;
  letters_at_.reset();
  std::vector<DeadLetter> letters;
  std::vector<std::size_t> letters_of;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (items_[i].state != State::Held) continue;
    auto& message = batch_->arrivals[i].message;
    if (message.id == model::MessageId()) make_letter_of(message);
    letters.push_back({.message = &message,
                       .reason = items_[i].reason,
                       .target = items_[i].topic,
                       .attempts = items_[i].attempts,
                       .at_ms = context_.clock.wall_ms(),
                       .error = class_of(items_[i])});
    letters_of.push_back(i);
  }
  const auto kept = context_.dead_letters.keep(
      context_.task_id, letters,
      {.drop_oldest = spec_.drop_oldest_dead_letter, .is_copied = spec_.letter_copy.has_value()});
  if (!kept) {
    letters_reason_ = "dead letters cannot be kept: " + kept.error().detail;
    letters_at_ = steady_now() + kKeepAgainAfter;
    return;
  }
  letters_reason_.clear();
  for (std::size_t i = 0; i < *kept; ++i) items_[letters_of[i]].state = State::Done;
  held_ -= *kept;
}

void SourceWorker::finish_batch() {
  if (!batch_ || !is_mapped_ || !failure_.empty()) return;
  if (std::ranges::any_of(items_, [](const Item& item) { return item.state != State::Done; }))
    return;
  acknowledge(batch_->arrivals.back().token);
  batch_.reset();
  // More may be there already, and nobody would say so again.
  const std::scoped_lock lock(mail_->mutex);
  mail_->has_news = true;
}

void SourceWorker::acknowledge(std::uint64_t token) {
  if (!source_) return;
  if (!context_.downstream) return source_->acknowledge(token);
  undelivered_.push_back({token, context_.downstream->reached(), batch_->arrivals.size()});
  acknowledge_delivered();
}

// In their order, for a token says of all before it that they are done with.
void SourceWorker::acknowledge_delivered() {
  undelivered_reason_.clear();
  while (!undelivered_.empty()) {
    if (auto why = context_.downstream->why_not(undelivered_.front().reached)) {
      undelivered_reason_ = std::move(*why);
      return;
    }
    source_->acknowledge(undelivered_.front().token);
    undelivered_.pop_front();
    const std::scoped_lock lock(mail_->mutex);
    mail_->has_news = true;  // there is room for more
  }
}

// What is on its way to the other end need not come again; what a task holds up does.
void SourceWorker::await_delivery() {
  const auto until = steady_now() + kAnswerWithin;
  while (source_ && !undelivered_.empty() && undelivered_reason_.empty() && steady_now() < until) {
    {
      std::unique_lock lock(mail_->mutex);
      context_.threads->wait(
          mail_->wake, lock, [this] { return mail_->has_news; },
          std::min<std::chrono::nanoseconds>(kLookAgainAfter, until - steady_now()));
    }
    take_mail();
    acknowledge_delivered();
    static_cast<void>(source_->tend(true));
  }
}

void SourceWorker::wait() {
  auto deadline = failure_.empty() ? tend_at_ : SteadyTime::max();
  if (failure_.empty()) {
    if (resume_at_ && !is_publishing_ && !is_held()) deadline = std::min(deadline, *resume_at_);
    if (letters_at_) deadline = std::min(deadline, *letters_at_);
    if (!undelivered_.empty()) deadline = std::min(deadline, steady_now() + kLookAgainAfter);
  }
  if (context_.keep_totals && !has_same_totals(progress_, kept_))
    deadline = std::min(deadline, keep_totals_at_);
  std::unique_lock lock(mail_->mutex);
  context_.threads->wait(
      mail_->wake, lock,
      [this] {
        return mail_->has_news || mail_->stopping || mail_->answers.has_value() || rights_changed_;
      },
      deadline == SteadyTime::max() ? Threads::kForever : deadline - steady_now());
}

// What is on its way is answered, so that it need not come again.
void SourceWorker::park() {
  const auto until = steady_now() + kAnswerWithin;
  while (is_publishing_ && !answers_ && steady_now() < until) {
    {
      std::unique_lock lock(mail_->mutex);
      context_.threads->wait(
          mail_->wake, lock, [this] { return mail_->answers.has_value(); }, until - steady_now());
    }
    take_mail();
  }
  if (answers_) settle(*std::exchange(answers_, std::nullopt));
  leave_batch();
  await_delivery();
  if (source_) source_->close();
  close_source();
  progress_.in_sink = 0;
  wait_reason_.clear();
  letters_reason_.clear();
  keep_totals(true);
  if (failure_.empty()) set_state(TaskState::Paused, "");
  show_progress();
}

void SourceWorker::note_lost() {
  const auto lost = source_->take_lost();
  if (lost == 0) return;
  progress_.lost += lost;
  context_.counters.lost.add(lost);
  note_error(std::to_string(lost) + " messages were deleted at the other side before they came");
  log::warn("the other side deleted messages before a task had received them",
            {{"task", context_.task_id}, {"messages", lost}});
}

void SourceWorker::keep_totals(bool at_once) {
  if (!context_.keep_totals || has_same_totals(progress_, kept_)) return;
  const auto now = steady_now();
  if (!at_once && now < keep_totals_at_) return;
  keep_totals_at_ = now + kKeepTotalsEvery;
  kept_ = progress_;
  context_.keep_totals(progress_);
}

void SourceWorker::publish_progress() {
  keep_totals(false);
  progress_.unfinished = batch_ ? batch_->arrivals.size() : 0;
  for (const auto& waiting : undelivered_) progress_.unfinished += waiting.messages;
  if (source_) progress_.source_lag = source_->lag();
  const auto away = source_ ? std::string(source_->away()) : std::string();
  if (!failure_.empty()) {
    set_state(TaskState::Failed, failure_);
  } else if (!letters_reason_.empty()) {
    set_state(TaskState::Waiting, letters_reason_);
  } else if (is_held()) {
    set_state(TaskState::Waiting, held_reason_);
  } else if (!away.empty()) {
    if (progress_.last_error != away) note_error(away);
    set_state(TaskState::Waiting, away);
  } else if (!wait_reason_.empty()) {
    set_state(TaskState::Waiting, wait_reason_);
  } else if (!undelivered_reason_.empty()) {
    set_state(TaskState::Waiting, undelivered_reason_);
  } else if (source_ && source_->has_begun()) {
    set_state(TaskState::Running, "");
  }
  show_progress();
}

}  // namespace sluice::connect
