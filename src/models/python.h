#pragma once
// A module's Python class as a template argument, so that each family states it once, where the class begins.

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <flambeau/nn.h>

namespace flambeau::models {

template <std::size_t N>
struct Literal {
  // NOLINTNEXTLINE(google-explicit-constructor): a string literal as a template argument
  consteval Literal(const char (&text)[N]) { std::copy_n(text, N, chars); }
  constexpr std::string_view view() const { return {chars, N - 1}; }
  char chars[N];
};

/// `class VGG : public Python<"torchvision.models.vgg", "VGG">`: Base with python_module() and class_name().
template <Literal PythonModule, Literal Class, class Base = nn::Module>
class Python : public Base {
 public:
  using Base::Base;
  static constexpr std::string_view python_module_name = PythonModule.view();
  static constexpr std::string_view python_class_name = Class.view();
  std::string_view python_module() const override { return python_module_name; }
  std::string_view class_name() const override { return python_class_name; }
};

}  // namespace flambeau::models
