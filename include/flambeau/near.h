#pragma once
/// "Did you mean …": the names of a list that lie nearest to one that was not found.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flambeau {

/// At most `most` of `names`, nearest first. Near means few typing errors (about one in three letters), the same name
/// but for case, or one name being the dotted end of the other ("module.fc.weight" and "fc.weight"). Often empty. Time
/// is linear in the letters of `names`; names over 200 bytes are never proposed.
std::vector<std::string> nearest(std::string_view name, std::span<const std::string_view> names, std::size_t most = 3);
std::vector<std::string> nearest(std::string_view name, std::span<const std::string> names, std::size_t most = 3);

/// The end of an error text: "; did you mean 'a', 'b' or 'c'?", or nothing when nothing is near. Names are escaped.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> names);
std::string did_you_mean(std::string_view name, std::span<const std::string> names);

}  // namespace flambeau
