#pragma once
// The layers of data/layers.tsv, each made as make_goldens.py makes it in Python.

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <flambeau/layers.h>

namespace flambeau::nn::test {

inline std::uint64_t fnv(std::string_view bytes, std::uint64_t hash = 1469598103934665603ull) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}
inline std::uint64_t fnv(const Tensor& tensor, std::uint64_t hash = 1469598103934665603ull) {
  const auto bytes = tensor.bytes();
  return fnv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, hash);
}

/// A line of a golden file, split at its tabs.
inline std::vector<std::vector<std::string>> rows(const std::string& path) {
  std::vector<std::vector<std::string>> all;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    auto& row = all.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, '\t');) row.push_back(field);
  }
  return all;
}

inline Tensor filled(Shape shape, double value) {
  Tensor tensor = Tensor::uninitialized(std::move(shape));
  init::constant_(tensor, value);
  return tensor;
}

inline ModulePtr encoder() {
  const TransformerEncoderLayer layer(8, 2, {.dim_feedforward = 16});
  return std::make_shared<TransformerEncoder>(layer, 2, std::make_shared<LayerNorm>(8));
}
inline ModulePtr decoder() {
  const TransformerDecoderLayer layer(8, 2, {.dim_feedforward = 16});
  return std::make_shared<TransformerDecoder>(layer, 2);
}

struct Case {
  std::string_view name;
  ModulePtr (*make)();
};

