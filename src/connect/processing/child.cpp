#include "connect/processing/child.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <pthread.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "connect/processing/bounds.hpp"
#include "connect/processing/confinement.hpp"
#include "connect/processing/jq_program.hpp"
#include "connect/processing/schema_check.hpp"
#include "connect/processing/wire.hpp"

namespace sluice::connect::processing {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;

// The worker's end of the channel: frames come from it, answers go to it when it has nothing more
// to say, so that many go at once.
class Channel {
 public:
  // Nothing: nobody is there any more. The frame's text lives until the next call.
  std::optional<Frame> next() {
    for (;;) {
      std::string_view rest = std::string_view(input_).substr(used_);
      const auto frame = take_frame(rest);
      if (frame) {
        used_ = input_.size() - rest.size();
        return frame;
      }
      input_.erase(0, used_);
      used_ = 0;
      if (!flush() || !read_more()) return std::nullopt;
    }
  }

  [[nodiscard]] bool answer(Part part, std::string_view text) {
    append_frame(output_, part, text);
    return output_.size() < kReadBytes || flush();
  }

 private:
  bool flush() {
    std::string_view rest = output_;
    while (!rest.empty()) {
      const auto written = ::write(kChildChannel, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    output_.clear();
    return true;
  }

  bool read_more() {
    const auto before = input_.size();
    input_.resize(before + kReadBytes);
    ssize_t got = 0;
    do {
      got = ::read(kChildChannel, input_.data() + before, kReadBytes);
    } while (got < 0 && errno == EINTR);
    input_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return got > 0;
  }

  std::string input_, output_;
  std::size_t used_ = 0;  // of input_
};

// The steps, ready to run.
struct Prepared {
  std::optional<SchemaCheck> schema;
  std::optional<JqProgram> jq;
};

constexpr char kLineBreak = '\n';

// Otherwise why not: the answer to Begin.
Result<Prepared, std::string> compile(std::string_view schema, const std::string& jq) {
  Prepared prepared;
  if (!schema.empty()) {
    auto check = SchemaCheck::compile(schema);
    if (!check)
      return tl::unexpected("/verify/json_schema" + check.error().pointer + kLineBreak +
                            check.error().detail);
    prepared.schema = std::move(*check);
  }
  if (!jq.empty()) {
    auto program = JqProgram::compile(jq);
    if (!program) return tl::unexpected(std::string("/map/jq") + kLineBreak + program.error());
    prepared.jq = std::move(*program);
  }
  return prepared;
}

// Answers Begin; nothing: there is nothing to go on with.
std::optional<Prepared> prepare(Channel& channel) {
  std::string schema;
  std::string jq;
  while (const auto frame = channel.next()) {
    if (frame->part == Part::Schema) schema = frame->text;
    if (frame->part == Part::Jq) jq = frame->text;
    if (frame->part != Part::Begin) continue;
    Stopwatch::begin(kCompiledAs);
    auto prepared = compile(schema, jq);
    Stopwatch::end();
    if (!prepared) {
      static_cast<void>(channel.answer(Part::Rejected, prepared.error()));
      static_cast<void>(channel.next());
      return std::nullopt;
    }
    if (!channel.answer(Part::Value, {})) return std::nullopt;
    return std::move(*prepared);
  }
  return std::nullopt;
}

// `result` gets what is to be answered.
Part process(Prepared& steps, std::string_view payload, std::string& result) {
  if (steps.schema) {
    result = steps.schema->fault_of(payload);
    if (!result.empty()) {
      result.insert(0, "verify: ");
      return Part::Rejected;
    }
  }
  if (!steps.jq) {
    result = payload;
    return Part::Value;
  }
  switch (steps.jq->run(payload, result)) {
    case JqProgram::Kind::Value:
      return Part::Value;
    case JqProgram::Kind::Nothing:
      return Part::PassedOver;
    case JqProgram::Kind::Failed:
      result.insert(0, "jq: ");
      break;
  }
  return Part::Rejected;
}

int serve() {
  Channel channel;
  auto steps = prepare(channel);
  if (!steps) return 0;
  std::string result;
  while (const auto frame = channel.next()) {
    result.clear();
    Stopwatch::begin(frame->text.size());
    const auto part = process(*steps, frame->text, result);
    Stopwatch::end();
    if (!channel.answer(part, result)) break;
  }
  return 0;
}

int serve_confined() {
  if (!confine_process(kMemory)) return 1;
  try {
    return serve();
  } catch (const std::bad_alloc&) {
    return kTookTooMuchMemory;
  }
}

// On a thread that can go deep: matching a pattern goes one call deeper with every character.
int serve_with_deep_stack() {
  void* const stack = ::mmap(nullptr, kStack, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return 1;
  pthread_attr_t attributes;
  pthread_t thread{};
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstack(&attributes, stack, kStack);
  int result = 1;
  const auto body = [](void* out) -> void* {
    *static_cast<int*>(out) = serve_confined();
    return nullptr;
  };
  if (::pthread_create(&thread, &attributes, body, &result) != 0) return 1;
  ::pthread_join(thread, nullptr);
  return result;
}

}  // namespace

std::optional<int> serve_as_child(int argc, const char* const* argv) {
  if (argc != 1 || std::string_view(argv[0]) != kChildName) return std::nullopt;
  ::unsetenv("MALLOC_CONF");  // all that there is, and a program could ask for it
  // The server decides when it is time to stop: its own end closes the channel.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
  return serve_with_deep_stack();
}

}  // namespace sluice::connect::processing
