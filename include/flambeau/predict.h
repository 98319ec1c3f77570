#pragma once
/// Prediction: whole models from files, running them, and turning numbers into labels.
///
/// `model(x)` records the forward pass, compiles it (plan.h) and keeps the plan with the model: up to four, so that a
/// few batch sizes or options can take turns. Every call records anew, which costs microseconds, and takes a kept plan
/// only if the recording, the options and the weights are the same. So `eval()`, a replaced layer, `load_state_dict`
/// and changed running statistics are seen. A weight counts as changed once memory to write to was asked for
/// (Storage::version); what is written later through a span that was kept is seen only where it meets one of 256
/// samples, so ask for it again, or call `model.forget_plans()`. In training mode nothing is kept.
/// Threads: several may call one model at once; the first call of a shape compiles while the others wait.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <flambeau/nn.h>
#include <flambeau/plan.h>

namespace flambeau {

/// A whole model, as `torch.save(model, path)` wrote it, in train or eval mode as it was saved; nothing in the file is
/// executed. torch.nn's modules, torchvision's classification models and the classes of `own` (which go first) can run;
/// any other class keeps its weights, name and attributes, prints and saves, and throws Error(unsupported) with its
/// name when it is run. Throws what `load` throws, and Error(type) if the file holds no module (a state_dict, say).
Model load_model(const std::string& path, const LoadOptions& options = {}, std::span<const nn::ClassRow> own = {});
Model load_model(const Checkpoint& checkpoint, std::span<const nn::ClassRow> own = {});

/// Writes what PyTorch loads as the same model: for most networks the file of `torch.save(model, path)` byte for byte.
/// Of LSTM, GRU, pruned and weight-normed layers, ViT, Swin and losses with a function the pickle may differ in the
/// order of attributes and in which equal strings, or parameters of one memory, are one object.
void save(const Model& model, const std::string& path, const SaveOptions& options = {});
void save(const Model& model, std::ostream& stream, const SaveOptions& options = {});

namespace predict {

/// Softmax over the last dimension, float32, in double inside; the shape stays.
Tensor softmax(const Tensor& logits);

struct Class {
  std::int64_t index;
  float score;        ///< what the tensor held
  std::string label;  ///< empty without labels
};
/// The `k` largest of each row, best first, equals in the order of their indices; NaN comes last. `scores` is (N,
/// classes) or (classes). Throws Error(invalid_argument) when `labels` is neither empty nor as long as a row.
std::vector<std::vector<Class>> top_k(const Tensor& scores, std::int64_t k,
                                      std::span<const std::string_view> labels = {});

/// The names of the classes that training code left beside the weights under one of the usual keys ("labels",
/// "classes", "class_to_idx", "id2label", …): a list, or a dict between names and indices. Empty if there are none for
/// exactly so many classes.
std::vector<std::string> labels_of(const Checkpoint& checkpoint, std::int64_t classes);

}  // namespace predict

/// One tensor in NumPy's .npy: `read_npy` gives its dtype in row-major order, whatever order the file has.
/// Throws what `load` throws, Error(unknown_format) for another format.
Tensor read_npy(const std::string& path);
/// Version 1.0, C order, little-endian, as numpy.save writes it. Throws Error(unsupported) for dtypes NumPy lacks,
/// Error(io).
void write_npy(const std::string& path, const Tensor& tensor);

}  // namespace flambeau
