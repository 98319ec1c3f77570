"""Writes data/zoo.tsv: what torchvision says of each classification builder.

    python make_zoo.py            (torch 2.13, torchvision 0.28; seeds every builder with 0, takes some minutes)

Columns: builder, entries of the state_dict, sha256 of its listing ("name (d0, d1) float32" a line), sha256 of repr(model),
sha256 of all initial values in state_dict order, sha256 of data.pkl of torch.save(model) in a file named model.pth.
"""
import hashlib
import io
import sys
import types
import zipfile

import torch

sys.modules["torchvision._meta_registrations"] = types.ModuleType("stand-in")  # its compiled operators are not needed
import torchvision.models  # noqa: E402


def listing(state):
    for name, tensor in state.items():
        yield f"{name} {tuple(tensor.shape)} {str(tensor.dtype)[6:]}\n"


def row(name):
    torch.manual_seed(0)
    model = torchvision.models.get_model(name)
    state = model.state_dict()
    values = hashlib.sha256()
    for tensor in state.values():
        values.update(tensor.contiguous().numpy())
    pickle = data_pkl(model)
    return [name, str(len(state)), sha256("".join(listing(state)).encode()), sha256(repr(model).encode()),
            values.hexdigest(), sha256(pickle)]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def data_pkl(model):
    with torch.serialization.skip_data():
        buffer = io.BytesIO()
        torch.save(model, buffer)
    with zipfile.ZipFile(buffer) as archive:
        return archive.read("archive/data.pkl")


if __name__ == "__main__":
    import warnings
    warnings.simplefilter("ignore")
    with open("data/zoo.tsv", "w") as out:
        for name in sorted(torchvision.models.list_models(torchvision.models)):
            print(*row(name), sep="\t", file=out, flush=True)