inline const Case cases[] = {
    {"Linear", []() -> ModulePtr { return std::make_shared<Linear>(5, 3); }},
    {"Linear_no_bias", []() -> ModulePtr { return std::make_shared<Linear>(64, 32, LinearOptions{.bias = false}); }},
    {"NonDynamicallyQuantizableLinear",
     []() -> ModulePtr { return std::make_shared<NonDynamicallyQuantizableLinear>(3, 2); }},
    {"Bilinear", []() -> ModulePtr { return std::make_shared<Bilinear>(3, 4, 5); }},
    {"Identity", []() -> ModulePtr { return std::make_shared<Identity>(); }},
    {"Flatten", []() -> ModulePtr { return std::make_shared<Flatten>(2); }},
    {"Unflatten",
     []() -> ModulePtr {
       return std::make_shared<Unflatten>(1, Size{2, 3});
     }},
    {"Embedding",
     []() -> ModulePtr {
       return std::make_shared<Embedding>(7, 5, EmbeddingOptions{-2, 1, 1.0, true, true});
     }},
    {"EmbeddingBag",
     []() -> ModulePtr {
       return std::make_shared<EmbeddingBag>(7, 3,
                                             EmbeddingBagOptions{.max_norm = 2.0, .mode = "sum", .padding_idx = 1});
     }},
    {"Conv1d", []() -> ModulePtr { return std::make_shared<Conv1d>(4, 6, 3, ConvOptions{.stride = 2, .groups = 2}); }},
    {"Conv2d",
     []() -> ModulePtr {
       return std::make_shared<Conv2d>(3, 8, Size{3, 5}, ConvOptions{.padding = {1, 2}, .bias = false});
     }},
    {"Conv2d_same",
     []() -> ModulePtr {
       return std::make_shared<Conv2d>(3, 8, Size{3, 4},
                                       ConvOptions{.padding = "same", .dilation = 2, .padding_mode = "reflect"});
     }},
    {"Conv2d_valid", []() -> ModulePtr { return std::make_shared<Conv2d>(3, 3, 3, ConvOptions{.padding = "valid"}); }},
    {"Conv2d_circular",
     []() -> ModulePtr {
       return std::make_shared<Conv2d>(2, 2, 3, ConvOptions{.padding = 1, .padding_mode = "circular"});
     }},
    {"Conv3d", []() -> ModulePtr { return std::make_shared<Conv3d>(2, 2, 3); }},
    {"ConvTranspose1d", []() -> ModulePtr { return std::make_shared<ConvTranspose1d>(2, 4, 3); }},
    {"ConvTranspose2d",
     []() -> ModulePtr {
       return std::make_shared<ConvTranspose2d>(
           4, 6, 3, ConvTransposeOptions{.stride = 2, .padding = 1, .output_padding = 1, .groups = 2});
     }},
    {"ConvTranspose3d",
     []() -> ModulePtr {
       return std::make_shared<ConvTranspose3d>(2, 1, 2, ConvTransposeOptions{.bias = false, .dilation = 2});
     }},
    {"BatchNorm1d",
     []() -> ModulePtr { return std::make_shared<BatchNorm1d>(4, BatchNormOptions{.momentum = std::nullopt}); }},
    {"BatchNorm2d",
     []() -> ModulePtr { return std::make_shared<BatchNorm2d>(4, BatchNormOptions{.eps = 0.001, .momentum = 0.01}); }},
    {"BatchNorm3d_plain",
     []() -> ModulePtr {
       return std::make_shared<BatchNorm3d>(4, BatchNormOptions{.affine = false, .track_running_stats = false});
     }},
    {"BatchNorm2d_no_bias",
     []() -> ModulePtr { return std::make_shared<BatchNorm2d>(4, BatchNormOptions{.bias = false}); }},
    {"SyncBatchNorm", []() -> ModulePtr { return std::make_shared<SyncBatchNorm>(4); }},
    {"InstanceNorm1d", []() -> ModulePtr { return std::make_shared<InstanceNorm1d>(3); }},
    {"InstanceNorm2d",
     []() -> ModulePtr {
       return std::make_shared<InstanceNorm2d>(3, InstanceNormOptions{.affine = true, .track_running_stats = true});
     }},
    {"LayerNorm", []() -> ModulePtr { return std::make_shared<LayerNorm>(6, LayerNormOptions{.eps = 1e-6}); }},
    {"LayerNorm_tuple",
     []() -> ModulePtr {
       return std::make_shared<LayerNorm>(Size{2, 3}, LayerNormOptions{.bias = false});
     }},
    {"RMSNorm", []() -> ModulePtr { return std::make_shared<RMSNorm>(3); }},
    {"GroupNorm", []() -> ModulePtr { return std::make_shared<GroupNorm>(2, 4); }},
    {"LocalResponseNorm", []() -> ModulePtr { return std::make_shared<LocalResponseNorm>(5); }},
    {"CrossMapLRN2d", []() -> ModulePtr { return std::make_shared<CrossMapLRN2d>(5); }},
    {"CrossMapLRN2d_strong",
     []() -> ModulePtr {
       return std::make_shared<CrossMapLRN2d>(4, LocalResponseNormOptions{0.5, 0.6, 2});
     }},
    {"ReLU", []() -> ModulePtr { return std::make_shared<ReLU>(true); }},
    {"ReLU6", []() -> ModulePtr { return std::make_shared<ReLU6>(); }},
    {"Threshold", []() -> ModulePtr { return std::make_shared<Threshold>(0.1, 20, true); }},
    {"LeakyReLU", []() -> ModulePtr { return std::make_shared<LeakyReLU>(0.2); }},
    {"PReLU", []() -> ModulePtr { return std::make_shared<PReLU>(3); }},
    {"ELU", []() -> ModulePtr { return std::make_shared<ELU>(); }},
    {"CELU", []() -> ModulePtr { return std::make_shared<CELU>(2); }},
    {"GELU", []() -> ModulePtr { return std::make_shared<GELU>("tanh"); }},
    {"Softplus", []() -> ModulePtr { return std::make_shared<Softplus>(1); }},
    {"Hardtanh", []() -> ModulePtr { return std::make_shared<Hardtanh>(-2, 2.5); }},
    {"Hardshrink", []() -> ModulePtr { return std::make_shared<Hardshrink>(); }},
    {"RReLU", []() -> ModulePtr { return std::make_shared<RReLU>(1.0 / 8, 1.0 / 3, true); }},
    {"GLU", []() -> ModulePtr { return std::make_shared<GLU>(1); }},
    {"Softmax", []() -> ModulePtr { return std::make_shared<Softmax>(1); }},
    {"Softmin", []() -> ModulePtr { return std::make_shared<Softmin>(); }},
    {"Hardswish", []() -> ModulePtr { return std::make_shared<Hardswish>(true); }},
    {"MaxPool2d",
     []() -> ModulePtr {
       return std::make_shared<MaxPool2d>(Size{3, 3}, MaxPoolOptions{.stride = 2, .padding = 1, .ceil_mode = true});
     }},
    {"MaxPool2d_same_tuple",
     []() -> ModulePtr {
       return std::make_shared<MaxPool2d>(Size{2, 2});
     }},
    {"AvgPool1d", []() -> ModulePtr { return std::make_shared<AvgPool1d>(2); }},
    {"AvgPool2d", []() -> ModulePtr { return std::make_shared<AvgPool2d>(2, AvgPoolOptions{.divisor_override = 3}); }},
    {"AdaptiveAvgPool2d",
     []() -> ModulePtr {
       return std::make_shared<AdaptiveAvgPool2d>(Size{1, none});
     }},
    {"AdaptiveMaxPool3d", []() -> ModulePtr { return std::make_shared<AdaptiveMaxPool3d>(2); }},
    {"LPPool2d",
     []() -> ModulePtr {
       return std::make_shared<LPPool2d>(2, Size{2, 3});
     }},
    {"LPPool1d_cubes",
     []() -> ModulePtr { return std::make_shared<LPPool1d>(3, 3, LPPoolOptions{.stride = 2, .ceil_mode = true}); }},
    {"LPPool1d_largest",
     []() -> ModulePtr { return std::make_shared<LPPool1d>(std::numeric_limits<double>::infinity(), 2); }},
    {"MaxUnpool2d", []() -> ModulePtr { return std::make_shared<MaxUnpool2d>(2); }},
    {"FractionalMaxPool2d",
     []() -> ModulePtr {
       return std::make_shared<FractionalMaxPool2d>(2, FractionalMaxPoolOptions{.output_ratio = 0.5});
     }},
    {"Dropout", []() -> ModulePtr { return std::make_shared<Dropout>(0.3); }},
    {"Dropout2d", []() -> ModulePtr { return std::make_shared<Dropout2d>(); }},
    {"ZeroPad2d", []() -> ModulePtr { return std::make_shared<ZeroPad2d>(1); }},
    {"ConstantPad1d", []() -> ModulePtr { return std::make_shared<ConstantPad1d>(1, 2); }},
    {"ReflectionPad2d",
     []() -> ModulePtr {
       return std::make_shared<ReflectionPad2d>(Size{1, 2, 0, 1});
     }},
    {"ReplicationPad2d_cut",
     []() -> ModulePtr {
       return std::make_shared<ReplicationPad2d>(Size{-1, 2, 1, -1});
     }},
    {"CircularPad3d", []() -> ModulePtr { return std::make_shared<CircularPad3d>(1); }},
    {"Upsample", []() -> ModulePtr { return std::make_shared<Upsample>(UpsampleOptions{.scale_factor = 2.0}); }},
    {"Upsample_tuple",
     []() -> ModulePtr {
       return std::make_shared<Upsample>(
           UpsampleOptions{.scale_factor = Floats{2, 3}, .mode = "bilinear", .align_corners = false});
     }},
    {"Upsample_half", []() -> ModulePtr { return std::make_shared<Upsample>(UpsampleOptions{.scale_factor = 0.5}); }},
    {"Upsample_fraction",
     []() -> ModulePtr { return std::make_shared<Upsample>(UpsampleOptions{.scale_factor = 1.7, .mode = "bicubic"}); }},
    {"Upsample_aligned",
     []() -> ModulePtr {
       return std::make_shared<Upsample>(
           UpsampleOptions{.scale_factor = 1.7, .mode = "bilinear", .align_corners = true});
     }},
    {"Upsample_exact",
     []() -> ModulePtr {
       return std::make_shared<Upsample>(UpsampleOptions{.scale_factor = 1.7, .mode = "nearest-exact"});
     }},
    {"Upsample_again",
     []() -> ModulePtr {
       const auto layer = std::make_shared<Upsample>(UpsampleOptions{.scale_factor = 2.3});
       layer->recompute_scale_factor = true;
       return layer;
     }},
    {"Upsample_area",
     []() -> ModulePtr {
       return std::make_shared<Upsample>(UpsampleOptions{.size = Size{2, 5}, .mode = "area"});
     }},
    {"UpsamplingBilinear2d",
     []() -> ModulePtr {
       return std::make_shared<UpsamplingBilinear2d>(Size{4, 4});
     }},
    {"PixelShuffle", []() -> ModulePtr { return std::make_shared<PixelShuffle>(2); }},
    {"ChannelShuffle", []() -> ModulePtr { return std::make_shared<ChannelShuffle>(2); }},
    {"Unfold",
     []() -> ModulePtr {
       return std::make_shared<Unfold>(Size{2, 3}, UnfoldOptions{.dilation = 2});
     }},
    {"Fold",
     []() -> ModulePtr {
       return std::make_shared<Fold>(Size{4, 4}, 2);
     }},
    {"Fold_all",
     []() -> ModulePtr {
       const Size both = {1, 2};  // one constant in Python
       return std::make_shared<Fold>(Size{3, 7}, Size{2, 3},
                                     UnfoldOptions{.dilation = both, .padding = {1, 0}, .stride = both});
     }},
    {"RNN", []() -> ModulePtr { return std::make_shared<RNN>(3, 2, RNNOptions{.nonlinearity = "relu"}); }},
    {"LSTM",
     []() -> ModulePtr {
       return std::make_shared<LSTM>(
           3, 4, RNNOptions{.num_layers = 2, .batch_first = true, .dropout = 0.1, .bidirectional = true});
     }},
    {"LSTM_projected", []() -> ModulePtr { return std::make_shared<LSTM>(3, 4, RNNOptions{.proj_size = 2}); }},
    {"GRU", []() -> ModulePtr { return std::make_shared<GRU>(3, 2, RNNOptions{.bias = false}); }},
    {"RNNCell", []() -> ModulePtr { return std::make_shared<RNNCell>(3, 2, true, "relu"); }},
    {"LSTMCell", []() -> ModulePtr { return std::make_shared<LSTMCell>(3, 2, false); }},
    {"GRUCell", []() -> ModulePtr { return std::make_shared<GRUCell>(3, 2); }},
    {"MultiheadAttention", []() -> ModulePtr { return std::make_shared<MultiheadAttention>(8, 2); }},
    {"MultiheadAttention_other",
     []() -> ModulePtr {
       return std::make_shared<MultiheadAttention>(
           4, 2, MultiheadAttentionOptions{.bias = false, .add_bias_kv = true, .kdim = 3, .vdim = 5});
     }},
    {"TransformerEncoderLayer",
     []() -> ModulePtr {
       return std::make_shared<TransformerEncoderLayer>(
           8, 2, TransformerLayerOptions{.dim_feedforward = 16, .activation = "gelu"});
     }},
    {"TransformerDecoderLayer",
     []() -> ModulePtr {
       return std::make_shared<TransformerDecoderLayer>(
           8, 2, TransformerLayerOptions{.dim_feedforward = 16, .batch_first = true, .norm_first = true});
     }},
    {"TransformerEncoder", []() -> ModulePtr { return encoder(); }},
    {"TransformerDecoder", []() -> ModulePtr { return decoder(); }},
    {"Transformer",
     []() -> ModulePtr {
       return std::make_shared<Transformer>(TransformerOptions{8, 2, 1, 2, 16});
     }},
    {"Sequential",
     []() -> ModulePtr {
       return std::make_shared<Sequential>(
           Modules{std::make_shared<Linear>(3, 4),
                   std::make_shared<Sequential>(Modules{std::make_shared<ReLU>(), std::make_shared<Dropout>()}),
                   std::make_shared<Linear>(4, 2)});
     }},
    {"Sequential_named",
     []() -> ModulePtr {
       return std::make_shared<Sequential>(
           NamedModules{{"a", std::make_shared<Linear>(2, 2)}, {"b", std::make_shared<ReLU>()}});
     }},
    {"Sequential_empty", []() -> ModulePtr { return std::make_shared<Sequential>(); }},
    {"ModuleList",
     []() -> ModulePtr {
       return std::make_shared<ModuleList>(Modules{std::make_shared<Linear>(2, 2), std::make_shared<Linear>(2, 2),
                                                   std::make_shared<ReLU>(),
                                                   std::make_shared<Sequential>(Modules{std::make_shared<ReLU>()})});
     }},
    {"ModuleDict",
     []() -> ModulePtr {
       return std::make_shared<ModuleDict>(
           NamedModules{{"x", std::make_shared<Linear>(1, 2)}, {"y", std::make_shared<Identity>()}});
     }},
    {"ParameterList",
     []() -> ModulePtr {
       return std::make_shared<ParameterList>(std::vector{filled({2, 3}, 1), filled({1}, 0)});
     }},
    {"ParameterDict",
     []() -> ModulePtr {
       return std::make_shared<ParameterDict>(std::vector<std::pair<std::string, Tensor>>{{"k", filled({3}, 1)}});
     }},
    {"CrossEntropyLoss", []() -> ModulePtr { return std::make_shared<CrossEntropyLoss>(filled({3}, 1), -100, 0.1); }},
    {"BCEWithLogitsLoss", []() -> ModulePtr { return std::make_shared<BCEWithLogitsLoss>(Tensor(), filled({2}, 1)); }},
    {"TripletMarginLoss", []() -> ModulePtr { return std::make_shared<TripletMarginLoss>(); }},
    {"TripletMarginWithDistanceLoss", []() -> ModulePtr { return std::make_shared<TripletMarginWithDistanceLoss>(); }},
    {"CTCLoss", []() -> ModulePtr { return std::make_shared<CTCLoss>(); }},
    {"MultiMarginLoss", []() -> ModulePtr { return std::make_shared<MultiMarginLoss>(); }},
    {"CosineSimilarity", []() -> ModulePtr { return std::make_shared<CosineSimilarity>(); }},
    {"PairwiseDistance", []() -> ModulePtr { return std::make_shared<PairwiseDistance>(); }},
    {"AdaptiveLogSoftmaxWithLoss",
     []() -> ModulePtr {
       return std::make_shared<AdaptiveLogSoftmaxWithLoss>(4, 8, std::vector<std::int64_t>{2, 5});
     }},
    {"DataParallel", []() -> ModulePtr { return std::make_shared<DataParallel>(std::make_shared<Linear>(2, 2)); }},
    {"AveragedModel", []() -> ModulePtr { return std::make_shared<AveragedModel>(std::make_shared<Linear>(2, 2)); }},
};

inline ModulePtr make(std::string_view name) {
  const auto found = std::find_if(std::begin(cases), std::end(cases), [&](const Case& c) { return c.name == name; });
  if (found == std::end(cases)) return nullptr;
  manual_seed(0);
  return found->make();
}

}  // namespace flambeau::nn::test
