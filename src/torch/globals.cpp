#include "torch/globals.h"

#include <flambeau/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "torch/reader.h"

namespace flambeau::torch {
namespace {

using namespace std::string_view_literals;

/// One module and the names in it that a row speaks of, separated by blanks.
/// A module that ends in ".*" stands for itself and everything below it. Names: "*" is every name, "A*" every
/// class-like name (it begins with a capital letter and has no dots), "x*"-like prefixes do not exist.
struct Row {
  std::string_view module, names;
};

constexpr std::string_view tensor_classes =
    "FloatTensor DoubleTensor HalfTensor BFloat16Tensor ByteTensor CharTensor ShortTensor IntTensor LongTensor "
    "BoolTensor";
constexpr std::string_view storage_classes =
    "FloatStorage DoubleStorage HalfStorage BFloat16Storage ByteStorage CharStorage ShortStorage IntStorage "
    "LongStorage BoolStorage "
    "ComplexFloatStorage ComplexDoubleStorage QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage QUInt2x4Storage";

/// The default list of torch.load(weights_only=True) of torch 2.13 (dtypes come from the dtype table).
constexpr std::array allowed = {
    Row{"collections", "OrderedDict Counter"},
    Row{"torch.nn.parameter", "Parameter"},
    Row{"torch.serialization", "_get_layout"},
    Row{"torch",
        "Size Tensor device per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric "
        "per_channel_affine_float_qparams"},
    Row{"torch", tensor_classes},
    Row{"torch.sparse", tensor_classes},
    Row{"torch.cuda", tensor_classes},
    Row{"torch.cuda.sparse", tensor_classes},
    Row{"torch", storage_classes},
    Row{"torch.cuda", storage_classes},
    Row{"torch.storage", "TypedStorage UntypedStorage"},
    Row{"torch._utils",
        "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state "
        "_rebuild_qtensor _rebuild_sparse_tensor _rebuild_meta_tensor_no_storage _rebuild_nested_tensor "
        "_rebuild_wrapper_subclass _rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor"},
    Row{"torch._tensor", "_rebuild_from_type_v2"},
    Row{"_codecs", "encode"},
    Row{"builtins", "bytearray set complex"},
};

/// Harmless, though weights_only wants to be told.
constexpr std::array known = {
    Row{"builtins",
        "frozenset dict list tuple int float str bytes bool object range slice Ellipsis NotImplemented NoneType type "
        "BaseException Exception ValueError TypeError KeyError IndexError RuntimeError AttributeError ArithmeticError "
        "AssertionError OverflowError ZeroDivisionError NotImplementedError StopIteration"},
    Row{"collections", "defaultdict deque UserDict UserList ChainMap"},
    Row{"copyreg", "_reconstructor __newobj__ __newobj_ex__"},
    Row{"datetime", "date datetime time timedelta timezone"},
    Row{"decimal", "Decimal"},
    Row{"fractions", "Fraction"},
    Row{"uuid", "UUID SafeUUID"},
    Row{"argparse", "Namespace"},
    Row{"http", "HTTPStatus HTTPMethod"},
    Row{"os", "stat_result"},
    Row{"signal", "Signals Handlers Sigmasks"},
    Row{"types", "SimpleNamespace"},
    Row{"typing", "Any Union Optional List Dict Tuple Set"},
    Row{"logging", "getLogger Logger RootLogger"},
    Row{"functools", "partial"},
    Row{"math", "*"},
    Row{"cmath", "*"},
    Row{"pathlib", "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"},
    Row{"pathlib._local", "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath"},
    Row{"random", "Random"},
    Row{"torch",
        "dtype Generator strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc contiguous_format "
        "channels_last "
        "channels_last_3d preserve_format relu tanh sigmoid softmax _UntypedStorage _TypedStorage"},
    Row{"torch._C", "Generator"},
    Row{"torch._C._nn", "gelu softplus hardtanh leaky_relu log_sigmoid hardswish hardsigmoid relu6 silu mish elu"},
    Row{"torch.storage", "_load_from_bytes _UntypedStorage _TypedStorage UntypedTensor"},
    Row{"torch._utils", "_rebuild_sparse_csr_tensor _rebuild_xla_tensor"},
    Row{"torch._tensor", "_rebuild_from_type"},
    Row{"torch.tensor", "_rebuild_from_type _rebuild_from_type_v2"},
    Row{"torch.nn.parameter", "UninitializedParameter UninitializedBuffer Buffer"},
    Row{"torch.nn.modules.*", "A*"},
    Row{"torch.nn.parallel.*", "A*"},
    Row{"torch.nn.functional",
        "relu relu6 gelu elu selu celu silu mish tanh sigmoid softmax log_softmax leaky_relu hardtanh hardswish "
        "hardsigmoid softplus glu"},
    Row{"torch.nn.utils.*", "A*"},
    Row{"torch.nn.quantized.*", "A*"},
    Row{"torch.ao.nn.*", "A*"},
    Row{"torch.ao.quantization.*", "A*"},
    Row{"torch.quantization.*", "A*"},
    Row{"torch.optim.*", "A*"},
    Row{"torch.nested._internal.nested_tensor", "_rebuild_njt NestedTensor"},
    Row{"torch._dynamo.decorators", "_DimRange"},
    Row{"torch.jit._pickle", "build_intlist build_tensorlist build_doublelist build_boollist restore_type_tag"},
    Row{"torch.distributed.checkpoint.metadata", "A*"},
    Row{"torch.distributed.checkpoint.filesystem", "_StorageInfo _StoragePrefix"},
    Row{"torch.distributed.checkpoint.planner", "A*"},
    Row{"torchvision.models.*", "A*"},
    Row{"torchvision.ops.*", "A*"},
    Row{"torchvision.transforms.*", "A*"},
    Row{"numpy",
        "dtype ndarray matrix bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 "
        "longdouble complex64 "
        "complex128 str_ bytes_ datetime64 timedelta64 object_ void generic number floating integer"},
    Row{"numpy.dtypes", "A*"},
    Row{"numpy.core.multiarray", "_reconstruct scalar"},
    Row{"numpy._core.multiarray", "_reconstruct scalar"},
    Row{"numpy.core.numeric", "_frombuffer"},
    Row{"numpy._core.numeric", "_frombuffer"},
    Row{"numpy.core.records", "recarray record"},
    Row{"numpy.rec", "recarray record"},
    Row{"numpy.ma.core", "_mareconstruct MaskedArray MaskedConstant"},
    Row{"numpy.ma", "MaskedArray"},
    Row{"numpy.random._pickle", "__randomstate_ctor __generator_ctor __bit_generator_ctor"},
    Row{"numpy.random._mt19937", "MT19937"},
    Row{"numpy.random._pcg64", "PCG64"},
    Row{"omegaconf.dictconfig", "DictConfig"},
    Row{"omegaconf.listconfig", "ListConfig"},
    Row{"omegaconf.base", "ContainerMetadata Metadata Node"},
    Row{"omegaconf.nodes", "A*"},
    Row{"pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"},
    Row{"pytorch_lightning.callbacks.early_stopping", "EarlyStopping"},
    Row{"pytorch_lightning.utilities.parsing", "AttributeDict"},
    Row{"lightning.pytorch.callbacks.model_checkpoint", "ModelCheckpoint"},
    Row{"lightning.pytorch.callbacks.early_stopping", "EarlyStopping"},
    Row{"lightning_fabric.utilities.data", "AttributeDict"},
    Row{"lightning.fabric.utilities.data", "AttributeDict"},
};

/// What reaches code, files, processes or the network. The lists of others (see the notes on security) taught the rows;
/// what is in neither table is unknown and never called clean.
constexpr std::array dangerous = {
    Row{"builtins",
        "eval exec execfile compile open file __import__ reload input raw_input breakpoint globals locals vars setattr "
        "delattr help apply exit quit"},
    Row{"os.*", "*"},
    Row{"posix", "*"},
    Row{"nt", "*"},
    Row{"posixpath", "*"},
    Row{"ntpath", "*"},
    Row{"genericpath", "*"},
    Row{"sys.*", "*"},
    Row{"subprocess", "*"},
    Row{"_posixsubprocess", "*"},
    Row{"_winapi", "*"},
    Row{"msvcrt", "*"},
    Row{"winreg", "*"},
    Row{"commands", "*"},
    Row{"popen2", "*"},
    Row{"pty", "*"},
    Row{"tty", "*"},
    Row{"pexpect.*", "*"},
    Row{"shutil", "*"},
    Row{"glob", "*"},
    Row{"tempfile", "*"},
    Row{"fileinput", "*"},
    Row{"io", "*"},
    Row{"_io", "*"},
    Row{"_pyio", "*"},
    Row{"mmap", "*"},
    Row{"zipfile.*", "*"},
    Row{"tarfile", "*"},
    Row{"gzip", "*"},
    Row{"bz2", "*"},
    Row{"lzma", "*"},
    Row{"zipimport", "*"},
    Row{"zipapp", "*"},
    Row{"dbm.*", "*"},
    Row{"shelve", "*"},
    Row{"sqlite3.*", "*"},
    Row{"importlib.*", "*"},
    Row{"_frozen_importlib", "*"},
    Row{"_frozen_importlib_external", "*"},
    Row{"imp", "*"},
    Row{"_imp", "*"},
    Row{"pkgutil", "*"},
    Row{"runpy", "*"},
    Row{"code", "*"},
    Row{"codeop", "*"},
    Row{"pdb", "*"},
    Row{"bdb", "*"},
    Row{"cProfile", "*"},
    Row{"profile", "*"},
    Row{"pstats", "*"},
    Row{"trace", "*"},
    Row{"timeit", "*"},
    Row{"doctest", "*"},
    Row{"unittest.*", "*"},
    Row{"pydoc", "*"},
    Row{"pip.*", "*"},
    Row{"_pip.*", "*"},
    Row{"ensurepip.*", "*"},
    Row{"venv.*", "*"},
    Row{"idlelib.*", "*"},
    Row{"lib2to3.*", "*"},
    Row{"setuptools.*", "*"},
    Row{"distutils.*", "*"},
    Row{"sysconfig", "*"},
    Row{"site", "*"},
    Row{"atexit", "*"},
    Row{"gc", "*"},
    Row{"inspect", "*"},
    Row{"linecache", "*"},
    Row{"traceback", "*"},
    Row{"platform", "*"},
    Row{"difflib", "*"},
    Row{"uuid", "*"},
    Row{"_osx_support", "*"},
    Row{"_aix_support", "*"},
    Row{"_pyrepl.*", "*"},
    Row{"test.*", "*"},
    Row{"asyncio.*", "*"},
    Row{"concurrent.*", "*"},
    Row{"multiprocessing.*", "*"},
    Row{"_multiprocessing", "*"},
    Row{"threading", "*"},
    Row{"_thread", "*"},
    Row{"_xxsubinterpreters", "*"},
    Row{"_interpreters", "*"},
    Row{"signal", "*"},
    Row{"resource", "*"},
    Row{"ctypes.*", "*"},
    Row{"_ctypes", "*"},
    Row{"cffi.*", "*"},
    Row{"socket", "*"},
    Row{"_socket", "*"},
    Row{"socketserver", "*"},
    Row{"select", "*"},
    Row{"selectors", "*"},
    Row{"ssl", "*"},
    Row{"_ssl", "*"},
    Row{"http.*", "*"},
    Row{"httplib", "*"},
    Row{"urllib.*", "*"},
    Row{"urllib2", "*"},
    Row{"ftplib", "*"},
    Row{"smtplib", "*"},
    Row{"imaplib", "*"},
    Row{"poplib", "*"},
    Row{"nntplib", "*"},
    Row{"telnetlib", "*"},
    Row{"xmlrpc.*", "*"},
    Row{"webbrowser", "*"},
    Row{"antigravity", "*"},
    Row{"requests.*", "*"},
    Row{"httpx.*", "*"},
    Row{"aiohttp.*", "*"},
    Row{"urllib3.*", "*"},
    Row{"paramiko.*", "*"},
    Row{"pickle", "*"},
    Row{"_pickle", "*"},
    Row{"cPickle", "*"},
    Row{"pickletools", "*"},
    Row{"marshal", "*"},
    Row{"dill.*", "*"},
    Row{"cloudpickle.*", "*"},
    Row{"joblib.*", "*"},
    Row{"yaml.*", "*"},
    Row{"types", "CodeType FunctionType LambdaType MethodType ModuleType DynamicClassAttribute"},
    Row{"new", "*"},
    Row{"operator", "attrgetter methodcaller"},
    Row{"_operator", "attrgetter methodcaller"},
    Row{"logging", "*"},
    Row{"logging.*", "*"},
    Row{"ast", "*"},
    Row{"symtable", "*"},
    Row{"dis", "*"},
    Row{"py_compile", "*"},
    Row{"compileall", "*"},
    Row{"getpass", "*"},
    Row{"cgi", "*"},
    Row{"cgitb", "*"},
    Row{"faulthandler", "*"},
    Row{"tracemalloc", "*"},
    Row{"readline", "*"},
    Row{"curses.*", "*"},
    Row{"tkinter.*", "*"},
    Row{"turtle", "*"},
    Row{"IPython.*", "*"},
    Row{"jinja2.*", "*"},
    Row{"mako.*", "*"},
    Row{"numba.*", "*"},
    Row{"sympy.*", "*"},
    Row{"pandas.*", "eval query read_pickle read_csv"},
    Row{"numpy", "load save savez savetxt loadtxt genfromtxt fromfile fromregex memmap DataSource"},
    Row{"numpy.f2py.*", "*"},
    Row{"numpy.testing.*", "*"},
    Row{"numpy.distutils.*", "*"},
    Row{"numpy.ctypeslib.*", "*"},
    Row{"numpy.lib.*", "*"},
    Row{"numpy.compat.*", "*"},
    Row{"torch", "load save compile hub jit ops classes package"},
    Row{"torch.hub", "*"},
    Row{"torch.jit.*", "*"},
    Row{"torch.package.*", "*"},
    Row{"torch.serialization", "*"},
    Row{"torch.utils.cpp_extension", "*"},
    Row{"torch.utils.collect_env", "*"},
    Row{"torch.utils.bottleneck.*", "*"},
    Row{"torch.utils._config_module", "*"},
    Row{"torch.utils.model_zoo", "*"},
    Row{"torch.utils.data.datapipes.*", "*"},
    Row{"torch.utils.data.dataloader", "*"},
    Row{"torch.utils.file_baton", "*"},
    Row{"torch._dynamo.*", "*"},
    Row{"torch._inductor.*", "*"},
    Row{"torch._export.*", "*"},
    Row{"torch.export.*", "*"},
    Row{"torch.fx.*", "*"},
    Row{"torch.distributed.rpc.*", "*"},
    Row{"torch.distributed.nn.*", "*"},
    Row{"torch.distributed.elastic.*", "*"},
    Row{"torch.distributed.launch", "*"},
    Row{"torch.distributed.run", "*"},
    Row{"torch.multiprocessing.*", "*"},
    Row{"torch.testing._internal.*", "*"},
    Row{"torch.classes", "*"},
    Row{"torch.ops.*", "*"},
    Row{"torch._ops", "*"},
    Row{"torch._classes", "*"},
    Row{"torch.onnx.*", "*"},
    Row{"torch.monitor", "*"},
    Row{"torch.storage", "from_file"},
    Row{"torch._C",
        "import_ir_module import_ir_module_from_buffer PyTorchFileReader PyTorchFileWriter CompilationUnit"},
    Row{"torchvision.datasets.*", "*"},
    Row{"torchvision.io.*", "*"},
    Row{"tensorflow.*", "*"},
    Row{"keras.*", "*"},
    Row{"transformers.utils.hub", "*"},
    Row{"huggingface_hub.*", "*"},
    Row{"fsspec.*", "*"},
    Row{"boto3.*", "*"},
    Row{"botocore.*", "*"},
};

bool module_matches(std::string_view pattern, std::string_view module) noexcept {
  if (!pattern.ends_with(".*")) return pattern == module;
  pattern.remove_suffix(2);
  return module.starts_with(pattern) && (module.size() == pattern.size() || module[pattern.size()] == '.');
}

bool name_matches(std::string_view names, std::string_view name) noexcept {
  if (names == "*") return true;
  if (names == "A*")
    return !name.empty() && name[0] >= 'A' && name[0] <= 'Z' && name.find('.') == std::string_view::npos;
  while (!names.empty()) {
    const auto end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

bool in(std::span<const Row> table, std::string_view module, std::string_view name) noexcept {
  return std::any_of(table.begin(), table.end(), [&](const Row& row) {
    return module_matches(row.module, module) && name_matches(row.names, name);
  });
}

/// As members of an Enum are named, and no module is.
bool is_constant(std::string_view name) noexcept {
  return std::ranges::all_of(name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_dunder(std::string_view name) noexcept { return name.starts_with("__"); }

}  // namespace

Standing standing(std::string_view module, std::string_view qualname) {
  if (in(allowed, module, qualname) || (module == "torch" && dtype_named(qualname))) return Standing::allowed;
  if (in(known, module, qualname) || (module == "torch" && dtype_of_libtorch_class(qualname))) return Standing::known;
  if (module.starts_with("__torch__")) return Standing::known;  // TorchScript's own classes, never imported by Python
  if (in(dangerous, module, qualname)) return Standing::dangerous;
  // A dotted name walks through attributes: "pathlib", "os.system". Any run of its parts may be a module that reaches
  // out.
  std::vector<std::string_view> parts{};
  for (std::string_view rest = qualname; !rest.empty();) {
    const auto end = std::min(rest.find('.'), rest.size());
    parts.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  constexpr std::size_t deepest = 16;
  if (parts.size() > deepest) return Standing::dangerous;
  for (std::size_t first = 0; first < parts.size(); ++first) {
    if (first > 0 && is_dunder(parts[first])) return Standing::dangerous;
    for (std::size_t last = first; last + 1 < parts.size(); ++last) {
      const std::string_view head(
          parts[first].data(), static_cast<std::size_t>(parts[last].data() + parts[last].size() - parts[first].data()));
      const std::string_view rest = qualname.substr(static_cast<std::size_t>(parts[last + 1].data() - qualname.data()));
      const bool inside = first == 0 && (in(dangerous, module, head) ||
                                         in(dangerous, std::string(module) + "." + std::string(head), rest));
      if (inside || in(dangerous, head, rest) || in(dangerous, head, parts[last + 1])) return Standing::dangerous;
    }
  }
  return Standing::unknown;
}

bool is_getattr(object::Ref callable) noexcept {
  const auto* const global = object::as<object::Global>(callable);
  return global != nullptr && global->module == "builtins" && global->qualname == "getattr";
}

Standing standing_of_getattr(object::Ref args, std::string& named) {
  // From the outermost getattr inwards to the global at its root.
  constexpr int longest_chain = 16;
  std::string path;
  for (int i = 0; i < longest_chain; ++i) {
    const auto* const pair = object::as<object::Sequence>(args);
    if (pair == nullptr || pair->items.size() < 2) break;
    const auto name = object::text(pair->items[1]);
    if (!name) break;
    path.insert(0, path.empty() ? std::string(*name) : std::string(*name).append("."));
    if (is_dunder(*name)) break;
    if (const auto* const global = object::as<object::Global>(pair->items[0])) {
      named = global->module + "." + global->qualname + "." + path;
      const Standing root = standing(global->module, global->qualname);
      const Standing whole = standing(global->module, global->qualname + "." + path);
      if (root == Standing::known && is_constant(path)) return Standing::known;
      if (root == Standing::dangerous || whole == Standing::dangerous) return Standing::dangerous;
      return root == Standing::allowed || root == Standing::known ? Standing::known : Standing::unknown;
    }
    const auto* const inner = object::as<object::Object>(pair->items[0]);
    if (inner == nullptr) break;
    // A method of an instance, as OneCycleLR of torch 1.13 holds one: its class decides, and calling it is never known.
    const auto* const cls = object::as<object::Global>(inner->callable);
    if (cls != nullptr && inner->construction == object::Construction::newobj) {
      named = cls->module + "." + cls->qualname + "." + path;
      const bool dangerous = standing(cls->module, cls->qualname) == Standing::dangerous ||
                             standing(cls->module, cls->qualname + "." + path) == Standing::dangerous;
      return dangerous ? Standing::dangerous : Standing::unknown;
    }
    if (!is_getattr(inner->callable)) break;
    args = inner->args;
  }
  named = path.empty() ? "builtins.getattr" : "builtins.getattr(…, '" + path + "')";
  return Standing::dangerous;
}

}  // namespace flambeau::torch
