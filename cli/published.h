#pragma once
// Published weights on the command line: which are meant, and the file, downloaded with progress.

#include <string>
#include <string_view>

#include <flambeau/models.h>

#include "command.h"

namespace cli {

/// The entry that "vgg16", "vgg16:DEFAULT" or "vgg16:IMAGENET1K_V1" means. Throws Error(not_found) with near names.
const flambeau::models::Weights& published(std::string_view builder, std::string_view name);

/// The path of the file in torch's cache; fetched if it is not there (or `again`), as torch tells it.
std::string fetched(const Args& args, const flambeau::models::Weights& weights, bool again = false);

}  // namespace cli
