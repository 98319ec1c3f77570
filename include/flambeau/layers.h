#pragma once
/// All of torch.nn: the core, every layer, and the initialisers.

#include <flambeau/init.h>
#include <flambeau/nn.h>
#include <flambeau/nn_activation.h>
#include <flambeau/nn_attention.h>
#include <flambeau/nn_container.h>
#include <flambeau/nn_conv.h>
#include <flambeau/nn_dropout.h>
#include <flambeau/nn_fields.h>
#include <flambeau/nn_linear.h>
#include <flambeau/nn_loss.h>
#include <flambeau/nn_misc.h>
#include <flambeau/nn_norm.h>
#include <flambeau/nn_padding.h>
#include <flambeau/nn_pool.h>
#include <flambeau/nn_pool_rare.h>
#include <flambeau/nn_recurrent.h>
#include <flambeau/nn_softmax.h>
