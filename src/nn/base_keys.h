#pragma once
// The keys that every nn.Module keeps in its `__dict__`, in the order of torch 2.13.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace flambeau::nn {

enum class BaseKind : std::uint8_t { training, parameters, buffers, modules, set, hooks, nothing };

struct BaseKey {
  std::string_view name;
  BaseKind kind;
};

inline constexpr std::array<BaseKey, 17> base_keys = {{
    {"training", BaseKind::training},
    {"_parameters", BaseKind::parameters},
    {"_buffers", BaseKind::buffers},
    {"_non_persistent_buffers_set", BaseKind::set},
    {"_backward_pre_hooks", BaseKind::hooks},
    {"_backward_hooks", BaseKind::hooks},
    {"_is_full_backward_hook", BaseKind::nothing},
    {"_forward_hooks", BaseKind::hooks},
    {"_forward_hooks_with_kwargs", BaseKind::hooks},
    {"_forward_hooks_always_called", BaseKind::hooks},
    {"_forward_pre_hooks", BaseKind::hooks},
    {"_forward_pre_hooks_with_kwargs", BaseKind::hooks},
    {"_state_dict_hooks", BaseKind::hooks},
    {"_state_dict_pre_hooks", BaseKind::hooks},
    {"_load_state_dict_pre_hooks", BaseKind::hooks},
    {"_load_state_dict_post_hooks", BaseKind::hooks},
    {"_modules", BaseKind::modules},
}};

/// The key's row; null for other attributes.
constexpr const BaseKey* base_key(std::string_view name) noexcept {
  const auto found =
      std::find_if(base_keys.begin(), base_keys.end(), [&](const BaseKey& key) { return key.name == name; });
  return found == base_keys.end() ? nullptr : &*found;
}

}  // namespace flambeau::nn
