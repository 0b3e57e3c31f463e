// Reads settings that have passed every check: what is wrong here is a bug of ours.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "app/settings.hpp"
#include "base/check.hpp"

namespace sluice::app {

class SettingReader {
 public:
  explicit SettingReader(const boost::json::object& values) : values_(values) {}

  [[nodiscard]] SettingReader in(std::string_view name) const {
    return SettingReader(values_.at(name).as_object());
  }
  [[nodiscard]] std::string text(std::string_view name) const {
    return std::string(values_.at(name).as_string());
  }
  // Empty: not given, and there is no default.
  [[nodiscard]] std::string text_if_given(std::string_view name) const {
    return values_.contains(name) ? text(name) : std::string();
  }
  [[nodiscard]] bool flag(std::string_view name) const { return values_.at(name).as_bool(); }
  template <class Number>
  [[nodiscard]] Number number(std::string_view name) const {
    const auto value = values_.at(name).as_int64();
    SL_CHECK(std::in_range<Number>(value));
    return static_cast<Number>(value);
  }
  // None: not given, and there is no default.
  template <class Number>
  [[nodiscard]] std::optional<Number> number_if_given(std::string_view name) const {
    if (!values_.contains(name)) return std::nullopt;
    return number<Number>(name);
  }
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const {
    std::vector<std::string> all;
    for (const auto& member : values_.at(name).as_array()) all.emplace_back(member.as_string());
    return all;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& member : values_) all.emplace_back(member.key());
    return all;
  }
  // None: a word that means without end.
  template <class Number>
  [[nodiscard]] std::optional<Number> number_or_word(std::string_view name) const {
    if (values_.at(name).is_string()) return std::nullopt;
    return number<Number>(name);
  }
  [[nodiscard]] BindAddress bind(std::string_view name) const {
    auto address = parse_bind_address(text(name));
    SL_CHECK(address.has_value());
    return *std::move(address);
  }
  [[nodiscard]] const boost::json::object& values() const { return values_; }

 private:
  const boost::json::object& values_;
};

}  // namespace sluice::app
