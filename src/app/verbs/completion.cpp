#include <map>

#include "app/verbs/all.hpp"

namespace admitone::app {
namespace {

// Words that may follow each path of subcommands; the empty path is the program itself.
using Words = std::map<std::string, std::vector<std::string>>;

void collect(const CLI::App& app, const std::string& path, Words& out) {
  auto& words = out[path];
  for (const CLI::App* sub : app.get_subcommands({})) {
    words.push_back(sub->get_name());
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), out);
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) out[path].push_back("--" + name);
  }
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Both shells look up the words of the longest known path of what stands before the cursor.
void shell_cases(std::ostream& out, const Words& words) {
  for (const auto& [path, list] : words) {
    out << "    '" << path << "') words='" << join(list) << "' ;;\n";
  }
}

void bash(std::ostream& out, const Words& words) {
  out << "_admitone() {\n"
         "  local path='' words='' i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case \"${COMP_WORDS[i]}\" in -*) ;; *) path=\"${path:+$path }${COMP_WORDS[i]}\" ;; "
         "esac\n"
         "  done\n"
         "  case \"$path\" in\n";
  shell_cases(out, words);
  out << "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words "
      << join(words.at(""))
      << "\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "  [ -n \"$path\" ] && COMPREPLY=($(compgen -W \"$words\" -- "
         "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\ncomplete -o default -F _admitone admitone\n";
}

void zsh(std::ostream& out, const Words& words) {
  out << "#compdef admitone\n"
         "_admitone() {\n"
         "  local path_='' words_='' word\n"
         "  for word in ${words[2,CURRENT-1]}; do\n"
         "    [[ $word == -* ]] || path_=\"${path_:+$path_ }$word\"\n"
         "  done\n"
         "  case \"$path_\" in\n";
  for (const auto& [path, list] : words) {
    out << "    '" << path << "') words_='" << join(list) << "' ;;\n";
  }
  out << "  esac\n"
         "  compadd -- ${=words_}\n"
         "}\ncompdef _admitone admitone\n";
}

void fish(std::ostream& out, const Words& words) {
  out << "complete -c admitone -f\n";
  for (const auto& [path, list] : words) {
    std::string condition = "__fish_use_subcommand";
    if (!path.empty()) {
      condition.clear();
      std::string rest = path;
      while (!rest.empty()) {
        const auto space = rest.find(' ');
        condition += (condition.empty() ? "" : "; and ") +
                     std::string("__fish_seen_subcommand_from ") + rest.substr(0, space);
        rest = space == std::string::npos ? "" : rest.substr(space + 1);
      }
    }
    for (const auto& word : list) {
      const bool flag = word.starts_with("--");
      out << "complete -c admitone -n '" << condition << "' " << (flag ? "-l " : "-a ")
          << (flag ? word.substr(2) : word) << '\n';
    }
  }
}

class Completion : public Verb {
 public:
  VerbInfo info() const override {
    return {"completion",
            "About",
            "Print a completion script for a shell",
            {"source <(admitone completion bash)",
             "admitone completion fish > ~/.config/fish/completions/admitone.fish"}};
  }

  void options(CLI::App& app) override {
    app.add_option("shell", shell_, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }

  int run(Context& context) override {
    Words words;
    collect(context.root, "", words);
    if (shell_ == "bash") bash(context.out, words);
    if (shell_ == "zsh") zsh(context.out, words);
    if (shell_ == "fish") fish(context.out, words);
    return kOk;
  }

 private:
  std::string shell_;
};

}  // namespace

std::unique_ptr<Verb> make_completion() {
  return std::make_unique<Completion>();
}

}  // namespace admitone::app
