"""The steps of steps.cpp in Python's torch: one a line from standard input, prints the seconds of each.

Engines for "forward": eager, compiled (torch.compile with freezing and max-autotune), onnxruntime, opencv, openvino,
ncnn: each where it is installed.
"""
import io
import os
import shutil
import sys
import tempfile
import time
import types
import warnings

warnings.simplefilter("ignore")
answers = os.fdopen(os.dup(1), "w")  # the engines print on the other one
os.dup2(2, 1)

import numpy
import torch

sys.modules["torchvision._meta_registrations"] = types.ModuleType("stand-in")  # its compiled operators are not needed
import torchvision.models

model = None
runners = {}


def timed(run):
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def image(size):
    return torch.sin(torch.arange(3 * size * size, dtype=torch.float64) * 0.01).reshape(1, 3, size, size).float()


def exported(net, x):
    """The net as an ONNX file in memory."""
    buffer = io.BytesIO()
    torch.onnx.export(net, x, buffer, dynamo=False)
    return buffer.getvalue()


def eager(net, x, threads, precision):
    def run():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return net(x)
    return run


def compiled(net, x, threads, precision):
    from torch._inductor import config as inductor
    inductor.freezing = True
    net = torch.compile(net, mode="max-autotune")

    def run():  # freezing wants no_grad
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return net(x)
    return run


def onnxruntime(net, x, threads, precision):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(exported(net, x), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x.numpy()}
    return lambda: session.run(None, feed)


def opencv(net, x, threads, precision):
    import cv2
    cv2.setNumThreads(threads)
    loaded = cv2.dnn.readNetFromONNX(numpy.frombuffer(exported(net, x), numpy.uint8))
    image = x.numpy()

    def run():
        loaded.setInput(image)
        return loaded.forward()
    return run


def openvino(net, x, threads, precision):
    import openvino
    core = openvino.Core()
    ready = core.compile_model(core.read_model(io.BytesIO(exported(net, x))), "CPU",
                               {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"})
    request = ready.create_infer_request()
    return lambda: request.infer([x.numpy()])


def ncnn(net, x, threads, precision):
    import ncnn
    import pnnx
    folder = tempfile.mkdtemp(prefix="flambeau-ncnn-", dir="/dev/shm")
    pnnx.export(net, os.path.join(folder, "net.pt"), (x,), fp16=False, **{
        name: os.path.join(folder, f"{name}.py") for name in ("pnnxparam", "pnnxbin", "pnnxpy", "pnnxonnx", "ncnnparam",
                                                              "ncnnbin", "ncnnpy")})
    loaded = ncnn.Net()
    loaded.opt.num_threads = threads
    loaded.opt.use_fp16_packed = loaded.opt.use_fp16_storage = loaded.opt.use_fp16_arithmetic = False
    loaded.opt.use_bf16_storage = precision == "bf16"
    loaded.load_param(os.path.join(folder, "ncnnparam.py"))
    loaded.load_model(os.path.join(folder, "ncnnbin.py"))
    shutil.rmtree(folder)
    image = ncnn.Mat(x.squeeze(0).numpy()).clone()

    def run():
        extractor = loaded.create_extractor()
        extractor.input(loaded.input_names()[0], image)
        return numpy.array(extractor.extract(loaded.output_names()[0])[1])[None]
    return run


ENGINES = {engine.__name__: engine for engine in (eager, compiled, onnxruntime, opencv, openvino, ncnn)}


def forward(builder, size, threads, precision, engine, milliseconds="0"):
    """The least of as many runs as fit into the time, one at least. The first call prepares, and compares with eager."""
    key = (builder, threads, precision, engine)
    torch.set_num_threads(int(threads))
    if key not in runners:
        torch.manual_seed(0)
        net, x = torchvision.models.get_model(builder).eval(), image(int(size))
        runners[key] = ENGINES[engine](net, x, int(threads), precision)
        for _ in range(2):
            answer = runners[key]()
        answer = torch.as_tensor(numpy.asarray(answer[0] if engine == "onnxruntime" else
                                               next(iter(answer.values())) if engine == "openvino" else
                                               answer.float() if engine in ("eager", "compiled") else answer))
        wanted = eager(net, x, threads, "fp32")()
        deviation, size = float((answer - wanted).norm()), float(wanted.norm())  # a fresh ViT's answer is zero
        if not deviation <= (1e-2 if precision == "fp32" else 0.2) * size:
            raise ValueError(f"answers otherwise than torch: {deviation:.2g} away from an answer of norm {size:.2g}")
    return least(runners[key], float(milliseconds) * 1e-3)


def least(run, duration):
    times, end = [], time.perf_counter() + duration
    while not times or time.perf_counter() < end:
        times.append(timed(run)[0])
    return min(times)


def step(name, *words):
    global model
    if name == "construct":
        torch.manual_seed(0)
        elapsed, model = timed(lambda: torchvision.models.get_model(words[0]))
        return elapsed
    if name == "open":
        return min(timed(lambda: torch.load(words[0], mmap=True))[0] for _ in range(20))
    if name == "load":
        return timed(lambda: torch.load(words[0]))[0]
    if name == "save":
        state = model.state_dict()
        return timed(lambda: torch.save(state, words[0]))[0]
    if name.startswith("safetensors"):
        from safetensors.torch import load_file, save_file
        if name == "safetensors-save":
            state = model.state_dict()
            return timed(lambda: save_file(state, words[0]))[0]
        if name == "safetensors-open":
            return min(timed(lambda: load_file(words[0]))[0] for _ in range(20))
        return timed(lambda: {key: tensor.clone() for key, tensor in load_file(words[0]).items()})[0]
    if name == "forward":
        return forward(*words)
    raise ValueError(name)


for line in sys.stdin:
    try:
        print(f"{step(*line.split()):.9f}", file=answers, flush=True)
    except Exception as error:
        print("nan", type(error).__name__, str(error).replace("\n", " ")[:200], file=answers, flush=True)
