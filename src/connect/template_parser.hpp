#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connect/template.hpp"

namespace sluice::connect {

// Reads the text of a template once, from left to right. Whatever the text, it ends with parts or
// with an error that says where and what was expected.
class TemplateParser {
 public:
  TemplateParser(std::string_view text, TemplateScope scope) : text_(text), scope_(scope) {}
  [[nodiscard]] Result<std::vector<Template::Part>, TemplateError> parse();

 private:
  using Part = Template::Part;
  using Step = Result<void, TemplateError>;

  [[nodiscard]] Step reference();
  [[nodiscard]] Step root(Part& part);
  [[nodiscard]] Step topic(Part& part);
  [[nodiscard]] Step payload(Part& part);
  [[nodiscard]] Step simple(Part& part, std::string_view name, std::size_t begin);
  [[nodiscard]] Step user_property(Part& part);
  [[nodiscard]] Step publish_property(Part& part);
  [[nodiscard]] Step member(Part& part, std::string_view known, TemplateName name);
  [[nodiscard]] Step flag(Part& part);
  [[nodiscard]] Step element(std::size_t maximum, std::size_t& index);
  [[nodiscard]] Step name_to_end(std::string& name);
  [[nodiscard]] Step path_name(std::string& name);
  [[nodiscard]] Step quoted(std::string& name);
  [[nodiscard]] Step fallback(Part& part);

  [[nodiscard]] bool take(std::string_view token);
  [[nodiscard]] bool at(std::string_view token) const { return rest().starts_with(token); }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  [[nodiscard]] std::string_view identifier();
  [[nodiscard]] tl::unexpected<TemplateError> expected(std::string what) const;
  void literal(std::string_view text);

  std::string_view text_;
  TemplateScope scope_;
  std::size_t at_ = 0;
  std::vector<Part> parts_;
};

}  // namespace sluice::connect
