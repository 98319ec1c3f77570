#include <flambeau/nn_activation.h>
#include <flambeau/nn_attention.h>
#include <flambeau/nn_container.h>
#include <flambeau/nn_conv.h>
#include <flambeau/nn_dropout.h>
#include <flambeau/nn_linear.h>
#include <flambeau/nn_loss.h>
#include <flambeau/nn_misc.h>
#include <flambeau/nn_norm.h>
#include <flambeau/nn_padding.h>
#include <flambeau/nn_pool.h>
#include <flambeau/nn_pool_rare.h>
#include <flambeau/nn_recurrent.h>
#include <flambeau/nn_softmax.h>

#include "nn/forward.h"
#include "nn/pickle.h"

namespace flambeau::nn {
namespace {

template <class M>
ModulePtr blank() {
  return std::make_shared<M>(Blank{});
}

/// LazyLinear and friends before their first input: without sizes, with parameters that are none yet.
template <class Base>
class Lazy final : public Base {
 public:
  explicit Lazy(Blank blank) : Base(blank), name_("Lazy" + std::string(Base::class_name())) {}
  std::string_view class_name() const override { return name_; }
  Var forward(Var /*x*/) override { unsupported(*this, "its parameters are not initialized"); }

 private:
  std::string name_;
};

constexpr ClassRow rows[] = {
    {"torch.nn.modules.activation", "CELU", blank<CELU>},
    {"torch.nn.modules.activation", "ELU", blank<ELU>},
    {"torch.nn.modules.activation", "GELU", blank<GELU>},
    {"torch.nn.modules.activation", "GLU", blank<GLU>},
    {"torch.nn.modules.activation", "Hardshrink", blank<Hardshrink>},
    {"torch.nn.modules.activation", "Hardsigmoid", blank<Hardsigmoid>},
    {"torch.nn.modules.activation", "Hardswish", blank<Hardswish>},
    {"torch.nn.modules.activation", "Hardtanh", blank<Hardtanh>},
    {"torch.nn.modules.activation", "LeakyReLU", blank<LeakyReLU>},
    {"torch.nn.modules.activation", "LogSigmoid", blank<LogSigmoid>},
    {"torch.nn.modules.activation", "LogSoftmax", blank<LogSoftmax>},
    {"torch.nn.modules.activation", "Mish", blank<Mish>},
    {"torch.nn.modules.activation", "MultiheadAttention", blank<MultiheadAttention>},
    {"torch.nn.modules.activation", "PReLU", blank<PReLU>},
    {"torch.nn.modules.activation", "RReLU", blank<RReLU>},
    {"torch.nn.modules.activation", "ReLU", blank<ReLU>},
    {"torch.nn.modules.activation", "ReLU6", blank<ReLU6>},
    {"torch.nn.modules.activation", "SELU", blank<SELU>},
    {"torch.nn.modules.activation", "SiLU", blank<SiLU>},
    {"torch.nn.modules.activation", "Sigmoid", blank<Sigmoid>},
    {"torch.nn.modules.activation", "Softmax", blank<Softmax>},
    {"torch.nn.modules.activation", "Softmax2d", blank<Softmax2d>},
    {"torch.nn.modules.activation", "Softmin", blank<Softmin>},
    {"torch.nn.modules.activation", "Softplus", blank<Softplus>},
    {"torch.nn.modules.activation", "Softshrink", blank<Softshrink>},
    {"torch.nn.modules.activation", "Softsign", blank<Softsign>},
    {"torch.nn.modules.activation", "Tanh", blank<Tanh>},
    {"torch.nn.modules.activation", "Tanhshrink", blank<Tanhshrink>},
    {"torch.nn.modules.activation", "Threshold", blank<Threshold>},
    {"torch.nn.modules.adaptive", "AdaptiveLogSoftmaxWithLoss", blank<AdaptiveLogSoftmaxWithLoss>},
    {"torch.nn.modules.batchnorm", "BatchNorm1d", blank<BatchNorm1d>},
    {"torch.nn.modules.batchnorm", "BatchNorm2d", blank<BatchNorm2d>},
    {"torch.nn.modules.batchnorm", "BatchNorm3d", blank<BatchNorm3d>},
    {"torch.nn.modules.batchnorm", "SyncBatchNorm", blank<SyncBatchNorm>},
    {"torch.nn.modules.batchnorm", "LazyBatchNorm1d", blank<Lazy<BatchNorm1d>>},
    {"torch.nn.modules.batchnorm", "LazyBatchNorm2d", blank<Lazy<BatchNorm2d>>},
    {"torch.nn.modules.batchnorm", "LazyBatchNorm3d", blank<Lazy<BatchNorm3d>>},
    {"torch.nn.modules.channelshuffle", "ChannelShuffle", blank<ChannelShuffle>},
    {"torch.nn.modules.container", "ModuleDict", blank<ModuleDict>},
    {"torch.nn.modules.container", "ModuleList", blank<ModuleList>},
    {"torch.nn.modules.container", "ParameterDict", blank<ParameterDict>},
    {"torch.nn.modules.container", "ParameterList", blank<ParameterList>},
    {"torch.nn.modules.container", "Sequential", blank<Sequential>},
    {"torch.nn.modules.conv", "Conv1d", blank<Conv1d>},
    {"torch.nn.modules.conv", "Conv2d", blank<Conv2d>},
    {"torch.nn.modules.conv", "Conv3d", blank<Conv3d>},
    {"torch.nn.modules.conv", "ConvTranspose1d", blank<ConvTranspose1d>},
    {"torch.nn.modules.conv", "ConvTranspose2d", blank<ConvTranspose2d>},
    {"torch.nn.modules.conv", "ConvTranspose3d", blank<ConvTranspose3d>},
    {"torch.nn.modules.conv", "LazyConv1d", blank<Lazy<Conv1d>>},
    {"torch.nn.modules.conv", "LazyConv2d", blank<Lazy<Conv2d>>},
    {"torch.nn.modules.conv", "LazyConv3d", blank<Lazy<Conv3d>>},
    {"torch.nn.modules.conv", "LazyConvTranspose1d", blank<Lazy<ConvTranspose1d>>},
    {"torch.nn.modules.conv", "LazyConvTranspose2d", blank<Lazy<ConvTranspose2d>>},
    {"torch.nn.modules.conv", "LazyConvTranspose3d", blank<Lazy<ConvTranspose3d>>},
    {"torch.nn.modules.distance", "CosineSimilarity", blank<CosineSimilarity>},
    {"torch.nn.modules.distance", "PairwiseDistance", blank<PairwiseDistance>},
    {"torch.nn.modules.dropout", "AlphaDropout", blank<AlphaDropout>},
    {"torch.nn.modules.dropout", "Dropout", blank<Dropout>},
    {"torch.nn.modules.dropout", "Dropout1d", blank<Dropout1d>},
    {"torch.nn.modules.dropout", "Dropout2d", blank<Dropout2d>},
    {"torch.nn.modules.dropout", "Dropout3d", blank<Dropout3d>},
    {"torch.nn.modules.dropout", "FeatureAlphaDropout", blank<FeatureAlphaDropout>},
    {"torch.nn.modules.flatten", "Flatten", blank<Flatten>},
    {"torch.nn.modules.flatten", "Unflatten", blank<Unflatten>},
    {"torch.nn.modules.fold", "Fold", blank<Fold>},
    {"torch.nn.modules.fold", "Unfold", blank<Unfold>},
    {"torch.nn.modules.instancenorm", "InstanceNorm1d", blank<InstanceNorm1d>},
    {"torch.nn.modules.instancenorm", "InstanceNorm2d", blank<InstanceNorm2d>},
    {"torch.nn.modules.instancenorm", "InstanceNorm3d", blank<InstanceNorm3d>},
    {"torch.nn.modules.instancenorm", "LazyInstanceNorm1d", blank<Lazy<InstanceNorm1d>>},
    {"torch.nn.modules.instancenorm", "LazyInstanceNorm2d", blank<Lazy<InstanceNorm2d>>},
    {"torch.nn.modules.instancenorm", "LazyInstanceNorm3d", blank<Lazy<InstanceNorm3d>>},
    {"torch.nn.modules.linear", "Bilinear", blank<Bilinear>},
    {"torch.nn.modules.linear", "Identity", blank<Identity>},
    {"torch.nn.modules.linear", "Linear", blank<Linear>},
    {"torch.nn.modules.linear", "NonDynamicallyQuantizableLinear", blank<NonDynamicallyQuantizableLinear>},
    {"torch.nn.modules.linear", "LazyLinear", blank<Lazy<Linear>>},
    {"torch.nn.modules.loss", "BCELoss", blank<BCELoss>},
    {"torch.nn.modules.loss", "BCEWithLogitsLoss", blank<BCEWithLogitsLoss>},
    {"torch.nn.modules.loss", "CTCLoss", blank<CTCLoss>},
    {"torch.nn.modules.loss", "CosineEmbeddingLoss", blank<CosineEmbeddingLoss>},
    {"torch.nn.modules.loss", "CrossEntropyLoss", blank<CrossEntropyLoss>},
    {"torch.nn.modules.loss", "GaussianNLLLoss", blank<GaussianNLLLoss>},
    {"torch.nn.modules.loss", "HingeEmbeddingLoss", blank<HingeEmbeddingLoss>},
    {"torch.nn.modules.loss", "HuberLoss", blank<HuberLoss>},
    {"torch.nn.modules.loss", "KLDivLoss", blank<KLDivLoss>},
    {"torch.nn.modules.loss", "L1Loss", blank<L1Loss>},
    {"torch.nn.modules.loss", "LinearCrossEntropyLoss", blank<LinearCrossEntropyLoss>},
    {"torch.nn.modules.loss", "MSELoss", blank<MSELoss>},
    {"torch.nn.modules.loss", "MarginRankingLoss", blank<MarginRankingLoss>},
    {"torch.nn.modules.loss", "MultiLabelMarginLoss", blank<MultiLabelMarginLoss>},
    {"torch.nn.modules.loss", "MultiLabelSoftMarginLoss", blank<MultiLabelSoftMarginLoss>},
    {"torch.nn.modules.loss", "MultiMarginLoss", blank<MultiMarginLoss>},
    {"torch.nn.modules.loss", "NLLLoss", blank<NLLLoss>},
    {"torch.nn.modules.loss", "NLLLoss2d", blank<NLLLoss2d>},
    {"torch.nn.modules.loss", "PoissonNLLLoss", blank<PoissonNLLLoss>},
    {"torch.nn.modules.loss", "SmoothL1Loss", blank<SmoothL1Loss>},
    {"torch.nn.modules.loss", "SoftMarginLoss", blank<SoftMarginLoss>},
    {"torch.nn.modules.loss", "TripletMarginLoss", blank<TripletMarginLoss>},
    {"torch.nn.modules.loss", "TripletMarginWithDistanceLoss", blank<TripletMarginWithDistanceLoss>},
    {"torch.nn.modules.normalization", "CrossMapLRN2d", blank<CrossMapLRN2d>},
    {"torch.nn.modules.normalization", "GroupNorm", blank<GroupNorm>},
    {"torch.nn.modules.normalization", "LayerNorm", blank<LayerNorm>},
    {"torch.nn.modules.normalization", "LocalResponseNorm", blank<LocalResponseNorm>},
    {"torch.nn.modules.normalization", "RMSNorm", blank<RMSNorm>},
    {"torch.nn.modules.padding", "CircularPad1d", blank<CircularPad1d>},
    {"torch.nn.modules.padding", "CircularPad2d", blank<CircularPad2d>},
    {"torch.nn.modules.padding", "CircularPad3d", blank<CircularPad3d>},
    {"torch.nn.modules.padding", "ConstantPad1d", blank<ConstantPad1d>},
    {"torch.nn.modules.padding", "ConstantPad2d", blank<ConstantPad2d>},
    {"torch.nn.modules.padding", "ConstantPad3d", blank<ConstantPad3d>},
    {"torch.nn.modules.padding", "ReflectionPad1d", blank<ReflectionPad1d>},
    {"torch.nn.modules.padding", "ReflectionPad2d", blank<ReflectionPad2d>},
    {"torch.nn.modules.padding", "ReflectionPad3d", blank<ReflectionPad3d>},
    {"torch.nn.modules.padding", "ReplicationPad1d", blank<ReplicationPad1d>},
    {"torch.nn.modules.padding", "ReplicationPad2d", blank<ReplicationPad2d>},
    {"torch.nn.modules.padding", "ReplicationPad3d", blank<ReplicationPad3d>},
    {"torch.nn.modules.padding", "ZeroPad1d", blank<ZeroPad1d>},
    {"torch.nn.modules.padding", "ZeroPad2d", blank<ZeroPad2d>},
    {"torch.nn.modules.padding", "ZeroPad3d", blank<ZeroPad3d>},
    {"torch.nn.modules.pixelshuffle", "PixelShuffle", blank<PixelShuffle>},
    {"torch.nn.modules.pixelshuffle", "PixelUnshuffle", blank<PixelUnshuffle>},
    {"torch.nn.modules.pooling", "AdaptiveAvgPool1d", blank<AdaptiveAvgPool1d>},
    {"torch.nn.modules.pooling", "AdaptiveAvgPool2d", blank<AdaptiveAvgPool2d>},
    {"torch.nn.modules.pooling", "AdaptiveAvgPool3d", blank<AdaptiveAvgPool3d>},
    {"torch.nn.modules.pooling", "AdaptiveMaxPool1d", blank<AdaptiveMaxPool1d>},
    {"torch.nn.modules.pooling", "AdaptiveMaxPool2d", blank<AdaptiveMaxPool2d>},
    {"torch.nn.modules.pooling", "AdaptiveMaxPool3d", blank<AdaptiveMaxPool3d>},
    {"torch.nn.modules.pooling", "AvgPool1d", blank<AvgPool1d>},
    {"torch.nn.modules.pooling", "AvgPool2d", blank<AvgPool2d>},
    {"torch.nn.modules.pooling", "AvgPool3d", blank<AvgPool3d>},
    {"torch.nn.modules.pooling", "FractionalMaxPool2d", blank<FractionalMaxPool2d>},
    {"torch.nn.modules.pooling", "FractionalMaxPool3d", blank<FractionalMaxPool3d>},
    {"torch.nn.modules.pooling", "LPPool1d", blank<LPPool1d>},
    {"torch.nn.modules.pooling", "LPPool2d", blank<LPPool2d>},
    {"torch.nn.modules.pooling", "LPPool3d", blank<LPPool3d>},
    {"torch.nn.modules.pooling", "MaxPool1d", blank<MaxPool1d>},
    {"torch.nn.modules.pooling", "MaxPool2d", blank<MaxPool2d>},
    {"torch.nn.modules.pooling", "MaxPool3d", blank<MaxPool3d>},
    {"torch.nn.modules.pooling", "MaxUnpool1d", blank<MaxUnpool1d>},
    {"torch.nn.modules.pooling", "MaxUnpool2d", blank<MaxUnpool2d>},
    {"torch.nn.modules.pooling", "MaxUnpool3d", blank<MaxUnpool3d>},
    {"torch.nn.modules.rnn", "GRU", blank<GRU>},
    {"torch.nn.modules.rnn", "GRUCell", blank<GRUCell>},
    {"torch.nn.modules.rnn", "LSTM", blank<LSTM>},
    {"torch.nn.modules.rnn", "LSTMCell", blank<LSTMCell>},
    {"torch.nn.modules.rnn", "RNN", blank<RNN>},
    {"torch.nn.modules.rnn", "RNNCell", blank<RNNCell>},
    {"torch.nn.modules.sparse", "Embedding", blank<Embedding>},
    {"torch.nn.modules.sparse", "EmbeddingBag", blank<EmbeddingBag>},
    {"torch.nn.modules.transformer", "Transformer", blank<Transformer>},
    {"torch.nn.modules.transformer", "TransformerDecoder", blank<TransformerDecoder>},
    {"torch.nn.modules.transformer", "TransformerDecoderLayer", blank<TransformerDecoderLayer>},
    {"torch.nn.modules.transformer", "TransformerEncoder", blank<TransformerEncoder>},
    {"torch.nn.modules.transformer", "TransformerEncoderLayer", blank<TransformerEncoderLayer>},
    {"torch.nn.modules.upsampling", "Upsample", blank<Upsample>},
    {"torch.nn.modules.upsampling", "UpsamplingBilinear2d", blank<UpsamplingBilinear2d>},
    {"torch.nn.modules.upsampling", "UpsamplingNearest2d", blank<UpsamplingNearest2d>},
    {"torch.nn.parallel.data_parallel", "DataParallel", blank<DataParallel>},
    {"torch.optim.swa_utils", "AveragedModel", blank<AveragedModel>},
    // Names of older versions.
    {"torch.nn.modules.linear", "_LinearWithBias", blank<NonDynamicallyQuantizableLinear>},
};

}  // namespace

std::span<const ClassRow> classes() noexcept { return rows; }

}  // namespace flambeau::nn
