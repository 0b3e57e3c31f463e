#include "app/completion.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>
#include <vector>

namespace sluice::app {
namespace {

// What may stand for a value.
struct Value {
  bool is_file = false;
  bool is_directory = false;
  std::vector<std::string> words = {};
};

struct Option {
  std::vector<std::string> names;  // with their dashes; none: it is known by its place
  std::string help;
  bool takes_value = false;
  Value value;
};

// One command, by the words that lead to it: "", " policy", " policy test".
struct Command {
  std::string path;
  std::vector<std::pair<std::string, std::string>> commands;  // below it, with their help
  std::vector<Option> options;
  std::vector<Value> places;
};

// CLI11 writes what a value may be behind its type: `TEXT:{table,json}`.
Value value_of(const std::string& type) {
  Value value{.is_file = type.starts_with("FILE"),
              .is_directory = type.starts_with("DIR") || type.starts_with("BACKUP")};
  const auto open = type.find('{');
  const auto close = type.find('}');
  if (open == std::string::npos || close == std::string::npos) return value;
  const std::string words = type.substr(open + 1, close - open - 1);
  for (std::size_t begin = 0; begin <= words.size();) {
    const auto end = std::min(words.find(',', begin), words.size());
    value.words.push_back(words.substr(begin, end - begin));
    begin = end + 1;
  }
  return value;
}

// `!--no-verify` and the like are stored with what they mean.
Option option_of(const CLI::Option& declared) {
  Option option{.names = {},
                .help = declared.get_description(),
                .takes_value = declared.get_items_expected_max() > 0,
                .value = value_of(declared.get_type_name())};
  for (const auto& name : declared.get_snames()) option.names.push_back("-" + name);
  for (const auto& name : declared.get_lnames()) option.names.push_back("--" + name);
  return option;
}

void collect(const CLI::App& app, const std::string& path, std::vector<Command>& into) {
  Command command;
  command.path = path;
  for (const auto* below : app.get_subcommands([](const CLI::App*) { return true; }))
    command.commands.emplace_back(below->get_name(), below->get_description());
  for (const auto* declared : app.get_options([](const CLI::Option*) { return true; })) {
    auto option = option_of(*declared);
    if (option.names.empty())
      command.places.push_back(std::move(option.value));
    else
      command.options.push_back(std::move(option));
  }
  into.push_back(std::move(command));
  for (const auto* below : app.get_subcommands([](const CLI::App*) { return true; }))
    collect(*below, path + " " + below->get_name(), into);
}

// For all three shells, between single quotes. A line, whatever the help has in it.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += R"('\'')";
    else
      out += c == '\n' ? ' ' : c;
  }
  return out + "'";
}

// In fish a backslash is one also there.
std::string quoted_for_fish(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '\'') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return "'" + escaped + "'";
}

std::string words_text(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

// Of a place or an option, as the functions below tell it to each other.
std::string kind_of(const Value& value) {
  if (value.is_file) return "@files";
  if (value.is_directory) return "@directories";
  return value.words.empty() ? "@any" : words_text(value.words);
}

std::string names_of_commands(const Command& command) {
  std::string names;
  for (const auto& [name, help] : command.commands) names += (names.empty() ? "" : " ") + name;
  return names;
}

// What options take, for bash and zsh: `case "$1 $2"`, where $1 is the path and $2 the option.
std::string value_cases(const std::vector<Command>& all) {
  std::string out;
  for (const auto& command : all)
    for (const auto& option : command.options) {
      if (!option.takes_value) continue;
      std::vector<std::string> patterns;
      for (const auto& name : option.names)
        patterns.push_back(in_quotes(command.path + " " + name));
      out += fmt::format("    {}) echo {} ;;\n", fmt::join(patterns, " | "),
                         in_quotes(kind_of(option.value)));
    }
  return out;
}

std::string options_text(const Command& command) {
  std::vector<std::string> names;
  for (const auto& option : command.options)
    names.insert(names.end(), option.names.begin(), option.names.end());
  return words_text(names);
}

std::string places_text(const Command& command) {
  return command.places.empty() ? std::string("@any") : kind_of(command.places.front());
}

std::string for_bash(const std::vector<Command>& all) {
  std::string at;
  for (const auto& command : all)
    at += fmt::format("    {}) commands={} options={} place={} ;;\n", in_quotes(command.path),
                      in_quotes(names_of_commands(command)), in_quotes(options_text(command)),
                      in_quotes(places_text(command)));
  return R"(# Completion of sluice for bash, made by `sluice completion bash`.
# For this shell: source <(sluice completion bash)
# For all: sluice completion bash >/etc/bash_completion.d/sluice

# What may follow the commands $1: sets commands, options, place.
_sluice_at() {
  case "$1" in
)" + at + R"(    *) commands='' options='' place=@any ;;
  esac
}

# What the option $2 of the commands $1 takes; nothing: it takes nothing.
_sluice_value() {
  case "$1 $2" in
)" + value_cases(all) +
         R"(  esac
}

