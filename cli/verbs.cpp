// The verb table: parser, help and completions come from it. To add a verb: a file with its function, a row here, a
// test.
#include <algorithm>
#include <array>
#include <limits>

#include "command.h"

// The file wing's program hands the compute verbs over to the other one.
#ifdef FLAMBEAU_CLI_NN
#define COMPUTE(verb) verb
#else
#define COMPUTE(verb) hand_over
#endif

namespace cli {
namespace {

constexpr auto any = std::numeric_limits<std::size_t>::max();

constexpr Option json{.name = "json", .help = "one JSON document instead of text"};
constexpr Option inert{.name = "inert", .help = "look even at a file whose pickle names dangerous globals"};
constexpr Option root{.name = "root", .value = "KEY", .help = "look only below this key (keys joined by dots)"};
constexpr Option strip{
    .name = "strip-prefix", .value = "TEXT", .help = "take TEXT off the start of names (\"module.\")"};
constexpr Option include{
    .name = "include", .value = "GLOB", .help = "only tensors whose name matches (may be repeated)"};
constexpr Option exclude{
    .name = "exclude", .value = "GLOB", .help = "leave out tensors whose name matches (may be repeated)"};

constexpr Option ls_options[] = {
    json,
    {.name = "sha256", .help = "the hash of each tensor's bytes"},
    {.name = "sort",
     .value = "KEY",
     .help = "order of the rows",
     .choices = "file|name|size|dtype",
     .complete = Complete::choices},
    root,
    strip,
    exclude,
    inert,
};
constexpr Option show_options[] = {json, root, inert};
constexpr Option verify_options[] = {json, {.name = "finite", .help = "also look for NaN and infinity"}};
constexpr Option scan_options[] = {json};
constexpr Option diff_options[] = {
    json,
    {.name = "atol", .value = "X", .help = "values count as equal within this absolute difference (0)"},
    {.name = "rtol", .value = "X", .help = "… or this relative one (0)"},
    {.name = "weights", .help = "the weights of both alone, wherever they are, without \"module.\" before the names"},
    root,
    strip,
    inert,
};
constexpr Option convert_options[] = {
    {.name = "to",
     .value = "FORMAT",
     .help = "format to write (else by the name of OUT)",
     .choices = "torch-zip|torch-legacy|safetensors",
     .complete = Complete::choices},
    {.name = "legacy", .help = "the same as --to torch-legacy"},
    {.name = "dtype",
     .value = "DTYPE",
     .help = "cast floating-point tensors (float16, bfloat16, …), or GLOB=DTYPE those of that name (repeatable)"},
    {.name = "rename", .value = "OLD=NEW", .help = "another name, or other leading parts of names (repeatable)"},
    {.name = "split", .value = "SIZE", .help = "in parts of at most SIZE (500M, 2G) with an index, which OUT names"},
    root,
    strip,
    include,
    exclude,
    json,
};
constexpr Option dis_options[] = {{.name = "member", .value = "NAME", .help = "which pickle of an archive (data.pkl)"}};
constexpr Option models_options[] = {json,
                                     {.name = "names", .help = "names only, one a line"},
                                     {.name = "keys", .help = "the state_dict's keys instead of the tree"}};
constexpr Option init_options[] = {
    {.name = "output",
     .letter = 'o',
     .value = "FILE",
     .help = "file to write (- for standard output)",
     .complete = Complete::file},
    {.name = "seed", .value = "N", .help = "as torch.manual_seed(N) (0)"},
    {.name = "whole", .help = "the whole model instead of its state_dict"},
    {.name = "classes", .value = "N", .help = "another number of classes"},
};
constexpr Option predict_options[] = {
    {.name = "model",
     .letter = 'm',
     .value = "NAME",
     .help = "architecture (else recognised from the weights)",
     .complete = Complete::model},
    {.name = "weights",
     .letter = 'w',
     .value = "FILE",
     .help = "a state_dict or a whole model, or the name of published weights (DEFAULT)",
     .complete = Complete::file},
    {.name = "random", .value = "SEED", .help = "fresh weights instead of a file"},
    {.name = "labels",
     .value = "FILE",
     .help = "one label a line (else the checkpoint's, or ImageNet's for 1000 classes)",
     .complete = Complete::file},
    {.name = "top", .letter = 'k', .value = "N", .help = "how many answers (5)"},
    {.name = "tensor", .value = "NPY", .help = "a prepared input instead of images", .complete = Complete::file},
    {.name = "logits", .value = "NPY", .help = "write the raw outputs", .complete = Complete::file},
    {.name = "precision",
     .value = "P",
     .help = "of products (fp32); says how far the answers move",
     .choices = "fp32|bf16|int8",
     .complete = Complete::choices},
    {.name = "calibrate",
     .value = "IMAGES",
     .help = "an image or a folder whose activations set int8's ranges (else every run's own)",
     .complete = Complete::file},
    {.name = "cache",
     .value = "FOLDER",
     .help = "keep packed weights there: the next start finds them ready (and trusts them)",
     .complete = Complete::file},
    {.name = "threads", .value = "N", .help = "how many processors (all)"},
    {.name = "reference", .help = "plain loops instead of fast kernels"},
    {.name = "transform-input",
     .help = "googlenet, inception_v3: built with transform_input=True, as published weights"},
    {.name = "from", .value = "URL", .help = "folder of a mirror of the published files"},
    json,
};
constexpr Option pull_options[] = {
    {.name = "list", .help = "what is published for the models, with accuracy and size"},
    {.name = "again", .help = "download even what the cache holds"},
    {.name = "from", .value = "URL", .help = "folder of a mirror of the published files"},
    json,
};
constexpr Option bench_options[] = {
    {.name = "model", .letter = 'm', .value = "NAME", .help = "architecture (vgg16)", .complete = Complete::model},
    {.name = "threads", .value = "N", .help = "how many processors (all)"},
    {.name = "precision",
     .value = "P",
     .help = "of products (fp32)",
     .choices = "fp32|bf16|int8",
     .complete = Complete::choices},
    {.name = "runs", .value = "N", .help = "repetitions, the best counts (10)"},
    json,
};

constexpr auto table = std::to_array<Verb>({
    {.name = "ls",
     .help = "list the tensors of a file",
     .operands = "FILE [GLOB…]",
     .min_operands = 1,
     .max_operands = any,
     .options = ls_options,
     .about =
         "Prints one row per tensor: name, dtype, shape, bytes and, where tensors share memory, with which.\n"
         "Only the directory and the pickle are read, whatever the size of the file. GLOB picks names: '*' matches\n"
         "anything within a part between dots, '**' across dots, '?' one character. FILE may be a pipe, or - for\n"
         "standard input, here and wherever a checkpoint is read.\n"
         "--json: {\"file\", \"format\", \"tensors\": [{\"path\": [KEY…], \"name\", \"dtype\", \"shape\", \"stride\", "
         "\"offset\", \"storage\",\n"
         "\"nbytes\", \"sha256\", \"requires_grad\", \"parameter\"}…]}; tensors of one storage share memory, offset "
         "counts elements.",
     .examples = "ls model.pth\nls model.pth 'features.**' --sort size\nls model.pth --json --sha256",
     .run = ls},
    {.name = "show",
     .help = "show what is in a file: a summary, a value, one tensor with statistics",
     .operands = "FILE [PATH]",
     .min_operands = 1,
     .max_operands = 2,
     .options = show_options,
     .about =
         "Without PATH: a summary and the whole tree, values that are no tensors included. With PATH (keys joined by\n"
         "dots): that value; of a tensor also its statistics and first elements.\n"
         "--json: {\"file\", \"format\", \"root_name\", \"pickle_protocol\", \"type\", \"tensors\", \"elements\", "
         "\"bytes\", \"weights_key\",\n"
         "\"weights_prefix\", \"notes\"}; of a value {\"path\", \"type\", \"repr\"}; of a tensor {\"name\", \"dtype\", "
         "\"shape\", \"stride\",\n"
         "\"offset\", \"nbytes\", \"min\", \"max\", \"mean\", \"std\", \"zeros\", \"nan\", \"inf\", \"first\"}; the "
         "numbers are those "
         "of the\n"
         "finite elements, \"nan\" if there are none.",
     .examples = "show model.pth\nshow checkpoint.pth optimizer.param_groups\nshow model.pth classifier.6.bias",
     .run = show},
    {.name = "verify",
     .help = "check that files are whole: checksums, structure, hash in the name",
     .operands = "FILE…",
     .min_operands = 1,
     .max_operands = any,
     .options = verify_options,
     .about = "Reads every byte. Exit status 1 if something is wrong; damaged tensors are named.\n"
              "--json: {\"files\": [{\"file\", \"whole\", \"format\", \"tensors\", \"checked_records\", "
              "\"unchecked_records\", \"problems\":\n"
              "[{\"code\", \"member\", \"tensor\", \"text\"}…], \"not_finite\": [{\"tensor\", \"nan\", \"inf\"}…], "
              "\"notes\"}…]}; of a file that cannot\n"
              "be opened {\"file\", \"error\", \"code\"}.",
     .examples = "verify model.pth\nverify resnet18-f37072fd.pth --json",
     .run = verify},
    {.name = "scan",
     .help = "tell what loading a file in Python could execute",
     .operands = "FILE…",
     .min_operands = 1,
     .max_operands = any,
     .options = scan_options,
     .about =
         "The verdict is clean, suspicious (unknown classes), dangerous (code, files, processes or the network are\n"
         "reached) or unreadable. Exit status 0 for clean, 1 for suspicious and dangerous, 2 for unreadable.\n"
         "--json: {\"files\": [{\"file\", \"verdict\", \"format\", \"findings\": [{\"verdict\", \"global\", "
         "\"member\", \"offset\", \"reason\"}…],\n"
         "\"globals\": [NAME…]}…]}; offset is that of the opcode in the member, or null.",
     .examples = "scan downloaded.pth\nscan *.pth --json",
     .run = scan},
    {.name = "diff",
     .help = "compare two files: keys, shapes, dtypes, values",
     .operands = "A B",
     .min_operands = 2,
     .max_operands = 2,
     .options = diff_options,
     .about =
         "Exit status 0 if all tensors and all other values are equal, 1 if they differ. Any two readable formats. "
         "With\n"
         "--weights, and for files without a name in common, the weights alone count, wherever they are; with "
         "--strip-prefix\n"
         "and between a whole model and a state_dict the tensors alone.\n"
         "Nothing is said of requires_grad, strides, shared memory and _metadata. Lines begin with '-' and '+' for a "
         "tensor\n"
         "that only A or B has, '>' for the same content under another name, '~' for a change: elements that differ, "
         "the\n"
         "largest absolute and relative difference (of B), the distance in ULP, the cosine.\n"
         "--json: {\"same\", \"equal\": N, \"only_first\": [NAME…], \"only_second\": [NAME…], \"renamed\": [{\"from\", "
         "\"to\"}…],\n"
         "\"changed\": [{\"name\", \"what\": shape|dtype|values, \"first\", \"second\", \"differing\", \"max_abs\", "
         "\"max_rel\", \"max_ulp\",\n"
         "\"cosine\"}…], \"other_values\": {\"differing\": N, \"first\": [PATH…]}}. Infinity and NaN, which JSON "
         "lacks, are the "
         "texts\n"
         "\"inf\" and \"nan\".",
     .examples = "diff before.pth after.pth\ndiff a.pth b.pth --atol 1e-6 --json",
     .run = diff},
    {.name = "convert",
     .help = "write a file anew: another format, dtype or choice of tensors",
     .operands = "IN OUT",
     .min_operands = 2,
     .max_operands = 2,
     .options = convert_options,
     .about =
         "OUT is replaced as a whole or left untouched; - is standard output. A .pth is written byte for byte as\n"
         "torch.save would. Without options the whole checkpoint is written; --include, --exclude, --rename,\n"
         "--strip-prefix, --split and safetensors take its weights, wherever they are, and what DataParallel and\n"
         "torch.compile put before their names off. Of a TorchScript file nothing else is written. Parts written with\n"
         "--split are read back by their index, like the parts of others. They get their names when all are written, "
         "the\n"
         "index last: a failure or Ctrl-C before that leaves the old set. Where parts of the same names are replaced, "
         "the\n"
         "old index goes first: a crash between the renames leaves no index, never one of two sets.\n"
         "--json: {\"in\", \"out\", \"from\", \"to\", \"bytes\", \"shards\": [FILE…] with --split}.",
     .examples = "convert old.pth new.pth\nconvert model.pth small.pth --dtype bfloat16\n"
                 "convert checkpoint.pth weights.pth --root state_dict --strip-prefix module.\n"
                 "convert model.pth model.safetensors --rename features.=backbone.\n"
                 "convert big.pth pytorch_model.bin.index.json --split 2G\n"
                 "convert pytorch_model.bin.index.json merged.pth",
     .run = convert},
    {.name = "dis",
     .help = "disassemble a file's pickle",
     .operands = "FILE",
     .min_operands = 1,
     .max_operands = 1,
     .options = dis_options,
     .about = "One line per opcode, as Python's pickletools prints them. Nothing is executed.",
     .examples = "dis model.pth",
     .run = dis},
    {.name = "models",
     .help = "list the models, or print the tree or keys of one, or of a file's whole model",
     .operands = "[NAME|FILE]",
     .min_operands = 0,
     .max_operands = 1,
     .complete = Complete::model,
     .options = models_options,
     .about =
         "A model's tree is printed exactly as Python's print(model) does. Of a file's classes that are not known the\n"
         "name, the children and the weights are shown, and that their code is not restored.",
     .examples = "models\nmodels vgg16\nmodels model.pth --keys",
     .run = COMPUTE(models)},
    {.name = "init",
     .help = "write a freshly initialised model",
     .operands = "NAME",
     .min_operands = 1,
     .max_operands = 1,
     .complete = Complete::model,
     .options = init_options,
     .about = "The initial values are, bit for bit, those of torch.manual_seed(N) followed by torchvision's builder.",
     .examples = "init vgg16 -o model_weights.pth --seed 0\ninit vgg16 -o model.pth --whole",
     .run = COMPUTE(init),
     .reads_files = false},
    {.name = "predict",
     .help = "run a model on images and print the likeliest classes",
     .operands = "[IMAGE…]",
     .min_operands = 0,
     .max_operands = any,
     .options = predict_options,
     .about =
         "IMAGE is a JPEG or PNG file, a folder of them, or - for standard input; it is prepared exactly as "
         "torchvision\n"
         "does for the model. Without --model the architecture is found from the names and shapes in the file: any of\n"
         "torchvision's 80 classifiers, with any number of classes and whatever wrapped it. Without --weights "
         "published\n"
         "weights are used, from torch's cache or downloaded into it. Exit status 1 if the weights do not fit the "
         "model,\n"
         "2 if an image cannot be read (the others are answered).",
     .examples = "predict --weights model_weights.pth cat.jpg\n"
                 "predict --model vgg16 cat.jpg dog.png\n"
                 "predict -m vgg16 -w model_weights.pth --tensor x.npy --logits out.npy\n"
                 "predict -w checkpoint.pth --json photos/",
     .run = COMPUTE(predict)},
    {.name = "pull",
     .help = "download published weights into torch's cache",
     .operands = "NAME[:WEIGHTS]…",
     .min_operands = 1,
     .max_operands = any,
     .complete = Complete::model,
     .options = pull_options,
     .about =
         "Prints the path of each file. The cache is torch's own, shared with Python: $TORCH_HOME/hub/checkpoints, by\n"
         "default ~/.cache/torch/hub/checkpoints. A download that was cut goes on where it ended; its SHA-256 must "
         "begin\n"
         "as the file's name says. Proxies are taken from http_proxy, https_proxy, all_proxy and no_proxy.",
     .examples = "pull vgg16\npull resnet50:IMAGENET1K_V1 vit_b_16\npull --list efficientnet_b0",
     .run = COMPUTE(pull),
     .reads_files = false},
    {.name = "bench",
     .help = "measure the speed of this machine with a model",
     .operands = "",
     .min_operands = 0,
     .max_operands = 0,
     .complete = Complete::nothing,
     .options = bench_options,
     .about = "Builds a model with seed 0, compiles it and times its forward pass at batch 1.",
     .examples = "bench --model vgg16 --threads 2",
     .run = COMPUTE(bench),
     .reads_files = false},
    {.name = "completions",
     .help = "print a shell's completion script",
     .operands = "bash|zsh|fish",
     .min_operands = 1,
     .max_operands = 1,
     .complete = Complete::choices,
     .options = {},
     .about = "Load it at once with: source <(flambeau completions bash)",
     .examples = "completions bash > ~/.local/share/bash-completion/completions/flambeau",
     .run = completions,
     .reads_files = false},
    {.name = "help",
     .help = "print the help of a verb, or of everything",
     .operands = "[VERB]",
     .min_operands = 0,
     .max_operands = 1,
     .complete = Complete::verb,
     .options = {},
     .about = "",
     .examples = "help convert",
     .run = help,
     .reads_files = false},
});

}  // namespace

std::span<const Verb> verbs() noexcept { return table; }

const Verb* find_verb(std::string_view name) noexcept {
  const auto it = std::ranges::find(table, name, &Verb::name);
  return it == table.end() ? nullptr : it;
}

}  // namespace cli
