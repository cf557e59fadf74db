// SPDX-License-Identifier: Apache-2.0
//
// Every script first walks over the words before the cursor and finds out at which command they
// are, as "keyspace create"; then it offers that command's words.
#include "kvnode/ctl/completion.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "kvnode/ctl/declare.h"
#include "kvnode/ctl/exit_status.h"
#include "kvnode/ctl/store_access.h"

namespace metaring::ctl {
namespace {

struct Word {
  std::string text;  // "get", "--hex", "-e"
  std::string what;
  bool is_command = false;
  bool takes_value = false;
};

struct Place {
  std::string path;  // "" is the root, else "keyspace create"
  std::vector<Word> words;
};

// An option of the place itself, or of a group of its options, which is a nameless command.
void AddOptions(const CLI::App& app, Place& place) {
  for (const CLI::Option* option : app.get_options()) {
    const bool takes_value = option->get_items_expected_max() > 0;
    for (const std::string& name : option->get_lnames()) {
      place.words.push_back({"--" + name, option->get_description(), false, takes_value});
    }
    for (const std::string& name : option->get_snames()) {
      place.words.push_back({"-" + name, option->get_description(), false, takes_value});
    }
  }
}

void Collect(const CLI::App& app, const std::string& path, std::vector<Place>& places) {
  Place place{path, {}};
  AddOptions(app, place);
  std::vector<const CLI::App*> commands;
  for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (each->get_name().empty()) {
      AddOptions(*each, place);
    } else {
      place.words.push_back({each->get_name(), each->get_description(), true, false});
      commands.push_back(each);
    }
  }
  places.push_back(std::move(place));
  for (const CLI::App* each : commands) {
    Collect(*each, path.empty() ? each->get_name() : path + " " + each->get_name(), places);
  }
}

// Patterns of "PATH WORD" for every step from a place to a command of it.
std::string Steps(const std::vector<Place>& places, const char* between) {
  std::string steps;
  for (const Place& place : places) {
    for (const Word& word : place.words) {
      if (!word.is_command) continue;
      if (!steps.empty()) steps += between;
      steps += fmt::format("'{} {}'", place.path, word.text);
    }
  }
  return steps;
}

std::string WordsOf(const Place& place) {
  std::string words;
  for (const Word& word : place.words) words += (words.empty() ? "" : " ") + word.text;
  return words;
}

// The function of bash and zsh, but for its end. `before`: the words before the cursor; `offer`:
// what offers the words of the place, which are its {}.
std::string ShellFunction(const std::vector<Place>& places, const char* before, const char* offer) {
  std::string script = std::string("_kvctl() {\n  local at='' word offered=''\n  for word in ") +
                       before + "; do\n    case \"$at $word\" in\n      " + Steps(places, "|") +
                       ") at=\"${at:+$at }$word\" ;;\n    esac\n  done\n  case \"$at\" in\n";
  for (const Place& place : places) {
    script += fmt::format("    '{}') ", place.path);
    script += fmt::format(fmt::runtime(offer), WordsOf(place)) + " ;;\n";
  }
  return script + "  esac\n";
}

std::string Bash(const std::vector<Place>& places) {
  return ShellFunction(places, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"", "offered='{}'") +
         "  mapfile -t COMPREPLY < <(compgen -W \"$offered\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
         "}\n"
         "complete -o default -F _kvctl kvctl\n";
}

std::string Zsh(const std::vector<Place>& places) {
  return "#compdef kvctl\n" +
         ShellFunction(places, "\"${words[@]:1:$((CURRENT - 2))}\"", "compadd -- {}") +
         "  _files\n"
         "}\n"
         "compdef _kvctl kvctl\n";
}

// In single quotes of fish, where \ and ' are escaped.
std::string FishQuoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text.substr(0, text.find('\n'))) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string Fish(const std::vector<Place>& places) {
  std::string script =
      "function __kvctl_at\n"
      "  set -l at\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$at $word\"\n"
      "      case " +
      Steps(places, " ") +
      "\n"
      "        set at (string trim -- \"$at $word\")\n"
      "    end\n"
      "  end\n"
      "  test \"$at\" = \"$argv[1]\"\n"
      "end\n";
  for (const Place& place : places) {
    for (const Word& word : place.words) {
      script += fmt::format("complete -c kvctl -n \"__kvctl_at '{}'\" ", place.path);
      if (word.is_command) {
        script += "-f -a " + word.text;
      } else if (word.text.starts_with("--")) {
        script += "-l " + word.text.substr(2) + (word.takes_value ? " -r" : "");
      } else {
        script += "-s " + word.text.substr(1) + (word.takes_value ? " -r" : "");
      }
      script += " -d " + FishQuoted(word.what) + "\n";
    }
  }
  return script;
}

}  // namespace

std::vector<Command> AddCompletionCommand(CLI::App& root) {
  CLI::App* app = AddCommand(root, "completion", "Print what a shell needs to complete kvctl");
  auto shell = std::make_shared<std::string>();
  AddOption(*app, "SHELL", *shell, "bash, zsh or fish")
      ->check(OneOf({"bash", "zsh", "fish"}))
      ->required();
  app->footer(
      "bash: source <(kvctl completion bash)\n"
      "zsh:  source <(kvctl completion zsh), after compinit\n"
      "fish: kvctl completion fish | source");
  return {{app, [&root, shell] {
             std::vector<Place> places;
             Collect(root, "", places);
             Print(*shell == "bash" ? Bash(places) : *shell == "zsh" ? Zsh(places) : Fish(places));
             return kExitOk;
           }}};
}

}  // namespace metaring::ctl