_sluice() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local at='' commands options place kind i
  # Bash takes `--name=value` apart.
  if [ "$cur" = = ]; then
    cur=''
  elif [ "$prev" = = ] && ((COMP_CWORD > 1)); then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    _sluice_at "$at"
    case " $commands " in *" ${COMP_WORDS[i]} "*) at="$at ${COMP_WORDS[i]}" ;; esac
  done
  _sluice_at "$at"
  kind=$(_sluice_value "$at" "$prev")
  if [ -z "$kind" ]; then
    case "$cur" in
      -*) kind=$options ;;
      *) kind=${commands:-$place} ;;
    esac
  fi
  COMPREPLY=()
  case "$kind" in
    @files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      ;;
    @directories)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      ;;
    @any) ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$cur") ;;
  esac
}

complete -F _sluice sluice
)";
}

std::string for_zsh(const std::vector<Command>& all) {
  std::string at;
  for (const auto& command : all) {
    std::string commands;
    for (const auto& [name, help] : command.commands)
      commands += " " + in_quotes(name + ":" + help);
    std::string options;
    for (const auto& option : command.options)
      for (const auto& name : option.names) options += " " + in_quotes(name + ":" + option.help);
    at += fmt::format("    {})\n      commands=({})\n      options=({})\n      place={} ;;\n",
                      in_quotes(command.path), commands, options, in_quotes(places_text(command)));
  }
  return R"(#compdef sluice
# Completion of sluice for zsh, made by `sluice completion zsh`.
# sluice completion zsh >"${fpath[1]}/_sluice", then a new shell.

# What may follow the commands $1: sets commands, options, place.
_sluice_at() {
  case "$1" in
)" + at + R"(    *) commands=() options=() place=@any ;;
  esac
}

# What the option $2 of the commands $1 takes; nothing: it takes nothing.
_sluice_value() {
  case "$1 $2" in
)" + value_cases(all) +
         R"(  esac
}

_sluice() {
  local at='' kind place i
  local -a commands options
  for ((i = 2; i < CURRENT; i++)); do
    _sluice_at "$at"
    (( ${commands[(I)${words[i]}:*]} )) && at="$at ${words[i]}"
  done
  _sluice_at "$at"
  kind=$(_sluice_value "$at" "${words[CURRENT - 1]}")
  if [[ -z $kind ]]; then
    if [[ ${words[CURRENT]} == -* ]]; then
      _describe option options
      return
    fi
    if (( $#commands )); then
      _describe command commands
      return
    fi
    kind=$place
  fi
  case "$kind" in
    @files) _files ;;
    @directories) _files -/ ;;
    @any) ;;
    *) compadd -- ${=kind} ;;
  esac
}

if [[ $funcstack[1] == _sluice ]]; then
  _sluice "$@"
else
  compdef _sluice sluice
fi
)";
}

std::string for_fish(const std::vector<Command>& all) {
  std::string out = R"(# Completion of sluice for fish, made by `sluice completion fish`.
# sluice completion fish >~/.config/fish/completions/sluice.fish

# The commands that stand there, as in ' policy test'.
function __sluice_path
  set -l at ''
  for word in (commandline -opc)[2..]
    if contains -- "$at $word" $__sluice_paths
      set at "$at $word"
    end
  end
  echo "$at"
end

function __sluice_at
  test (__sluice_path) = "$argv[1]"
end

complete -c sluice -f
set -g __sluice_paths)";
  for (const auto& command : all)
    if (!command.path.empty()) out += " " + quoted_for_fish(command.path);
  out += "\n\n";
  const auto values = [](const Value& value) {
    if (value.is_file) return std::string(" -F");
    if (value.is_directory) return std::string(" -a '(__fish_complete_directories)'");
    return value.words.empty() ? std::string() : " -a " + quoted_for_fish(words_text(value.words));
  };
  for (const auto& command : all) {
    const auto here =
        "complete -c sluice -n " + quoted_for_fish("__sluice_at " + quoted_for_fish(command.path));
    for (const auto& [name, help] : command.commands)
      out += fmt::format("{} -a {} -d {}\n", here, name, quoted_for_fish(help));
    for (const auto& option : command.options) {
      out += here;
      for (const auto& name : option.names)
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      // -x: and nothing but what is named, no files.
      const auto* takes = !option.takes_value ? "" : option.value.is_file ? " -r" : " -x";
      out += fmt::format(" -d {}{}{}\n", quoted_for_fish(option.help), takes,
                         option.takes_value ? values(option.value) : std::string());
    }
    if (!command.places.empty())
      if (const auto place = values(command.places.front()); !place.empty())
        out += here + place + "\n";
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view shell) {
  std::vector<Command> all;
  collect(app, "", all);
  if (shell == "zsh") return for_zsh(all);
  return shell == "fish" ? for_fish(all) : for_bash(all);
}

}  // namespace sluice::app
