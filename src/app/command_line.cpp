#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdlib>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "app/backup_commands.hpp"
#include "app/check_command.hpp"
#include "app/completion.hpp"
#include "app/doctor.hpp"
#include "app/failure.hpp"
#include "app/kafka_dev.hpp"
#include "app/log_commands.hpp"
#include "app/man_page.hpp"
#include "app/reference.hpp"
#include "app/rest_arguments.hpp"
#include "app/rest_commands.hpp"
#include "app/serve.hpp"
#include "app/settings.hpp"
#include "app/settings_file.hpp"
#include "base/escape.hpp"

namespace sluice::app {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUse = 2;

Environment environment_of_process() {
  Environment variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

int wrong_use(std::string_view sentence) {
  fail_with(sentence);
  return kWrongUse;
}

// --- what the commands were given

struct SettingArguments {
  std::string file;
  std::string data;
  std::vector<std::string> set;
};

void add_setting_arguments(CLI::App& command, SettingArguments& arguments) {
  command.add_option("-c,--config", arguments.file, "Settings file (YAML)")->type_name("FILE");
  command.add_option("--data", arguments.data, "The same as --set data=DIR")->type_name("DIR");
  command.add_option("--set", arguments.set, "One setting, stronger than all else; repeatable")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
}

SettingSources sources_of(const SettingArguments& arguments, const Environment& environment) {
  SettingSources sources;
  if (!arguments.file.empty()) sources.file = arguments.file;
  sources.environment = environment;
  for (const auto& text : arguments.set) sources.flags.push_back(parse_set_flag(text));
  if (!arguments.data.empty()) sources.flags.push_back({"--data", "data", arguments.data});
  return sources;
}

void print_warnings(const EffectiveSettings& effective) {
  for (const auto& warning : effective.warnings) {
    std::string line;
    append_escaped(line, warning, EscapeFor::Terminal);
    fmt::print(stderr, "sluice: warning: {}\n", line);
  }
}

OutputFormat output_of(const std::string& name) {
  return name == "json" ? OutputFormat::Json : OutputFormat::Table;
}

void add_output(CLI::App& command, std::string& output) {
  command.add_option("-o,--output", output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

// The command line: declares every command, runs the one that was named.
class CommandLine {
 public:
  CommandLine() : app_("Sluice: MQTT messaging with a durable log and data integration", "sluice") {
    app_.set_version_flag("--version", "sluice " SLUICE_VERSION);
    app_.require_subcommand(1);
    app_.footer("Exit codes: 0 done, 1 refused or failed, 2 wrong arguments or settings.");
    add_serve();
    add_check();
    add_reference();
    add_kafka_dev();
    add_log();
    add_backup();
    add_restore();
    add_doctor();
    add_completion();
    for (const auto& noun : nouns()) add_noun(noun);
  }

  int run(int argc, const char* const* argv) {
    if (const auto mistake = mistaken_word(argc, argv)) return wrong_use(*mistake);
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForVersion& version) {
      fmt::print("{}\n", version.what());
      return kDone;
    } catch (const CLI::Success& help) {
      return app_.exit(help);
    } catch (const CLI::ParseError& error) {
      return wrong_use(fmt::format("{}; --help shows what there is", error.what()));
    }
    return chosen_ ? chosen_() : kWrongUse;
  }

 private:
  // The first word that is no command, with the nearest one that is.
  std::optional<std::string> mistaken_word(int argc, const char* const* argv) {
    const CLI::App* at = &app_;
    for (int i = 1; i < argc; ++i) {
      const std::string word(argv[i]);
      const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
      if (word.starts_with('-') || commands.empty()) return std::nullopt;
      std::vector<std::string> names;
      const CLI::App* found = nullptr;
      for (const auto* command : commands) {
        names.push_back(command->get_name());
        if (names.back() == word) found = command;
      }
      if (found == nullptr) {
        const auto meant = schema::nearest(word, names);
        return fmt::format("there is no command `{}`; {}", word,
                           meant ? fmt::format("did you mean `{}`?", *meant)
                                 : fmt::format("there are {}", fmt::join(names, ", ")));
      }
      at = found;
    }
    return std::nullopt;
  }

  void add_serve() {
    auto* command = app_.add_subcommand("serve", "Run the server until SIGTERM or SIGINT");
    add_setting_arguments(*command, settings_);
    command->callback([this] { chosen_ = [this] { return run_serve(); }; });
  }

  int run_serve() {
    const auto sources = sources_of(settings_, environment_);
    const auto effective = load_settings(sources);
    if (!effective) {
      fmt::print(stderr, "{}", problems_text(effective.error()));
      return kWrongUse;
    }
    ServeOptions options{.effective = *effective,
                         .admin_password = std::nullopt,
                         .reload = [sources](std::string changed) {
                           auto now = sources;
                           now.changed = std::move(changed);
                           return load_settings(now);
                         }};
    for (const auto& [name, value] : environment_) {
      if (name == "SLUICE_ADMIN_PASSWORD" && !value.empty()) options.admin_password = value;
    }
    return serve(effective->settings, options);
  }

  void add_check() {
    auto* command = app_.add_subcommand(
        "check", "Validate the settings; print those in effect and where each comes from");
    add_setting_arguments(*command, settings_);
    add_output(*command, output_);
    command->callback([this] { chosen_ = [this] { return run_check(); }; });
  }

  int run_check() {
    const auto effective = load_settings(sources_of(settings_, environment_));
    if (!effective) {
      fmt::print(stderr, "{}", problems_text(effective.error()));
      return kWrongUse;
    }
    print_warnings(*effective);
    if (output_of(output_) == OutputFormat::Json) {
      fmt::print("{}\n", boost::json::serialize(settings_document(*effective)));
    } else {
      fmt::print("{}", settings_text(*effective));
    }
    return kDone;
  }

  void add_doctor() {
    auto* command = app_.add_subcommand(
        "doctor",
        "Look at data directory, disk, clock, limits, ports and certificates, and say "
        "what to do; changes nothing");
    add_setting_arguments(*command, settings_);
    add_output(*command, output_);
    command->footer(
        "As the user of the server, with its settings; beside a server that runs, too. Exit code "
        "1\n"
        "when there is a problem; a warning is none.");
    command->callback([this] {
      chosen_ = [this] {
        return run_doctor(sources_of(settings_, environment_), output_of(output_));
      };
    });
  }

  void add_completion() {
    auto* command = app_.add_subcommand("completion", "A script that lets a shell complete sluice");
    command->add_option("shell", shell_, "bash, zsh or fish")
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->required();
    command->footer("bash, for this shell: source <(sluice completion bash)");
    command->callback([this] {
      chosen_ = [this] {
        fmt::print("{}", completion_script(app_, shell_));
        return kDone;
      };
    });
  }

  void add_reference() {
    auto* command = app_.add_subcommand("reference", "Reference pages, made from declarations");
    command->require_subcommand(1);
    struct Page {
      const char* name;
      const char* help;
      std::function<std::string()> make;
    };
    const std::array<Page, 8> pages = {
        {{"settings", "Every setting (Markdown)", settings_reference},
         {"metrics", "Every metric (Markdown)", metrics_reference},
         {"errors", "Exit codes, error codes of REST, reason codes of MQTT (Markdown)",
          errors_reference},
         {"connectors", "Every connector's settings (Markdown)", connectors_reference},
         {"openapi", "The REST API (OpenAPI 3.1, YAML)", openapi_reference},
         {"man", "The page sluice(1) for man", [this] { return program_man_page(app_); }},
         {"man-settings", "The page sluice.yaml(5) for man", settings_man_page},
         {"settings-file", "A settings file with every default, commented out (YAML)",
          commented_settings}}};
    for (const auto& page : pages) {
      auto* which = command->add_subcommand(page.name, page.help);
      which->callback([this, make = page.make] {
        chosen_ = [make] {
          fmt::print("{}", make());
          return kDone;
        };
      });
    }
  }

  void add_log() {
    auto* command = app_.add_subcommand("log", "The log of a server that does not run");
    command->require_subcommand(1);
    const auto add = [&](const char* verb, const char* help) {
      auto* which = command->add_subcommand(verb, help);
      which->add_option("--data", log_.data, "Data directory")->type_name("DIR")->required();
      which->callback([this, verb] {
        log_.verb = verb;
        chosen_ = [this] { return run_log_command(log_); };
      });
      return which;
    };
    add("verify", "Check every byte; name what is damaged, where, and what is lost with it");
    auto* dump = add("dump", "List records: messages, and the keys of small state");
    dump->add_option("--from", log_.from, "First position")->capture_default_str();
    dump->add_option("--limit", log_.limit, "Most records")->capture_default_str();
    auto* repair = add("repair", "Make a damaged log usable; what is removed is kept as a copy");
    repair->add_flag("--yes", log_.confirmed, "Do it; otherwise only say what is damaged");
  }

  void add_rate(CLI::App& command, std::string& rate) {
    command
        .add_option("--rate", rate,
                    "Most bytes a second, so that a server on this disk does not suffer; 0: any")
        ->type_name("SIZE")
        ->capture_default_str();
  }

  void add_backup() {
    auto* command = app_.add_subcommand(
        "backup", "Copy all that is durable, also while the server runs; every byte is checked");
    command->add_option("backup", backup_.backup, "Where to: a new or an empty directory")
        ->type_name("BACKUP")
        ->required();
    command->add_option("--data", backup_.data, "Data directory")->type_name("DIR")->required();
    add_rate(*command, backup_rate_);
    command->footer(
        "For who may read the data directory: it holds secrets, and so does the backup. Settings\n"
        "file and certificates are not in it.");
    command->callback(
        [this] { chosen_ = [this] { return run_with_rate(run_backup, backup_rate_); }; });
  }

  void add_restore() {
    auto* command =
        app_.add_subcommand("restore", "Put a backup into an empty data directory; or check it");
    command->add_option("backup", backup_.backup, "The directory that `backup` wrote")
        ->type_name("BACKUP")
        ->required();
    auto* data = command->add_option("--data", backup_.data, "A new or an empty data directory")
                     ->type_name("DIR");
    auto* check =
        command->add_flag("--check", backup_.only_check, "Only read all of it; write nothing");
    check->excludes(data);
    add_rate(*command, restore_rate_);
    command->callback([this] {
      if (backup_.data.empty() && !backup_.only_check) {
        throw CLI::ValidationError("restore", "--data or --check is required");
      }
      chosen_ = [this] { return run_with_rate(run_restore, restore_rate_); };
    });
  }

  int run_with_rate(int (*run)(const BackupCommand&), const std::string& text) {
    const auto rate = schema::parse_bytes(text);
    if (!rate) return wrong_use("--rate " + rate.error().detail);
    backup_.bytes_per_second = static_cast<std::uint64_t>(*rate);
    return run(backup_);
  }

  void add_kafka_dev() {
    auto* command = app_.add_subcommand(
        "kafka-dev", "A development Kafka in one small process (librdkafka's mock cluster)");
    command->footer(
        "One broker, in memory, for clients of this machine. Clients come in through --bind and "
        "are\n"
        "then told the broker's own port on 127.0.0.1. A partition keeps its last 5 MiB or "
        "100,000\n"
        "batches; the oldest go. Nothing outlives the process. Topics are made when they are "
        "asked\n"
        "for, with 4 partitions. Prints `ready bootstrap=HOST:PORT` when it accepts.");
    command->add_option("--bind", bind_, "Where clients find it: a loopback address; port 0: any")
        ->type_name("HOST:PORT")
        ->capture_default_str();
    command->add_option("--topic", topics_, "Make a topic at the start; repeatable")
        ->type_name("NAME:PARTITIONS")
        ->take_all()
        ->allow_extra_args(false);
    command->callback([this] { chosen_ = [this] { return start_kafka_dev(); }; });
  }

  int start_kafka_dev() {
    KafkaDevOptions options;
    auto bind = parse_bind_address(bind_);
    const bool is_loopback = bind && (bind->host.starts_with("127.") || bind->host == "::1");
    if (!is_loopback) {
      return wrong_use(fmt::format(
          "--bind must be a loopback address and a port such as 127.0.0.1:9092, not {}", bind_));
    }
    options.bind = *bind;
    for (const auto& text : topics_) {
      auto topic = parse_kafka_topic(text);
      if (!topic) return wrong_use("--topic " + topic.error().detail);
      options.topics.push_back(*std::move(topic));
    }
    return run_kafka_dev(options);
  }

  void add_noun(const Noun& noun) {
    auto* command = app_.add_subcommand(std::string(noun.name), std::string(noun.help));
    if (noun.verbs.empty()) {
      add_rest_arguments(*command, noun, "");
      return;
    }
    command->require_subcommand(1);
    for (const auto verb : noun.verbs) {
      auto* which = command->add_subcommand(std::string(verb), std::string(verb_help(verb)));
      add_rest_arguments(*which, noun, verb);
    }
  }

  void add_rest_arguments(CLI::App& command, const Noun& noun, std::string_view verb) {
    command.add_option("--data", data_, "Data directory of a server on this machine")
        ->type_name("DIR");
    add_output(command, output_);
    if (verb == "create") {
      add_create_arguments(command, noun);
    } else if (verb == "verify") {
      command.add_option("name", rest_.name, "Name or id of a saved one")->type_name("NAME");
      command.add_option("-f,--file", rest_.file, "Document that is not saved; -: standard input")
          ->type_name("FILE");
      add_topic_argument(command);
    } else if (noun.name == "setting") {
      if (verb == "update")
        command
            .add_option("-f,--file", rest_.file,
                        "What changes, as a JSON merge patch of the settings; -: standard input")
            ->type_name("FILE")
            ->required();
    } else if (noun.name == "subscription") {
      add_subscription_arguments(command, verb, rest_);
    } else if (noun.name == "dead-letter") {
      add_dead_letter_arguments(command, verb, rest_);
    } else if (verb == "update" || verb == "copy" || verb == "seek" || verb == "replay" ||
               verb == "preview") {
      add_change_arguments(command, noun, verb);
    } else if (noun.name == "message" && (verb == "list" || verb == "publish")) {
      add_message_arguments(command, verb, rest_);
    } else if (verb == "import") {
      add_import_arguments(command, rest_);
    } else if (verb == "test") {
      add_question_arguments(command, rest_.question);
    } else if (noun.name == "audit" && verb == "list") {
      add_audit_arguments(command, rest_.audit);
    } else if (noun.name == "event") {
      add_event_arguments(command, rest_.event, true);
    } else if (verb == "password") {
      add_new_password_argument(command, rest_);
    } else if (verb == "drain") {
      add_drain_arguments(command, rest_);
    } else if (!verb.empty() && verb != "list") {
      command.add_option("name", rest_.name, "Name or id")->type_name("NAME")->required();
      if (verb == "events") add_event_arguments(command, rest_.event, false);
      if (noun.name == "group" && verb == "delete")
        command.add_flag("--force", rest_.force, "Also end the subscriptions of its members");
    }
    if (verb == "list") add_list_arguments(command, noun, rest_);
    if (verb == "list" && noun.name != "event")
      command.add_flag("--watch", rest_.repeats, "Again every two seconds, until it is stopped");
    command.callback([this, &noun, verb = std::string(verb)] {
      chosen_ = [this, &noun, verb] { return run_rest(noun, verb); };
    });
    command.footer(
        "The server: SLUICE_URL, else the one in --data, else http://127.0.0.1:8080. Who asks:\n"
        "SLUICE_TOKEN, or SLUICE_USER and SLUICE_PASSWORD, else the token in "
        "DATA/run/admin.token.");
  }

  void add_change_arguments(CLI::App& command, const Noun& noun, std::string_view verb) {
    if (verb == "preview") {
      command
          .add_option("-f,--file", rest_.file,
                      R"(JSON document {"task", "message" or "message_id"}; -: standard input)")
          ->type_name("FILE")
          ->required();
      return;
    }
    command.add_option("name", rest_.name, "Name or id")->type_name("NAME")->required();
    if (verb == "seek") return add_seek_arguments(command, rest_);
    if (verb == "replay") return add_replay_arguments(command, rest_);
    if (verb == "copy") {
      command.add_option("new_name", rest_.other, "Name of the copy")
          ->type_name("NEW_NAME")
          ->required();
    }
    auto* file = command.add_option("-f,--file", rest_.file,
                                    "What changes, as a JSON merge patch; -: standard input");
    file->type_name("FILE");
    if (verb == "update" && noun.is_made_by_name)
      add_account_arguments(command, noun, "");
    else if (verb == "update")
      file->required();
    if (verb == "update" && (noun.name == "connection" || noun.name == "task"))
      command.add_flag("--force", rest_.force,
                       "Also where a source leaves behind what it has at the other side");
    if (noun.name != "connection") return;
    command.add_flag("!--no-verify", rest_.verify, "Save it without reaching the other side");
    command.add_flag("!--no-restart", rest_.restart,
                     "Its tasks go on with the old settings until they start again");
    add_topic_argument(command);
  }

  void add_token_arguments(CLI::App& command) {
    auto& token = rest_.token;
    command.add_option("--expires-in", token.expires_in, "How long it holds: 1m to 366d; else 90d")
        ->type_name("TIME");
    command
        .add_option("--scope", token.scope,
                    "A part of the API that it is for, such as tasks or metrics; repeatable; none: "
                    "all")
        ->type_name("PART")
        ->take_all()
        ->allow_extra_args(false);
    command.add_option("--description", token.description, "For people");
  }

  void add_account_arguments(CLI::App& command, const Noun& noun, const std::string& without) {
    if (noun.name != "user")
      command.add_option("--role", rest_.role, "viewer, operator or administrator")
          ->type_name("ROLE");
    if (noun.name == "token") return add_token_arguments(command);
    command.add_option("--password", rest_.password, "Others on this machine may see it" + without);
    command.add_option("--password-file", rest_.password_file, "File that holds it; -: input")
        ->type_name("FILE");
  }

  void add_topic_argument(CLI::App& command) {
    command.add_option("--topic", rest_.topic, "Find out, too, whether it may be written to")
        ->type_name("TOPIC");
  }

  void add_create_arguments(CLI::App& command, const Noun& noun) {
    command
        .add_option("name", rest_.name,
                    noun.is_made_by_name ? "Its name, or a JSON document (FILE.json, -)"
                                         : "JSON document; -: standard input")
        ->type_name(noun.is_made_by_name ? "NAME" : "FILE");
    command.add_option("-f,--file", rest_.file, "JSON document; -: standard input")
        ->type_name("FILE");
    if (noun.is_made_by_name)
      add_account_arguments(command, noun, "; without one, one is made and shown");
    if (noun.name == "connection") {
      command.add_flag("!--no-verify", rest_.verify, "Save it without reaching the other side");
      add_topic_argument(command);
    }
    if (noun.name == "task")
      command.add_flag("--create-account", rest_.creates_account,
                       "Make the user that it runs as, with policies for exactly what it needs");
  }

  int run_rest(const Noun& noun, const std::string& verb) {
    rest_.noun = &noun;
    rest_.verb = verb;
    rest_.output = output_of(output_);
    const bool needs_what = verb == "create" || verb == "verify";
    if (needs_what && rest_.name.empty() == !rest_.file.has_value()) {
      return wrong_use(fmt::format("{} {} takes either a name or -f FILE", noun.name, verb));
    }
    const bool names_letters = noun.name == "dead-letter" && verb != "list";
    if (names_letters && rest_.ids.empty() && !rest_.all) {
      return wrong_use(fmt::format("dead-letter {} takes ids of messages, or --all", verb));
    }
    if (rest_.password && rest_.password_file) {
      return wrong_use("--password and --password-file exclude each other");
    }
    const bool has_fields = rest_.password || rest_.password_file || rest_.role;
    if (noun.is_made_by_name && verb == "update" && !has_fields && !rest_.file) {
      return wrong_use(fmt::format("{} update takes --password, --password-file,{} or -f FILE",
                                   noun.name, noun.name == "user" ? "" : " --role"));
    }
    if (has_fields && (rest_.file || rest_.name == "-" || rest_.name.ends_with(".json"))) {
      return wrong_use("--password and --role go with a name; a document holds its own");
    }
    const auto target = find_rest_target(
        environment_, data_.empty() ? std::nullopt : std::optional<std::string>(data_));
    if (!target) {
      fmt::print(stderr, "sluice: {}\n", target.error().detail);
      return kFailed;
    }
    return run_rest_command(rest_, *target);
  }

  CLI::App app_;
  const Environment environment_ = environment_of_process();
  SettingArguments settings_;
  std::string output_ = "table";
  std::string shell_;
  std::string bind_ = "127.0.0.1:9092";
  std::vector<std::string> topics_;
  std::string data_;
  RestCommand rest_;
  LogCommand log_;
  BackupCommand backup_;
  std::string backup_rate_ = "64MiB";
  std::string restore_rate_ = "0";
  std::function<int()> chosen_;
};

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  try {
    return CommandLine().run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "sluice: {}\n", error.what());
    return kFailed;
  }
}

}  // namespace sluice::app
