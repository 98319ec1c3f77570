"""The steps of steps.cpp in Python's torch: one a line from standard input, prints the seconds of each.

Engines for "forward": eager, compiled (torch.compile with freezing and max-autotune), onnxruntime.
"""
import sys
import time
import types
import warnings

warnings.simplefilter("ignore")
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


def runner(builder, size, threads, precision, engine):
    torch.manual_seed(0)
    net = torchvision.models.get_model(builder).eval()
    x = image(size)
    torch.set_num_threads(threads)
    if engine == "onnxruntime":
        import io
        import onnxruntime
        buffer = io.BytesIO()
        torch.onnx.export(net, x, buffer, dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(buffer.getvalue(), options, providers=["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: x.numpy()}
        return lambda: session.run(None, feed)
    if engine == "compiled":
        from torch._inductor import config as inductor
        inductor.freezing = True
        net = torch.compile(net, mode="max-autotune")

    def run():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return net(x)
    return run


def forward(builder, size, threads, precision, engine):
    key = (builder, threads, precision, engine)
    if key not in runners:
        runners[key] = runner(builder, int(size), int(threads), precision, engine)
        runners[key](), runners[key]()
    torch.set_num_threads(int(threads))
    return timed(runners[key])[0]


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
    if name == "forward":
        return forward(*words)
    raise ValueError(name)


for line in sys.stdin:
    try:
        print(f"{step(*line.split()):.9f}", flush=True)
    except Exception as error:
        print("nan", type(error).__name__, str(error).replace("\n", " ")[:200], flush=True)
